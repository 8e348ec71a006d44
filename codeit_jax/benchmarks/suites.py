"""The suites there are, and how one is run.

A suite is a module with a function `measure(options)` that yields measurements as they are made; to add one,
write the module and name it in `SUITES`. One whose parts are run apart (see `parts`) yields their ends, too.
"""

import dataclasses
import importlib
import os
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from codeit_jax.benchmarks.table import Ended, Measurement, check_is_file_path, header, row
from codeit_jax.errors import UserError, naming
from codeit_jax.run.files import write_json

SUITES = {
    "execution": "codeit_jax.benchmarks.execution",
    "mutation": "codeit_jax.benchmarks.mutation",
    "evolution": "codeit_jax.benchmarks.evolution",
    "replay": "codeit_jax.benchmarks.replay",
    "checkpoint": "codeit_jax.benchmarks.checkpoint",
    "learner": "codeit_jax.benchmarks.learner",
    "sampling": "codeit_jax.benchmarks.sampling",
    "accelerator": "codeit_jax.benchmarks.accelerator.suite",
}


class ReportError(UserError):
    """A file that measurements cannot be written to."""


@dataclasses.dataclass(frozen=True)
class Options:
    """Options of a suite.

    Attributes:
        seed: decides what is drawn at random.
        num_workers: worker processes, at most, of what uses several.
        quick: whether small samples will do.
        tokenizer: the folder or hub name of a Hugging Face tokenizer, for suites that use one; "" for none.
        max_seconds: how long a suite may take that keeps a limit.
        parts: the parts to run of a suite that is made of some; () for all.
    """

    seed: int = 0
    num_workers: int = 1
    quick: bool = False
    tokenizer: str = ""
    max_seconds: float = 480.0
    parts: tuple[str, ...] = ()


def run_suite(name: str, options: Options, json_path: Path | None = None) -> None:
    """Runs a suite and prints its table, row by row.

    Args:
        name: one of `SUITES`.
        options: handed to the suite.
        json_path: a file for the measurements. It is written anew after each, so that a suite which is
            killed leaves what it has made.

    Raises:
        ReportError: `json_path` cannot be written to.
    """
    if json_path is not None:
        _check(json_path)
    measure: Callable[[Options], Iterator[Measurement | Ended]] = importlib.import_module(
        SUITES[name]
    ).measure
    all_measured = measure(options)  # what is wrong with the options may be told already
    begun = time.monotonic()
    measurements: list[Measurement] = []
    parts: list[Ended] = []

    def write(*, is_complete: bool) -> None:
        if json_path is None:
            return
        report: dict[str, Any] = {
            "suite": name,
            **dataclasses.asdict(options),
            "machine": _describe_machine(),
            "seconds": time.monotonic() - begun,
            "is_complete": is_complete,
            "measurements": [measurement.to_json() for measurement in measurements],
            "parts": [dataclasses.asdict(part) for part in parts],
        }
        with naming(f"--json={json_path}", ReportError):
            write_json(json_path, report)

    print(header(), flush=True)
    for measured in all_measured:
        print(row(measured), flush=True)
        if isinstance(measured, Ended):
            parts.append(measured)
        else:
            measurements.append(measured)
        write(is_complete=False)
    print(f"{time.monotonic() - begun:.0f} s, {_describe_machine()}", flush=True)
    write(is_complete=True)


def _check(json_path: Path) -> None:
    with naming(f"--json={json_path}", ReportError):
        check_is_file_path(json_path)


def _describe_machine() -> str:
    return f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores"
