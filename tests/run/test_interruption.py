"""Ctrl-C and SIGTERM end a command with one line, whatever it is at, and leave nothing behind."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from codeit_jax.run.interruption import deferred, is_requested, raise_requested

ROOT = Path(__file__).parents[2]
ENDS = [(signal.SIGINT, "interrupted\n", 130), (signal.SIGTERM, "terminated\n", 143)]
SIGNALS = pytest.mark.parametrize(("number", "line", "code"), ENDS, ids=["ctrl_c", "sigterm"])
BEGINNING = """
import sys, time
from codeit_jax.run.interruption import catch_signals, deferred, handled
from codeit_jax.run.interruption import is_requested, raise_requested
def ready(*told):
    print("ready", *told, flush=True)
"""


class Script:
    """A process that runs a script, which says when it is ready."""

    def __init__(self, text, **environment):
        self.process = subprocess.Popen(
            [sys.executable, "-c", BEGINNING + text],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        )
        first, *self.told = self.process.stdout.readline().split()
        assert first == "ready"

    def send(self, number):
        self.process.send_signal(number)

    def end(self):
        try:
            output, errors = self.process.communicate(timeout=60)
        finally:
            self.process.kill()
        return self.process.returncode, output, errors


@SIGNALS
def test_a_command_ends_and_leaves_neither_folders_nor_workers(tmp_path, number, line, code):
    script = Script(
        """
from codeit_jax.execution.pool import ExecutionPool
from codeit_jax.run.files import scratch_folder
with handled(), scratch_folder() as folder, ExecutionPool(2) as pool:
    ready(*(each.process.pid for each in pool._workers))
    for _ in pool.map(time.sleep, [100]):
        pass
""",
        TMPDIR=str(tmp_path),
    )
    assert list(tmp_path.iterdir())
    script.send(number)
    assert script.end() == (code, "", line)
    assert not list(tmp_path.iterdir())
    for worker in script.told:
        state = Path("/proc", worker, "stat")
        assert not state.exists() or ") Z " in state.read_text()


@SIGNALS
def test_a_command_that_still_imports_ends_at_once(number, line, code):
    script = Script("catch_signals()\nready()\ntime.sleep(100)")
    script.send(number)
    assert script.end() == (code, "", line)


@SIGNALS
def test_a_command_that_is_done_ends_as_quietly(number, line, code):
    script = Script(
        """
import atexit
atexit.register(time.sleep, 100)
atexit.register(ready)
with handled():
    pass
"""
    )
    script.send(number)
    assert script.end() == (code, "", line)


@SIGNALS
def test_a_block_that_asked_to_be_told_ends_by_itself(number, line, code):
    script = Script(
        """
with handled(), deferred():
    ready()
    while not is_requested():
        time.sleep(0.01)
    print("saved")
print("not reached")
"""
    )
    script.send(number)
    assert script.end() == (code, "saved\n", line)


@SIGNALS
def test_the_second_signal_ends_a_command_that_does_not(number, line, code):
    script = Script(
        """
with handled(), deferred():
    ready()
    while not is_requested():
        time.sleep(0.01)
    ready()
    while True:
        pass
"""
    )
    script.send(number)
    assert script.process.stdout.readline() == "ready\n"
    script.send(number)
    assert script.end() == (code, "", "")


def test_a_signal_is_not_lost_where_nothing_can_be_raised():
    script = Script(
        """
class Freed:
    def __del__(self):
        ready()
        time.sleep(0.5)
with handled():
    freed = Freed()
    del freed
    time.sleep(100)
"""
    )
    script.send(signal.SIGINT)
    assert script.end() == (130, "", "interrupted\n")


def test_a_signal_waits_for_the_end_of_an_import(tmp_path):
    (tmp_path / "slow.py").write_text(
        'import __main__\nimport time\n__main__.ready()\ntime.sleep(0.3)\nprint("imported")\n'
    )
    script = Script(
        f"sys.path.append({str(tmp_path)!r})\nwith handled():\n    import slow\n    time.sleep(100)"
    )
    script.send(signal.SIGINT)
    assert script.end() == (130, "imported\n", "interrupted\n")


def test_an_error_that_a_signal_became_on_its_way_is_the_signal():
    script = Script(
        """
with handled():
    try:
        ready()
        time.sleep(100)
    except BaseException:
        raise RuntimeError("called back in vain")
"""
    )
    script.send(signal.SIGINT)
    assert script.end() == (130, "", "interrupted\n")


def test_an_error_while_a_block_ends_by_itself_is_told():
    script = Script(
        """
with handled(), deferred():
    ready()
    while not is_requested():
        time.sleep(0.01)
    raise RuntimeError("no room to save")
"""
    )
    script.send(signal.SIGINT)
    code, _, errors = script.end()
    assert code == 1
    assert errors.endswith("RuntimeError: no room to save\n")


def test_what_a_process_was_started_to_ignore_stays_ignored():
    script = Script(
        """
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
with handled():
    ready()
    time.sleep(0.3)
    print("done")
"""
    )
    script.send(signal.SIGINT)
    assert script.end() == (0, "done\n", "")


def test_a_block_is_left_where_it_says():
    script = Script(
        """
with handled(), deferred():
    with deferred():
        ready()
        while not is_requested():
            time.sleep(0.01)
    print("not left yet")
    raise_requested()
    print("not reached")
"""
    )
    script.send(signal.SIGTERM)
    assert script.end() == (143, "not left yet\n", "terminated\n")


@SIGNALS
def test_what_is_saved_after_a_signal_is_not_interrupted_by_it_again(number, line, code):
    script = Script(
        """
with handled():
    try:
        ready()
        time.sleep(100)
    except BaseException:
        with deferred():
            print("read")
        print("saved")
        raise
"""
    )
    script.send(number)
    assert script.end() == (code, "read\nsaved\n", line)


@pytest.mark.parametrize(
    ("advice", "begin", "line"),
    [
        ("go on", "begin_keeping()", "interrupted; go on\n"),
        ("go on", "", "interrupted\n"),
        ("", "begin_keeping()", "interrupted\n"),
    ],
)
def test_the_line_says_what_to_do_next_once_there_is_something_to_go_on_from(advice, begin, line):
    script = Script(
        f"""
from codeit_jax.run.interruption import begin_keeping, is_kept
with handled({advice!r}):
    {begin}
    ready(is_kept())
    time.sleep(100)
"""
    )
    script.send(signal.SIGINT)
    assert script.end() == (130, "", line)
    assert script.told == [str("; " in line)]


@SIGNALS
def test_a_process_that_does_not_come_back_to_python_ends_all_the_same(number, line, code):
    script = Script(
        """
from codeit_jax.run import interruption
interruption._PATIENCE_SECONDS = 0.3
with handled():
    ready()
    import hashlib
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)
"""
    )
    script.send(number)
    assert script.end() == (code, "", line)


def test_without_a_command_a_block_is_never_told():
    with deferred():
        assert not is_requested()
        raise_requested()
    assert threading.current_thread() is threading.main_thread()


@pytest.mark.parametrize("path", sorted((ROOT / "launch").glob("[a-z]*.py")), ids=lambda path: path.stem)
def test_every_command_catches_signals_before_it_imports(path):
    code = path.read_text().split('"""', 2)[2]
    assert code.startswith("\n\nfrom codeit_jax.run.interruption import catch_signals\n\ncatch_signals()")
