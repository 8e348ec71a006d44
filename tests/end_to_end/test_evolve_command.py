"""`launch/evolve.py` as a user meets it: killed and started again, and told what is wrong in one line."""

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
NUM_KILLS = 6
WORK = 3_000_000  # of the evolution that is killed


def command(*arguments):
    return [sys.executable, str(ROOT / "launch" / "evolve.py"), *map(str, arguments)]


def evolve(*arguments):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command(*arguments), env=environment, capture_output=True, text=True, check=False, timeout=240
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    (folder / "tasks").mkdir()
    changes = {
        "turned": lambda grid: [list(row) for row in zip(*grid[::-1], strict=True)] * 2,
        "mirrored": lambda grid: [row[::-1] + row for row in grid],
        "noise": lambda grid: [[sum(map(sum, grid)) % 7, 8]],
    }
    for name, change in changes.items():
        pairs = [{"input": grid, "output": change(grid)} for grid in GRIDS]
        (folder / "tasks" / f"{name}.json").write_text(json.dumps({"train": pairs[:3], "test": pairs[3:]}))
    texts = [
        "O = vmirror(I)",
        "O = rot90(I)",
        "O = trim(I)",
        "x1 = palette(I)\nx2 = size(x1)\nO = upscale(I, x2)",
    ]
    (folder / "seeds.jsonl").write_text("".join(json.dumps({"program": text}) + "\n" for text in texts))
    (folder / "empty.jsonl").write_text("\n")
    (folder / "wrong.jsonl").write_text('{"program": "O = nope(I)"}\n')
    (folder / "theirs").mkdir()
    (folder / "theirs" / "solutions.json").write_text("{}")
    (folder / "searched").mkdir()
    (folder / "searched" / "progress.json").write_text('{"settings": {}, "state": {}}')
    (folder / "spoiled").mkdir()
    (folder / "spoiled" / "progress.json").write_text("[]")
    (folder / "file").write_text("mine")
    return folder


def flags(data, folder, **changes):
    values = {"programs": data / "seeds.jsonl", "parents": "none", "tasks": data / "tasks", "output": folder}
    values |= {"num_workers": 1, "work": 8_000_000, "turn_work": 400_000, **changes}
    return [f"--{name}={value}" for name, value in values.items()]


def found(folder):
    tasks = {path.name: path.read_text() for path in (folder / "tasks").iterdir()}
    results = ("solutions.json", "candidates.json", "near_misses.json")
    return tasks | {name: (folder / name).read_text() for name in results}


def test_killed_at_any_time_it_goes_on_to_the_same_finds(data, tmp_path):
    whole = evolve(*flags(data, tmp_path / "whole", work=WORK))
    assert (whole.returncode, whole.stderr) == (0, "")
    assert "2 of 3 tasks solved by the best three candidates" in whole.stdout
    assert whole.stdout.endswith(f"to look at: {tmp_path / 'whole' / 'report.html'}\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    killed = tmp_path / "killed"
    num_killed = run_with_kills(command(*flags(data, killed, work=WORK)), environment, killed, NUM_KILLS)
    assert num_killed >= 3
    assert found(tmp_path / "killed") == found(tmp_path / "whole")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"output": ""}, "--output is required"),
        ({"output": "DATA/theirs"}, "there is solutions.json but no progress.json that says whose it is"),
        ({"output": "DATA/searched"}, "it has no 'points', and may be another command's"),
        ({"output": "DATA/spoiled"}, "progress.json is no record of this version"),
        ({"output": "DATA/file"}, "--output=DATA/file: is not a folder"),
        ({"output": "/dev/null/x"}, "--output=/dev/null/x: "),
        ({"work": 0}, "flag --work=0"),
        ({"work": -5}, "flag --work=-5"),
        ({"work": "much"}, "flag --work=much"),
        ({"turn_work": 0}, "flag --turn_work=0"),
        ({"num_workers": 0}, "flag --num_workers=0"),
        ({"parents": "both_of_them"}, "flag --parents=both_of_them"),
        ({"programs": ""}, "--programs: there are no programs to begin with"),
        ({"programs": "DATA/empty.jsonl"}, "empty.jsonl: holds no programs"),
        ({"programs": "DATA/wrong.jsonl"}, "wrong.jsonl: line 1: its program: line 1: unknown name 'nope'"),
        ({"programs": "DATA/nowhere.jsonl"}, "nowhere.jsonl: No such file or directory"),
        ({"programs": "DATA/tasks"}, "tasks: Is a directory"),
        ({"tasks": "arc1/nowhere"}, "arc1/nowhere: the parts of ARC-1 are"),
        ({"tasks": "DATA/nowhere"}, "nowhere: no such file or folder"),
        ({"tasks": "DATA/theirs"}, "solutions.json: the file holds no tasks"),
    ],
)
def test_a_mistake_is_one_line(data, tmp_path, changes, message):
    changes = {name: str(value).replace("DATA", str(data)) for name, value in changes.items()}
    result = evolve(*flags(data, tmp_path / "out", **changes))
    assert result.returncode == 2
    assert message.replace("DATA", str(data)) in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert (data / "file").read_text() == "mine"
    assert (data / "theirs" / "solutions.json").read_text() == "{}"


def test_help_names_the_flags():
    printed = evolve("--help").stdout
    for name in ("tasks", "output", "work", "programs", "parents", "seed", "num_workers"):
        assert f"--{name}" in printed or f"--[no]{name}" in printed
