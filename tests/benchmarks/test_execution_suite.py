"""A tiny run of every case, and the program in `launch/`."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from codeit_jax.benchmarks.execution import Sizes, measure_sizes
from codeit_jax.benchmarks.suites import SUITES, Options

ROOT = Path(__file__).parents[2]
TINY = Sizes(
    training_tasks=4,
    mutants=12,
    search_tasks=3,
    plain_runs=10,
    guard_seconds=1.0,
    sharing_tasks=2,
    scaling_tasks=2,
    samples_per_task=2,
    max_demonstrations=2,
    repeats=1,
)


def test_every_case_is_measured():
    measured = list(measure_sizes(TINY, Options(num_workers=2)))
    units = {each.name.partition(",")[0]: each.unit for each in measured}
    assert len({each.name for each in measured}) == len(measured) == 13
    assert units["4 training programs"] == "s"
    assert units["search"] in ("s", "ms/run")
    assert units["sharing"] == "ms/run"
    assert units["pool"] == "s"
    by_name = {each.name: each for each in measured}
    assert by_name["4 training programs: they solve"].ours >= 3
    assert by_name["4 training programs: they solve"].peer >= 3
    # Twelve mutants on all demonstrations of three tasks.
    (search,) = [each for each in measured if re.fullmatch(r"search, \d+ runs, one process", each.name)]
    assert int(search.name.split()[1]) % 12 == 0
    assert int(search.name.split()[1]) > 36
    assert search.ratio > 0
    for each in measured:
        assert each.ours >= 0
        assert each.peer is None or each.peer >= 0


def test_one_worker_is_measured_once():
    measured = list(measure_sizes(TINY, Options(num_workers=1)))
    assert sum("wall clock" in each.name for each in measured) == 2


def benchmark(*arguments):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "launch" / "benchmark.py"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], f"--suite is required, one of {', '.join(SUITES)}"),
        (["--suite=nope"], "flag --suite=nope: value should be one of"),
        (["--suite=execution", "--json=/dev/null/x"], "--json=/dev/null/x: "),
        (["--suite=execution", "--seed=-1"], "flag --seed=-1"),
        (["--suite=execution", "--num_workers=0"], "flag --num_workers=0"),
        (["--suite=execution", "--quick=perhaps"], "flag --quick=perhaps"),
        (["--suite=execution", "extra"], "unexpected argument 'extra'"),
        (["--nope"], "--nope: there is no such flag"),
    ],
)
def test_wrong_flags_are_refused(arguments, message):
    ended = benchmark(*arguments)
    assert ended.returncode == 2
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert line.startswith("error: ")
    assert message in line


def test_help_names_the_flags():
    text = benchmark("--help").stdout
    for name in ("--suite", "--json", "--seed", "--num_workers", "--[no]quick"):
        assert name in text
