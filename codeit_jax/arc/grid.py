"""Grids: what ARC tasks are made of."""

import reprlib
from collections.abc import Sequence
from typing import Any

Grid = tuple[tuple[int, ...], ...]

MAX_SIDE = 30
NUM_COLOURS = 10


class GridError(ValueError):
    """A value that is no grid; the message says why."""


def is_grid(value: Any) -> bool:
    """Whether a value is a valid grid.

    A valid grid is a non-empty rectangle of at most 30 x 30 cells: a tuple of equally long tuples of ints
    0..9. A `bool` counts as the int it equals.
    """
    if not isinstance(value, tuple) or not 1 <= len(value) <= MAX_SIDE:
        return False
    if set(map(type, value)) != {tuple}:
        return False
    widths = set(map(len, value))
    if len(widths) > 1 or not 1 <= min(widths) <= MAX_SIDE:
        return False
    try:
        cells = b"".join(map(bytes, value))  # far faster than looking at them one by one
    except (TypeError, ValueError):
        return False
    return max(cells) < NUM_COLOURS


def to_grid(rows: Any) -> Grid:
    """Builds a grid from nested sequences of numbers, such as parsed JSON or a NumPy array's `tolist()`.

    Raises:
        GridError: the rows are not a non-empty rectangle of at most 30 x 30 colours 0..9.
    """
    if not _is_sequence(rows) or len(rows) == 0:
        raise GridError("a grid must be a non-empty list of rows")
    if len(rows) > MAX_SIDE:
        raise GridError(f"a grid has at most {MAX_SIDE} rows, this one has {len(rows)}")
    width: int | None = None
    for i, row in enumerate(rows):
        if not _is_sequence(row) or len(row) == 0:
            raise GridError(f"row {i} must be a non-empty list of colours")
        if width is None:
            width = len(row)
            if width > MAX_SIDE:
                raise GridError(f"a grid has at most {MAX_SIDE} columns, this one has {width}")
        if len(row) != width:
            raise GridError(f"ragged rows: row {i} has {len(row)} cells, row 0 has {width}")
        for j, cell in enumerate(row):
            if not isinstance(cell, int) or isinstance(cell, bool) or not 0 <= cell < NUM_COLOURS:
                raise GridError(
                    f"row {i}, column {j}: a colour is an integer from 0 to 9, not {reprlib.repr(cell)}"
                )
    return tuple(tuple(row) for row in rows)


def num_cells(grid: Grid) -> int:
    """Returns rows times columns."""
    return len(grid) * len(grid[0])


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
