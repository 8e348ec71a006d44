"""What calls cost: the work of a primitive, foreseen from its arguments, and the sizes of what it makes.

One unit of work is about one cell. A charge that comes after the fact could not stop a canvas of a billion
cells, so the primitives whose work is more than their arguments' items are foreseen one by one.
"""

from collections.abc import Callable, Mapping

from codeit_jax.dsl.primitives.patches import lrcorner, shape, ulcorner
from codeit_jax.dsl.types import Value, in_order

# Nothing may nest deeper, so that whatever walks through a value or calls a function stays well within the
# interpreter's recursion limit, which is not the same everywhere.
MAX_LEVELS = 100

_NO_LIMIT = 1 << 60

_NUMBERS = frozenset({int, bool})
_CONTAINERS = frozenset({tuple, frozenset})


def extent(container: Value) -> int:
    """Returns the number of a container's items; for a tuple of tuples, such as a grid, of their items."""
    size = len(container)
    if size and type(container) is tuple and type(container[0]) is tuple:
        return size * max(1, len(container[0]))
    return size


def weight(value: Value, limit: int, levels: int = MAX_LEVELS) -> int:
    """Returns the items in a nest of containers, those of all levels, where a cell or a location is one item.

    Counting stops soon after the limit; a nest of too many levels weighs more than the limit.
    """
    total = len(value)
    if _is_flat(value):
        return total
    for item in value:
        if type(item) in _CONTAINERS:
            total += weight(item, limit - total, levels - 1) if levels > 1 else limit + 1
            if total > limit:
                break
    return total


def _is_flat(container: Value) -> bool:
    """Whether a container holds nothing but numbers, nothing but locations or nothing but cells."""
    item = next(iter(container), 0)
    if isinstance(item, int):
        return set(map(type, container)) <= _NUMBERS
    if type(item) is not tuple or len(item) != 2:
        return False
    try:
        if type(item[1]) is tuple:
            fitting = [0 for value, (i, j) in container if type(i) is type(j) is type(value) is int]
        else:
            fitting = [0 for i, j in container if type(i) is type(j) is int]
    except (TypeError, ValueError):  # An item is no pair.
        return False
    return len(fitting) == len(container)


def _is_container(value: Value) -> bool:
    return type(value) in _CONTAINERS


def _is_nest(container: Value) -> bool:
    """Whether a container's first item is more than a number, a location, a cell, or a row of a grid."""
    if type(container) not in _CONTAINERS or not container:
        return False
    item = next(iter(container))
    return type(item) is frozenset or (type(item) is tuple and len(item) > 0 and type(item[0]) in _CONTAINERS)


def magnitude(value: Value) -> int:
    """Returns the largest absolute value in a number or a pair of numbers."""
    if isinstance(value, int):
        return abs(value)
    return max([abs(part) for part in value if isinstance(part, int)], default=0)


def joined_items(arguments: tuple[Value, ...]) -> int:
    """Returns how many items arithmetic may make of coordinates that are containers and not numbers.

    As in Python, a sum joins such containers and a product repeats them.
    """
    for pair in arguments:
        if type(pair) is tuple and not type(pair[0]) is int is type(pair[1]):
            break
    else:
        return 0
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
    # The digest of a function walks through the values in it.
    return weight(fixed, _NO_LIMIT) if type(fixed) in _CONTAINERS else 0


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


# Primitives whose result may weigh more than anything they were given, and for which arguments it may. A
# colour or a coordinate may turn out to be a container.
MAY_NEST: Mapping[str, Callable[..., bool]] = {
    **dict.fromkeys(("apply", "astuple", "initset", "insert", "mapply", "mpapply", "pair"), _always),
    **dict.fromkeys(("papply", "prapply", "product", "rapply", "repeat"), _always),
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
        *("fork", "greater", "halve", "identity", "increment", "invert", "positive", "sign"),
    }
)
