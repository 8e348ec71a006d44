"""Guesses without a program are valid grids of the likeliest size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeit_jax.arc import Pair, Task, is_grid, load_tasks
from codeit_jax.results.fallback import likely_outputs, likely_size, size_of

sides = st.integers(1, 30)
sizes = st.tuples(sides, sides)


@st.composite
def grids(draw):
    height, width = draw(sizes)
    row = st.lists(st.integers(0, 9), min_size=width, max_size=width).map(tuple)
    return tuple(draw(st.lists(row, min_size=height, max_size=height)))


@given(st.lists(st.tuples(grids(), grids()), min_size=1, max_size=3), grids())
def test_all_are_valid_grids_of_one_size_that_differ(pairs, grid):
    task = Task("a", tuple(Pair(*pair) for pair in pairs), (Pair(grid, None),))
    outputs = list(likely_outputs(task, grid))
    assert outputs
    assert all(map(is_grid, outputs))
    assert len(set(outputs)) == len(outputs)
    assert len(set(map(size_of, outputs))) == 1


@pytest.mark.parametrize(
    ("demonstrations", "size", "wanted"),
    [
        ([((2, 3), (2, 3)), ((5, 4), (5, 4))], (7, 9), (7, 9)),
        ([((2, 3), (3, 3)), ((5, 4), (3, 3))], (7, 9), (3, 3)),
        ([((2, 3), (3, 2)), ((5, 4), (4, 5))], (7, 9), (9, 7)),
        ([((2, 3), (4, 9)), ((5, 4), (10, 12))], (6, 9), (12, 27)),
        ([((2, 6), (4, 2)), ((5, 9), (10, 3))], (7, 12), (14, 4)),
        ([((2, 3), (3, 5)), ((5, 4), (6, 6))], (7, 9), (8, 11)),
        # A rule is passed over where it gives no size that there is.
        ([((2, 2), (4, 4)), ((3, 3), (6, 6))], (20, 20), (4, 4)),
        ([((2, 6), (1, 3)), ((4, 8), (2, 4))], (5, 6), (1, 3)),
        ([((2, 2), (1, 7)), ((3, 3), (8, 8)), ((4, 4), (8, 8))], (9, 9), (8, 8)),
    ],
)
def test_sizes_follow_the_first_rule_that_holds(demonstrations, size, wanted):
    assert likely_size(demonstrations, size) == wanted


def test_most_sizes_of_real_tasks_are_told():
    right = [
        likely_size([(size_of(each.input), size_of(each.output)) for each in task.train], size_of(pair.input))
        == size_of(pair.output)
        for task in load_tasks("arc1/evaluation")
        for pair in task.test
    ]
    assert sum(right) > 0.75 * len(right)


def test_what_stands_in_them():
    demonstrations = (
        Pair(((1,),), ((1, 2), (3, 4))),
        Pair(((2,),), ((1, 2), (5, 4))),
        Pair(((2,),), ((7, 2), (5, 0))),
    )
    task = Task("a", demonstrations, ())
    assert list(likely_outputs(task, ((6, 8), (9, 9)))) == [
        ((6, 8), (9, 9)),
        ((1, 2), (5, 4)),
        ((2, 2), (2, 2)),
    ]
    assert list(likely_outputs(task, ((6,),)))[1:] == [((6, 6), (6, 6)), ((2, 2), (2, 2))]
