"""Parts of a suite in processes of their own: those that fail, hang or die, and those left alone."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from codeit_jax.benchmarks import parts as running
from codeit_jax.benchmarks.parts import Part, attempt, run_parts
from codeit_jax.benchmarks.suites import Options
from codeit_jax.benchmarks.table import Ended, Measurement

ROOT = Path(__file__).parents[2]
HERE = "tests.benchmarks.test_parts"
LONG = 60.0  # more than any of this takes


def works(options, *arguments):
    print("a library's own words")  # not between the measurements
    yield Measurement(f"seed {options.seed}", float(len(arguments)), None, "arguments")
    yield Ended("a case", 0.0, "is not for this machine")


def fails(options):
    yield Measurement("before", 1.0, None, "s")
    raise ValueError("no such thing\nand more of it")


def hangs(options, folder):
    yield Measurement("before", 1.0, None, "s")
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
    Path(folder, "processes").write_text(f"{os.getpid()} {child.pid} ")
    time.sleep(1000)


def dies(options):
    yield Measurement("before", 1.0, None, "s")
    print("the runtime has lost the device", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGABRT)


def part(function, *arguments, max_seconds=LONG, environment=()):
    return Part(function, f"{HERE}:{function}", max_seconds, arguments, dict(environment))


def processes_of(folder):
    """Those that hang, once both are known."""
    file = Path(folder, "processes")
    processes = file.read_text().split() if file.exists() else []
    return processes if len(processes) == 2 and file.read_text().endswith(" ") else []


def is_alive(process):
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until(is_so):
    end = time.monotonic() + LONG
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_what_parts_measure_comes_in_order():
    measured = list(run_parts([part("works", "a", 2), part("works")], Options(seed=5, parts=("x",))))
    case = Ended("a case", 0.0, "is not for this machine")
    first, its_case, its_end, second, _, second_end = measured
    assert first == Measurement("seed 5", 2.0, None, "arguments")
    assert second.ours == 0
    assert its_case == case
    for end in (its_end, second_end):
        assert (end.name, end.why, end.log) == ("works", "", "")
        assert end.seconds > 0


def test_a_part_that_raises_is_told_and_the_next_goes_on():
    before, failed, *rest = run_parts([part("fails"), part("works")], Options())
    assert before.name == "before"
    assert (failed.name, failed.why) == ("fails", "ValueError: no such thing")
    assert "Traceback" in failed.log
    assert "and more of it" in failed.log
    assert [each.name for each in rest] == ["seed 0", "a case", "works"]


def test_a_part_that_cannot_be_found_is_told():
    (ended,) = run_parts([Part("lost", "tests.nowhere:nothing", LONG)], Options())
    assert ended.why.startswith("ModuleNotFoundError: ")


def test_a_part_that_dies_is_told_with_its_last_words():
    before, died, *rest = run_parts([part("dies"), part("works")], Options())
    assert before.name == "before"
    assert died.why == "its process died: SIGABRT"
    assert "the runtime has lost the device" in died.log
    assert len(rest) == 3


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")
def test_a_part_that_hangs_is_killed_with_all_it_has_started(tmp_path, monkeypatch):
    clock = Clock(tmp_path)
    monkeypatch.setattr(running, "select", clock)
    monkeypatch.setattr(running, "time", clock)
    before, killed, *rest = run_parts(
        [part("hangs", str(tmp_path)), part("works")], Options(max_seconds=100 * LONG)
    )
    assert before.name == "before"
    assert killed.why == f"killed after its {LONG:.0f} s"
    for process in processes_of(tmp_path):
        wait_until(lambda process=process: not is_alive(process))
    assert len(rest) == 3


class Clock:
    """Stands in for `time` and `select`: the time of a part is up as soon as it hangs."""

    def __init__(self, folder):
        self.folder = folder
        self.num_late = 0

    def monotonic(self):
        return self.num_late * 10 * LONG

    def select(self, readers, writers, errors, seconds):
        while not (found := select.select(readers, writers, errors, 0.05)[0]):
            if not self.num_late and processes_of(self.folder):
                self.num_late = 1
                break
        return found, [], []


def test_limits_are_kept():
    started, *_ = run_parts([part("hangs", "/nowhere", max_seconds=0.0)], Options())
    assert started.why == "killed after its 0 s"
    parts = [part("works"), part("works")]
    assert [each.why for each in run_parts(parts, Options(max_seconds=1.0))] == [
        "not begun, 1 of 1 s are left",
        "not begun, 1 of 1 s are left",
    ]


def test_variables_that_are_set_stay(monkeypatch):
    monkeypatch.setenv("PARTS_SET", "mine")
    variables = {"PARTS_SET": "theirs", "PARTS_UNSET": "theirs"}
    told, _ = run_parts([part("tells", environment=variables.items())], Options())
    assert told.note == "mine theirs"


def tells(options):
    note = f"{os.environ['PARTS_SET']} {os.environ['PARTS_UNSET']}"
    yield Measurement("variables", 0.0, None, "", note=note)


def test_an_attempt_is_what_it_makes_or_its_end():
    (made,) = attempt("name", lambda: [Measurement("made", 1.0, None, "s")])
    assert made.name == "made"
    (ended,) = attempt("name", lambda: fail("why\nand more"))
    assert (ended.name, ended.why) == ("name", "RuntimeError: why")


def fail(text):
    raise RuntimeError(text)


SUITE = f"""
import sys
from pathlib import Path
from codeit_jax.benchmarks import suites
sys.modules["hanging"] = sys.modules["__main__"]
from codeit_jax.benchmarks.parts import Part, run_parts
parts = [Part("works", "{HERE}:works", 60), Part("hangs", "{HERE}:hangs", 60, (sys.argv[1],))]
measure = lambda options: run_parts(parts, options)
suites.SUITES["hanging"] = "hanging"
suites.run_suite("hanging", suites.Options(), Path(sys.argv[1], "measured.json"))
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_suite_that_is_killed_leaves_what_it_has_made_and_no_process(tmp_path, how):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SUITE, str(tmp_path)]
    with subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL) as suite:
        wait_until(lambda: processes_of(tmp_path))
        wait_until(lambda: "before" in (tmp_path / "measured.json").read_text())
        suite.send_signal(how)
        suite.wait()
    for process in processes_of(tmp_path):
        wait_until(lambda process=process: not is_alive(process))
    report = json.loads((tmp_path / "measured.json").read_text())
    assert not report["is_complete"]
    assert [each["name"] for each in report["measurements"]] == ["seed 0", "before"]
    assert [each["name"] for each in report["parts"]] == ["a case", "works"]
