"""Primitives that measure and move patches: where cells are, whatever their colours.

A patch is an object or indices; a *piece* is a patch or a grid. `reading` says how ill-formed ones are read.
"""

from collections.abc import Callable, Iterable
from itertools import product
from typing import Any

from codeit_jax.dsl.primitives.reading import are_cells, cell_locations, extreme, locations, read, tuples
from codeit_jax.dsl.types import Indices, Location, Object, Value, in_order

__all__ = [
    "center",
    "centerofmass",
    "corners",
    "height",
    "hline",
    "leftmost",
    "llcorner",
    "lowermost",
    "lrcorner",
    "normalize",
    "portrait",
    "recolor",
    "rightmost",
    "shape",
    "shift",
    "square",
    "toindices",
    "ulcorner",
    "uppermost",
    "urcorner",
    "vline",
    "width",
]


def toindices(patch: Value) -> Indices:
    """Returns the locations of a patch's cells; a patch of locations is returned as it is."""
    if len(patch) == 0:
        return frozenset()
    found = cell_locations(patch)
    if found:
        return frozenset(found)
    if found is None:
        items = list(in_order(patch))
        if are_cells(items):
            return frozenset([index for _, index in tuples(items)])
    return patch


def recolor(value: Value, patch: Value) -> Object:
    """Returns the object of one colour that covers a patch."""
    found = cell_locations(patch)
    indices = toindices(patch) if found is None else found or patch
    return frozenset([(value, index) for index in indices])


def shift(patch: Value, directions: Value) -> Value:
    """Returns a patch moved down and right by `directions`, which may be negative."""
    if len(patch) == 0:
        return patch
    down, right = in_order(directions)
    try:
        # As in `cell_locations`, each item is both unpacked and subscripted.
        if are_cells(patch):
            return frozenset(
                [
                    (value, (index[0] + down, j + right))
                    for cell in patch
                    for value, index in (cell,)
                    for _, j in (cell[1],)
                ]
            )
        return frozenset([(i + down, item[1] + right) for item in patch for i, _ in (item,)])
    except TypeError:
        has_cells, items, _ = read(patch)
    if has_cells:
        return frozenset([(value, (i + down, j + right)) for value, (i, j) in items])
    return frozenset([(i + down, j + right) for i, j in items])


def normalize(patch: Value) -> Value:
    """Returns a patch moved so that its topmost row and leftmost column are 0."""
    if len(patch) == 0:
        return patch
    _, items, pairs = read(patch)
    top, left = min([i for i, _ in pairs]), min([j for _, j in pairs])
    if top == left == 0 and items is patch and isinstance(patch, frozenset):
        return patch
    return shift(patch, (-top, -left))


def uppermost(patch: Value) -> int:
    """Returns the first row that a patch touches."""
    return extreme(min, [i for i, _ in locations(patch)], patch)


def lowermost(patch: Value) -> int:
    """Returns the last row that a patch touches."""
    return extreme(max, [i for i, _ in locations(patch)], patch)


def leftmost(patch: Value) -> int:
    """Returns the first column that a patch touches."""
    return extreme(min, [j for _, j in locations(patch)], patch)


def rightmost(patch: Value) -> int:
    """Returns the last column that a patch touches."""
    return extreme(max, [j for _, j in locations(patch)], patch)


def _span(coordinates: list[Any]) -> int:
    return max(coordinates) - min(coordinates) + 1


def height(piece: Value) -> int:
    """Returns the number of rows from a piece's first to its last; 0 of nothing."""
    if len(piece) == 0:
        return 0
    return len(piece) if isinstance(piece, tuple) else _span([i for i, _ in locations(piece)])


def width(piece: Value) -> int:
    """Returns the number of columns from a piece's first to its last; 0 of nothing."""
    if len(piece) == 0:
        return 0
    return len(piece[0]) if isinstance(piece, tuple) else _span([j for _, j in locations(piece)])


def shape(piece: Value) -> tuple[int, int]:
    """Returns a piece's height and width."""
    if len(piece) == 0:
        return (0, 0)
    if isinstance(piece, tuple):
        return (len(piece), len(piece[0]))
    pairs = locations(piece)
    return (_span([i for i, _ in pairs]), _span([j for _, j in pairs]))


def portrait(piece: Value) -> bool:
    """Whether a piece is higher than wide."""
    vertical, horizontal = shape(piece)
    return vertical > horizontal


def square(piece: Value) -> bool:
    """Whether a grid is as high as wide, or a patch fills a square without gaps."""
    if isinstance(piece, tuple):
        return len(piece) == len(piece[0])
    vertical, horizontal = shape(piece)
    return vertical == horizontal and vertical * horizontal == len(piece)


def vline(patch: Value) -> bool:
    """Whether a patch is one cell wide and has no gaps."""
    return height(patch) == len(patch) and width(patch) == 1


def hline(patch: Value) -> bool:
    """Whether a patch is one cell high and has no gaps."""
    return width(patch) == len(patch) and height(patch) == 1


def _columns(patch: Value) -> list[tuple[Any, ...]]:
    """Returns one tuple for each coordinate: that of every location."""
    return list(zip(*locations(patch), strict=False))


def _two_columns(patch: Value) -> list[tuple[Any, ...]]:
    columns = _columns(patch)
    if len(columns) > 2:
        raise ValueError("a location has more than two coordinates")
    return columns


def _extremes(
    patch: Value, choices: Iterable[Callable[..., Any]], columns: list[tuple[Any, ...]]
) -> Location:
    return tuple([extreme(choose, column, patch) for choose, column in zip(choices, columns, strict=False)])


def ulcorner(patch: Value) -> Location:
    """Returns the upper left corner of a patch's bounding box; `()` of nothing."""
    return tuple([extreme(min, column, patch) for column in _columns(patch)])


def urcorner(patch: Value) -> Location:
    """Returns the upper right corner of a patch's bounding box; `()` of nothing."""
    return _extremes(patch, (min, max), _two_columns(patch))


def llcorner(patch: Value) -> Location:
    """Returns the lower left corner of a patch's bounding box; `()` of nothing."""
    return _extremes(patch, (max, min), _two_columns(patch))


def lrcorner(patch: Value) -> Location:
    """Returns the lower right corner of a patch's bounding box; `()` of nothing."""
    return tuple([extreme(max, column, patch) for column in _columns(patch)])


def corners(patch: Value) -> Indices:
    """Returns the four corners of a patch's bounding box."""
    columns = _two_columns(patch)
    choices = product((min, max), repeat=2)
    return frozenset([_extremes(patch, choice, columns) for choice in choices])


def center(patch: Value) -> Location:
    """Returns the middle of a patch's bounding box, the lower right of two or four middles."""
    pairs = locations(patch)
    columns = [j for _, j in pairs]
    lines = [i for i, _ in pairs]
    vertical, horizontal = shape(patch) if isinstance(patch, tuple) else (_span(lines), _span(columns))
    return (min(lines) + vertical // 2, min(columns) + horizontal // 2)


def centerofmass(patch: Value) -> Location:
    """Returns the mean location of a patch, rounded down."""
    count = len(patch)
    return tuple([sum(column) // count for column in zip(*tuples(toindices(patch)), strict=False)])
