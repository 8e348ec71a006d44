"""Primitives that build, join and read sets and tuples.

A tuple is read in its own order and a set in canonical order; where no order shows in the answer, none is
established.
"""

import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any

from codeit_jax.dsl.types import Value, canonical_min, canonical_sorted, in_order

__all__ = [
    "combine",
    "contained",
    "dedupe",
    "difference",
    "first",
    "initset",
    "insert",
    "intersection",
    "interval",
    "last",
    "leastcommon",
    "maximum",
    "merge",
    "minimum",
    "mostcommon",
    "other",
    "pair",
    "product",
    "remove",
    "repeat",
    "size",
    "sizefilter",
    "totuple",
]


def size(container: Value) -> int:
    """Returns how many items a container holds."""
    return len(container)


def contained(value: Value, container: Value) -> bool:
    """Whether a container holds a value."""
    return value in container


def initset(value: Value) -> frozenset[Value]:
    """Returns the set of a single value."""
    return frozenset({value})


def insert(value: Value, container: frozenset[Value]) -> frozenset[Value]:
    """Returns the set with a value added."""
    return container.union((value,))


def remove(value: Value, container: Value) -> Value:
    """Returns the container without any item equal to a value."""
    if isinstance(container, frozenset):
        return container - {value}
    return type(container)([item for item in container if item != value])


def other(container: Value, value: Value) -> Value:
    """Returns the first item that differs from a value."""
    return first(remove(value, container))


def combine(a: Value, b: Value) -> Value:
    """Joins two containers into one of the first one's kind."""
    if isinstance(a, frozenset):
        return a.union(b)
    return type(a)((*a, *in_order(b)))


def merge(containers: Value) -> Value:
    """Joins the containers within a container into one of the outer one's kind."""
    if isinstance(containers, frozenset):
        return frozenset().union(*containers)
    return type(containers)(itertools.chain.from_iterable(map(in_order, containers)))


def intersection(a: frozenset[Value], b: frozenset[Value]) -> frozenset[Value]:
    """Returns the items that two sets share."""
    return a & b


def difference(a: Value, b: Value) -> Value:
    """Returns the first container without the items that the second holds."""
    if isinstance(b, tuple):
        b = frozenset(b)
    if isinstance(a, frozenset) and isinstance(b, frozenset):
        return a - b
    return type(a)([item for item in a if item not in b])


def dedupe(values: tuple[Value, ...]) -> tuple[Value, ...]:
    """Returns the tuple with only the first of equal items kept.

    Raises:
        TypeError: the values are a set with items in it.
    """
    if not isinstance(values, tuple) and len(values) > 0:
        raise TypeError("dedupe reads tuples only")
    return tuple(dict.fromkeys(values))


def sizefilter(container: Value, n: int) -> frozenset[Value]:
    """Returns the set of the items that hold `n` items themselves."""
    return frozenset([item for item in container if len(item) == n])


def first(container: Value) -> Value:
    """Returns a container's first item."""
    return canonical_min(container) if isinstance(container, frozenset) else container[0]


def last(container: Value) -> Value:
    """Returns a container's last item."""
    return canonical_sorted(container)[-1] if isinstance(container, frozenset) else container[-1]


def maximum(container: Value) -> Value:
    """Returns a container's largest item; 0 of an empty one."""
    return max(in_order(container), default=0)


def minimum(container: Value) -> Value:
    """Returns a container's smallest item; 0 of an empty one."""
    return min(in_order(container), default=0)


def _by_frequency(container: tuple[Value, ...], select: Callable[..., Any]) -> Value:
    if not isinstance(container, tuple):
        raise TypeError("only a tuple holds items more than once")
    counts = Counter(container)
    frequency = select(counts.values())
    return canonical_min([item for item, count in counts.items() if count == frequency])


def mostcommon(container: tuple[Value, ...]) -> Value:
    """Returns a tuple's most frequent item; of equally frequent ones, the first in canonical order.

    Raises:
        TypeError: the container is no tuple.
        ValueError: the tuple is empty.
    """
    return _by_frequency(container, max)


def leastcommon(container: tuple[Value, ...]) -> Value:
    """Returns a tuple's least frequent item; of equally frequent ones, the first in canonical order.

    Raises:
        TypeError: the container is no tuple.
        ValueError: the tuple is empty.
    """
    return _by_frequency(container, min)


def totuple(container: Value) -> tuple[Value, ...]:
    """Returns the container's items as a tuple."""
    return tuple(in_order(container))


def repeat(item: Value, n: int) -> tuple[Value, ...]:
    """Returns a tuple that holds an item `n` times."""
    return (item,) * n


def interval(start: int, stop: int, step: int) -> tuple[int, ...]:
    """Returns the integers from `start` up to but without `stop`, `step` apart."""
    return tuple(range(start, stop, step))


def product(a: Value, b: Value) -> frozenset[tuple[Value, Value]]:
    """Returns every pair of an item of the first container and one of the second."""
    # Against nothing, the first may be anything at all: it is never read.
    return frozenset(itertools.product(a, b)) if len(b) else frozenset()


def pair(a: Value, b: Value) -> tuple[tuple[Value, Value], ...]:
    """Pairs the items of two containers by position, as far as the shorter one goes."""
    return tuple(zip(in_order(a), in_order(b), strict=False))
