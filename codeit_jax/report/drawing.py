"""Charts as one picture in PNG."""

import io
import math
from collections.abc import Sequence

from codeit_jax.report.charts import Chart, Form, Series, Unit
from codeit_jax.report.wording import short_number

_COLUMNS = 3
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
    from matplotlib.figure import Figure  # takes a second to load, which a page does not need

    columns = min(_COLUMNS, max(1, len(charts)))
    rows = max(1, math.ceil(len(charts) / columns))
    figure = Figure(figsize=(5.2 * columns, 3.5 * rows), layout="constrained")
    figure.suptitle(_plain(title))
    panels = figure.subplots(rows, columns, squeeze=False).flat
    for axes, chart in zip(panels, charts, strict=False):
        _draw(axes, chart)
    for axes in panels[len(charts) :]:
        axes.set_axis_off()
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=144, metadata={"Software": None})
    return picture.getvalue()


def _draw(axes, chart: Chart) -> None:  # type: ignore[no-untyped-def]  # matplotlib has no types
    from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

    below: dict[float, float] = {}
    for series in chart.series:
        colour = f"#{_COLOURS[series.colour]}"
        xs, ys = ([point[axis] for point in series.points] for axis in (0, 1))
        label = _plain(series.name)
        if chart.form is Form.STACK:
            axes.bar(xs, ys, bottom=[below.get(x, 0.0) for x in xs], color=colour, label=label, width=0.78)
            below |= {x: below.get(x, 0.0) + y for x, y in series.points}
        else:
            stepped = "steps-post" if chart.form is Form.STEPS and not series.is_dashed else "default"
            style = "--" if series.is_dashed else ":" if _is_bound(chart, series) else "-"
            # A line of zeros lies on the axis, and is seen nevertheless.
            axes.plot(xs, ys, color=colour, label=label, drawstyle=stepped, ls=style, clip_on=False, zorder=3)
    if chart.form is Form.BAND and len(chart.series) > 1:
        low, high = (dict(chart.series[place].points) for place in (0, -1))
        area = f"#{_COLOURS[chart.series[0].colour]}"
        xs = sorted(low.keys() & high.keys())
        axes.fill_between(xs, [low[x] for x in xs], [high[x] for x in xs], color=area, alpha=0.15)
    if chart.references:
        axes.margins(y=0.12)
    lowest = min((each.value for each in chart.references), default=0.0)
    for each in chart.references:
        axes.axhline(each.value, color="#7a828e", ls="--", lw=1)
        axes.annotate(
            _plain(f"{each.name} {each.value:g}"),
            (0.02, each.value),
            xycoords=("axes fraction", "data"),
            fontsize=8,
            va="top" if each.value == lowest else "bottom",
        )
    axes.set_title(_plain(chart.title), loc="left", fontsize=11)
    axes.set_xlabel(chart.x)
    is_flat = chart.unit is Unit.SHARE and not any(y for each in chart.series for _, y in each.points)
    axes.set_ylim(0, 1 if is_flat else None)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    short = FuncFormatter(lambda value, _: short_number(value))
    axes.xaxis.set_major_formatter(short)
    axes.yaxis.set_major_formatter(PercentFormatter(1) if chart.unit is Unit.SHARE else short)
    axes.grid(alpha=0.25)
    if chart.form is Form.STACK:  # which leaves no room within
        axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=3, frameon=False)
    else:
        axes.legend(fontsize=8)


def _is_bound(chart: Chart, series: Series) -> bool:
    return chart.form is Form.BAND and series in (chart.series[0], chart.series[-1])


def _plain(text: str) -> str:
    """Returns text in which matplotlib sees no formula, nor a label that is not to be shown."""
    return text.replace("$", r"\$").replace("_", " _", int(text.startswith("_")))
