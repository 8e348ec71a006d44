"""Charts as SVG: where each mark goes, in numbers that a template writes down."""

import dataclasses
import math
from collections.abc import Iterable, Sequence

from codeit_jax.report.charts import Chart, Form, Point, Series, Unit
from codeit_jax.report.wording import number, percent, short_number

WIDTH, HEIGHT = 460, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 12, 16, 36
_NUM_TICKS = 4
_ABOVE = 4  # a line its name stands
_LABEL = 14  # of height
_BAR = 0.78  # of the room that a bar has


@dataclasses.dataclass(frozen=True)
class Tick:
    """A mark of an axis: where it is, and what stands there."""

    place: float
    text: str


@dataclasses.dataclass(frozen=True)
class Mark:
    """A series as it is drawn.

    Attributes:
        name: the series' name.
        colour: the number of its colour.
        path: an SVG path.
        is_filled: whether the path is an area.
        is_dashed: whether the series is another's.
        dots: single points that no line would show.
        last: the last value, as text.
    """

    name: str
    colour: int
    path: str
    is_filled: bool = False
    is_dashed: bool = False
    dots: tuple[Point, ...] = ()
    last: str = ""


@dataclasses.dataclass(frozen=True)
class Line:
    """A reference: where its line is, and where its name stands beside it."""

    name: str
    value: str
    place: float
    label: float


@dataclasses.dataclass(frozen=True)
class TableRow:
    """What the series have at one x: its place in the picture, and everything as text."""

    place: float
    x: str
    values: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Plot:
    """A chart ready to be written down as SVG, with the table that says the same.

    Attributes:
        chart: the chart.
        x_ticks: marks of the axis below.
        y_ticks: marks of the axis on the left.
        areas: marks that lie under the others.
        marks: one for each series.
        lines: references.
        rows: the table.
        summary: what the picture shows, in a sentence.
    """

    chart: Chart
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    areas: tuple[Mark, ...]
    marks: tuple[Mark, ...]
    lines: tuple[Line, ...]
    rows: tuple[TableRow, ...]
    summary: str

    left, right, top, bottom = _LEFT, WIDTH - _RIGHT, _TOP, HEIGHT - _BOTTOM
    width, height = WIDTH, HEIGHT


@dataclasses.dataclass(frozen=True)
class _Frame:
    """Where values lie in the picture."""

    x_low: float
    x_high: float
    y_high: float

    def x(self, value: float) -> float:
        span = (self.x_high - self.x_low) or 1.0
        return round(_LEFT + (value - self.x_low) / span * (WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        return round(HEIGHT - _BOTTOM - value / self.y_high * (HEIGHT - _TOP - _BOTTOM), 1)


def plot(chart: Chart) -> Plot:
    """Returns a chart with all its marks in their places; one without any points has only axes."""
    frame = _frame(chart)
    y_step = _step(frame.y_high)
    x_step = _step(frame.x_high - frame.x_low)
    if chart.form is Form.STACK:
        x_step = max(1.0, x_step)
    first = math.ceil(frame.x_low / x_step) * x_step
    xs = _range(
        max(first, math.ceil(frame.x_low)) if chart.form is Form.STACK else first, frame.x_high, x_step
    )
    y_text = percent if chart.unit is Unit.SHARE else short_number
    if chart.form is Form.STACK:
        marks = _bars(chart, frame)
    else:
        marks = tuple(_curve(chart, each, frame) for each in chart.series)
    return Plot(
        chart,
        tuple(Tick(frame.x(x), short_number(x)) for x in xs),
        tuple(Tick(frame.y(y), y_text(y).replace(".0%", "%")) for y in _range(0, frame.y_high, y_step)),
        _areas(chart, frame),
        marks,
        _references(chart, frame),
        _rows(chart, frame),
        _summary(chart),
    )


def _frame(chart: Chart) -> _Frame:
    xs = [x for each in chart.series for x, _ in each.points] or [0.0, 1.0]
    x_low, x_high = min(xs), max(xs)
    if chart.form is Form.STACK:
        x_low, x_high = x_low - 0.5, x_high + 0.5
    elif chart.form is Form.STEPS:
        x_low = 0.0
    if x_low == x_high:
        x_low, x_high = x_low - 1, x_high + 1
    if chart.form is Form.STACK:
        totals = list(_totals(chart.series).values())
    else:
        totals = [y for each in chart.series for _, y in each.points]
    high = max([*totals, *(each.value for each in chart.references)], default=0.0)
    if chart.unit is Unit.SHARE and high > 0.5:
        return _Frame(x_low, x_high, 1.0)
    return _Frame(x_low, x_high, high * 1.06 if high > 0 else 1.0)


def _step(span: float) -> float:
    """Returns a round distance between ticks."""
    rough = max(span, 1e-12) / _NUM_TICKS
    size = 10.0 ** math.floor(math.log10(rough))
    return next(each * size for each in (1, 2, 2.5, 5, 10) if each * size >= rough * 0.999)


def _range(start: float, stop: float, step: float) -> list[float]:
    count = math.floor((stop - start) / step + 1e-9) + 1
    return [float(f"{start + step * place:.12g}") for place in range(max(0, count))]


def _text(chart: Chart, value: float) -> str:
    return percent(value) if chart.unit is Unit.SHARE else number(value)


def _curve(chart: Chart, series: Series, frame: _Frame) -> Mark:
    points = [(frame.x(x), frame.y(y)) for x, y in series.points]
    last = _text(chart, series.points[-1][1]) if points else ""
    dots = tuple(points) if len(points) == 1 else ()
    is_stepped = chart.form is Form.STEPS and not series.is_dashed
    path = _stepped(points) if is_stepped else _joined(points)
    return Mark(series.name, series.colour, path, False, series.is_dashed, dots, last)


def _joined(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points) if points else ""


def _stepped(points: Sequence[Point]) -> str:
    if not points:
        return ""
    return f"M{points[0][0]:g} {points[0][1]:g}" + "".join(f"H{x:g}V{y:g}" for x, y in points[1:])


def _areas(chart: Chart, frame: _Frame) -> tuple[Mark, ...]:
    if chart.form is not Form.BAND or len(chart.series) < 2 or not chart.series[0].points:
        return ()
    low, high = chart.series[0], chart.series[-1]
    outline = [(frame.x(x), frame.y(y)) for x, y in (*high.points, *reversed(low.points))]
    return (Mark("", high.colour, f"{_joined(outline)}Z", is_filled=True),)


def _bars(chart: Chart, frame: _Frame) -> tuple[Mark, ...]:
    width = round(_BAR * (frame.x(1) - frame.x(0)), 2)
    below: dict[float, float] = {}
    marks = []
    for series in chart.series:
        parts = []
        for x, value in series.points:
            bottom = below.get(x, 0.0)
            below[x] = bottom + value
            top, height = frame.y(bottom + value), frame.y(bottom) - frame.y(bottom + value)
            if height > 0:
                parts.append(f"M{frame.x(x) - width / 2:.2f} {top:g}h{width:g}v{height:.1f}h-{width:g}z")
        last = _text(chart, series.points[-1][1]) if series.points else ""
        marks.append(Mark(series.name, series.colour, "".join(parts), is_filled=True, last=last))
    return tuple(marks)


def _totals(series: Iterable[Series]) -> dict[float, float]:
    totals: dict[float, float] = {}
    for each in series:
        for x, value in each.points:
            totals[x] = totals.get(x, 0.0) + value
    return totals


def _references(chart: Chart, frame: _Frame) -> tuple[Line, ...]:
    """Returns the lines of references; each has its name above it, the lowest below it."""
    lines: list[Line] = []
    for each in sorted(chart.references, key=lambda reference: reference.value):
        place = frame.y(each.value)
        label = min(place - _ABOVE, lines[-1].place - _LABEL) if lines else place + _LABEL
        lines.append(Line(each.name, _text(chart, each.value), place, label))
    return tuple(lines)


def _rows(chart: Chart, frame: _Frame) -> tuple[TableRow, ...]:
    values = [dict(each.points) for each in chart.series]
    xs = sorted({x for each in values for x in each})
    return tuple(
        TableRow(frame.x(x), number(x), tuple(_text(chart, each.get(x, math.nan)) for each in values))
        for x in xs
    )


def _summary(chart: Chart) -> str:
    told = []
    for each in chart.series:
        if each.points:
            (_, first), (x, last) = each.points[0], each.points[-1]
            told.append(f"{each.name} from {_text(chart, first)} to {_text(chart, last)} at {number(x)}")
    told += [f"{each.name} {_text(chart, each.value)}" for each in chart.references]
    return f"{chart.title}, over {chart.x}: {'; '.join(told) or 'nothing yet'}."
