"""Charts as SVG: where each mark goes, in numbers that a template writes down."""

import dataclasses
import math
from collections.abc import Sequence

from codeit_jax.report.charts import Chart, Form, Point, Series, Unit
from codeit_jax.report.scales import Scale, scale_of
from codeit_jax.report.wording import duration, number, percent

WIDTH, HEIGHT = 460, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 12, 16, 36
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

    scale: Scale

    def x(self, value: float) -> float:
        low, high = self.scale.x_low, self.scale.x_high
        return round(_LEFT + (value - low) / (high - low) * (WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        return round(HEIGHT - _BOTTOM - value / self.scale.y_high * (HEIGHT - _TOP - _BOTTOM), 1)


def plot(chart: Chart) -> Plot:
    """Returns a chart with all its marks in their places; one without any points has only axes."""
    scale = scale_of(chart)
    frame = _Frame(scale)
    if chart.form is Form.STACK:
        marks = _bars(chart, frame)
    else:
        marks = tuple(_curve(chart, each, frame) for each in chart.series)
    return Plot(
        chart,
        tuple(Tick(frame.x(x), text) for x, text in scale.x_ticks),
        tuple(Tick(frame.y(y), text) for y, text in scale.y_ticks),
        _areas(chart, frame),
        marks,
        _references(chart, frame),
        _rows(chart, frame),
        _summary(chart),
    )


def _text(chart: Chart, value: float) -> str:
    return percent(value) if chart.unit is Unit.SHARE else number(value)


def _x_text(chart: Chart, value: float) -> str:
    return duration(value) if chart.x_unit is Unit.SECONDS else number(value)


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
        TableRow(frame.x(x), _x_text(chart, x), tuple(_text(chart, each.get(x, math.nan)) for each in values))
        for x in xs
    )


def _summary(chart: Chart) -> str:
    told = []
    for each in chart.series:
        if each.points:
            (_, first), (x, last) = each.points[0], each.points[-1]
            told.append(
                f"{each.name} from {_text(chart, first)} to {_text(chart, last)} at {_x_text(chart, x)}"
            )
    told += [f"{each.name} {_text(chart, each.value)}" for each in chart.references]
    return f"{chart.title}, over {chart.x}: {'; '.join(told) or 'nothing yet'}."
