"""An output's error is 0 for the goal alone, and less the nearer it comes."""

from hypothesis import given
from hypothesis import strategies as st

from codeit_jax.evolution.fitness import error_of, num_wrong_cells, verdict


@st.composite
def grids(draw):
    height, width = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    row = st.tuples(*[st.integers(0, 9)] * width)
    return draw(st.tuples(*[row] * height))


@given(grids(), grids())
def test_only_the_goal_is_without_error(output, goal):
    error = error_of(output, goal)
    assert (error == 0) == (output == goal)
    same_shape = (len(output), len(output[0])) == (len(goal), len(goal[0]))
    assert (error <= 1) == same_shape


def test_fewer_wrong_cells_are_less_error():
    goal = ((1, 2, 3), (4, 5, 6))
    outputs = [goal, ((1, 2, 3), (4, 5, 0)), ((1, 2, 3), (4, 0, 0)), ((0, 0, 0), (0, 0, 0))]
    errors = [error_of(output, goal) for output in outputs]
    assert errors == sorted(set(errors))
    assert errors[-1] == 1
    assert [num_wrong_cells(output, goal) for output in outputs] == [0, 1, 2, 6]


def test_of_another_shape_near_sides_and_the_goals_colours_are_less_error():
    goal = ((1, 2), (2, 1))
    assert error_of(((1, 2, 1), (2, 1, 2)), goal) < error_of(((1, 2, 1, 2), (2, 1, 2, 1)), goal)
    assert error_of(((1, 2, 1),), goal) < error_of(((3, 4, 3),), goal)


def test_a_word_says_what_is_wrong():
    goals = (((1, 2),), ((3, 4),))
    assert verdict(goals, goals) == "nothing"
    assert verdict((goals[0], ((3,), (4,))), goals) == "shape"
    assert verdict((goals[0], ((3, 5),)), goals) == "colours"
    assert verdict((goals[0], ((4, 3),)), goals) == "cells"
