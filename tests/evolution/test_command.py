"""An evolution finds the same whatever the workers and however often it is cut short."""

import csv
import dataclasses
import errno
import json
import random
import types
from io import StringIO

import pytest
from rich.console import Console

from codeit_jax.arc import load_tasks
from codeit_jax.arc.task import task_to_json
from codeit_jax.config import ParentKind
from codeit_jax.dsl import parse_program
from codeit_jax.errors import UserError
from codeit_jax.evolution import command, evolution, folder, stock
from codeit_jax.evolution.command import EvolveConfig, run_evolution
from codeit_jax.evolution.jobs import Breeding
from codeit_jax.execution import run
from codeit_jax.run import files
from codeit_jax.run.claim import Hold

WORK = 3_000_000


@pytest.fixture
def make(task_folder, seed_file):
    def config(folder, **changes):
        values = {
            "output": str(folder),
            "tasks": str(task_folder),
            "work": WORK,
            "programs": (seed_file,),
            "parents": None,
            "num_workers": 1,
            "turn_work": 600_000,
            "breeding": Breeding(capacity=40),
        }
        return EvolveConfig(**(values | changes))

    return config


def evolve(config):
    console = Console(file=StringIO(), width=100)
    run_evolution(config, console)
    return console.file.getvalue()


def contents(folder):
    """The files that an evolution leaves, but for how long it took."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            continue
        text = path.read_text()
        if path.name == "progress.json":
            values = json.loads(text)
            del values["seconds"], values["preparing_seconds"]
            text = [
                {**point, "seconds": 0} if isinstance(point, dict) else point
                for point in values.pop("points")
            ]
            found["values"] = values
        elif path.name == "performance.csv":
            text = [{**row, "seconds": 0} for row in csv.DictReader(text.splitlines())]
        found[str(path.relative_to(folder))] = text
    return found


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, request, task_folder, seed_file):
    folder = tmp_path_factory.mktemp("evolution") / "whole"
    config = EvolveConfig(
        str(folder), str(task_folder), WORK, (seed_file,), None, 0, 1, 600_000, breeding=Breeding(capacity=40)
    )
    return folder, evolve(config)


def test_what_is_found_is_told_and_true(uninterrupted, task_folder):
    folder, printed = uninterrupted
    solutions = json.loads((folder / "solutions.json").read_text())
    tasks = {task.id: task for task in load_tasks(task_folder)}
    strict = {task_id for task_id, solution in solutions.items() if solution["strict"]}
    assert {"mirrored", "recoloured"} <= strict <= set(solutions) <= set(tasks) - {"noise"}
    for task_id, solution in solutions.items():
        program = parse_program(solution["program"])
        right = [run(program, pair.input).output == pair.output for pair in tasks[task_id].train]
        assert solution["strict"] == all(right)
        assert all(run(program, pair.input).output == pair.output for pair in tasks[task_id].test)
        assert solution["found_by"] in {"mutation", "composition", "graft", "finisher", "seed", "mending"}
    assert f"{len(solutions)} of 5 tasks solved by the best three candidates" in printed
    assert f"{len(solutions)} solutions verified" in printed
    candidates = json.loads((folder / "candidates.json").read_text())
    assert set(candidates) == set(tasks)
    for task_id, found in candidates.items():
        for answer in found["different_answers"]:
            program = parse_program(answer["program"])
            outputs = [run(program, pair.input).output for pair in tasks[task_id].test]
            assert json.loads(json.dumps(outputs)) == answer["outputs"]
    near_misses = json.loads((folder / "near_misses.json").read_text())
    assert "noise" in near_misses
    assert set(near_misses).isdisjoint(strict)
    assert near_misses["noise"]["verdict"] in {"shape", "colours", "cells"}
    rows = list(csv.DictReader((folder / "performance.csv").read_text().splitlines()))
    assert [int(row["work"]) for row in rows] == sorted({int(row["work"]) for row in rows})
    assert int(rows[-1]["solved"]) == int(rows[-1]["solved_by_two_answers"]) == len(solutions)
    assert (folder / "curve.svg").read_text().startswith("<?xml")
    assert "units of work" in (folder / "curve_by_work.svg").read_text()


def test_two_workers_find_the_same(uninterrupted, make, tmp_path):
    evolve(make(tmp_path / "two", num_workers=2))
    assert contents(tmp_path / "two") == contents(uninterrupted[0])


@pytest.mark.parametrize("work", [WORK, 1_000_000])
def test_an_evolution_cut_short_anywhere_goes_on_to_the_same(
    uninterrupted, make, tmp_path, monkeypatch, work
):
    rng, num_cuts, chance = random.Random(work), 0, 0.08 if work == WORK else 0.25
    replacing = files.write_bytes

    def cut(path, content):
        nonlocal num_cuts
        if rng.random() < chance:
            num_cuts += 1
            if rng.random() < 0.5:
                replacing(path, content)
            raise KeyboardInterrupt
        replacing(path, content)

    # The work ends within a round, the first of which takes more than it is given.
    config = make(tmp_path / "cut", work=work)
    while True:
        monkeypatch.setattr(files, "write_bytes", cut)
        try:
            evolve(config)
        except KeyboardInterrupt:
            continue
        finally:
            monkeypatch.undo()
        break
    assert num_cuts >= 2
    whole = uninterrupted[0]
    if work != WORK:
        whole = tmp_path / "whole"
        evolve(make(whole, work=work))
    assert contents(tmp_path / "cut") == contents(whole)


def test_more_work_goes_on_from_less(uninterrupted, make, tmp_path):
    for work in (500_000, 1_400_000, WORK):
        evolve(make(tmp_path / "more", work=work))
    assert contents(tmp_path / "more") == contents(uninterrupted[0])
    assert "resumed in round" in evolve(make(tmp_path / "more"))
    assert contents(tmp_path / "more") == contents(uninterrupted[0])


def test_test_outputs_do_not_steer(uninterrupted, make, tmp_path, task_folder):
    scrambled = tmp_path / "scrambled"
    scrambled.mkdir()
    for task in load_tasks(task_folder):
        values = task_to_json(task)
        values["test"] = [{**pair, "output": [[4, 4]]} for pair in values["test"]]
        (scrambled / f"{task.id}.json").write_text(json.dumps(values))
    evolve(make(tmp_path / "other", tasks=str(scrambled)))
    assert json.loads((tmp_path / "other" / "solutions.json").read_text()) == {}
    for task in load_tasks(task_folder):
        one, other = (
            json.loads((folder / "tasks" / f"{task.id}.json").read_text())
            for folder in (uninterrupted[0], tmp_path / "other")
        )
        for name in ("members", "near_miss", "work", "turn", "error"):
            assert one[name] == other[name]
        for name in ("candidates", "answers"):
            assert [each.get("outputs", each.get("program")) for each in one[name]] == [
                each.get("outputs", each.get("program")) for each in other[name]
            ]


def test_finds_are_kept_for_other_tasks_unless_not_shared(make, tmp_path, tasks):
    folder = tmp_path / "tasks"
    folder.mkdir()
    for name, task in (("aa", tasks[0]), ("bb", tasks[0])):
        (folder / f"{name}.json").write_text(json.dumps(task_to_json(task)))
    evolve(make(tmp_path / "out", tasks=str(folder), work=20_000_000))
    finds = json.loads((tmp_path / "out" / "progress.json").read_text())["finds"]
    assert finds
    alone = tmp_path / "alone"
    evolve(make(alone, tasks=str(folder), work=20_000_000, shares_finds=False))
    assert json.loads((alone / "progress.json").read_text())["finds"] == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 1}, r"--output=.*: was begun with other settings: seed was 0 and is now 1"),
        ({"breeding": Breeding(capacity=41)}, "breeding.capacity was 40 and is now 41"),
        ({"shares_finds": False}, "shares_finds was True and is now False"),
        ({"parents": ParentKind.BOTH}, "parents was None and is now 'both'"),
        ({"programs": (), "parents": ParentKind.BOTH}, r"parents was None and is now 'both' \(and 1 more\)"),
        ({"programs": ()}, "--programs: there are no programs to begin with, and --parents=none"),
        ({"work": 0}, "--work=0: must be at least 1"),
        ({"tasks": "arc1/nowhere"}, "arc1/nowhere: the parts of ARC-1 are"),
    ],
)
def test_what_does_not_fit_is_refused_at_once_and_nothing_changed(
    uninterrupted, make, changes, message, monkeypatch
):
    def gather(*_, **__):
        pytest.fail("training programs are distilled for what is refused")

    monkeypatch.setattr(stock, "gather_parents", gather)
    folder = uninterrupted[0]
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=message):
        evolve(make(folder, **changes))
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_other_training_programs_than_it_was_begun_with_are_refused(uninterrupted, make):
    folder = uninterrupted[0]
    progress = folder / "progress.json"
    begun = progress.read_text()
    values = json.loads(begun)
    progress.write_text(json.dumps(values | {"stock": "7 programs, 0123"}))
    message = f"was begun with other programs: 7 programs, 0123, and now {values['stock']}"
    with pytest.raises(UserError, match=message):
        evolve(make(folder))
    progress.write_text(begun)


def test_a_folder_that_is_worked_in_is_left_alone(make, tmp_path):
    config = make(tmp_path / "held", work=1)
    evolve(config)
    before = contents(tmp_path / "held")
    with Hold(tmp_path / "held"), pytest.raises(UserError, match="another process is working in it"):
        evolve(make(tmp_path / "held"))
    assert contents(tmp_path / "held") == before


def test_folders_above_are_made_before_anything_is_written(make, tmp_path, monkeypatch):
    folder = tmp_path / "above" / "folder"

    def gather(kind, pool, tasks, programs, cache, display, **_):
        cache.write_text("{}")
        return [], []

    monkeypatch.setattr(stock, "gather_parents", gather)
    monkeypatch.setattr(stock, "writable_cache", lambda note: None)
    evolve(make(folder, work=1, parents=ParentKind.DISTILLED))
    assert (folder / "solutions.json").exists()
    assert (folder / "distilled_programs.json").exists()


def test_another_programs_folder_is_left_alone(make, tmp_path):
    (tmp_path / "performance.csv").write_text("meta_iteration\n")
    with pytest.raises(UserError, match=r"there is performance.csv but no progress.json that says whose"):
        evolve(make(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["performance.csv"]


def test_a_full_disk_loses_nothing(uninterrupted, make, tmp_path, monkeypatch):
    write_bytes, room = files.write_bytes, 12

    def limited(path, content):
        nonlocal room
        room -= 1
        if room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        write_bytes(path, content)

    monkeypatch.setattr(files, "write_bytes", limited)
    with pytest.raises(UserError, match=r"^--output=.*: No space left on device$"):
        evolve(make(tmp_path / "full"))
    monkeypatch.undo()
    evolve(make(tmp_path / "full"))
    assert contents(tmp_path / "full") == contents(uninterrupted[0])


def test_a_disk_that_is_full_from_the_first_is_no_others_folder(make, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "write_bytes", fail)
    with pytest.raises(UserError, match="No space left on device"):
        evolve(make(tmp_path / "full", work=1))
    monkeypatch.undo()
    evolve(make(tmp_path / "full", work=1))


def test_a_task_whose_file_is_gone_is_not_begun_anew(make, tmp_path):
    evolve(make(tmp_path / "out", work=700_000))
    assert json.loads((tmp_path / "out" / "progress.json").read_text())["round"] > 0
    (tmp_path / "out" / "tasks" / "noise.json").unlink()
    with pytest.raises(UserError, match=r"--output=.*: tasks/noise.json is gone"):
        evolve(make(tmp_path / "out", work=700_000))


def test_a_task_without_other_seeds_than_its_own_ends_too(make, tmp_path, task_folder):
    own = tmp_path / "own.jsonl"
    own.write_text('{"program": "O = vmirror(I)", "task": "noise"}\n')
    evolve(
        make(
            tmp_path / "out",
            tasks=str(task_folder / "noise.json"),
            programs=(own,),
            work=1_000,
            turn_work=1_000,
        )
    )


def test_a_job_that_is_given_up_costs_a_turn(make, tmp_path, monkeypatch, caplog):
    folder = tmp_path / "out"
    monkeypatch.setattr(stock, "_JOB_TIMEOUT_SECONDS", 0.02)
    evolve(dataclasses.replace(make(folder), work=300_000))
    states = [json.loads(path.read_text()) for path in (folder / "tasks").iterdir()]
    assert any(state["turn"] and not state["members"] for state in states)
    assert "the evolution of" in caplog.text


def test_tasks_without_test_outputs_are_told_of(tmp_path, make):
    task = {"train": [{"input": [[1, 2]], "output": [[2, 1]]}], "test": [{"input": [[5, 6]]}]}
    (tmp_path / "hidden.json").write_text(json.dumps(task))
    told = evolve(make(tmp_path / "out", tasks=str(tmp_path / "hidden.json"), work=1, turn_work=1000))
    assert "1 of the tasks come without their test outputs" in " ".join(told.split())


def test_rows_have_the_time_of_distilling_and_of_earlier_starts(make, tmp_path, monkeypatch):
    clock, gather = types.SimpleNamespace(seconds=0.0), command.gather_stock

    def gather_slowly(*arguments, **options):
        clock.seconds += 100
        if clock.seconds == 100:
            raise KeyboardInterrupt
        return gather(*arguments, **options)

    stopped = types.SimpleNamespace(monotonic=lambda: clock.seconds)
    for module in (command, folder, evolution):
        monkeypatch.setattr(module, "time", stopped)
    monkeypatch.setattr(command, "gather_stock", gather_slowly)
    config = make(tmp_path / "cut", work=1)
    with pytest.raises(KeyboardInterrupt):
        evolve(config)
    for seconds, work in (("200.0", 1), ("300.0", WORK)):
        evolve(dataclasses.replace(config, work=work))
        rows = list(csv.DictReader((tmp_path / "cut" / "performance.csv").read_text().splitlines()))
        assert rows[-1]["seconds"] == seconds
