"""The meter: counts the work of a run, call by call, and ends it when its budget is spent."""

from typing import Any

from codeit_jax.config.budget import Budget
from codeit_jax.dsl.types import Value
from codeit_jax.execution.nests import Nests
from codeit_jax.execution.outcome import BudgetExceeded, work_exceeded


class PrimitiveFailure(Exception):  # noqa: N818 - an end that a run may come to, not a fault
    """A primitive cannot do what it is asked to; the message says which one, and of what."""


class Meter:
    """Counts the work of one run and ends it when the budget is spent.

    Attributes:
        budget: the limits.
        work: units charged so far.
        depth: calls of primitives that loop which have not returned.
        memory: what primitives gave for the arguments they were given, and at what charge.
        items_remembered: at most how many items there are in the memory.
        nests: the sizes of tuples that the line has made.
    """

    __slots__ = ("budget", "depth", "items_remembered", "memory", "nests", "work")

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.work = 0
        self.depth = 0
        self.nests = Nests()
        self.forget()

    def begin(self, work: int) -> None:
        """Makes ready for a line of a program, before which some work was done."""
        self.work = work
        self.depth = 0
        self.nests.forget()

    def charge(self, work: int) -> None:
        """Adds work.

        Raises:
            BudgetExceeded: it is more in all than the budget allows.
        """
        self.work += work
        if self.work > self.budget.max_work:
            raise BudgetExceeded(work_exceeded(self.budget.max_work))

    def forget(self) -> None:
        """Empties the memory, which nothing but time and space depends on."""
        self.memory: dict[Value, Any] = {}
        self.items_remembered = 0
