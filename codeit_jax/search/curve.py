"""The curve of a search: how many tasks are solved after so many programs, as a CSV file and as a picture."""

import csv
import dataclasses
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from codeit_jax.errors import UserError, naming


class CurveError(UserError):
    """A file that holds no curve; the message names it and the line."""


@dataclasses.dataclass(frozen=True)
class CurvePoint:
    """The tasks that the first programs of a search have solved.

    Attributes:
        num_programs: how many programs, equal ones counted once.
        solved: tasks of which one of the best three candidates gives every test output.
        solved_strict: tasks of which one does that and gives all demonstrations, too.
        share: `solved` as a share of all tasks.
        seconds: time that the search took up to here.
    """

    num_programs: int
    solved: int
    solved_strict: int
    share: float
    seconds: float


Curve = Sequence[tuple[float, float]]  # numbers of programs, and shares of tasks


def curve_csv(points: Sequence[Any], point_type: type = CurvePoint) -> str:
    """Returns the points, dataclasses of one type, as a table with a header."""
    names = [field.name for field in dataclasses.fields(point_type)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for point in points:
        writer.writerow([_written(name, getattr(point, name)) for name in names])
    return text.getvalue()


def _written(name: str, value: float) -> str:
    if isinstance(value, int):
        return str(value)
    return f"{value:.1f}" if name == "seconds" else f"{value:.6g}"


def read_curve(path: Path) -> list[tuple[float, float]]:
    """Reads numbers of programs and shares of tasks.

    Args:
        path: a CSV file. They are its columns `num_programs` and `share` if it has a header with these, as a
            search's has, and otherwise its first two columns; a header is skipped.

    Raises:
        CurveError: the file cannot be read, or is no such table.
    """
    with naming(path, CurveError):
        content = path.read_bytes()
    try:
        rows = list(csv.reader(content.decode().splitlines()))
    except (UnicodeDecodeError, csv.Error):
        raise CurveError(f"{path}: is no CSV file") from None
    columns = (0, 1)
    points = []
    for number, row in enumerate(rows, start=1):
        names = [cell.strip() for cell in row]
        if not any(names):
            continue
        try:
            points.append(_point(names, columns))
        except (ValueError, IndexError):
            if points or number > 1:
                raise CurveError(
                    f"{path}: line {number}: expected a number of programs and a share of tasks"
                ) from None
            if "num_programs" in names and "share" in names:
                columns = names.index("num_programs"), names.index("share")
    if not points:
        raise CurveError(f"{path}: holds no points of a curve")
    return points


def _point(cells: Sequence[str], columns: tuple[int, int]) -> tuple[float, float]:
    num_programs, share = (float(cells[column]) for column in columns)
    if not (0 <= num_programs < math.inf and 0 <= share <= 1):
        raise ValueError
    return num_programs, share


def curve_svg(curves: Mapping[str, Curve], end: float | None = None, unit: str = "programs") -> str:
    """Draws curves as one picture; equal curves give equal text.

    Args:
        curves: the curves, by name.
        end: where the picture ends; None to show all of them.
        unit: what the curves run over.
    """
    import matplotlib  # takes a second to load, which nothing else here needs
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, PercentFormatter

    with matplotlib.rc_context({"svg.hashsalt": "codeit_jax"}):
        figure = Figure(figsize=(8, 5), layout="constrained")
        axes = figure.add_subplot()
        for name, points in curves.items():
            numbers, shares = zip(*points, strict=True) if points else ((), ())
            # To matplotlib a dollar sign begins a formula, and an underscore a name that is not shown.
            label = name.replace("$", r"\$").replace("_", " _", int(name.startswith("_")))
            axes.plot(numbers, shares, label=label, marker=".", drawstyle="steps-post")
        axes.set_xlim(0, None if end is None else 1.05 * end)
        axes.set_ylim(bottom=0)
        axes.set_xlabel(unit)
        axes.set_ylabel("tasks solved")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:,.0f}"))
        axes.yaxis.set_major_formatter(PercentFormatter(xmax=1))
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right")
        picture = io.StringIO()
        figure.savefig(picture, format="svg", metadata={"Date": None})
    return picture.getvalue()
