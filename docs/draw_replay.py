"""Draws what a replay buffer costs at every size: python docs/draw_replay.py.

Of docs/replay.json, which `python launch/benchmark.py --suite=replay --json=docs/replay.json` writes.
"""

import io
import json
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

DOCS = Path(__file__).resolve().parent
CASES = ("adding", "drawn and read", "grids unpacked", "checkpoint", "restored", "memory")
Points = dict[str, dict[int, dict[str, Any]]]


def read_points(path: Path) -> Points:
    """Returns the measurements of each case by the number of entries."""
    points: Points = {case: {} for case in CASES}
    for measurement in json.loads(path.read_text(encoding="utf-8"))["measurements"]:
        size, _, name = measurement["name"].partition(": ")
        for case in CASES:
            if all(word in name for word in case.split()):
                points[case][int(size.replace(",", ""))] = measurement
    return points


def draw(points: Points, figure: Figure) -> None:
    """Draws seconds and megabytes over entries; what is linear is as steep as the grey lines."""
    times, memory = figure.subplots(1, 2)
    for number, (case, key) in enumerate(
        (
            ("filled up to there", "adding"),
            ("90,000 drawn by priority and read", "drawn and read"),
            ("their grids unpacked", "grids unpacked"),
            ("checkpoint after 10,000 new ones", "checkpoint"),
            ("restored", "restored"),
        )
    ):
        for figure_of, style in (("ours_by_cpu", "-"), ("ours", ":")):
            sizes, values = _seconds(points[key], figure_of)
            label = case if style == "-" else None
            times.plot(sizes, values, style, marker=".", color=f"C{number}", label=label)
    times.set_title("seconds of CPU (dotted: by the wall clock)")
    for key, label, color in (("ours", "the buffer", "C0"), ("peer", "its content", "C1")):
        memory.plot(
            [*points["memory"]],
            [each[key] for each in points["memory"].values()],
            marker=".",
            color=color,
            label=label,
        )
    memory.set_title("megabytes")
    for axes in (times, memory):
        _finish(axes)


def _seconds(points: dict[int, dict[str, Any]], figure_of: str) -> tuple[list[int], list[float]]:
    sizes = sorted(points)
    values = [points[size][figure_of] for size in sizes]
    if points[sizes[0]]["unit"] == "/s":
        filled = [0.0]
        for size, before, rate in zip(sizes, [0, *sizes], values, strict=False):
            filled.append(filled[-1] + (size - before) / rate)
        values = filled[1:]
    return sizes, values


def _finish(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    (low, high), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    for exponent in range(-12, 6):
        start = 10.0**exponent
        axes.plot([low, high], [start * low, start * high], color="0.85", linewidth=0.7, zorder=0)
    axes.set_xlim(low, high)
    axes.set_ylim(bottom, top)
    axes.set_xlabel("entries in the buffer")
    axes.legend(fontsize="small")


def main() -> None:
    """Writes the picture; equal measurements give an equal file."""
    with matplotlib.rc_context({"svg.hashsalt": "codeit_jax"}):
        figure = Figure(figsize=(11, 5), layout="constrained")
        draw(read_points(DOCS / "replay.json"), figure)
        picture = io.StringIO()
        figure.savefig(picture, format="svg", metadata={"Date": None})
    (DOCS / "replay.svg").write_text(picture.getvalue(), encoding="utf-8")


if __name__ == "__main__":
    main()
