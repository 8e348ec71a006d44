"""The meter: counts the work of a run, call by call, and ends it when its budget is spent."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from codeit_jax.dsl.types import Value
from codeit_jax.execution.budget import Budget, BudgetExceeded, work_exceeded

_CONTAINERS = frozenset({tuple, frozenset})
_MANY_LEVELS = 50  # half as many as any value may have
_MAX_NESTS = 256


class PrimitiveFailure(Exception):  # noqa: N818 - an end that a run may come to, not a fault
    """A primitive cannot do what it is asked to; the message says which one, and of what."""


class Nests:
    """The sizes of tuples that hold one another, so that each need not be walked through again.

    A program may carry its state in nested tuples, and build one around another at every step.
    """

    def __init__(self) -> None:
        # By identity, and with the tuple, so that no other comes to have the same: its items, and its levels.
        self._sizes: dict[int, tuple[Value, int, int]] = {}

    def forget(self) -> None:
        """Forgets all tuples."""
        self._sizes.clear()

    def are_light(self, nest: Value, items: Sequence[Value], limit: int) -> bool:
        """Whether a tuple made of some items certainly holds no more than the limit, in not many levels."""
        total, levels = len(items), 1
        for item in items:
            size, depth = self._size(item)
            total += size
            levels = max(levels, 1 + depth)
        if total > limit or levels > _MANY_LEVELS:
            return False
        if len(self._sizes) > _MAX_NESTS:
            self._sizes.clear()
        self._sizes[id(nest)] = nest, total, levels
        return True

    def _size(self, value: Value) -> tuple[int, int]:
        if type(value) not in _CONTAINERS:
            return 0, 0
        known = self._sizes.get(id(value))
        if known is not None:
            return known[1], known[2]
        total, levels, containers = 0, 0, [value]
        while containers and levels <= _MANY_LEVELS:
            levels += 1
            total += sum(map(len, containers))
            items = list(chain.from_iterable(containers))
            containers = [item for item in items if type(item) in _CONTAINERS]
        self._sizes[id(value)] = value, total, levels
        return total, levels


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
