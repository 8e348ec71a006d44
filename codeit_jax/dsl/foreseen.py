"""Foreseen work: what calls of primitives cost, told from their arguments before they are made.

A charge that comes after the fact could not stop a canvas of a billion cells.
One unit of work is about one cell.
"""

from codeit_jax.dsl.primitives.patches import lrcorner, shape, ulcorner
from codeit_jax.dsl.sizes import extent, is_container, is_nest, weight
from codeit_jax.dsl.types import Value, in_order

_NO_LIMIT = 1 << 60


def reads(*arguments: Value) -> int:
    """Returns the work of reading each item of the arguments once."""
    return sum(map(extent, arguments))


def repetitions(count: Value) -> int:
    """Returns how many times something is repeated."""
    return max(count, 0) if isinstance(count, int) else 0


def canvas_items(value: Value, dimensions: Value) -> int:
    """Returns the cells of a canvas."""
    height = repetitions(dimensions[0])
    return height * repetitions(dimensions[1]) if height else 0


def pairs(a: Value, b: Value) -> int:
    """Returns how many pairs two containers make."""
    # Against nothing, the first may be anything at all.
    return len(a) * len(b) if len(b) else 0


def product_weight(a: Value, b: Value) -> int:
    """Returns the items in the pairs of two containers, those of all levels."""
    if len(b) == 0:
        return 0
    items = weight(a, _NO_LIMIT) * len(b) + weight(b, _NO_LIMIT) * len(a)
    return max(items, len(a) * len(b))


def line_work(a: Value, b: Value) -> int:
    """Returns the work of connecting two locations."""
    (a_row, a_column), (b_row, b_column) = in_order(a), in_order(b)
    return abs(a_row - b_row) + abs(a_column - b_column)


def upscaled_items(element: Value, factor: Value) -> int:
    """Returns the items of what is scaled up."""
    return extent(element) * max(1, repetitions(factor)) ** 2


def stretched_items(grid: Value, factor: Value) -> int:
    """Returns the cells of a grid that is stretched one way."""
    return extent(grid) * max(1, repetitions(factor))


def split_work(grid: Value, parts: Value) -> int:
    """Returns the work of splitting a grid."""
    return extent(grid) + repetitions(parts) * len(grid)


def bounding_box_work(patch: Value) -> int:
    """Returns the work of filling a bounding box."""
    if len(patch) == 0:
        return 0
    (top, left), (bottom, right) = ulcorner(patch), lrcorner(patch)
    return len(patch) + (bottom - top + 1) * (right - left + 1)


def outline_work(patch: Value) -> int:
    """Returns the work of drawing an outline."""
    if len(patch) == 0:
        return 0
    (top, left), (bottom, right) = ulcorner(patch), lrcorner(patch)
    return len(patch) + 2 * (bottom - top + right - left + 8)


def period_work(obj: Value) -> int:
    """Returns the work of finding a period."""
    return len(obj) * max(shape(obj))


def fall_work(source: Value, destination: Value) -> int:
    """Returns the work of moving one patch to another."""
    # Every cell of a line is held against every cell of the lines beside it, at worst of all the cells.
    return len(source) + len(destination) + len(source) * len(destination) // 8


def occurrences_work(grid: Value, patch: Value) -> int:
    """Returns the work of finding an object in a grid."""
    size = extent(grid)
    if set(map(type, grid)) != {tuple} or len(set(map(len, grid))) > 1:  # It is searched cell by cell.
        size *= len(patch)
    return 4 * (size + len(patch))


def walk_work(*arguments: Value) -> int:
    """Returns the work of comparing or hashing values."""
    # To compare a nest of tuples, or to hash it, is to walk through all of its levels.
    return sum(
        [
            weight(argument, _NO_LIMIT) if is_nest(argument) else extent(argument)
            for argument in arguments
            if is_container(argument)
        ]
    )


def bind_work(function: Value, fixed: Value) -> int:
    """Returns the work of fixing an argument of a function."""
    # To hash a function is to walk through the tuples in it; sets remember their hashes.
    return weight(fixed, _NO_LIMIT) if type(fixed) is tuple and is_nest(fixed) else extent(fixed)


def always(*_: Value) -> bool:
    """Whatever is given, yes."""
    return True


def either_nests(a: Value, b: Value) -> bool:
    """Whether one of two containers is a nest."""
    return is_nest(a) or is_nest(b)


def interval_items(start: Value, stop: Value, step: Value) -> int:
    """Returns the numbers in an interval."""
    return len(range(start, stop, step))


def repeated_items(item: Value, count: Value) -> int:
    """Returns the items of a tuple that repeats one."""
    return repetitions(count)


def mapped_pairs(function: Value, a: Value, b: Value) -> int:
    """Returns how many pairs a function is called on."""
    return pairs(a, b)
