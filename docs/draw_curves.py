"""Draws how many of the evaluation tasks are solved, over time and over programs: python docs/draw_curves.py.

The numbers are those of docs/curves.csv, measured by the commands that the documents beside it name; times
are of two cores. Of the released code only numbers of programs are known.
"""

import csv
import io
from collections import defaultdict
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

ROOT = Path(__file__).resolve().parents[1]
POINTS = ROOT / "docs" / "curves.csv"
PICTURE = ROOT / "docs" / "curves.svg"


def read_curves(path: Path) -> dict[str, list[dict[str, str]]]:
    """Returns the rows of each curve."""
    curves = defaultdict(list)
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            curves[row["curve"]].append(row)
    return dict(curves)


def draw(curves: dict[str, list[dict[str, str]]]) -> str:
    """Returns the picture; equal curves give equal text."""
    with matplotlib.rc_context({"svg.hashsalt": "codeit_jax"}):
        figure = Figure(figsize=(11, 5), layout="constrained")
        panels = figure.subplots(1, 2, sharey=True)
        scales = (("seconds", 60, "minutes on two cores"), ("programs", 1, "programs run on each task"))
        for axes, (column, unit, label) in zip(panels, scales, strict=True):
            for number, (name, rows) in enumerate(curves.items()):
                points = [(float(row[column]) / unit, int(row["solved"])) for row in rows if row[column]]
                if points:
                    axes.plot(*zip(*points, strict=True), label=name, marker=".", color=f"C{number}")
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
            axes.set_xlabel(label)
            axes.set_ylim(bottom=0)
            axes.grid(alpha=0.3, which="both")
        panels[0].set_ylabel("of 400 evaluation tasks solved, by the paper's rule")
        panels[1].legend(loc="lower right")
        picture = io.StringIO()
        figure.savefig(picture, format="svg", metadata={"Date": None})
    return picture.getvalue()


if __name__ == "__main__":
    PICTURE.write_text(draw(read_curves(POINTS)), encoding="utf-8")
