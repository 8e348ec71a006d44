import pytest

from codeit_jax.dsl import parse_program
from codeit_jax.evolution.fitness import error_of
from codeit_jax.evolution.overlays import Overlayer, overlay
from codeit_jax.evolution.population import Individual
from codeit_jax.execution import Evaluator

GRIDS = (((0, 0, 3), (0, 0, 0), (1, 0, 0)), ((0, 0, 0, 0), (0, 2, 5, 0)))
EVALUATOR = Evaluator()


def individual(text, goals):
    program = parse_program(text)
    outputs = tuple(EVALUATOR.run(program, grid).output for grid in GRIDS)
    return Individual(program, outputs, tuple(map(error_of, outputs, goals)))


def given_by(program):
    return tuple(EVALUATOR.run(program, grid).output for grid in GRIDS)


def test_what_lies_below_shows_where_above_is_background():
    program = overlay(parse_program("O = rot180(I)"), parse_program("O = hmirror(I)"))
    assert given_by(program)[0] == ((1, 0, 1), (0, 0, 0), (3, 0, 3))
    recoloured = parse_program("O = replace(I, ZERO, SEVEN)")
    assert given_by(overlay(parse_program("O = identity(I)"), recoloured)) == given_by(recoloured)


@pytest.mark.parametrize("below", ["O = hmirror(I)", "O = vmirror(I)"])
def test_two_that_complete_each_other_are_found(below):
    goals = given_by(overlay(parse_program("O = identity(I)"), parse_program(below)))
    individuals = [
        individual(text, goals)
        for text in ("O = rot180(I)", "O = identity(I)", below, "O = replace(I, ZERO, NINE)")
    ]
    found = list(Overlayer(goals).programs(individuals))
    assert found
    assert all(given_by(program) == goals for program in found)


def test_each_pair_is_looked_at_once():
    goals = given_by(overlay(parse_program("O = identity(I)"), parse_program("O = hmirror(I)")))
    above, below, other = (
        individual(text, goals) for text in ("O = identity(I)", "O = hmirror(I)", "O = rot180(I)")
    )
    overlayer = Overlayer(goals)
    assert list(overlayer.programs([above, other])) == []
    found = list(overlayer.programs([above, other, below]))
    assert overlay(above.program, below.program) in found
    assert list(overlayer.programs([above, other, below])) == []


def test_nothing_is_found_where_nothing_fits():
    goals = given_by(parse_program("O = replace(I, ZERO, FOUR)"))
    individuals = [
        individual(text, goals) for text in ("O = identity(I)", "O = rot180(I)", "O = hconcat(I, I)")
    ]
    assert list(Overlayer(goals).programs(individuals)) == []
