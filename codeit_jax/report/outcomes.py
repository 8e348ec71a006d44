"""What becomes of a sampled text, in a word: read off a line of a run's samples."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from codeit_jax.execution.outcome import Status

_LINE = re.compile(r"line \d+: ")
_PRIMITIVE = re.compile(r"(\w+)(?: fails on | made |: )")
_NAME = re.compile(r"'[^']*'|\b[xO]\d*\b|\d+")


class Fate(StrEnum):
    """What becomes of a text, from the best to the worst."""

    ALL = "all demonstrations right"
    SOME = "some demonstrations right"
    GRID = "a grid, none right"
    NO_GRID = "no valid grid"
    FAILS = "a primitive fails"
    BUDGET = "over budget"
    STOPPED = "stopped by the clock"
    NO_PROGRAM = "no program"


def fate_of(sample: Mapping[str, Any]) -> Fate:
    """Returns what became of a sample, a line of `samples/NNNN.jsonl.gz`.

    Where no demonstration has a valid output it is what the first of them came to.
    """
    if sample["error"] is not None:
        return Fate.NO_PROGRAM
    performance = sample["demonstration_performance"]
    if performance:
        return Fate.ALL if performance == 1 else Fate.SOME
    outcomes = sample["outcomes"]
    return Fate.GRID if Status.OK in outcomes or not outcomes else _failure(outcomes[0])


def failing_primitive(sample: Mapping[str, Any]) -> str | None:
    """Returns the primitive on which a sample fails first; None where it does not fail so."""
    for outcome in sample["outcomes"]:
        if outcome != Status.OK and _failure(outcome) in (Fate.FAILS, Fate.BUDGET):
            match = _PRIMITIVE.match(_LINE.sub("", outcome, count=1))
            return match[1] if match else None
    return None


def parse_fault(error: str) -> str:
    """Returns why a text is no program, without the names and numbers that differ from text to text."""
    return _NAME.sub("…", _LINE.sub("", error, count=1))


def _failure(outcome: str) -> Fate:
    if "the output is no valid grid" in outcome or outcome == Status.INVALID_OUTPUT:
        return Fate.NO_GRID
    if "worker process was stopped" in outcome or outcome == Status.TIMEOUT:
        return Fate.STOPPED
    if " fails on " in outcome or "is no function" in outcome or outcome == Status.ERROR:
        return Fate.FAILS
    return Fate.BUDGET
