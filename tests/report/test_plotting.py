import math
import re

import pytest

from codeit_jax.report.charts import Chart, Form, Reference, Series, Unit, column
from codeit_jax.report.drawing import charts_figure, charts_png
from codeit_jax.report.plotting import plot
from codeit_jax.report.scales import scale_of
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


@pytest.mark.parametrize("form", [Form.LINES, Form.STEPS, Form.BAND])
@pytest.mark.parametrize("x", [0.0, 0.43, 7.0])
def test_an_axis_of_one_point_does_not_begin_below_nothing(form, x):
    scale = scale_of(Chart("t", "x", (Series("a", ((x, 3.0),)),), form))
    assert 0 == scale.x_low <= x <= scale.x_high
    assert scale.x_low < scale.x_high
    assert scale.x_ticks[0] == (0, "0")


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (0.9, ["0", "0.25 s", "0.5 s", "0.75 s"]),
        (25.8, ["0", "10 s", "20 s"]),
        (130.0, ["0", "1 min", "2 min"]),
        (5 * 60.0, ["0", "2 min", "4 min"]),
        (3 * 3600.0, ["0", "1 h", "2 h", "3 h"]),
        (90 * 3600.0, ["0", "24 h", "48 h", "72 h"]),
        (900 * 3600.0, ["0", "240 h", "480 h", "720 h"]),
    ],
)
def test_a_time_axis_has_the_ticks_of_a_clock(end, told):
    chart = Chart("t", "time", (Series("a", ((0.2, 1.0), (end, 2.0))),), x_unit=Unit.SECONDS)
    assert [text for _, text in scale_of(chart).x_ticks] == told
    assert plot(chart).rows[-1].x == duration(end)


def test_whole_numbers_have_whole_ticks():
    scale = scale_of(Chart("tasks", "meta-iteration", (Series("a", ((0.0, 0.0), (2.0, 1.0))),)))
    assert [text for _, text in scale.x_ticks] == ["0", "1", "2"]
    assert [text for _, text in scale.y_ticks] == ["0", "1"]


def boxes_of(figure):
    """The axes of a figure, and where they, their legends and the names of their references are in pixels."""
    figure.canvas.draw()
    for axes in figure.axes:
        if axes.get_legend():
            texts = [text.get_window_extent() for text in axes.texts]
            yield axes, axes.get_window_extent(), axes.get_legend().get_window_extent(), texts


def test_pictures_have_all_that_is_written_beside_what_is_drawn():
    names = ["tasks", "/a/path/of/some/folder/that/is/long/enough/for/a/line/of/its/own/first_run"]
    series = tuple(Series(name, ((0.0, 49.0), (9.0, 49.0)), n) for n, name in enumerate(names, start=1))
    references = (Reference("CodeIt", 49), Reference("its released run", 47))
    charts = [Chart("t", "x", series, form, references=references) for form in Form] * 2
    figure = charts_figure(charts, "title")
    found = list(boxes_of(figure))
    assert len(found) == len(charts)
    for axes, box, legend, texts in found:
        assert not legend.overlaps(box)
        assert all(figure.bbox.x0 <= each.x0 and each.x1 <= figure.bbox.x1 for each in (legend, *texts))
        lines = [axes.transData.transform((0, each.value))[1] for each in references]
        for text in texts:
            assert box.y0 < text.y0 < text.y1 < box.y1
            assert not any(text.y0 < line < text.y1 for line in lines)
