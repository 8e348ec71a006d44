"""What ablations come to, in figures worked out by hand."""

import csv
import io

import pytest

from codeit_jax.results.ablations import (
    MEASURES,
    Spread,
    ablations_csv,
    ablations_markdown,
    ablations_svg,
    spread,
    summarize,
    table_rows,
)


def figures(*values):
    return dict(zip(MEASURES, values, strict=True))


RUNS = {
    "base": {0: figures(10, 20, 30), 1: figures(14, 26, 30)},
    "no_priority": {0: figures(7, 20, 31), 1: figures(9, 20, 31)},
}


def test_numbers_are_summed_up():
    assert spread([1.0, 2.0, 6.0]) == Spread(3.0, pytest.approx(7**0.5))
    assert spread([4.0]) == Spread(4.0, None)


def test_differences_are_of_runs_with_the_same_seed():
    base, other = summarize(RUNS)
    assert (base.num_seeds, base.differences) == (2, {})
    assert base.figures["policy_performance"] == Spread(12.0, pytest.approx(8**0.5))
    # Seed by seed they are 3 and 5 below: of all pairs the deviation would be larger.
    assert other.differences["policy_performance"] == Spread(-4.0, pytest.approx(2**0.5))
    assert other.differences["cumulative_performance"] == Spread(1.0, 0.0)


def test_a_variant_of_fewer_seeds_is_held_against_the_same_seeds():
    runs = {**RUNS, "no_priority": {1: figures(9, 20, 31)}}
    assert summarize(runs)[1].differences["policy_performance"] == Spread(-5.0, None)


def test_the_file_has_every_figure():
    lines = list(csv.DictReader(io.StringIO(ablations_csv(summarize(RUNS)))))
    assert [line["variant"] for line in lines] == ["base", "no_priority"]
    assert [line["num_seeds"] for line in lines] == ["2", "2"]
    assert lines[0]["policy_performance_mean"] == "12"
    assert lines[0]["policy_performance_std"] == "2.82843"
    assert lines[0]["policy_performance_difference_mean"] == ""
    assert lines[1]["policy_cumulative_difference_mean"] == "-3"
    assert lines[1]["policy_cumulative_difference_std"] == "4.24264"


@pytest.mark.parametrize(
    ("value", "sign", "text"),
    [
        (Spread(12.0, 2.828), "", "12.0±2.8"),
        (Spread(-4.04, 1.4), "+", "-4.0±1.4"),
        (Spread(4.0, 0.0), "+", "+4.0±0.0"),
        (Spread(123.4, 10.6), "", "123±11"),
        (Spread(7.0, None), "", "7.0"),
    ],
)
def test_a_figure_with_its_spread(value, sign, text):
    assert value.text(sign) == text


def test_the_table_has_a_figure_beside_its_difference():
    titles, (base, other) = table_rows(summarize(RUNS))
    assert titles == ["variant", "policy", "vs base", "ever", "vs base", "cumulative", "vs base"]
    assert base == ["base", "12.0±2.8", "", "23.0±4.2", "", "30.0±0.0", ""]
    assert other == ["no_priority", "8.0±1.4", "-4.0±1.4", "20.0±0.0", "-3.0±4.2", "31.0±0.0", "+1.0±0.0"]
    page = ablations_markdown(summarize(RUNS), "Tasks solved")
    assert page.startswith("Tasks solved.\n\n| variant | policy | vs base |")
    assert "| no_priority | 8.0±1.4 | -4.0±1.4 |" in page


def test_equal_figures_give_equal_pictures():
    one = ablations_svg(summarize(RUNS), "Tasks solved")
    assert one == ablations_svg(summarize(RUNS), "Tasks solved")
    assert one != ablations_svg(summarize({"base": RUNS["base"]}), "Tasks solved")
    assert one.count("<svg ") == 1
