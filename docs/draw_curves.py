"""Draws how many of the evaluation tasks are solved: python docs/draw_curves.py.

Of searches (docs/curves.csv) over time and over programs, of runs (docs/runs.csv) over time, by the
policy and in all. The numbers were measured by the commands that the documents beside them name; times are
of two cores. Of the released code only numbers of programs are known.
"""

import csv
import io
from collections import defaultdict
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

DOCS = Path(__file__).resolve().parent
Curves = dict[str, list[dict[str, str]]]


def read_curves(path: Path) -> Curves:
    """Returns the rows of each curve."""
    curves = defaultdict(list)
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            curves[row["curve"]].append(row)
    return dict(curves)


def draw_searches(curves: Curves, figure: Figure) -> None:
    """Draws tasks solved over time, and over programs."""
    panels = figure.subplots(1, 2, sharey=True)
    scales = (("seconds", 60, "minutes on two cores"), ("programs", 1, "programs run on each task"))
    for axes, (column, unit, label) in zip(panels, scales, strict=True):
        for number, (name, rows) in enumerate(curves.items()):
            _plot(axes, rows, (column, unit), "solved", label=name, color=f"C{number}")
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axes.set_xlabel(label)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3, which="both")
    panels[0].set_ylabel("of 400 evaluation tasks solved, by the paper's rule")
    panels[1].legend(loc="lower right")


def draw_runs(curves: Curves, figure: Figure) -> None:
    """Draws tasks solved over time by what the policy wrote in each meta-iteration, and in all."""
    panels = figure.subplots(1, 2)
    columns = (("policy", "by the policy in one meta-iteration"), ("cumulative", "in all"))
    for axes, (column, label) in zip(panels, columns, strict=True):
        for number, (name, rows) in enumerate(curves.items()):
            _plot(axes, rows, ("seconds", 60), column, label=name, color=f"C{number}")
        axes.set_xlabel("minutes on two cores")
        axes.set_title(label)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("of 400 evaluation tasks solved")
    panels[1].legend(loc="lower right")


def _plot(
    axes: Axes, rows: list[dict[str, str]], scale: tuple[str, int], column: str, *, label: str, color: str
) -> None:
    name, unit = scale
    points = [(float(row[name]) / unit, int(row[column])) for row in rows if row[name]]
    if points:
        axes.plot(*zip(*points, strict=True), label=label, marker=".", color=color)


def main() -> None:
    """Writes the pictures; equal curves give equal files."""
    for name, draw in (("curves", draw_searches), ("runs", draw_runs)):
        with matplotlib.rc_context({"svg.hashsalt": "codeit_jax"}):
            figure = Figure(figsize=(11, 5), layout="constrained")
            draw(read_curves(DOCS / f"{name}.csv"), figure)
            picture = io.StringIO()
            figure.savefig(picture, format="svg", metadata={"Date": None})
        (DOCS / f"{name}.svg").write_text(picture.getvalue(), encoding="utf-8")


if __name__ == "__main__":
    main()
