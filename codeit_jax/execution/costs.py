"""What calls cost: the work of a primitive, foreseen from its arguments, and the sizes of what it makes.

One unit of work is about one cell. A charge that comes after the fact could not stop a canvas of a billion
cells, so the primitives whose work is more than their arguments' items are foreseen one by one.
"""

from collections.abc import Callable, Mapping

from codeit_jax.dsl.primitives.patches import lrcorner, ulcorner
from codeit_jax.dsl.types import Value

_FEW = 4


def extent(container: Value) -> int:
    """Returns the number of a container's items; for a tuple of tuples, such as a grid, of their items."""
    size = len(container)
    if size and type(container) is tuple and type(container[0]) is tuple:
        return size * len(container[0])
    return size


def weight(value: Value, limit: int) -> int:
    """Returns the items in a nest of containers, those of all levels; stops counting soon after the limit.

    A container of more than a few items is taken to hold items of one kind, so that of cells, locations or
    numbers only one is looked at.
    """
    total = len(value)
    if total > _FEW and _is_flat(next(iter(value))):
        return total
    for item in value:
        kind = type(item)
        if kind is frozenset or kind is tuple:
            total += weight(item, limit - total)
            if total > limit:
                break
    return total


def _is_flat(item: Value) -> bool:
    """Whether a set's item is a number, a location or a cell."""
    if type(item) is not tuple:
        return isinstance(item, int)
    return len(item) == 2 and all(isinstance(part, int) or _is_location(part) for part in item)


def _is_location(value: Value) -> bool:
    return type(value) is tuple and len(value) == 2 and all(isinstance(part, int) for part in value)


def magnitude(value: Value) -> int:
    """Returns the largest absolute value in a number or a tuple of numbers."""
    if isinstance(value, tuple):
        return max(map(magnitude, value), default=0)
    return abs(value) if isinstance(value, int) else 0


def _times(count: Value) -> int:
    return max(count, 0) if isinstance(count, int) else 0


def _canvas(value: Value, dimensions: Value) -> int:
    return _times(dimensions[0]) * _times(dimensions[1])


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


FORESEEN_WORK: Mapping[str, Callable[..., int]] = {
    "backdrop": _bounding_box,
    "box": _outline,
    "canvas": _canvas,
    "combine": lambda a, b: len(a) + len(b),
    "connect": lambda a, b: abs(a[0] - b[0]) + abs(a[1] - b[1]),
    "crop": lambda grid, start, dimensions: _canvas(0, dimensions),
    "delta": _bounding_box,
    "gravitate": lambda source, destination: 4 * (len(source) + len(destination)),
    "hsplit": _split,
    "hupscale": _stretch,
    "inbox": _outline,
    "interval": lambda start, stop, step: len(range(start, stop, step)),
    "manhattan": lambda a, b: len(a) * len(b),
    "merge": lambda containers: sum(map(len, containers)),
    "objects": lambda grid, univalued, diagonal, without_background: 8 * extent(grid),
    "occurrences": lambda grid, patch: 4 * (extent(grid) + len(patch)),
    "outbox": _outline,
    "power": lambda function, count: _times(count),
    "prapply": lambda function, a, b: len(a) * len(b),
    "product": lambda a, b: len(a) * len(b),
    "repeat": lambda item, count: _times(count),
    "shoot": lambda start, direction: 42 * (abs(direction[0]) + abs(direction[1])),
    "upscale": _upscale,
    "vsplit": _split,
    "vupscale": _stretch,
}

# Primitives whose result may be nested deeper, or hold a larger number, than anything they were given.
NESTS = frozenset(
    "apply astuple initset insert mapply mpapply pair papply prapply product rapply repeat".split()
)
GROWS_NUMBERS = frozenset("add double multiply subtract".split())

# Primitives that do the same little whatever they are given, and make nothing larger than that.
CONSTANT_TIME = frozenset(
    "both branch chain compose crement decrement divide dneighbors either even flip fork greater halve identity "
    "increment ineighbors invert lbind matcher neighbors positive rbind sign toivec tojvec".split()
)
