"""Charts as data: what is drawn, whoever draws it."""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

Row = Mapping[str, float]  # of a table, by its columns; NaN where a cell is empty
Point = tuple[float, float]


class Form(StrEnum):
    """How the series of a chart are drawn."""

    LINES = "lines"
    STEPS = "steps"  # each value holds until the next
    STACK = "stack"  # bars, one on the other
    BAND = "band"  # three lines, the outer two of which bound an area


class Unit(StrEnum):
    """What the values of a chart are."""

    NUMBER = "number"
    SHARE = "share"
    SECONDS = "seconds"  # of what charts run over alone


@dataclasses.dataclass(frozen=True)
class Series:
    """One curve.

    Attributes:
        name: what the legend calls it.
        points: its points, from left to right.
        colour: the number of its colour, from 1; see `style.css`.
        is_dashed: whether it is another's, to compare with.
    """

    name: str
    points: tuple[Point, ...]
    colour: int = 1
    is_dashed: bool = False


@dataclasses.dataclass(frozen=True)
class Reference:
    """A value from elsewhere that a chart's are held against, drawn as a line across."""

    name: str
    value: float


@dataclasses.dataclass(frozen=True)
class Chart:
    """A picture of some series.

    Attributes:
        title: what it shows.
        x: what its series run over.
        series: the series.
        form: how they are drawn.
        unit: what their values are.
        x_unit: what it is that they run over.
        references: values from elsewhere.
        note: a sentence below the picture.
    """

    title: str
    x: str
    series: tuple[Series, ...]
    form: Form = Form.LINES
    unit: Unit = Unit.NUMBER
    x_unit: Unit = Unit.NUMBER
    references: tuple[Reference, ...] = ()
    note: str = ""

    @property
    def is_empty(self) -> bool:
        return not any(each.points for each in self.series)


def column(rows: Iterable[Row], x: str, y: str) -> tuple[Point, ...]:
    """Returns the points of a table's column over another; rows without either are left out."""
    points = [(row.get(x, math.nan), row.get(y, math.nan)) for row in rows]
    return tuple(point for point in points if all(map(math.isfinite, point)))


def drawn(charts: Sequence[Chart]) -> tuple[Chart, ...]:
    """Returns the charts that have something to show."""
    return tuple(chart for chart in charts if not chart.is_empty)
