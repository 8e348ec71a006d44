"""Primitives that rotate grids and mirror pieces."""

from codeit_jax.arc.grid import Grid
from codeit_jax.dsl.primitives.reading import Pairs, extreme, read, rows
from codeit_jax.dsl.types import Location, Value

__all__ = [
    "cmirror",
    "dmirror",
    "hmirror",
    "rot90",
    "rot180",
    "rot270",
    "vmirror",
]


def rot90(grid: Grid) -> Grid:
    """Turns a grid clockwise by a quarter."""
    return tuple(zip(*rows(grid[::-1]), strict=False))


def rot180(grid: Grid) -> Grid:
    """Turns a grid by half."""
    return tuple([row[::-1] for row in grid[::-1]])


def rot270(grid: Grid) -> Grid:
    """Turns a grid counterclockwise by a quarter."""
    return tuple(zip(*rows(grid[:]), strict=False))[::-1]


def _measured(patch: Value) -> tuple[bool, Pairs, Location, Location]:
    """Reads a patch; returns whether it has cells, its items, and two corners of its bounding box."""
    has_cells, items, pairs = read(patch)
    lines, columns = [i for i, _ in pairs], [j for _, j in pairs]
    upper_left = (extreme(min, lines, patch), extreme(min, columns, patch))
    return has_cells, items, upper_left, (extreme(max, lines, patch), extreme(max, columns, patch))


def hmirror(piece: Value) -> Value:
    """Turns a piece upside down; a patch stays in its bounding box."""
    if isinstance(piece, tuple):
        return piece[::-1]
    has_cells, items, (top, _), (bottom, _) = _measured(piece)
    total = top + bottom
    if has_cells:
        return frozenset([(value, (total - i, j)) for value, (i, j) in items])
    return frozenset([(total - i, j) for i, j in items])


def vmirror(piece: Value) -> Value:
    """Swaps left and right of a piece; a patch stays in its bounding box."""
    if isinstance(piece, tuple):
        return tuple([row[::-1] for row in piece])
    has_cells, items, (_, left), (_, right) = _measured(piece)
    total = left + right
    if has_cells:
        return frozenset([(value, (i, total - j)) for value, (i, j) in items])
    return frozenset([(i, total - j) for i, j in items])


def dmirror(piece: Value) -> Value:
    """Swaps rows and columns of a piece; a patch keeps its upper left corner."""
    if isinstance(piece, tuple):
        return tuple(zip(*rows(piece), strict=False))
    has_cells, items, (top, left), _ = _measured(piece)
    down = top - left
    if has_cells:
        return frozenset([(value, (j + down, i - down)) for value, (i, j) in items])
    return frozenset([(j + down, i - down) for i, j in items])


def cmirror(piece: Value) -> Value:
    """Mirrors a piece along its other diagonal; a patch keeps its upper left corner."""
    if isinstance(piece, tuple):
        return tuple(zip(*[row[::-1] for row in piece[::-1]], strict=False))
    has_cells, items, (top, left), (bottom, right) = _measured(piece)
    vertical, horizontal = top + right, left + bottom
    if has_cells:
        return frozenset([(value, (vertical - j, horizontal - i)) for value, (i, j) in items])
    return frozenset([(vertical - j, horizontal - i) for i, j in items])
