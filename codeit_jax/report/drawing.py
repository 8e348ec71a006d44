"""Charts as one picture in PNG."""

import io
import math
import textwrap
from collections.abc import Sequence

from codeit_jax.report.charts import Chart, Form, Series
from codeit_jax.report.scales import scale_of

_COLUMNS = 3
_LETTERS = 84  # of a legend's, side by side
_ABOVE = 1.08  # the highest reference there is room for its name
# Those of `style.css`, of a light page.
_COLOURS = {
    **dict(
        enumerate(("1f5fd0", "c2570c", "0d8050", "8243c4", "b8860b", "be1e5a", "0b7f8f", "7a828e"), start=1)
    ),
    **dict(
        enumerate(("0d8050", "6cc08b", "7aa9ea", "c9b8ea", "efa04b", "d9663d", "a33246", "b9bec6"), start=11)
    ),
}


def charts_png(charts: Sequence[Chart], title: str) -> bytes:
    """Draws charts side by side; equal charts give equal pictures."""
    picture = io.BytesIO()
    charts_figure(charts, title).savefig(picture, format="png", dpi=144, metadata={"Software": None})
    return picture.getvalue()


def charts_figure(charts: Sequence[Chart], title: str):  # type: ignore[no-untyped-def]  # it has no types
    """Returns charts side by side as a figure of matplotlib's."""
    from matplotlib.figure import Figure  # takes a second to load, which a page does not need

    columns = min(_COLUMNS, max(1, len(charts)))
    rows = max(1, math.ceil(len(charts) / columns))
    figure = Figure(figsize=(5.2 * columns, 3.5 * rows), layout="constrained")
    figure.suptitle(_plain(textwrap.fill(title, _LETTERS * columns)))
    panels = figure.subplots(rows, columns, squeeze=False).flat
    for axes, chart in zip(panels, charts, strict=False):
        _draw(axes, chart)
    for axes in panels[len(charts) :]:
        axes.set_axis_off()
    return figure


def _draw(axes, chart: Chart) -> None:  # type: ignore[no-untyped-def]  # matplotlib has no types
    below: dict[float, float] = {}
    for series in chart.series:
        colour = f"#{_COLOURS[series.colour]}"
        xs, ys = ([point[axis] for point in series.points] for axis in (0, 1))
        label = _plain(_wrapped(series.name))
        if chart.form is Form.STACK:
            axes.bar(xs, ys, bottom=[below.get(x, 0.0) for x in xs], color=colour, label=label, width=0.78)
            below |= {x: below.get(x, 0.0) + y for x, y in series.points}
        else:
            stepped = "steps-post" if chart.form is Form.STEPS and not series.is_dashed else "default"
            style = "--" if series.is_dashed else ":" if _is_bound(chart, series) else "-"
            # A line of zeros lies on the axis, and is seen nevertheless.
            look = {"drawstyle": stepped, "ls": style, "marker": "o" if len(xs) == 1 else ""}
            axes.plot(xs, ys, color=colour, label=label, clip_on=False, zorder=3, **look)
    if chart.form is Form.BAND and len(chart.series) > 1:
        low, high = (dict(chart.series[place].points) for place in (0, -1))
        area = f"#{_COLOURS[chart.series[0].colour]}"
        xs = sorted(low.keys() & high.keys())
        axes.fill_between(xs, [low[x] for x in xs], [high[x] for x in xs], color=area, alpha=0.15)
    for place, each in enumerate(sorted(chart.references, key=lambda reference: reference.value)):
        axes.axhline(each.value, color="#7a828e", ls="--", lw=1)
        axes.annotate(
            _plain(f"{each.name} {each.value:g}"),
            (0.02, each.value),
            xytext=(0, 3 if place else -3),
            textcoords="offset points",
            xycoords=("axes fraction", "data"),
            fontsize=8,
            va="bottom" if place else "top",
            zorder=4,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )
    axes.set_title(_plain(_wrapped(chart.title)), loc="left", fontsize=11)
    axes.set_xlabel(chart.x)
    scale = scale_of(chart)
    axes.set_xlim(scale.x_low, scale.x_high)
    axes.set_ylim(0, scale.y_high * (_ABOVE if chart.references else 1))
    axes.set_xticks(*zip(*scale.x_ticks, strict=True))
    axes.set_yticks(*zip(*scale.y_ticks, strict=True))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    # Below, where no curve is.
    names = [_wrapped(each.name) for each in chart.series]
    columns = max(1, min(3, _LETTERS // (max(map(len, names), default=0) + 6)))
    axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=columns, frameon=False)


def _is_bound(chart: Chart, series: Series) -> bool:
    return chart.form is Form.BAND and series in (chart.series[0], chart.series[-1])


def _wrapped(text: str) -> str:
    """Returns a text in lines for which there is room, such as the path of a folder."""
    return textwrap.fill(text, _LETTERS - 6)


def _plain(text: str) -> str:
    """Returns text in which matplotlib sees no formula, nor a label that is not to be shown."""
    return text.replace("$", r"\$").replace("_", " _", int(text.startswith("_")))
