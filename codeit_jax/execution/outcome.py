"""Outcomes of running a program."""

import dataclasses
from enum import StrEnum
from typing import NamedTuple

from codeit_jax.arc import Grid
from codeit_jax.arc.packing import pack_grids, unpack_grids


class Status(StrEnum):
    """How a run ended."""

    OK = "ok"  # a valid grid
    INVALID_OUTPUT = "invalid_output"  # a value that is no valid ARC grid
    ERROR = "error"  # a primitive failed
    OVER_BUDGET = "over_budget"  # the deterministic budget was spent
    TIMEOUT = "timeout"  # the wall clock backstop fired


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one run of a program on one grid.

    Attributes:
        status: how it ended.
        output: the grid, where the status is `ok`.
        error: for any other status, one line that names the program's line and the reason.
        cost: work spent, in the units of `Budget.max_work`.
    """

    status: Status
    output: Grid | None = None
    error: str | None = None
    cost: int = 0

    def packed(self) -> "PackedOutcome":
        """Returns the outcome as it is sent from process to process."""
        packed_output = None if self.output is None else pack_grids((self.output,))
        return PackedOutcome(self.status, packed_output, self.error, self.cost)


class PackedOutcome(NamedTuple):
    """An outcome whose grid is packed: what worker processes send of the runs of many programs.

    Attributes:
        status: how the run ended.
        packed_output: the packed grid, where the status is `ok`.
        error: for any other status, one line that names the program's line and the reason.
        cost: work spent, in the units of `Budget.max_work`.
    """

    # A tuple, which is pickled and read back several times as fast.
    status: Status
    packed_output: bytes | None = None
    error: str | None = None
    cost: int = 0

    @property
    def output(self) -> Grid | None:
        """The grid, unpacked anew."""
        return None if self.packed_output is None else unpack_grids(self.packed_output)[0]


class BudgetExceeded(Exception):  # noqa: N818 - an end that a run may come to, not a fault
    """A run wanted more than its budget allows; the message says of what."""


def work_exceeded(max_work: int) -> str:
    """Returns the reason given when a run would do more work than it may."""
    return f"more than {max_work:,} units of work"
