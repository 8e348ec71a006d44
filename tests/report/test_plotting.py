import math
import re

import pytest

from codeit_jax.report.charts import Chart, Form, Reference, Series, Unit, column
from codeit_jax.report.drawing import charts_png
from codeit_jax.report.plotting import plot
from codeit_jax.report.wording import duration, number, percent

LINE = Series("tasks", ((0.0, 0.0), (1.0, 10.0), (2.0, 20.0)))


def test_points_lie_where_their_values_say():
    drawn = plot(Chart("solved", "time", (LINE,)))
    places = [tuple(map(float, point.split())) for point in drawn.marks[0].path[1:].split("L")]
    assert [x for x, _ in places] == [drawn.left, (drawn.left + drawn.right) / 2, drawn.right]
    (_, bottom), (_, middle), (_, top) = places
    assert bottom == drawn.bottom > middle > top >= drawn.top
    assert bottom - middle == pytest.approx(middle - top, abs=0.2)
    ticks = {tick.text: tick.place for tick in drawn.y_ticks}
    assert ticks["10"] == middle
    assert [row.values for row in drawn.rows] == [("0",), ("10",), ("20",)]
    assert drawn.summary == "solved, over time: tasks from 0 to 20 at 2."


def test_references_are_within_the_picture_and_their_names_apart():
    chart = Chart("solved", "time", (LINE,), references=(Reference("b", 49), Reference("a", 47)))
    low, high = plot(chart).lines
    assert (low.name, high.name) == ("a", "b")
    assert plot(chart).top <= high.place < low.place
    assert high.label < high.place < low.place < low.label


def test_bars_stand_on_one_another():
    shares = [((1.0, 0.25), (2.0, 0.5)), ((1.0, 0.75), (2.0, 0.5))]
    chart = Chart(
        "fates", "n", tuple(Series(f"{n}", each) for n, each in enumerate(shares)), Form.STACK, Unit.SHARE
    )
    drawn = plot(chart)
    bars = [re.findall(r"M[\d.]+ ([\d.]+)h[\d.]+v([\d.]+)", mark.path) for mark in drawn.marks]
    for (low_top, low_height), (top, height) in zip(*bars, strict=True):
        assert float(top) + float(height) == pytest.approx(float(low_top), abs=0.2)
        assert float(low_top) + float(low_height) == pytest.approx(drawn.bottom, abs=0.2)
        assert float(top) == pytest.approx(drawn.top, abs=0.2)


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize("points", [(), ((3.0, 0.0),), ((5.0, 7.0),), LINE.points])
def test_every_form_is_drawn_of_any_number_of_points(form, points):
    chart = Chart("t", "x", (Series("a", points), Series("b", points, 2)), form)
    drawn = plot(chart)
    assert len(drawn.marks) == 2
    assert "nan" not in repr(drawn)
    assert charts_png([chart], "title").startswith(b"\x89PNG")


def test_cells_that_are_empty_are_no_points():
    rows = [{"x": 1.0, "y": math.nan}, {"x": 2.0, "y": 3.0}, {"x": 3.0}]
    assert column(rows, "x", "y") == ((2.0, 3.0),)


def test_equal_charts_give_equal_pictures():
    chart = Chart("$t_1$", "x", (Series("_a$", LINE.points),), references=(Reference("$", 3),))
    assert charts_png([chart], "_$") == charts_png([chart], "_$")


@pytest.mark.parametrize(
    ("value", "told"), [(1234.0, "1,234"), (0.0, "0"), (0.0512, "0.0512"), (1234.5, "1,234"), (math.nan, "")]
)
def test_numbers(value, told):
    assert number(value) == told


def test_shares_and_times():
    assert [percent(share) for share in (0.0, 0.4142, 1.0, math.nan)] == ["0%", "41.4%", "100%", ""]
    assert [duration(s) for s in (2.5, 61, 4000)] == ["2.5 s", "1 min 01 s", "1 h 06 min"]
