"""Pictures of tasks: their demonstrations, and what test inputs are answered with, as SVG."""

from collections.abc import Sequence
from itertools import groupby
from xml.etree import ElementTree

from codeit_jax.arc import Grid, Task

# The colours that ARC is shown in everywhere, 0 to 9.
COLOURS = (
    "#000000",
    "#0074d9",
    "#ff4136",
    "#2ecc40",
    "#ffdc00",
    "#aaaaaa",
    "#f012be",
    "#ff851b",
    "#7fdbff",
    "#870c25",
)
_CELL = 12
_GAP = 24
_LINE = 18  # of text
_ARROW = 36
_LETTER = 7.0  # an upper bound on the width of most
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#1b1b1b}.back{fill:#fff}.lines{stroke:#555;stroke-width:.5}"
    ".arrow{stroke:#1b1b1b;fill:none}"
    "@media (prefers-color-scheme:dark){text{fill:#eee}.back{fill:#181818}.arrow{stroke:#eee}}"
)

Labelled = tuple[str, Grid]


def task_picture(task: Task, attempts: Sequence[Sequence[Labelled]]) -> str:
    """Draws a task: a row for each demonstration, and one for each test input with its attempts.

    Args:
        task: the task; its test outputs are not drawn.
        attempts: for each test input the grids that it is answered with, each with a line of text about it.

    Returns:
        An SVG document; equal tasks and attempts give equal text.
    """
    rows = [
        [(f"demonstration {number}", pair.input), ("its output", pair.output)]
        for number, pair in enumerate(task.train, start=1)
        if pair.output is not None
    ]
    for number, (pair, given) in enumerate(zip(task.test, attempts, strict=True), start=1):
        rows.append([(f"test input {number}", pair.input), *given])
    picture = ElementTree.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img"})
    ElementTree.SubElement(picture, "title").text = f"ARC task {task.id}"
    ElementTree.SubElement(picture, "style").text = _STYLE
    back = ElementTree.SubElement(picture, "rect", {"class": "back", "width": "100%", "height": "100%"})
    back.tail = "\n"
    width, top = 0.0, float(_GAP)
    for row in rows:
        right, bottom = _draw_row(picture, row, top)
        width, top = max(width, right), bottom + _GAP
    picture.set("width", _number(width + _GAP))
    picture.set("height", _number(top))
    picture.set("viewBox", f"0 0 {_number(width + _GAP)} {_number(top)}")
    return ElementTree.tostring(picture, encoding="unicode") + "\n"


def _draw_row(picture: ElementTree.Element, row: Sequence[Labelled], top: float) -> tuple[float, float]:
    """Draws grids side by side, and returns where they end on the right and below."""
    left, bottom = float(_GAP), top
    for place, (label, grid) in enumerate(row):
        height, width = _CELL * len(grid), _CELL * len(grid[0])
        if place == 1:
            middle = top + _LINE + min(height, _CELL * len(row[0][1])) / 2
            _draw_arrow(picture, left - _ARROW - _GAP / 2, middle)
        text = ElementTree.SubElement(picture, "text", {"x": _number(left), "y": _number(top + _LINE / 2)})
        text.text = label
        _draw_grid(picture, grid, left, top + _LINE, label)
        left += max(width, _LETTER * len(label)) + (_GAP if place else _GAP + _ARROW)
        bottom = max(bottom, top + _LINE + height)
    return left - _GAP, bottom


def _draw_grid(picture: ElementTree.Element, grid: Grid, left: float, top: float, label: str) -> None:
    height, width = len(grid), len(grid[0])
    place = {"transform": f"translate({_number(left)} {_number(top)})"}
    group = ElementTree.SubElement(picture, "g", place)
    ElementTree.SubElement(group, "title").text = f"{label}, {height} by {width}"
    for i, row in enumerate(grid):
        start = 0
        for colour, run in groupby(row):
            length = len(list(run))
            attributes = {"x": start, "y": i, "width": length, "height": 1}
            cells = {name: str(_CELL * value) for name, value in attributes.items()}
            ElementTree.SubElement(group, "rect", {**cells, "fill": COLOURS[colour]})
            start += length
    lines = [f"M0 {_CELL * i}h{_CELL * width}" for i in range(height + 1)]
    lines += [f"M{_CELL * j} 0v{_CELL * height}" for j in range(width + 1)]
    ElementTree.SubElement(group, "path", {"class": "lines", "d": "".join(lines)})
    group.tail = "\n"


def _draw_arrow(picture: ElementTree.Element, left: float, middle: float) -> None:
    path = f"M{_number(left)} {_number(middle)}h{_ARROW - 8}m-6 -5l6 5l-6 5"
    ElementTree.SubElement(picture, "path", {"class": "arrow", "d": path})


def _number(value: float) -> str:
    return f"{value:g}"
