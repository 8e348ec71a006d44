"""Primitives that draw locations: neighbours, lines, rectangles and what surrounds a patch."""

from itertools import chain, product

from codeit_jax.dsl.primitives.patches import toindices, ulcorner
from codeit_jax.dsl.primitives.reading import extreme, locations
from codeit_jax.dsl.types import Indices, Location, Value, in_order

__all__ = [
    "backdrop",
    "box",
    "connect",
    "delta",
    "dneighbors",
    "hfrontier",
    "inbox",
    "ineighbors",
    "neighbors",
    "outbox",
    "shoot",
    "vfrontier",
]

# The largest side of a grid, and a distance that leads out of any.
LARGEST_SIDE = 30
FAR = 42


def dneighbors(location: Location) -> Indices:
    """Returns the four locations that share an edge with one."""
    i, j = location[0], location[1]
    return frozenset(((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)))


def ineighbors(location: Location) -> Indices:
    """Returns the four locations that share only a corner with one."""
    i, j = location[0], location[1]
    return frozenset(((i - 1, j - 1), (i - 1, j + 1), (i + 1, j - 1), (i + 1, j + 1)))


def neighbors(location: Location) -> Indices:
    """Returns the eight locations around one."""
    return dneighbors(location) | ineighbors(location)


def connect(a: Location, b: Location) -> Indices:
    """Returns the straight or diagonal line from one location to another; none if there is no such line."""
    (a_row, a_column), (b_row, b_column) = in_order(a), in_order(b)
    height, width = b_row - a_row, b_column - a_column
    if height and width and abs(height) != abs(width):
        return frozenset()
    down, right = 1 if height >= 0 else -1, 1 if width >= 0 else -1
    lines, columns = range(a_row, b_row + down, down), range(a_column, b_column + right, right)
    # A straight line has one row or one column.
    return frozenset(zip(lines, columns, strict=True) if height and width else product(lines, columns))


def shoot(start: Location, direction: Location) -> Indices:
    """Returns the line from a location to the one 42 times a direction away."""
    return connect(start, (start[0] + FAR * direction[0], start[1] + FAR * direction[1]))


def vfrontier(location: Location) -> Indices:
    """Returns a location's column, as of the largest grid."""
    column = location[1]
    return frozenset([(i, column) for i in range(LARGEST_SIDE)])


def hfrontier(location: Location) -> Indices:
    """Returns a location's row, as of the largest grid."""
    row = location[0]
    return frozenset([(row, j) for j in range(LARGEST_SIDE)])


def _bounds(patch: Value) -> tuple[int, int, int, int]:
    """Returns the first row and column of a patch and the last ones.

    Raises:
        ValueError: the patch is empty, or no patch.
    """
    lines, columns = zip(*locations(patch), strict=False)
    return min(lines), min(columns), max(lines), max(columns)


def backdrop(patch: Value) -> Indices:
    """Returns all locations in a patch's bounding box."""
    if len(patch) == 0:
        return frozenset()
    lines, columns = zip(*locations(patch), strict=False)
    bottom, right = extreme(max, lines, patch), extreme(max, columns, patch)
    if isinstance(right, int):
        top, left = extreme(min, lines, patch), min(columns)
    else:  # The columns are tuples: what should be locations are cells themselves.
        top, left = ulcorner(toindices(patch))
    between = range(top, bottom + 1)
    # Without a row, the columns need not be numbers.
    return frozenset(product(between, range(left, right + 1))) if between else frozenset()


def delta(patch: Value) -> Indices:
    """Returns the locations in a patch's bounding box that are not its own."""
    if len(patch) == 0:
        return frozenset()
    return backdrop(patch) - toindices(patch)


def _outline(top: int, left: int, bottom: int, right: int) -> Indices:
    """Returns the border of the rectangle between two opposite corners, in whichever order."""
    top, bottom = min(top, bottom), max(top, bottom)
    left, right = min(left, right), max(left, right)
    lines, columns = range(top, bottom + 1), range(left, right + 1)
    return frozenset(chain(product(lines, (left, right)), product((top, bottom), columns)))


def box(patch: Value) -> Indices:
    """Returns the border of a patch's bounding box; of an empty patch, the patch."""
    if len(patch) == 0:
        return patch
    return _outline(*_bounds(patch))


def inbox(patch: Value) -> Indices:
    """Returns the border of a patch's bounding box made smaller by one cell on each side.

    Raises:
        ValueError: the patch is empty.
    """
    top, left, bottom, right = _bounds(patch)
    return _outline(top + 1, left + 1, bottom - 1, right - 1)


def outbox(patch: Value) -> Indices:
    """Returns the border of a patch's bounding box made larger by one cell on each side.

    Raises:
        ValueError: the patch is empty.
    """
    top, left, bottom, right = _bounds(patch)
    return _outline(top - 1, left - 1, bottom + 1, right + 1)
