"""Primitives that make grids by colouring cells: of an empty canvas, at a patch, or wherever a colour is."""

from collections.abc import Iterable

from codeit_jax.arc.grid import Grid
from codeit_jax.dsl.primitives.objects import mostcolor
from codeit_jax.dsl.primitives.patches import shift, toindices
from codeit_jax.dsl.primitives.reading import cell_locations, locations, rows, tuples
from codeit_jax.dsl.types import Cell, Location, Object, Value, canonical_sorted, in_order

__all__ = [
    "canvas",
    "cover",
    "fill",
    "move",
    "paint",
    "replace",
    "switch",
    "underfill",
    "underpaint",
]


def canvas(value: int, dimensions: tuple[int, int]) -> Grid:
    """Returns a grid of one colour with `dimensions` rows and columns."""
    height = dimensions[0]
    # Of a canvas without rows, nobody asks the width.
    return ((value,) * dimensions[1],) * height if height > 0 else ()


def fill(grid: Grid, value: int, patch: Value) -> Grid:
    """Gives a patch's locations a colour; those outside the grid are ignored."""
    height, width = len(grid), len(grid[0])
    filled = [list(row) for row in rows(grid)]
    for i, j in locations(patch):
        if 0 <= i < height and 0 <= j < width:
            filled[i][j] = value
    return tuple(map(tuple, filled))


def underfill(grid: Grid, value: int, patch: Value) -> Grid:
    """Gives those of a patch's locations a colour that have the grid's most frequent one."""
    height, width = len(grid), len(grid[0])
    background = mostcolor(grid)
    filled = [list(row) for row in rows(grid)]
    for i, j in locations(patch):
        if 0 <= i < height and 0 <= j < width and filled[i][j] == background:
            filled[i][j] = value
    return tuple(map(tuple, filled))


def _in_painting_order(obj: Value) -> Iterable[Cell]:
    """Returns cells as they are to be read, or in another order that paints the same."""
    found = cell_locations(obj)
    if not found:
        return [(value, tuple(in_order(index))) for value, index in tuples(in_order(obj))]
    if not isinstance(obj, frozenset) or len(set(found)) == len(found):
        return obj
    # Cells that share a location differ in their colours, which therefore tell the order.
    colors = canonical_sorted({value for value, _ in obj})
    ranks = {value: rank for rank, value in enumerate(colors)}
    return sorted(obj, key=lambda cell: ranks[cell[0]])


def paint(grid: Grid, obj: Object) -> Grid:
    """Draws an object's cells on a grid; those outside the grid are ignored.

    Where several cells share a location the last one shows, of a set the one of the highest colour.
    """
    height, width = len(grid), len(grid[0])
    painted = [list(row) for row in rows(grid)]
    for value, (i, j) in _in_painting_order(obj):
        if 0 <= i < height and 0 <= j < width:
            painted[i][j] = value
    return tuple(map(tuple, painted))


def underpaint(grid: Grid, obj: Object) -> Grid:
    """Draws those of an object's cells whose location has the grid's most frequent colour.

    Where several cells share a location the first one of another colour shows.
    """
    height, width = len(grid), len(grid[0])
    background = mostcolor(grid)
    painted = [list(row) for row in rows(grid)]
    for value, (i, j) in _in_painting_order(obj):
        if 0 <= i < height and 0 <= j < width and painted[i][j] == background:
            painted[i][j] = value
    return tuple(map(tuple, painted))


def cover(grid: Grid, patch: Value) -> Grid:
    """Gives a patch's locations the grid's most frequent colour."""
    return fill(grid, mostcolor(grid), toindices(patch))


def move(grid: Grid, obj: Object, offset: Location) -> Grid:
    """Covers an object and draws it again `offset` further down and right."""
    return paint(cover(grid, obj), shift(obj, offset))


def replace(grid: Grid, replacee: int, replacer: int) -> Grid:
    """Gives all cells of one colour another."""
    return tuple(
        [
            tuple([replacer if value == replacee else value for value in row]) if replacee in row else row
            for row in rows(grid)
        ]
    )


def switch(grid: Grid, a: int, b: int) -> Grid:
    """Exchanges two colours."""
    exchanged = {a: b, b: a}.get
    return tuple([tuple(map(exchanged, row, row)) for row in rows(grid)])
