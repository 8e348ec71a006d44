"""Values of the language as pictures, in few characters: what the page's script draws.

A picture is rows of cells, joined by `/`: a digit is a colour, `.` no cell and `x` a cell without a colour. A
cell that is repeated four times or more is written once, its number behind it: `0{12}`.
"""

import re
from collections.abc import Iterable
from typing import Any

from codeit_jax.arc import Grid, is_grid
from codeit_jax.arc.grid import MAX_SIDE, NUM_COLOURS
from codeit_jax.dsl.types import Function, Value, canonical_sorted
from codeit_jax.report.wording import counted

_RUN = re.compile(r"(.)\1{3,}")
_WRITTEN_RUN = re.compile(r"(.)\{(\d+)\}")
_MAX_TEXT = 160  # characters
_MAX_PICTURES = 8  # of a tuple of grids
_MAX_ITEMS = 6  # of a container within another value
_MAX_DEPTH = 4  # of functions and containers that are written out

Frame = tuple[int, int]  # rows and columns that objects are shown in where they fit
Encoded = dict[str, Any]


def grid_text(grid: Iterable[Iterable[object]]) -> str:
    """Returns a grid, or rows of cells, as text."""
    return _RUN.sub(
        lambda run: f"{run[1]}{{{len(run[0])}}}", "/".join("".join(map(str, row)) for row in grid)
    )


def rows_of(picture: str) -> list[str]:
    """Returns the rows of a picture, a character a cell."""
    return _WRITTEN_RUN.sub(lambda run: run[1] * int(run[2]), picture).split("/")


def encode(value: Value, frame: Frame) -> Encoded:
    """Returns a value as JSON-able data.

    Args:
        value: what a line of a program gave.
        frame: the rows and columns of the program's input, in which objects are shown if they lie in it.

    Returns:
        `g`, a picture, or `gs`, some of them, where it is a grid, cells, locations or some of these; `t`, it
        in words.
    """
    if is_grid(value):
        return {"g": grid_text([[int(cell) for cell in row] for row in value]), "t": _size(value)}
    if isinstance(value, frozenset) and value:
        return _encode_set(value, frame)
    if isinstance(value, tuple) and value and all(map(is_grid, value)):
        return {"gs": [grid_text(grid) for grid in value[:_MAX_PICTURES]], "t": counted(len(value), "grid")}
    if isinstance(value, tuple) and value and all(_is_object(item) for item in value):
        pictures = [_picture(item, frame) for item in value[:_MAX_PICTURES]]
        if all(pictures):
            return {"gs": pictures, "t": counted(len(value), "object")}
    return {"t": text_of(value)}


def text_of(value: Value) -> str:
    """Returns a value in one line of text, cut short where it is long."""
    text = _text(value, _MAX_DEPTH)
    return text if len(text) <= _MAX_TEXT else f"{text[: _MAX_TEXT - 1]}…"


def _encode_set(value: frozenset[Value], frame: Frame) -> Encoded:
    if _is_object(value):
        kind, cells = counted(len(value), "cell"), value
    elif _are_places(value):
        kind, cells = counted(len(value), "place"), value
    elif all(_is_object(item) for item in value):
        kind, cells = counted(len(value), "object"), _flat(value)
    elif all(isinstance(item, frozenset) and _are_places(item) for item in value):
        kind, cells = f"{counted(len(value), 'set')} of places", _flat(value)
    else:
        return {"t": text_of(value)}
    picture = _picture(cells, frame)
    return {"g": picture, "t": kind} if picture else {"t": text_of(value)}


def _flat(sets: Iterable[Iterable[Value]]) -> frozenset[Value]:
    return frozenset(item for each in canonical_sorted(sets) for item in each)


def _picture(cells: frozenset[Value], frame: Frame) -> str:
    """Returns cells or places as a picture; "" where there are none, or they are too far apart."""
    if not cells:
        return ""
    colours = {}
    for cell in canonical_sorted(cells):
        colour, place = cell if isinstance(cell[1], tuple) else ("x", cell)
        colours[place] = colour
    top, left = (min(place[axis] for place in colours) for axis in (0, 1))
    bottom, right = (max(place[axis] for place in colours) for axis in (0, 1))
    if top >= 0 and left >= 0 and bottom < frame[0] and right < frame[1]:
        top, left, (bottom, right) = 0, 0, (frame[0] - 1, frame[1] - 1)
    if bottom - top >= MAX_SIDE or right - left >= MAX_SIDE:
        return ""
    return grid_text(
        [colours.get((i, j), ".") for j in range(left, right + 1)] for i in range(top, bottom + 1)
    )


def _is_object(value: Value) -> bool:
    return (
        isinstance(value, frozenset)
        and bool(value)
        and all(
            isinstance(cell, tuple)
            and len(cell) == 2
            and isinstance(cell[0], int)
            and 0 <= cell[0] < NUM_COLOURS
            and _is_place(cell[1])
            for cell in value
        )
    )


def _are_places(value: Iterable[Value]) -> bool:
    return all(map(_is_place, value))


def _is_place(value: Value) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(isinstance(each, int) for each in value)


def _size(grid: Grid) -> str:
    return f"{len(grid)} by {len(grid[0])}"


def _text(value: Value, depth: int) -> str:
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Function):
        if not value.arguments or not depth:
            return value.name
        return f"{value.name}({', '.join(_text(each, depth - 1) for each in value.arguments)})"
    if depth < _MAX_DEPTH:
        if is_grid(value):
            return f"a grid of {_size(value)}"
        if len(value) > _MAX_ITEMS:
            return f"a {'tuple' if isinstance(value, tuple) else 'set'} of {len(value)}"
    if not depth:
        return "…"
    items = ", ".join(_text(each, depth - 1) for each in _first(value))
    return f"({items})" if isinstance(value, tuple) else f"{{{items}}}"


def _first(value: Value) -> list[Value]:
    """Returns the items of a container that there is room for."""
    items = list(value) if isinstance(value, tuple) else canonical_sorted(value)
    return items[: _MAX_TEXT // 2]
