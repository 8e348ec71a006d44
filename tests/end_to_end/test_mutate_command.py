"""`launch/mutate.py`: the file it leaves, whatever happens on the way."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from codeit_jax.arc import load_tasks, num_cells, task_to_json
from codeit_jax.config import Depth, ExecutionConfig, ParentKind
from codeit_jax.dsl import load_training_programs, parse_program, without_dead_lines
from codeit_jax.dsl.program_files import read_rows
from codeit_jax.execution import Evaluator
from codeit_jax.mutation.growth import command as growth_command
from codeit_jax.mutation.growth.command import PARENT, GrowthConfig, grow_file
from codeit_jax.mutation.growth.file import progress_path

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the tasks of the smallest grids, one of which its program does not solve."""
    folder = tmp_path_factory.mktemp("tasks")
    tasks = sorted(
        load_tasks("arc1/training"), key=lambda task: sum(map(num_cells, task.demonstration_inputs))
    )
    for task in tasks[:8]:
        (folder / f"{task.id}.json").write_text(json.dumps(task_to_json(task)))
    wrong = {"train": [{"input": [[1]], "output": [[2]]}], "test": []}
    (folder / f"{tasks[8].id}.json").write_text(json.dumps(wrong))
    return folder


def config(folder, output, num_programs=300, **settings):
    settings = {"num_workers": 1, "tasks": str(folder), **settings}
    return GrowthConfig(output, num_programs, **settings)


def grow(*arguments, **settings):
    """Grows a file in this process and returns what was shown."""
    with open(os.devnull, "w") as nowhere:
        console = Console(file=nowhere, record=True, width=200)
        grow_file(config(*arguments, **settings), console)
    return console.export_text()


@pytest.fixture(scope="module")
def grown(folder, tmp_path_factory):
    """The files of all depths, grown without interruption."""
    files = {}
    for depth in Depth:
        files[depth] = tmp_path_factory.mktemp("grown") / f"{depth}.jsonl"
        grow(folder, files[depth], depth=depth)
    return files


@pytest.mark.parametrize("depth", Depth)
def test_rows_are_distinct_programs_that_make_a_task(folder, grown, depth):
    rows = list(read_rows(grown[depth]))
    assert len(rows) == len({row.program for row, _ in rows}) == 300
    tasks, evaluator = {task.id: task for task in load_tasks(folder)}, Evaluator(ExecutionConfig().budget)
    for number, (row, program) in enumerate(rows):
        inputs = tasks[row.task].demonstration_inputs
        outputs = tuple(evaluator.run(program, grid).output for grid in inputs)
        assert None not in outputs
        assert outputs != inputs
        if isinstance(row.parent, int):
            assert depth is Depth.INFINITE
            assert row.parent < number
            assert rows[row.parent][0].task == row.task
        else:
            assert row.parent == (None if depth is Depth.RANDOM else row.task)
        assert (row.kind == "random") == (depth is Depth.RANDOM)
    assert (depth is Depth.INFINITE) == any(isinstance(row.parent, int) for row, _ in rows)


@pytest.mark.parametrize("depth", Depth)
def test_the_number_of_workers_does_not_show(folder, grown, depth, tmp_path):
    grow(folder, tmp_path / "x.jsonl", depth=depth, num_workers=2)
    assert (tmp_path / "x.jsonl").read_bytes() == grown[depth].read_bytes()
    assert statistics(tmp_path / "x.jsonl") == statistics(grown[depth])


def statistics(path):
    return json.loads(progress_path(path).read_text())["statistics"]


@pytest.mark.parametrize("depth", [Depth.ONE, Depth.INFINITE])
def test_a_shorter_file_is_where_a_longer_one_begins(folder, grown, depth, tmp_path):
    path, whole = tmp_path / "x.jsonl", grown[depth].read_text().splitlines(keepends=True)
    for count in (1, 70, 71, 200, 200, 300):
        grow(folder, path, count, depth=depth)
        assert path.read_text() == "".join(whole[:count])
    assert statistics(path) == statistics(grown[depth])
    assert "has 300 programs already" in grow(folder, path, 10, depth=depth)
    assert path.read_text() == "".join(whole)


def test_the_seed_decides(folder, grown, tmp_path):
    grow(folder, tmp_path / "x.jsonl", seed=1)
    assert (tmp_path / "x.jsonl").read_bytes() != grown[Depth.ONE].read_bytes()


def test_what_became_of_the_draws_is_shown_and_kept(folder, grown, tmp_path):
    text = grow(folder, tmp_path / "x.jsonl")
    found = statistics(tmp_path / "x.jsonl")
    (left_out,) = found["left_out"]
    assert f"1 left out, not solving their task within the budget: {left_out}" in text
    assert found["num_origins"] == 8
    assert sum(fates["accepted"] for fates in found["draws"].values()) == 300
    assert set(found["draws"]) == {"argument", "function", "call"}
    (row,) = [line.split() for line in text.splitlines() if line.split()[:1] == ["argument"]]
    assert [int(number) for number in row[1:]] == [
        sum(found["draws"]["argument"].values()),
        *found["draws"]["argument"].values(),
    ]
    assert "of the draws accepted" in text


def test_training_programs_may_come_first(folder, grown, tmp_path):
    path = tmp_path / "x.jsonl"
    grow(folder, path, 200, depth=Depth.INFINITE, parents_included=True)
    rows = [row for row, _ in read_rows(path)]
    assert [row.kind for row in rows[:9]].count(PARENT) == 8
    assert len(rows) == 208
    plain = [row for row, _ in read_rows(grown[Depth.INFINITE])]
    for row, other in zip(rows[8:], plain, strict=False):
        assert row.program == other.program
        assert row.parent == (other.parent + 8 if isinstance(other.parent, int) else other.parent)
    programs = load_training_programs()
    for row in rows[:8]:
        assert row.parent == row.task
        assert parse_program(row.program) == without_dead_lines(programs[row.task])
    grow(folder, path, 250, depth=Depth.INFINITE, parents_included=True)
    assert [row for row, _ in read_rows(path)][:208] == rows


def test_parents_may_be_distilled(folder, tmp_path):
    path, both = tmp_path / "x.jsonl", tmp_path / "both.jsonl"
    grow(folder, path, 20, parents=ParentKind.DISTILLED, parents_included=True)
    grow(folder, both, 20, parents=ParentKind.BOTH, parents_included=True)
    programs = load_training_programs()
    lengths = [
        (len(program), len(programs[row.task])) for row, program in read_rows(path) if row.kind == PARENT
    ]
    assert len(lengths) == 8
    assert all(shorter <= original for shorter, original in lengths)
    assert sum(shorter < original for shorter, original in lengths) >= 3
    families = [row.task for row, _ in read_rows(both) if row.kind == PARENT]
    assert len(set(families)) == 8 < len(families)
    before = path.read_text()
    grow(folder, path, 100, parents=ParentKind.DISTILLED, parents_included=True)
    assert path.read_text().startswith(before)


def test_new_lines_are_put_in(folder, tmp_path):
    grow(folder, tmp_path / "x.jsonl", 100, new_line_share=0.5)
    kinds = [row.kind for row, _ in read_rows(tmp_path / "x.jsonl")]
    assert 35 < kinds.count("new_line") < 80


def test_the_end_of_what_can_be_drawn_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(growth_command, "MAX_BARREN_DRAWS", 500)
    (tmp_path / "task.json").write_text(json.dumps(SMALL_TASK))
    (tmp_path / "solvers.py").write_text(SMALL_SOLVER)
    path = tmp_path / "x.jsonl"
    text = grow(tmp_path / "task.json", path, 100_000, training_programs=str(tmp_path / "solvers.py"))
    count = len(path.read_text().splitlines())
    assert 20 < count < 100_000
    assert f"nothing new comes up any more: there are {count:,} programs, not 100,000" in text
    again = grow(tmp_path / "task.json", path, 100_000, training_programs=str(tmp_path / "solvers.py"))
    assert f"nothing new comes up any more: there are {count:,} programs, not 100,000" in again
    assert len(path.read_text().splitlines()) == count


SMALL_TASK = {"train": [{"input": [[1, 2]], "output": [[2, 1]]}], "test": []}
SMALL_SOLVER = "def solve_task(I):\n    O = vmirror(I)\n    return O\n"


def command(folder, output, num_programs, *arguments):
    return [
        sys.executable,
        str(ROOT / "launch" / "mutate.py"),
        f"--tasks={folder}",
        f"--output={output}",
        f"--num_programs={num_programs}",
        *arguments,
    ]


def mutate(*arguments, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command(*arguments),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        **options,
    )


def test_killed_at_any_moment_it_goes_on(folder, grown, tmp_path):
    path, rng = tmp_path / "x.jsonl", random.Random(time.time_ns())
    kills = [kill_after(folder, path, -1, rng.uniform(0, 0.6))]
    while kills[-1]:
        if path.exists():
            with path.open("ab") as file:  # as if it had been in the middle of a row
                file.write(grown[Depth.INFINITE].read_bytes()[:137])
        kills.append(kill_after(folder, path, size_of(path), rng.uniform(0, 0.2)))
    assert kills.count(True) >= 2
    assert path.read_bytes() == grown[Depth.INFINITE].read_bytes()
    assert statistics(path) == statistics(grown[Depth.INFINITE])


def size_of(path):
    return path.stat().st_size if path.exists() else 0


def kill_after(folder, path, size, seconds):
    """Grows a file and kills that some time after the file is larger than it was; says if it came to that."""
    process = subprocess.Popen(
        command(folder, path, 300, "--depth=inf", "--num_workers=2"),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and size_of(path) <= size:
        time.sleep(0.005)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return True
    assert (process.returncode, process.communicate()[1]) == (0, "")
    return False


def test_without_room_it_ends_with_a_line_and_goes_on_later(folder, grown, tmp_path):
    path = tmp_path / "x.jsonl"
    grow(folder, path, 50)
    before = path.read_bytes()
    limit = len(before) + 2_000
    ended = mutate(
        folder, path, 300, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    )
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"error: {path}: File too large; its 50 rows are safe")
    assert path.read_bytes() == before
    grow(folder, path, 300)
    assert path.read_bytes() == grown[Depth.ONE].read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--num_programs=0"], "flag --num_programs=0"),
        (["--num_programs=x"], "flag --num_programs=x"),
        (["--depth=2"], "flag --depth=2: value should be one of <1|inf|random>"),
        (["--seed=-1"], "flag --seed=-1"),
        (["--new_line_share=1.5"], "flag --new_line_share=1.5"),
        (["--num_workers=-1"], "flag --num_workers=-1"),
        (["--tasks=nope"], "nope: no such file or folder"),
        (["--training_programs=nope.py"], "nope.py: No such file or directory"),
        (["--parents=nope"], "flag --parents=nope: value should be one of"),
        (["--output="], "--output is required"),
        (["--output=/dev/null/x"], "/dev/null/x: "),
        (["--nope"], "--nope: there is no such flag"),
        (["extra"], "unexpected argument 'extra'"),
    ],
)
def test_wrong_flags_are_refused(folder, tmp_path, arguments, message):
    assert_refused(mutate(folder, tmp_path / "x.jsonl", 10, *arguments), message)
    assert list(tmp_path.iterdir()) == []


def test_what_is_missing_is_said(folder):
    ended = subprocess.run(
        [sys.executable, str(ROOT / "launch" / "mutate.py"), "--output=x"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert_refused(ended, "--num_programs is required")


def assert_refused(ended, message):
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith("error: ")
    assert message in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seed=1"], "was begun with other settings: seed was 0 and is now 1"),
        (["--depth=inf"], "depth was '1' and is now 'inf'"),
        (["--new_line_share=0.1"], "new_line_share was 0.0 and is now 0.1"),
        (["--parents_included"], "parents_included was False and is now True"),
        (["--tasks=arc1/training"], "tasks was "),
    ],
)
def test_a_file_of_other_settings_stays_as_it_is(folder, grown, arguments, message):
    path = grown[Depth.ONE]
    before = {each: each.read_bytes() for each in path.parent.iterdir()}
    assert_refused(mutate(folder, path, 400, *arguments), message)
    assert {each: each.read_bytes() for each in path.parent.iterdir()} == before


def test_programs_none_of_which_solves_its_task_are_refused(tmp_path):
    (tmp_path / "task.json").write_text(json.dumps(SMALL_TASK))
    (tmp_path / "solvers.py").write_text(SMALL_SOLVER.replace("vmirror", "hmirror"))
    arguments = [f"--training_programs={tmp_path / 'solvers.py'}"]
    assert_refused(
        mutate(tmp_path / "task.json", tmp_path / "x.jsonl", 10, *arguments), "none solves its task"
    )
    # What is mended may be tried again on the same file.
    (tmp_path / "solvers.py").write_text(SMALL_SOLVER)
    assert mutate(tmp_path / "task.json", tmp_path / "x.jsonl", 10, *arguments).returncode == 0
    assert len((tmp_path / "x.jsonl").read_text().splitlines()) == 10


def test_help_names_the_flags(folder, tmp_path):
    text = mutate(folder, tmp_path / "x.jsonl", 1, "--help").stdout
    for name in ("--num_programs", "--depth", "--seed", "--output", "--tasks", "--parents", "--num_workers"):
        assert name in text
