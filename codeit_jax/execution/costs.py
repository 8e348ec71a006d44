"""Costs of calls: the work of a primitive, foreseen from its arguments, and the sizes of what it makes.

One unit of work is about one cell. A charge that comes after the fact could not stop a canvas of a billion
cells, so the primitives whose work is more than their arguments' items are foreseen one by one.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from itertools import chain

from codeit_jax.dsl.primitives.patches import lrcorner, shape, ulcorner
from codeit_jax.dsl.types import Column, Fixed, Value, in_order

# Nothing may nest deeper, so that whatever walks through a value or calls a function stays well within the
# interpreter's recursion limit, which is not the same everywhere.
MAX_LEVELS = 100

_NO_LIMIT = 1 << 60
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


def _is_container(value: Value) -> bool:
    return type(value) in _CONTAINERS


def _is_nest(container: Value) -> bool:
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


def _times(count: Value) -> int:
    return max(count, 0) if isinstance(count, int) else 0


def _canvas(value: Value, dimensions: Value) -> int:
    height = _times(dimensions[0])
    return height * _times(dimensions[1]) if height else 0


def _pairs(a: Value, b: Value) -> int:
    # Against nothing, the first may be anything at all.
    return len(a) * len(b) if len(b) else 0


def _product_weight(a: Value, b: Value) -> int:
    if len(b) == 0:
        return 0
    items = weight(a, _NO_LIMIT) * len(b) + weight(b, _NO_LIMIT) * len(a)
    return max(items, len(a) * len(b))


def _line(a: Value, b: Value) -> int:
    (a_row, a_column), (b_row, b_column) = in_order(a), in_order(b)
    return abs(a_row - b_row) + abs(a_column - b_column)


def _upscale(element: Value, factor: Value) -> int:
    return extent(element) * max(1, _times(factor)) ** 2


def _stretch(grid: Value, factor: Value) -> int:
    return extent(grid) * max(1, _times(factor))


def _split(grid: Value, parts: Value) -> int:
    return extent(grid) + _times(parts) * len(grid)


def _bounding_box(patch: Value) -> int:
    if len(patch) == 0:
        return 0
    (top, left), (bottom, right) = ulcorner(patch), lrcorner(patch)
    return len(patch) + (bottom - top + 1) * (right - left + 1)


def _outline(patch: Value) -> int:
    if len(patch) == 0:
        return 0
    (top, left), (bottom, right) = ulcorner(patch), lrcorner(patch)
    return len(patch) + 2 * (bottom - top + right - left + 8)


def _period(obj: Value) -> int:
    return len(obj) * max(shape(obj))


def _fall(source: Value, destination: Value) -> int:
    # Every cell of a line is held against every cell of the lines beside it, at worst of all the cells.
    return len(source) + len(destination) + len(source) * len(destination) // 8


def _occurrences(grid: Value, patch: Value) -> int:
    size = extent(grid)
    if set(map(type, grid)) != {tuple} or len(set(map(len, grid))) > 1:  # It is searched cell by cell.
        size *= len(patch)
    return 4 * (size + len(patch))


def _walk(*arguments: Value) -> int:
    # To compare a nest of tuples, or to hash it, is to walk through all of its levels.
    return sum(
        [
            weight(argument, _NO_LIMIT) if _is_nest(argument) else extent(argument)
            for argument in arguments
            if type(argument) in _CONTAINERS
        ]
    )


def _bind(function: Value, fixed: Value) -> int:
    # To hash a function is to walk through the tuples in it; sets remember their hashes.
    return weight(fixed, _NO_LIMIT) if type(fixed) is tuple and _is_nest(fixed) else extent(fixed)


FORESEEN_WORK: Mapping[str, Callable[..., int]] = {
    "backdrop": _bounding_box,
    "box": _outline,
    "canvas": _canvas,
    "combine": lambda a, b: len(a) + len(b),
    "contained": _walk,
    "connect": _line,
    "crop": lambda grid, start, dimensions: len(grid),
    "delta": _bounding_box,
    "dedupe": _walk,
    "difference": _walk,
    "equality": _walk,
    "gravitate": _fall,
    "hperiod": _period,
    "hsplit": _split,
    "hupscale": _stretch,
    "inbox": _outline,
    "interval": lambda start, stop, step: len(range(start, stop, step)),
    "lbind": _bind,
    "leastcommon": _walk,
    "manhattan": lambda a, b: len(a) * len(b),
    "matcher": _bind,
    "merge": lambda containers: sum(map(len, containers)),
    "mostcommon": _walk,
    "objects": lambda grid, univalued, diagonal, without_background: 8 * extent(grid),
    "occurrences": _occurrences,
    "other": _walk,
    "outbox": _outline,
    "power": lambda function, count: _times(count),
    "prapply": lambda function, a, b: _pairs(a, b),
    "product": _pairs,
    "rbind": _bind,
    "remove": _walk,
    "repeat": lambda item, count: _times(count),
    "shoot": lambda start, direction: 42 * (abs(direction[0]) + abs(direction[1])),
    "upscale": _upscale,
    "vperiod": _period,
    "vsplit": _split,
    "vupscale": _stretch,
}


def _always(*_: Value) -> bool:
    return True


# The items of a primitive's result, where they are known before it is made.
FORESEEN_ITEMS: Mapping[str, Callable[..., int]] = {
    "canvas": _canvas,
    "hupscale": _stretch,
    "interval": FORESEEN_WORK["interval"],
    "product": _product_weight,
    "recolor": lambda value, patch: len(patch),
    "repeat": lambda item, count: _times(count),
    "shift": lambda patch, directions: len(patch),
    "upscale": _upscale,
    "vupscale": _stretch,
}

# Primitives whose result may weigh more than anything they were given, and for which arguments it may. A
# colour or a coordinate may turn out to be a container.
MAY_NEST: Mapping[str, Callable[..., bool]] = {
    **dict.fromkeys(("apply", "astuple", "initset", "insert", "mapply", "mpapply", "pair"), _always),
    **dict.fromkeys(("papply", "prapply", "rapply", "repeat"), _always),
    "canvas": lambda value, dimensions: _is_container(value),
    "cellwise": lambda a, b, fallback: _is_container(fallback),
    "combine": lambda a, b: _is_nest(a) or _is_nest(b),
    "fill": lambda grid, value, patch: _is_container(value),
    "hconcat": lambda a, b: _is_nest(a) or _is_nest(b),
    "hupscale": lambda grid, factor: _is_nest(grid),
    "recolor": lambda value, patch: _is_container(value),
    "replace": lambda grid, replacee, replacer: _is_container(replacer),
    "shift": lambda patch, directions: _is_container(directions) and any(map(_is_container, directions)),
    "switch": lambda grid, a, b: _is_container(a) or _is_container(b),
    "toivec": _is_container,
    "tojvec": _is_container,
    "underfill": lambda grid, value, patch: _is_container(value),
    "upscale": lambda element, factor: _is_nest(element),
    "vconcat": lambda a, b: _is_nest(a) or _is_nest(b),
    "vupscale": lambda grid, factor: _is_nest(grid),
}

# Primitives that build functions.
COMBINATORS = frozenset({"chain", "compose", "fork", "lbind", "matcher", "power", "rbind"})

# Primitives whose result may be a larger number than any they were given.
GROWS_NUMBERS = frozenset({"add", "double", "multiply", "subtract"})

# Primitives that do the same little whatever they are given, and make nothing larger than that.
CONSTANT_TIME = frozenset(
    {
        *("both", "branch", "chain", "compose", "crement", "decrement", "divide", "either", "even", "flip"),
        *("fork", "greater", "halve", "identity", "increment", "invert", "positive", "sign", "size"),
    }
)

# Functions of Python's own that do what a primitive does to tuples, and faster.
SAME_ON_TUPLES: Mapping[str, Callable[..., Value]] = {
    "first": operator.itemgetter(0),
    "last": operator.itemgetter(-1),
}

# Those that do what a primitive does to anything.
SAME_IN_C: Mapping[str, Callable[..., Value]] = {
    "equality": operator.eq,
    "flip": operator.not_,
    "greater": operator.gt,
    "intersection": operator.and_,
    "size": len,
}

# Primitives that are called afresh; most take no longer than to look up what they gave before.
QUICK = (
    CONSTANT_TIME
    | COMBINATORS
    | GROWS_NUMBERS
    | {
        *("astuple", "combine", "contained", "difference", "equality", "first", "initset", "insert"),
        *("intersection", "last", "maximum", "minimum", "pair", "product", "remove", "repeat", "toivec"),
        *("tojvec", "totuple", "canvas", "interval"),
    }
)
