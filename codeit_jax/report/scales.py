"""The axes of charts: from where to where they go, and what stands on them, whoever draws them."""

import dataclasses
import math
from collections.abc import Iterable

from codeit_jax.report.charts import Chart, Form, Series, Unit
from codeit_jax.report.wording import clock, percent, short_number

_NUM_TICKS = 4
_HEADROOM = 1.06
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_TIMES = (  # between ticks, in seconds
    *(1, 2, 5, 10, 15, 30),
    *(each * _MINUTE for each in (1, 2, 5, 10, 15, 30)),
    *(each * _HOUR for each in (1, 2, 3, 6, 12, 24)),
)

Tick = tuple[float, str]  # a value of an axis, and what stands there


@dataclasses.dataclass(frozen=True)
class Scale:
    """The axes of a chart, in its own units; the one on the left begins at 0.

    Attributes:
        x_low: where the axis below begins.
        x_high: where it ends.
        y_high: where the axis on the left ends.
        x_ticks: what stands below.
        y_ticks: what stands on the left.
    """

    x_low: float
    x_high: float
    y_high: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


def scale_of(chart: Chart) -> Scale:
    """Returns the axes of a chart, of one without any points, too."""
    x_low, x_high = _across(chart)
    y_high = _height(chart)
    return Scale(x_low, x_high, y_high, _x_ticks(chart, x_low, x_high), _y_ticks(chart, y_high))


def totals(series: Iterable[Series]) -> dict[float, float]:
    """Returns the sums of series, at every x that one of them has."""
    sums: dict[float, float] = {}
    for each in series:
        for x, value in each.points:
            sums[x] = sums.get(x, 0.0) + value
    return sums


def _across(chart: Chart) -> tuple[float, float]:
    xs = [x for each in chart.series for x, _ in each.points] or [0.0, 1.0]
    low, high = min(xs), max(xs)
    if chart.form is Form.STACK:
        return low - 0.5, high + 0.5
    if chart.form is Form.STEPS or chart.x_unit is Unit.SECONDS or low == high:
        return min(low, 0.0), high if high > 0 else 1.0
    return low, high


def _height(chart: Chart) -> float:
    if chart.form is Form.STACK:
        values = list(totals(chart.series).values())
    else:
        values = [y for each in chart.series for _, y in each.points]
    high = max([*values, *(each.value for each in chart.references)], default=0.0)
    if chart.unit is Unit.SHARE and high > 0.5:
        return 1.0
    return high * _HEADROOM if high > 0 else 1.0


def _x_ticks(chart: Chart, low: float, high: float) -> tuple[Tick, ...]:
    if chart.x_unit is Unit.SECONDS:
        step = _time_step(high - low)
        return tuple((x, clock(x, step)) for x in _range(low, high, step))
    step = _step(high - low)
    if all(x == int(x) for each in chart.series for x, _ in each.points):
        step = math.ceil(step)
    first = math.ceil(low / step) * step
    return tuple((x, short_number(x)) for x in _range(first, high, step))


def _y_ticks(chart: Chart, high: float) -> tuple[Tick, ...]:
    step = _step(high)
    if chart.unit is Unit.SHARE:
        return tuple((y, percent(y).replace(".0%", "%")) for y in _range(0, high, step))
    if all(y == int(y) for each in chart.series for _, y in each.points):
        step = math.ceil(step)
    return tuple((y, short_number(y)) for y in _range(0, high, step))


def _step(span: float) -> float:
    """Returns a round distance between ticks."""
    rough = max(span, 1e-12) / _NUM_TICKS
    size = 10.0 ** math.floor(math.log10(rough))
    return next(each * size for each in (1, 2, 2.5, 5, 10) if each * size >= rough * 0.999)


def _time_step(span: float) -> float:
    """Returns a distance between ticks that a clock would have, in seconds."""
    if span < _NUM_TICKS * _TIMES[0]:
        return _step(span)
    found = (each for each in _TIMES if each >= span / _NUM_TICKS * 0.999)
    return next(found, math.ceil(_step(span / _DAY)) * _DAY)


def _range(start: float, stop: float, step: float) -> list[float]:
    count = math.floor((stop - start) / step + 1e-9) + 1
    return [float(f"{start + step * place:.12g}") for place in range(max(0, count))]
