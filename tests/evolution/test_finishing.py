"""A finisher finds the way from outputs to the goals, and only ways that lead there."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeit_jax.dsl import parse_program
from codeit_jax.evolution.finishing import _CUTS, _INVERSES, Finisher, _recolouring
from codeit_jax.evolution.population import Behaviour
from codeit_jax.execution import Evaluator

EVALUATOR = Evaluator()


def random_grid(rng, height, width, colours=10):
    return tuple(tuple(rng.randrange(colours) for _ in range(width)) for _ in range(height))


def given_by(program, grids):
    return tuple(EVALUATOR.run(program, grid).output for grid in grids)


def finished(outputs, goals):
    return [given_by(step, outputs) == goals for step in Finisher(goals).steps(Behaviour(outputs))]


@pytest.mark.parametrize("text", [*_INVERSES, *_CUTS])
def test_every_step_is_found(text):
    rng, step = random.Random(text), parse_program(text)
    for _ in range(10):
        outputs = tuple(random_grid(rng, rng.randint(3, 6), rng.randint(3, 6)) for _ in range(3))
        goals = given_by(step, outputs)
        found = finished(outputs, goals)
        assert found
        assert all(found)


def test_two_steps_are_found():
    rng, texts = random.Random(0), list(_INVERSES)
    for _ in range(40):
        first, second = map(parse_program, rng.sample(texts, 2))
        outputs = tuple(random_grid(rng, rng.randint(2, 4), rng.randint(2, 4)) for _ in range(2))
        between = given_by(first, outputs)
        goals = given_by(second, between) if None not in between else (None,)
        if None not in goals and goals != outputs:
            assert finished(outputs, goals)[0]


@given(st.permutations(range(10)), st.integers(0, 10), st.integers(0, 2**32))
def test_any_change_of_colours_is_found(new, num_kept, seed):
    rng = random.Random(seed)
    colours = {old: old if old < num_kept else new[old] for old in range(10)}
    if rng.random() < 0.5:  # several colours become one
        colours = {old: new if rng.random() < 0.5 else 3 for old, new in colours.items()}
    outputs = tuple(random_grid(rng, 3, 4) for _ in range(3))
    goals = tuple(tuple(tuple(colours[cell] for cell in row) for row in grid) for grid in outputs)
    if outputs != goals:
        assert all(finished(outputs, goals))
        assert finished(outputs, goals)


def test_a_circle_of_colours_takes_no_more_lines_than_colours():
    program = _recolouring({1: 2, 2: 3, 3: 1, 4: 4})
    assert [call.function for call in program.calls] == ["switch", "switch"]
    assert EVALUATOR.run(program, ((1, 2, 3, 4),)).output == ((2, 3, 1, 4),)


@given(st.integers(0, 2**32))
def test_what_leads_nowhere_gives_nothing(seed):
    rng = random.Random(seed)
    outputs, goals = (
        tuple(random_grid(rng, rng.randint(1, 4), rng.randint(1, 4), 3) for _ in range(2)) for _ in range(2)
    )
    assert all(finished(outputs, goals))


@pytest.mark.parametrize("offset", ["DOWN", "LEFT", "UNITY", "TWO_BY_ZERO", "UP_RIGHT"])
def test_what_lies_elsewhere_is_moved(offset):
    grids = (
        ((0,) * 6, (0,) * 6, (0, 0, 1, 2, 0, 0), (0, 0, 0, 3, 0, 0), (0,) * 6, (0,) * 6),
        ((0,) * 5, (0,) * 5, (0, 0, 4, 0, 0), (0,) * 5, (0,) * 5),
    )
    moved = parse_program(f"x1 = fgpartition(I)\nx2 = merge(x1)\nO = move(I, x2, {offset})")
    goals = given_by(moved, grids)
    assert Finisher(goals).shift(Behaviour(grids)) == moved
    assert Finisher(goals).shift(Behaviour(goals)) is None
    assert Finisher(goals).shift(Behaviour(tuple(reversed(grids)))) is None
    assert Finisher((goals[0], grids[1])).shift(Behaviour(grids)) is None
