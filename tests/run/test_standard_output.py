"""What is refused on standard output ends a command with one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from codeit_jax.run.standard_output import tell_refusals

ROOT = Path(__file__).parents[2]
_PROGRAM = """
import sys
from rich.console import Console
from codeit_jax.run import command_line

def main(argv):
    for _ in range(int(argv[1])):
        {tell}

command_line.run(main, num_arguments=1)
"""
_WAYS = ("print('-' * 70)", "Console().print('-' * 70)")


def run(tell: str, num_lines: int, output: int, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(tell=tell), str(num_lines)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("tell", _WAYS)
@pytest.mark.parametrize("num_lines", [1, 500])  # written at the very end, and before
def test_a_pipe_that_nobody_reads_is_told_in_one_line(tell, num_lines):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = run(tell, num_lines, writing)
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (2, "error: standard output: Broken pipe\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has such a device")
def test_a_full_disk_is_told_in_one_line():
    with open("/dev/full", "w") as full:
        ended = run(_WAYS[0], 500, full.fileno())
    assert (ended.returncode, ended.stderr) == (2, "error: standard output: No space left on device\n")


def test_characters_that_the_encoding_lacks_are_escaped(tmp_path):
    with (tmp_path / "output").open("wb") as file:
        ended = run("print('\\N{BULLET}')", 1, file.fileno(), PYTHONIOENCODING="ascii")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (tmp_path / "output").read_bytes() == rb"\u2022" + b"\n"


def test_another_standard_output_stays(monkeypatch, capsys):
    for output in (None, sys.stdout):
        monkeypatch.setattr(sys, "stdout", output)
        tell_refusals()
        assert sys.stdout is output
