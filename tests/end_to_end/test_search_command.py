"""`launch/search.py` as a user meets it: killed and started again, and told what is wrong in one line."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMES = ("vmirror", "hmirror", "dmirror", "cmirror", "rot90", "rot180", "rot270", "identity")
TEXTS = [f"O = {name}(I)" for name in NAMES] + [
    f"x1 = {first}(I)\nO = {second}(x1)" for first in NAMES for second in NAMES
]


def command(*arguments):
    return [sys.executable, str(ROOT / "launch" / "search.py"), *map(str, arguments)]


def search(*arguments):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command(*arguments), env=environment, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    (folder / "programs.jsonl").write_text("".join(json.dumps({"program": text}) + "\n" for text in TEXTS))
    (folder / "tasks").mkdir()
    for number in range(30):
        grids = [[[number % 10, row, 3], [row, 4, 5]] for row in range(3)]
        pairs = [{"input": grid, "output": [row[::-1] for row in grid]} for grid in grids]
        (folder / "tasks" / f"task{number:02d}.json").write_text(
            json.dumps({"train": pairs[:2], "test": pairs[2:]})
        )
    (folder / "other.csv").write_text("9600,0.07\n")
    (folder / "empty.jsonl").write_text("\n")
    (folder / "broken.jsonl").write_text(json.dumps({"program": TEXTS[0]}) + "\n{oops\n")
    (folder / "wrong.jsonl").write_text(json.dumps({"program": TEXTS[0]}) + '\n{"program": "O = nope(I)"}\n')
    (folder / "no_tasks").mkdir()
    (folder / "theirs").mkdir()
    (folder / "theirs" / "performance.csv").write_text("meta_iteration\n")
    (folder / "spoiled").mkdir()
    (folder / "spoiled" / "progress.json").write_text('{"settings": {}}')
    return folder


def flags(data, folder, **changes):
    values = {"programs": data / "programs.jsonl", "tasks": data / "tasks", "output": folder}
    values |= {"num_workers": 1, "curve_step": 5, **changes}
    return [f"--{name}={value}" for name, value in values.items()]


def files(folder):
    found = {path.name: path.read_text() for path in folder.iterdir() if path.name != "report.html"}
    found["performance.csv"] = [line.rsplit(",", 1)[0] for line in found["performance.csv"].splitlines()]
    found["progress.json"] = [line for line in found["progress.json"].splitlines() if '"seconds"' not in line]
    return found


def test_a_search_that_is_killed_goes_on_as_if_nothing_had_happened(data, tmp_path):
    arguments = flags(data, tmp_path / "whole", compare=data / "other.csv")
    ended = search(*arguments)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "30 solutions verified" in ended.stdout
    assert ended.stdout.endswith(f"to look at: {tmp_path / 'whole' / 'report.html'}\n")
    whole = files(tmp_path / "whole")
    names = {"performance.csv", "solutions.json", "candidates.json", "curve.svg", "progress.json"}
    assert set(whole) == names
    assert whole["performance.csv"][1:3] == ["5,30,30,1", "10,30,30,1"]

    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    cut = flags(data, tmp_path / "cut", compare=data / "other.csv")
    progress = tmp_path / "cut" / "progress.json"
    for num_points in (1, 6):
        with subprocess.Popen(command(*cut), env=environment, stdout=subprocess.DEVNULL) as process:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and process.poll() is None:
                if progress.exists() and progress.read_text().count("solved_strict") >= num_points:
                    break
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
    state = json.loads(progress.read_text())["state"]
    assert 6 <= len(state["curve"]) < 13
    assert "resumed: " in search(*cut).stdout
    assert files(tmp_path / "cut") == whole
    assert (tmp_path / "cut" / "report.html").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"programs": "nope.jsonl"}, "nope.jsonl: No such file or directory"),
        ({"programs": "DATA/empty.jsonl"}, "empty.jsonl: holds no programs"),
        ({"programs": "DATA/programs.jsonl,DATA/empty.jsonl"}, "empty.jsonl: holds no programs"),
        ({"programs": "DATA/broken.jsonl"}, "broken.jsonl: line 2: not JSON: "),
        ({"programs": "DATA/wrong.jsonl"}, "wrong.jsonl: line 2: its program: line 1: unknown name 'nope'"),
        ({"programs": "DATA/tasks"}, "tasks: Is a directory"),
        ({"programs": ""}, "--programs is required"),
        ({"output": ""}, "--output is required"),
        ({"tasks": "nope"}, "nope: no such file or folder"),
        ({"tasks": "DATA/no_tasks"}, "no_tasks: the folder holds no .json files"),
        ({"output": "DATA/other.csv"}, "other.csv: is not a folder"),
        ({"output": "/dev/null/x"}, "--output=/dev/null/x: "),
        ({"output": "DATA/theirs"}, "theirs: there is performance.csv but no progress.json"),
        ({"output": "DATA/spoiled"}, "progress.json is no record of this version"),
        ({"compare": "nope.csv"}, "nope.csv: No such file or directory"),
        ({"compare": "DATA/broken.jsonl"}, "broken.jsonl: "),
        ({"curve_step": 0}, "flag --curve_step=0"),
        ({"max_programs": 0}, "flag --max_programs=0"),
        ({"num_workers": "x"}, "flag --num_workers=x"),
        ({"nope": 1}, "--nope: there is no such flag"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(data, tmp_path, changes, message):
    changes = {name: str(value).replace("DATA", str(data)) for name, value in changes.items()}
    ended = search(*flags(data, tmp_path / "output", **changes))
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith("error: ")
    assert message in line
    assert "Traceback" not in ended.stdout


def test_a_folder_of_another_search_stays_as_it_is(data, tmp_path):
    first = flags(data, tmp_path / "output", max_programs=6)
    assert search(*first).returncode == 0
    before = files(tmp_path / "output")
    ended = search(*flags(data, tmp_path / "output", max_programs=6, curve_step=6))
    assert ended.returncode == 2
    assert "curve_step was 5 and is now 6" in ended.stderr
    assert files(tmp_path / "output") == before


def test_help_names_the_flags():
    text = search("--help").stdout
    for name in ("--programs", "--tasks", "--output", "--curve_step", "--max_programs", "--compare"):
        assert name in text
