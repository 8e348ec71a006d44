"""Primitives that cut, join and scale grids."""

from itertools import product
from operator import add

from codeit_jax.arc.grid import Grid
from codeit_jax.dsl.primitives.patches import shape, shift, ulcorner
from codeit_jax.dsl.primitives.reading import rows, tuples
from codeit_jax.dsl.primitives.symmetry import dmirror
from codeit_jax.dsl.types import Indices, Location, Object, Value, in_order

__all__ = [
    "asindices",
    "bottomhalf",
    "cellwise",
    "compress",
    "crop",
    "downscale",
    "hconcat",
    "hsplit",
    "hupscale",
    "index",
    "lefthalf",
    "ofcolor",
    "righthalf",
    "subgrid",
    "tophalf",
    "trim",
    "upscale",
    "vconcat",
    "vsplit",
    "vupscale",
]


def asindices(grid: Grid) -> Indices:
    """Returns the locations of all cells."""
    height = len(grid)
    return frozenset(product(range(height), range(len(grid[0])))) if height else frozenset()


def ofcolor(grid: Grid, value: int) -> Indices:
    """Returns the locations of the cells of a colour."""
    return frozenset(
        [
            (i, j)
            for i, row in enumerate(rows(grid))
            if value in row
            for j, other in enumerate(row)
            if other == value
        ]
    )


def index(grid: Grid, location: Location) -> int | None:
    """Returns the colour at a location, None outside the grid."""
    i, j = in_order(location)
    height, width = len(grid), len(grid[0])
    if 0 <= i < height and 0 <= j < width:
        return grid[location[0]][location[1]]
    return None


def crop(grid: Grid, start: Location, dimensions: tuple[int, int]) -> Grid:
    """Returns the part of a grid that has its upper left corner at `start`, and at most `dimensions`."""
    lines = grid[start[0] : start[0] + dimensions[0]]
    if not lines:
        return ()
    columns = slice(start[1], start[1] + dimensions[1])
    return tuple([row[columns] for row in lines])


def subgrid(patch: Value, grid: Grid) -> Grid:
    """Returns the part of a grid in a patch's bounding box."""
    return crop(grid, ulcorner(patch), shape(patch))


def trim(grid: Grid) -> Grid:
    """Returns a grid without its first and last row and column."""
    return tuple([row[1:-1] for row in grid[1:-1]])


def tophalf(grid: Grid) -> Grid:
    """Returns the upper half; a middle row belongs to neither half."""
    return grid[: len(grid) // 2]


def bottomhalf(grid: Grid) -> Grid:
    """Returns the lower half; a middle row belongs to neither half."""
    return grid[(len(grid) + 1) // 2 :]


def _halved(grid: Grid) -> tuple[list[tuple[Value, ...]], int, int]:
    """Returns the rows of a tuple, the width they share, and half of it."""
    lines = list(rows(grid[:]))
    width = min(map(len, lines), default=0)
    return lines, width, width // 2


def lefthalf(grid: Grid) -> Grid:
    """Returns the left half, `()` if it has no columns; a middle column belongs to neither half."""
    lines, _, half = _halved(grid)
    return tuple([row[:half] for row in lines]) if half else ()


def righthalf(grid: Grid) -> Grid:
    """Returns the right half, `()` if it has no columns; a middle column belongs to neither half."""
    lines, width, half = _halved(grid)
    return tuple([row[width - half : width] for row in lines]) if half else ()


def hsplit(grid: Grid, n: int) -> tuple[Grid, ...]:
    """Returns `n` equal parts from left to right; a column between any two if the width is no multiple."""
    height, whole = len(grid), len(grid[0])
    width, gap = whole // n, whole % n != 0
    return tuple([crop(grid, (0, i * (width + gap)), (height, width)) for i in range(n)])


def vsplit(grid: Grid, n: int) -> tuple[Grid, ...]:
    """Returns `n` equal parts from top to bottom; a row between any two if the height is no multiple."""
    whole, width = len(grid), len(grid[0])
    height, gap = whole // n, whole % n != 0
    return tuple([crop(grid, (i * (height + gap), 0), (height, width)) for i in range(n)])


def hconcat(a: Grid, b: Grid) -> Grid:
    """Returns two grids side by side, as high as the lower one."""
    return tuple(map(add, in_order(a), in_order(b)))


def vconcat(a: Grid, b: Grid) -> Grid:
    """Returns one grid above the other."""
    return a + b


def hupscale(grid: Grid, factor: int) -> Grid:
    """Repeats each column `factor` times."""
    return tuple([tuple([value for value in row for _ in range(factor)]) for row in rows(grid)])


def vupscale(grid: Grid, factor: int) -> Grid:
    """Repeats each row `factor` times."""
    return tuple([row for row in in_order(grid) for _ in range(factor)])


def _upscaled_object(obj: Object, factor: int) -> Object:
    if len(obj) == 0:
        return frozenset()
    top, left = ulcorner(obj)
    steps = range(factor)
    return frozenset(
        [
            (value, (top + i * factor + down, left + j * factor + right))
            for value, (i, j) in tuples(shift(obj, (-top, -left)))
            for down in steps
            for right in steps
        ]
    )


def upscale(element: Value, factor: int) -> Value:
    """Makes each cell of a grid or an object a square of `factor` cells a side; an object's corner stays."""
    if isinstance(element, tuple):
        return vupscale(hupscale(element, factor), factor)
    return _upscaled_object(element, factor)


def downscale(grid: Grid, factor: int) -> Grid:
    """Keeps every `factor`-th row and column, the first ones included."""
    columns = [j for j in range(len(grid[0])) if j % factor == 0]
    lines = [tuple([row[j] for j in columns]) for row in grid]
    return tuple([line for i, line in enumerate(lines) if i % factor == 0])


def cellwise(a: Grid, b: Grid, fallback: int) -> Grid:
    """Returns the first grid, with a fallback colour wherever the second differs.

    Raises:
        IndexError: the second grid is smaller.
    """
    width = len(a[0])
    if width == 0:
        return ((),) * len(a)
    agreed = []
    for i, line in enumerate(a):
        ours, theirs = line[:width], b[i][:width]
        if not len(ours) == len(theirs) == width:
            raise IndexError("cellwise compares a grid with a smaller one")
        agreed.append(tuple([u if u == v else fallback for u, v in zip(ours, theirs, strict=True)]))
    return tuple(agreed)


def compress(grid: Grid) -> Grid:
    """Returns a grid without the rows and columns that have one colour only."""
    uniform = {j for j, column in enumerate(in_order(dmirror(grid))) if len(set(column)) == 1}
    return tuple(
        [
            tuple([value for j, value in enumerate(row) if j not in uniform])
            for row in rows(grid)
            if len(set(row)) != 1
        ]
    )
