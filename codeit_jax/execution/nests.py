"""The sizes of nested tuples, so that putting another around them need not walk through all of it again."""

from collections.abc import Sequence
from itertools import chain

from codeit_jax.dsl.types import Value

_CONTAINERS = frozenset({tuple, frozenset})
_MANY_LEVELS = 50  # half as many as any value may have
_MAX_NESTS = 256


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
