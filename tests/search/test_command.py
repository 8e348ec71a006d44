"""A search of files: its curve, its files, and that none of them shows how often it was cut short."""

import dataclasses
import errno
import json
import os
import random
from pathlib import Path

import pytest

from codeit_jax.arc import Pair, Task, load_tasks, num_cells
from codeit_jax.arc.task import task_to_json
from codeit_jax.config import ExecutionConfig
from codeit_jax.config.budget import PAPER_LIMITS, Budget
from codeit_jax.dsl import parse_program
from codeit_jax.dsl.program_files import ProgramRow
from codeit_jax.errors import UserError
from codeit_jax.execution import Evaluator
from codeit_jax.execution.host import start_pool
from codeit_jax.mutation.random_program import random_program
from codeit_jax.run import files
from codeit_jax.search import command
from codeit_jax.search.command import ProgramStream, run_search
from codeit_jax.search.ranking import Candidate, Performance
from codeit_jax.search.verification import verify

GIBIBYTE = 1 << 30
PROGRAMS_PER_JOB = 7
NAMES = ("vmirror", "hmirror", "dmirror", "cmirror", "rot90", "rot180", "rot270", "identity", "trim")


@pytest.fixture(scope="module")
def rows():
    """Rows of three families, some repeated, in no order."""
    rng = random.Random(0)
    texts = [f"O = {name}(I)" for name in NAMES]
    texts += [f"x1 = {first}(I)\nO = {second}(x1)" for first in NAMES[:4] for second in NAMES[4:8]]
    texts += [f"x1 = vmirror(I)\nO = {name}(I, x1)" for name in ("hconcat", "vconcat")]
    texts += [str(random_program(rng)) for _ in range(20)]
    rows = [ProgramRow(text, task=f"family{number % 3}", kind="d1") for number, text in enumerate(texts)]
    rng.shuffle(rows)
    return [*rows[:10], rows[3], *rows[10:], rows[0], rows[20]]


@pytest.fixture(scope="module")
def distinct(rows):
    """The distinct programs, in the order of the rows."""
    return list(dict.fromkeys(row.program for row in rows))


@pytest.fixture(scope="module")
def tasks(tmp_path_factory):
    """A folder of tasks, each of which some program solves, at least for most demonstrations."""
    folder = tmp_path_factory.mktemp("tasks")
    rng = random.Random(1)
    real = sorted(
        load_tasks("arc1/training"), key=lambda task: sum(map(num_cells, task.demonstration_inputs))
    )
    for number, name in enumerate(("vmirror", "rot90", "hmirror", "rot180")):
        program, other = parse_program(f"O = {name}(I)"), parse_program("O = dmirror(I)")

        def pair(grid, chosen):
            return Pair(grid, Evaluator().run(chosen, grid).output)

        inputs = list(dict.fromkeys(one.train[0].input for one in real[5 * number : 5 * number + 5]))
        chosen = [other if number > 1 and rng.random() < 0.5 else program for _ in inputs]
        train = tuple(map(pair, inputs[:-1], chosen))
        one = Task(f"{name}", train, (pair(inputs[-1], program),))
        (folder / f"{name}.json").write_text(json.dumps(task_to_json(one)))
    return folder


@pytest.fixture(scope="module")
def file(rows, tmp_path_factory):
    path = tmp_path_factory.mktemp("programs") / "programs.jsonl"
    path.write_text("".join(row.to_line() for row in rows))
    return path


def searched(file, tasks, output, **changes):
    options = {"num_workers": 1, "curve_step": 15, "programs_per_job": PROGRAMS_PER_JOB, **changes}
    programs = file if isinstance(file, list) else [file]
    return run_search(programs, str(tasks), str(output), **options)


def contents(folder):
    """The files without what the clock says: the curve's picture does not show the time."""
    found = {path.name: path.read_text() for path in folder.iterdir()}
    if "performance.csv" in found:
        found["performance.csv"] = [line.rsplit(",", 1)[0] for line in found["performance.csv"].splitlines()]
    progress = json.loads(found["progress.json"])
    del progress["state"]["seconds"]
    for point in progress["state"]["curve"]:
        del point["seconds"]
    return {**found, "progress.json": progress}


@pytest.fixture(scope="module")
def uninterrupted(file, tasks, tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted")
    searched(file, tasks, folder)
    return folder


def best_by_running_everything(tasks, texts):
    """The best three of each task, with what each gives."""
    evaluator = Evaluator(PAPER_LIMITS)
    best = {}
    for task in load_tasks(tasks):
        found = []
        for text in texts:
            program = parse_program(text)

            def share(pairs, program=program):
                right = [evaluator.run(program, pair.input).output == pair.output for pair in pairs]
                return sum(right) / len(right)

            if share(task.train):
                found.append(Candidate(text, Performance(share(task.train), share(task.test))))
        best[task.id] = sorted(found, key=lambda candidate: candidate.rank)[:3]
    return best


def test_the_curve_is_that_of_each_prefix(uninterrupted, tasks, distinct):
    header, *lines = (uninterrupted / "performance.csv").read_text().splitlines()
    assert header == "num_programs,solved,solved_strict,share,seconds"
    rows = [line.split(",")[:4] for line in lines]
    assert [int(row[0]) for row in rows] == [15, 30, len(distinct)]
    solved_counts = []
    for count, solved, strict, share in rows:
        best = best_by_running_everything(tasks, distinct[: int(count)])
        right = [[each for each in found if each.performance.test == 1] for found in best.values()]
        assert int(solved) == sum(map(bool, right))
        assert int(strict) == sum(
            any(each.performance.demonstration == 1 for each in found) for found in right
        )
        assert float(share) == int(solved) / 4
        solved_counts.append((int(solved), int(strict)))
    assert len(set(solved_counts)) > 1
    assert any(strict < solved for solved, strict in solved_counts)


def test_candidates_and_solutions(uninterrupted, tasks, rows, distinct):
    best = best_by_running_everything(tasks, distinct)
    candidates = json.loads((uninterrupted / "candidates.json").read_text())
    assert list(candidates) == sorted(best)
    first_row = {row.program: number for number, row in reversed(list(enumerate(rows)))}
    for task_id, found in candidates.items():
        assert found == [
            {
                "program": each.program,
                "demonstration_performance": each.performance.demonstration,
                "test_performance": each.performance.test,
                "number": first_row[each.program],
            }
            for each in best[task_id]
        ]
    solutions = json.loads((uninterrupted / "solutions.json").read_text())
    assert solutions
    numbers = json.loads((uninterrupted / "progress.json").read_text())["state"]["numbers"]
    assert numbers == {each["program"]: each["number"] for found in candidates.values() for each in found}
    for task_id, solution in solutions.items():
        right = [each for each in candidates[task_id] if each["test_performance"] == 1]
        assert solution == {**right[0], "strict": right[0]["demonstration_performance"] == 1}


def test_test_outputs_do_not_steer(file, tasks, uninterrupted, tmp_path):
    scrambled = tmp_path / "scrambled"
    scrambled.mkdir()
    for task in load_tasks(str(tasks)):
        values = task_to_json(task)
        values["test"] = [{**pair, "output": [[4, 4]]} for pair in values["test"]]
        (scrambled / f"{task.id}.json").write_text(json.dumps(values))
    searched(file, scrambled, tmp_path / "other")
    assert json.loads((tmp_path / "other" / "solutions.json").read_text()) == {}
    one, other = (
        {
            task_id: [each["program"] for each in found]
            for task_id, found in json.loads((folder / "candidates.json").read_text()).items()
        }
        for folder in (uninterrupted, tmp_path / "other")
    )
    assert one == other
    assert any(one.values())


def test_what_is_said_at_the_end(file, tasks, rows, distinct, tmp_path, capsys):
    searched(file, tasks, tmp_path)
    lines = [line.split("] ", 1)[1] for line in capsys.readouterr().out.splitlines()]
    solutions = json.loads((tmp_path / "solutions.json").read_text())
    strict = sum(solution["strict"] for solution in solutions.values())
    num_repeated = len(rows) - len(distinct)
    assert lines[-4:] == [
        f"{len(distinct)} programs, {num_repeated} more that were repeated",
        f"{len(solutions)} of 4 tasks solved, {strict} of them by programs right throughout",
        lines[-2],
        f"{len(solutions)} solutions verified",
    ]
    state = json.loads((tmp_path / "progress.json").read_text())["state"]
    num_demonstrations = sum(len(task.train) for task in load_tasks(tasks))
    assert state["num_runs"] + state["num_runs_saved"] == num_demonstrations * len(distinct)
    assert state["num_runs_saved"] > 0


# Resuming


class Killed(BaseException):
    """Ends a search where it is."""


def test_a_search_that_is_killed_again_and_again_leaves_the_same_files(
    file, tasks, uninterrupted, tmp_path, monkeypatch
):
    monkeypatch.setattr(command, "_SAVE_SECONDS", 0.0)
    enter, publish = command._Search._enter, command.SearchFolder.publish
    rng = random.Random(3)
    calls = 0

    def killed(function):
        def wrapped(*arguments):
            nonlocal calls
            calls += 1
            if rng.random() < 0.3 and calls % 3:  # it gets on, but not far
                raise Killed
            function(*arguments)
            if rng.random() < 0.05:
                raise Killed

        return wrapped

    monkeypatch.setattr(command._Search, "_enter", killed(enter))
    monkeypatch.setattr(command.SearchFolder, "publish", killed(publish))
    starts = 0
    while True:
        starts += 1
        try:
            searched(file, tasks, tmp_path)
        except Killed:
            continue
        break
    assert starts > 5
    assert contents(tmp_path) == contents(uninterrupted)


def test_more_workers_give_the_same_files(file, tasks, uninterrupted, tmp_path):
    searched(file, tasks, tmp_path, max_programs=20)
    searched(file, tasks, tmp_path, num_workers=2)
    ours, theirs = contents(tmp_path), contents(uninterrupted)
    for found in (ours, theirs):  # what bounds saved depends on where batches end
        del found["progress.json"]["state"]["num_runs"], found["progress.json"]["state"]["num_runs_saved"]
    assert ours == theirs


def test_a_finished_search_is_left_as_it_is(file, tasks, uninterrupted, capsys):
    before = {path.name: path.read_bytes() for path in uninterrupted.iterdir()}
    searched(file, tasks, uninterrupted)
    assert {path.name: path.read_bytes() for path in uninterrupted.iterdir()} == before
    assert "solutions verified" in capsys.readouterr().out


def test_files_that_have_grown_are_gone_on_with(file, tasks, uninterrupted, tmp_path):
    lines = file.read_text().splitlines(keepends=True)
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    first.write_text("".join(lines[:22]))
    output = tmp_path / "output"
    assert searched(first, tasks, output).num_programs == 21
    assert "\n21," in (output / "performance.csv").read_text()
    first.write_text("".join(lines[:30]))
    second.write_text("".join(lines[30:]))
    searched([first, second], tasks, output)
    assert contents(output)["performance.csv"] == contents(uninterrupted)["performance.csv"]
    assert contents(output)["candidates.json"] == contents(uninterrupted)["candidates.json"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"curve_step": 16}, "was begun with other settings: curve_step was 15 and is now 16"),
        ({"budget": Budget()}, "was begun with other settings: budget.max_work was .* and is now "),
        ({"max_programs": 5}, r"--max_programs=5: \d+ programs are being searched with already"),
    ],
)
def test_another_search_is_refused_and_nothing_touched(file, tasks, uninterrupted, changes, message):
    before = {path.name: path.read_bytes() for path in uninterrupted.iterdir()}
    with pytest.raises(UserError, match=message) as caught:
        searched(file, tasks, uninterrupted, **changes)
    assert "\n" not in str(caught.value)
    assert {path.name: path.read_bytes() for path in uninterrupted.iterdir()} == before


def test_other_tasks_or_programs_are_refused(file, tasks, uninterrupted, rows, tmp_path):
    before = {path.name: path.read_bytes() for path in uninterrupted.iterdir()}
    with pytest.raises(UserError, match="was begun with other settings: tasks was "):
        searched(file, next(tasks.iterdir()), uninterrupted)
    other = tmp_path / "other.jsonl"
    for changed in ([dataclasses.replace(rows[0], task="x"), *rows[1:]], rows[1:], rows[:-10]):
        other.write_text("".join(row.to_line() for row in changed))
        with pytest.raises(
            UserError, match=r"--programs: the first \d+ programs are not those searched with"
        ):
            searched(other, tasks, uninterrupted)
    assert {path.name: path.read_bytes() for path in uninterrupted.iterdir()} == before


def test_a_full_disk_ends_it_with_the_last_state_intact(file, tasks, uninterrupted, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "_SAVE_SECONDS", 0.0)
    write_bytes, room = files.write_bytes, 9

    def limited(path, content):
        nonlocal room
        room -= 1
        if room < 0:
            path.with_name(path.name + ".unfinished").write_bytes(content[:10])
            raise OSError(errno.ENOSPC, "No space left on device")
        write_bytes(path, content)

    monkeypatch.setattr(files, "write_bytes", limited)
    with pytest.raises(UserError, match=r"--output=.*: No space left on device"):
        searched(file, tasks, tmp_path)
    assert json.loads((tmp_path / "progress.json").read_text())["state"]["num_programs"] == 15
    monkeypatch.undo()
    for path in tmp_path.glob("*.unfinished"):
        assert path.read_bytes()
    searched(file, tasks, tmp_path)
    assert not list(tmp_path.glob("*.unfinished"))
    assert contents(tmp_path) == contents(uninterrupted)


def test_programs_that_cannot_be_read_again_are_refused(file, tasks, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match=r"pipe: is no file that can be read again"):
        searched(tmp_path / "pipe", tasks, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_other_curves_are_drawn_whatever_their_names(file, tasks, tmp_path):
    others = [tmp_path / name for name in ("best three.csv", "$\\foo$.csv", "_hidden.csv")]
    for other in others:
        other.write_text("10,0.5\n")
    searched(file, tasks, tmp_path / "out", compared=others)
    assert "curve.svg" in {path.name for path in (tmp_path / "out").iterdir()}


# Verification


def test_a_false_solution_is_found_out(tasks):
    loaded = load_tasks(tasks)
    claims = {task.id: Candidate(f"O = {task.id}(I)", Performance(1.0, 1.0)) for task in loaded[:3]}
    right = {task_id: claim for task_id, claim in claims.items() if task_id in ("rot90", "vmirror")}
    with start_pool(loaded, ExecutionConfig(num_workers=1, budget=PAPER_LIMITS)) as pool:
        assert verify(pool, loaded, {}) == 0
        assert verify(pool, loaded, {"vmirror": Candidate("O = vmirror(I)", Performance(1.0, 1.0))}) == 1
        wrong = right | {"rot90": Candidate("O = rot270(I)", Performance(1.0, 1.0))}
        with pytest.raises(RuntimeError, match="rot90: its solution gives "):
            verify(pool, loaded, wrong)


def test_a_search_that_lies_is_found_out(file, tasks, tmp_path, monkeypatch):
    solved = command.SearchState.count_solved

    def lie(state):
        state.book.add("vmirror", Candidate("O = size(I)", Performance(1.0, 1.0)))
        state.numbers["O = size(I)"] = 0
        return solved(state)

    monkeypatch.setattr(command.SearchState, "count_solved", lie)
    with pytest.raises(RuntimeError, match=r"vmirror: its solution gives Performance\(demonstration=0\.0"):
        searched(file, tasks, tmp_path)


# Tasks without test outputs


def test_tasks_without_test_outputs_get_candidates(file, tasks, tmp_path, capsys):
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    for task in load_tasks(tasks):
        known = task.id == "rot90"
        test = tuple(Pair(pair.input, pair.output if known else None) for pair in task.test)
        hidden_task = dataclasses.replace(task, test=test)
        (hidden / f"{task.id}.json").write_text(json.dumps(task_to_json(hidden_task)))
    state = searched(file, hidden, tmp_path / "output")
    assert "3 of 4 tasks come without all their test outputs" in capsys.readouterr().out
    candidates = json.loads((tmp_path / "output" / "candidates.json").read_text())
    assert {each["test_performance"] for each in candidates["vmirror"]} == {None}
    assert candidates["rot90"][0]["test_performance"] == 1
    assert list(state.book.solved()) == ["rot90"]


# The stream


def test_a_stream_gives_distinct_programs_with_their_rows_and_families_together(file, rows, distinct):
    stream = ProgramStream([file, file])
    first, second = stream.take(15), stream.take(1_000)
    assert len(first) == 15
    assert stream.num_programs == len(distinct)
    assert stream.num_rows == 2 * len(rows)
    assert all(str(program) == rows[number].program for number, program in first + second)
    assert len({number for number, _ in first + second}) == len(distinct)
    families = [rows[number].task for number, _ in first]
    assert families == sorted(families)
    again = ProgramStream([file])
    again.skip(15)
    assert again.take(len(distinct) - 15) == second
    assert again.digest == stream.digest


def test_programs_are_equal_whatever_their_spelling(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(
        json.dumps({"program": "O = vmirror(I)"})
        + "\n\n"
        + json.dumps({"program": " O =vmirror( I )\n"})
        + "\n"
    )
    stream = ProgramStream([path])
    assert [str(program) for _, program in stream.take(10)] == ["O = vmirror(I)"]
    assert (stream.num_rows, stream.num_programs) == (2, 1)


def test_folders_are_read_as_paths(file, tasks, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    searched(file, tasks, "~/found", max_programs=1)
    assert Path(tmp_path / "found" / "candidates.json").exists()
