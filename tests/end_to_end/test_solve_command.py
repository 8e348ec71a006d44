"""`launch/solve.py` as a user meets it: killed and started again, and told what is wrong in one line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .kills import run_with_kills

ROOT = Path(__file__).parents[2]
GRIDS = [
    [[number % 5 + 1, row, 0], [row, 4, 0], [0, 2, number % 3]] for number, row in enumerate([3, 7, 5, 9])
]
NUM_KILLS = 4


def command(*arguments):
    return [sys.executable, str(ROOT / "launch" / "solve.py"), *map(str, arguments)]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    changes = {
        "turned": lambda grid: [list(row) for row in zip(*grid[::-1], strict=True)] * 2,
        "mirrored": lambda grid: [row[::-1] + row for row in grid],
        "noise": lambda grid: [[sum(map(sum, grid)) % 7, 8]],
    }
    tasks = {}
    for name, change in changes.items():
        pairs = [{"input": grid, "output": change(grid)} for grid in GRIDS]
        tasks[name] = {"train": pairs[:3], "test": [{"input": GRIDS[3]}]}
    (folder / "challenges.json").write_text(json.dumps(tasks))
    solutions = {name: [change(GRIDS[3])] for name, change in changes.items()}
    (folder / "kaggle").mkdir()
    (folder / "kaggle" / "a_challenges.json").write_text(json.dumps(tasks))
    (folder / "kaggle" / "a_solutions.json").write_text(json.dumps(solutions))
    (folder / "bare.json").write_text(json.dumps({"train": tasks["turned"]["train"], "test": []}))
    texts = ["O = vmirror(I)", "O = rot90(I)", "O = trim(I)"]
    (folder / "seeds.jsonl").write_text("".join(json.dumps({"program": text}) + "\n" for text in texts))
    (folder / "empty.jsonl").write_text("\n")
    (folder / "theirs").mkdir()
    (folder / "theirs" / "answers.json").write_text("{}")
    (folder / "file").write_text("mine")
    return folder


def environment(data):
    return {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(data / "cache")}


def solve(data, *arguments):
    return subprocess.run(
        command(*arguments), env=environment(data), capture_output=True, text=True, check=False, timeout=240
    )


def flags(data, folder, **changes):
    values = {"programs": data / "seeds.jsonl", "parents": "none", "tasks": data / "challenges.json"}
    values |= {"output": folder, "num_workers": 1, "work": 24_000_000, **changes}
    return [f"--{name}={value}" for name, value in values.items()]


def found(folder):
    names = ("submission.json", "answers.json", "programs.jsonl", "pictures/noise.svg", "pictures/turned.svg")
    return {name: (folder / name).read_text() for name in names}


def test_killed_at_any_time_it_goes_on_to_the_same_answers(data, tmp_path):
    whole = solve(data, *flags(data, tmp_path / "whole"))
    assert (whole.returncode, whole.stderr) == (0, "")
    assert "of 3 tasks have a program that gives all demonstrations" in whole.stdout
    assert whole.stdout.endswith(f"to look at: {tmp_path / 'whole' / 'report.html'}\n")
    killed = tmp_path / "killed"
    num_killed = run_with_kills(command(*flags(data, killed)), environment(data), killed, NUM_KILLS)
    assert num_killed >= 3
    assert found(tmp_path / "killed") == found(tmp_path / "whole")


def test_solutions_beside_the_tasks_are_for_the_score_alone(data, tmp_path):
    scored = solve(data, *flags(data, tmp_path / "scored", tasks=data / "kaggle" / "a_challenges.json"))
    assert scored.returncode == 0
    submission = json.loads((tmp_path / "scored" / "submission.json").read_text())
    assert list(submission) == ["mirrored", "noise", "turned"]
    solutions = json.loads((data / "kaggle" / "a_solutions.json").read_text())
    right = [solutions[name][0] in submission[name][0].values() for name in submission]
    assert (
        f"score: {sum(right) / 3:.1%} by two attempts at each test input, {sum(right)} of 3" in scored.stdout
    )
    table = [line for line in scored.stdout.splitlines() if " of 3  " in line]
    assert len(table) == 3
    assert max(map(len, table)) <= 80


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"output": ""}, "--output is required"),
        ({"tasks": ""}, "--tasks is required, such as --tasks=mytask.json"),
        ({"output": "DATA/theirs"}, "there is answers.json but no settings.json that says whose it is"),
        ({"output": "DATA/file"}, "--output=DATA/file: is not a folder"),
        ({"output": "/dev/null/x"}, "--output=/dev/null/x: "),
        ({"work": 0}, "flag --work=0"),
        ({"minutes": 0}, "--minutes=0.0: must be a number above 0"),
        ({"minutes": "inf"}, "--minutes=inf: must be a number above 0"),
        ({"minutes": "ten"}, "flag --minutes=ten"),
        ({"parents": "few"}, "flag --parents=few"),
        ({"programs": ""}, "--programs: there are no programs to begin with"),
        ({"programs": "DATA/empty.jsonl"}, "empty.jsonl: holds no programs"),
        ({"tasks": "DATA/nowhere"}, "nowhere: no such file or folder"),
        ({"tasks": "DATA/theirs"}, "answers.json: the file holds no tasks"),
        ({"tasks": "DATA/bare.json"}, "bare: has no test input to be answered"),
        ({"workdir": "DATA/nowhere"}, "--workdir=DATA/nowhere: there is no such folder"),
        ({"workdir": "DATA/theirs"}, "--workdir=DATA/theirs: holds no run"),
    ],
)
def test_a_mistake_is_one_line(data, tmp_path, changes, message):
    changes = {name: str(value).replace("DATA", str(data)) for name, value in changes.items()}
    result = solve(data, *flags(data, tmp_path / "out", **changes))
    assert result.returncode == 2
    assert message.replace("DATA", str(data)) in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert (data / "file").read_text() == "mine"
    assert not (tmp_path / "out" / "submission.json").exists()


def test_a_cache_that_cannot_be_written_to_is_told_of_and_done_without(data, tmp_path):
    made = environment(data) | {"XDG_CACHE_HOME": str(data / "file")}
    arguments = command(*flags(data, tmp_path / "out", work=1, parents="original"))
    result = subprocess.run(arguments, env=made, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.count("Not a directory; nothing is kept there for later commands") == 1


def test_it_works_without_a_home(data, tmp_path):
    made = {
        name: value for name, value in environment(data).items() if name not in ("XDG_CACHE_HOME", "HOME")
    }
    arguments = command(*flags(data, tmp_path / "out", work=1))
    program = "import os,sys,pwd; pwd.getpwuid = lambda _: {}['nobody']; sys.argv = sys.argv[1:]; "
    program += "import runpy; runpy.run_path(sys.argv[0], run_name='__main__')"
    result = subprocess.run(
        [sys.executable, "-c", program, *arguments[1:]], env=made, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
