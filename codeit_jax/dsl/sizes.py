"""Sizes of values: their items, and the work of reading them. One unit of work is about one cell."""

import operator
from collections.abc import Sequence
from itertools import chain

from codeit_jax.dsl.types import Column, Fixed, Value

# Nothing may nest deeper, so that whatever walks through a value or calls a function stays well within the
# interpreter's recursion limit, which is not the same everywhere.
MAX_LEVELS = 100

_SHORT = 8

_first_item = operator.itemgetter(0)

_NUMBERS = frozenset({int, bool})
_CONTAINERS = frozenset({tuple, frozenset})


def extent(value: Value) -> int:
    """Returns the number of a container's items; for a tuple of tuples, such as a grid, of their items."""
    kind = type(value)
    if kind is tuple:
        if value and type(value[0]) is tuple:
            return len(value) * max(1, len(value[0]))
        return len(value)
    return len(value) if kind is frozenset else 0


def extents(values: list[Value]) -> int:
    """Returns the sum of the values' extents."""
    if len(values) == 1:
        return extent(values[0])
    kinds = set(map(type, values))
    if kinds <= _NUMBERS:
        return 0
    if len(kinds) == 1:
        if frozenset in kinds:
            return sum(map(len, values))
        if tuple in kinds and all(values) and tuple not in set(map(type, map(_first_item, values))):
            return sum(map(len, values))
    return sum(map(extent, values))


def ends_work(*columns: Column) -> int:
    """Returns the work of calls that read every item of a set but only one of a tuple."""
    values = columns[0]
    if len(columns) > 1 or isinstance(values, Fixed):
        return arguments_work(*columns)
    if frozenset not in set(map(type, values)):
        return len(values)
    return len(values) + sum([len(value) for value in values if type(value) is frozenset])


def total_extent(value: Value) -> int:
    """Returns the number of a container's items and of the items in those."""
    if type(value) not in _CONTAINERS:
        return 1
    return 1 + len(value) + sum([len(item) for item in value if type(item) in _CONTAINERS])


def num_rows(columns: tuple[Column, ...]) -> int:
    """Returns the number of rows of some columns, one of which is a list."""
    for column in columns:
        if type(column) is list:
            return len(column)
    raise AssertionError("no column is a list")


def arguments_work(*columns: Column) -> int:
    """Returns the work of calls that read each item of their arguments once."""
    count = num_rows(columns)
    work = count
    for column in columns:
        work += count * extent(column.value) if isinstance(column, Fixed) else extents(column)
    return work


def described(arguments: Sequence[Value]) -> str:
    """Returns what kinds of values there are, in words."""
    return " and ".join(map(_kind, arguments))


def _kind(value: Value) -> str:
    if isinstance(value, int):
        return "a number"
    if isinstance(value, tuple | frozenset):
        return f"a {'tuple' if isinstance(value, tuple) else 'set'} of {len(value)}"
    return "nothing" if value is None else "a function"


def are_light(columns: tuple[Column, ...]) -> bool:
    """Whether there is nothing but numbers, functions and short tuples of numbers."""
    for column in columns:
        values = [column.value] if isinstance(column, Fixed) else column
        kinds = set(map(type, values))
        if frozenset in kinds:
            return False
        if tuple in kinds:
            tuples = values if len(kinds) == 1 else [value for value in values if type(value) is tuple]
            if max(map(len, tuples)) > _SHORT or not set(map(type, chain.from_iterable(tuples))) <= _NUMBERS:
                return False
    return True


def weight(value: Value, limit: int) -> int:
    """Returns the items in a nest of containers, those of all levels, where a cell or a location is one item.

    Counting stops soon after the limit; a nest of too many levels weighs more than the limit.
    """
    total = 0
    containers = [value] if type(value) in _CONTAINERS else []
    for _ in range(MAX_LEVELS):
        total += sum(map(len, containers))
        if total > limit:
            return total
        items = list(chain.from_iterable(containers))
        if not items or _is_flat(items):
            return total
        containers = [item for item in items if type(item) in _CONTAINERS]
    return total if not containers else limit + 1


def _is_flat(items: list[Value]) -> bool:
    """Whether there is nothing but numbers, nothing but locations or nothing but cells."""
    try:
        if type(items[0][1]) is tuple:
            fitting = [0 for value, (i, j) in items if type(value) is type(i) is type(j) is int]
        else:
            fitting = [0 for i, j in items if type(i) is type(j) is int]
        if len(fitting) == len(items):  # as nearly always
            return True
    except (TypeError, ValueError, IndexError):
        pass
    kinds = set(map(type, items))
    if kinds != {tuple} or set(map(len, items)) != {2}:
        return kinds <= _NUMBERS
    values, places = zip(*items, strict=True)
    if not set(map(type, values)) <= _NUMBERS:
        return False
    kinds = set(map(type, places))
    if kinds == {tuple}:
        return set(map(len, places)) == {2} and set(map(type, chain.from_iterable(places))) <= _NUMBERS
    return kinds <= _NUMBERS


def is_container(value: Value) -> bool:
    """Whether a value has items."""
    return type(value) in _CONTAINERS


def is_nest(container: Value) -> bool:
    """Whether a container's first item is more than a number, a location, a cell, or a row of a grid."""
    if type(container) not in _CONTAINERS or not container:
        return False
    item = next(iter(container))
    return type(item) is frozenset or (type(item) is tuple and len(item) > 0 and type(item[0]) in _CONTAINERS)


def largest_magnitude(values: list[Value]) -> int:
    """Returns the largest absolute value in some numbers and pairs of numbers."""
    numbers = [value for value in values if isinstance(value, int)]
    if len(numbers) < len(values):
        parts = chain.from_iterable([value for value in values if type(value) is tuple])
        numbers += [part for part in parts if isinstance(part, int)]
    return max(map(abs, numbers), default=0)


def joined_items(columns: Sequence[Column]) -> int:
    """Returns how many items arithmetic may make of coordinates that are containers and not numbers.

    As in Python, a sum joins such containers and a product repeats them.
    """
    for column in columns:
        values = [column.value] if isinstance(column, Fixed) else column
        if not set(map(type, values)) <= _NUMBERS:
            coordinates = chain.from_iterable([value[:2] for value in values if type(value) is tuple])
            if not set(map(type, coordinates)) <= _NUMBERS:
                return sum(map(_joined_items, *columns))
    return 0


def _joined_items(*arguments: Value) -> int:
    parts = [part for pair in arguments if type(pair) is tuple for part in pair[:2]]
    size = sum([len(part) for part in parts if type(part) is tuple])
    return size * max([2, *[abs(number) for number in (*arguments, *parts) if isinstance(number, int)]])
