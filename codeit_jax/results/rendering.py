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
_CELLS = (8, 24)  # the least and the most that a cell is wide
_SIDE = 160  # that the largest grid is about wide where that leaves cells between these
_GAP = 24
_LINE = 16  # of text
_ARROW = 36
_LETTER = 6.6  # that most are at most wide
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#1b1b1b}.back{fill:#fff}.lines{stroke:#555;stroke-width:.5}"
    ".arrow{stroke:#1b1b1b;fill:none}"
    "@media (prefers-color-scheme:dark){text{fill:#eee}.back{fill:#181818}.arrow{stroke:#eee}}"
)

Labelled = tuple[Sequence[str], Grid]  # a grid, below some lines of text


def task_picture(task: Task, attempts: Sequence[Sequence[Labelled]]) -> str:
    """Draws a task: a row for each demonstration, and one for each test input with its attempts.

    Args:
        task: the task; its test outputs are not drawn.
        attempts: for each test input the grids that it is answered with, each with lines of text about it.

    Returns:
        An SVG document; equal tasks and attempts give equal text.
    """
    rows: list[list[Labelled]] = [
        [([f"demonstration {number}"], pair.input), (["output"], pair.output)]
        for number, pair in enumerate(task.train, start=1)
        if pair.output is not None
    ]
    for number, (pair, given) in enumerate(zip(task.test, attempts, strict=True), start=1):
        rows.append([([f"test input {number}"], pair.input), *given])
    return _Picture(f"ARC task {task.id}", rows).text()


class _Picture:
    """Rows of grids, in columns; an arrow leads from the first of each row to the second."""

    def __init__(self, title: str, rows: Sequence[Sequence[Labelled]]) -> None:
        self._rows = rows
        longest = max(max(len(grid), len(grid[0])) for row in rows for _, grid in row)
        self._cell = min(max(_SIDE // longest, _CELLS[0]), _CELLS[1])
        self._svg = ElementTree.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img"})
        ElementTree.SubElement(self._svg, "title").text = title
        ElementTree.SubElement(self._svg, "style").text = _STYLE
        ElementTree.SubElement(self._svg, "rect", {"class": "back", "width": "100%", "height": "100%"})

    def text(self) -> str:
        """Returns the picture as an SVG document."""
        num_columns = max(map(len, self._rows))
        lefts = [float(_GAP)]
        for column in range(num_columns):
            width = max(self._width_of(row[column]) for row in self._rows if column < len(row))
            lefts.append(lefts[-1] + width + _GAP + (0 if column else _ARROW))
        top = float(_GAP)
        for row in self._rows:
            top = self._draw_row(row, lefts, top) + _GAP
        right, bottom = _number(lefts[-1]), _number(top)
        self._svg.attrib |= {"width": right, "height": bottom, "viewBox": f"0 0 {right} {bottom}"}
        return ElementTree.tostring(self._svg, encoding="unicode") + "\n"

    def _width_of(self, labelled: Labelled) -> float:
        lines, grid = labelled
        return max(self._cell * len(grid[0]), _LETTER * max(map(len, lines)))

    def _draw_row(self, row: Sequence[Labelled], lefts: Sequence[float], top: float) -> float:
        """Draws a row, and returns where it ends below."""
        top += _LINE * max(len(lines) for lines, _ in row)
        height = self._cell * max(len(grid) for _, grid in row)
        for left, (lines, grid) in zip(lefts, row, strict=False):
            for number, line in enumerate(lines):
                y = _number(top - _LINE * (len(lines) - number) + _LINE / 2)
                ElementTree.SubElement(self._svg, "text", {"x": _number(left), "y": y}).text = line
            self._draw_grid(grid, left, top, lines[0])
        middle = _number(top + height / 2)
        path = f"M{_number(lefts[1] - _ARROW - _GAP / 2)} {middle}h{_ARROW - 8}m-6 -5l6 5l-6 5"
        ElementTree.SubElement(self._svg, "path", {"class": "arrow", "d": path})
        return top + height

    def _draw_grid(self, grid: Grid, left: float, top: float, label: str) -> None:
        height, width, cell = len(grid), len(grid[0]), self._cell
        place = {"transform": f"translate({_number(left)} {_number(top)})"}
        group = ElementTree.SubElement(self._svg, "g", place)
        ElementTree.SubElement(group, "title").text = f"{label}, {height} by {width}"
        runs: dict[int, list[str]] = {}
        for i, row in enumerate(grid):
            j = 0
            for colour, cells in groupby(row):
                length = len(list(cells))
                bar = f"M{cell * j} {cell * i}h{cell * length}v{cell}h-{cell * length}z"
                runs.setdefault(colour, []).append(bar)
                j += length
        for colour, bars in sorted(runs.items()):
            ElementTree.SubElement(group, "path", {"fill": COLOURS[colour], "d": "".join(bars)})
        lines = [f"M0 {cell * i}h{cell * width}" for i in range(height + 1)]
        lines += [f"M{cell * j} 0v{cell * height}" for j in range(width + 1)]
        ElementTree.SubElement(group, "path", {"class": "lines", "d": "".join(lines)})


def _number(value: float) -> str:
    return f"{value:g}"
