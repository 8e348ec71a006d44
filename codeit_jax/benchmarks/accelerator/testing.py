"""The tests that say something on an accelerator: parity, sampling, learning and sharding, run there.

They are a checkout's, and run by pytest in this process. float32 products are made at the highest precision,
for the tests hold float32 against what a CPU computes.
"""

import contextlib
import importlib.util
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax

import codeit_jax
from codeit_jax.benchmarks.accelerator.device import begin
from codeit_jax.benchmarks.suites import Options
from codeit_jax.benchmarks.table import Ended, Measurement

_QUICK = ("tests/policy/test_sharding.py",)
_FILES = (
    "tests/policy/test_parity.py",
    "tests/policy/test_t5.py",
    "tests/learner/test_step.py",
    "tests/policy/test_sampling.py",
    "tests/learner/test_loss.py",
    "tests/learner/test_learner.py",
    *_QUICK,
)
# They start CPUs of eight devices.
_LEFT_OUT = (
    "tests/policy/test_sampling.py::test_the_mesh_does_not_matter",
    "tests/learner/test_learner.py::test_sharded_equals_unsharded",
)


@dataclass(eq=False)  # pytest wants it hashable
class _Counter:
    """Counts what becomes of tests, as a plugin of pytest.

    Attributes:
        passed: how many passed.
        failed: the names of those that did not, each with why.
    """

    passed: int = 0
    failed: list[str] = field(default_factory=list)

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.failed.append(f"{report.nodeid.rpartition('::')[2]}: {_why(report)}")
        elif report.when == "call" and report.passed:
            self.passed += 1

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.failed.append(f"{report.nodeid}: {_why(report)}")


def measure(options: Options) -> Iterator[Measurement | Ended]:
    """Yields for each file how many of its tests pass, beside how many there are."""
    is_quick = begin(options)
    root = Path(codeit_jax.__file__).parents[1]
    missing = [name for name in ("pytest", "hypothesis") if importlib.util.find_spec(name) is None]
    if missing or not (root / _FILES[0]).exists():
        yield Ended("tests", 0.0, f"there are none: {' and '.join(missing) or f'{root} is no checkout'}")
        return
    import pytest

    jax.config.update("jax_default_matmul_precision", "highest")
    left_out = [f"--deselect={name}" for name in _LEFT_OUT]
    for file in _QUICK if is_quick else _FILES:
        counter = _Counter()
        begun = time.monotonic()
        with contextlib.redirect_stdout(sys.stderr):
            status = pytest.main(
                [str(root / file), f"--rootdir={root}", "-q", "-p", "no:cacheprovider", *left_out], [counter]
            )
        seconds = time.monotonic() - begun
        if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            yield Ended(file, seconds, "; ".join([f"pytest ended with {status!r}", *counter.failed]))
            continue
        passed, number = counter.passed, counter.passed + len(counter.failed)
        note = "; ".join([f"{seconds:.0f} s", *counter.failed])
        yield Measurement(f"{file}: passed", passed, number, "tests", more_is_better=True, note=note)


def _why(report: Any) -> str:
    lines = str(report.longrepr).strip().splitlines()
    told = [line for line in lines if line.startswith("E ")] or lines or [""]
    return told[0].removeprefix("E ").strip()[:120]
