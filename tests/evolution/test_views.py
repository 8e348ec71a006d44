import random

import pytest

from codeit_jax.arc import load_tasks
from codeit_jax.dsl import load_training_programs, parse_program
from codeit_jax.evolution.colours import (
    COLOUR_NAMES,
    NAME_OF_COLOUR,
    colours_of,
    draw_recoloured,
    ranked_colours,
    recoloured,
)
from codeit_jax.evolution.views import in_all_colours, matched, transposed, views_of
from codeit_jax.execution import Evaluator, Status

GRID = ((1, 2, 0), (0, 0, 3), (4, 0, 0))
EVALUATOR = Evaluator()


def test_colours_are_what_stands_where_a_colour_is_asked_for():
    program = parse_program(
        "x1 = ofcolor(I, THREE)\nx2 = rbind(colorcount, FIVE)\nx3 = x2(x1)\n"
        "x4 = upscale(I, TWO)\nx5 = lbind(recolor, EIGHT)\nO = fill(x4, ONE, x1)"
    )
    assert colours_of(program) == ("THREE", "FIVE", "EIGHT", "ONE")


def test_a_name_is_replaced_where_it_may_be_a_colour_and_nowhere_else():
    program = parse_program(
        "x1 = matcher(color, TWO)\nx2 = upscale(I, TWO)\nx3 = rbind(multiply, TWO)\nO = replace(x2, TWO, ONE)"
    )
    assert str(recoloured(program, {"TWO": "SEVEN"})) == (
        "x1 = matcher(color, SEVEN)\nx2 = upscale(I, TWO)\nx3 = rbind(multiply, TWO)\n"
        "O = replace(x2, SEVEN, ONE)"
    )


def permuted(grid, permutation):
    return tuple(tuple(permutation[cell] for cell in row) for row in grid)


def test_a_recoloured_training_program_does_the_same_in_other_colours():
    """Where no colour is made by arithmetic or decided by its number, which most programs do without."""
    tasks = {task.id: task for task in load_tasks("arc1/training")}
    rng, same, total = random.Random(0), 0, 0
    for task_id, program in load_training_programs().items():
        names = colours_of(program)
        if not names or task_id not in tasks:
            continue
        permutation = list(range(10))
        rng.shuffle(permutation)
        mapping = {NAME_OF_COLOUR[old]: NAME_OF_COLOUR[new] for old, new in enumerate(permutation)}
        pair = tasks[task_id].train[0]
        outcome = EVALUATOR.run(recoloured(program, mapping), permuted(pair.input, permutation))
        total += 1
        same += outcome.output == permuted(pair.output, permutation)
    assert total > 150
    assert same > 0.7 * total


def test_colours_are_ranked_by_the_cells_they_fill():
    pairs = [(((0, 0, 5), (0, 5, 2)), ((7, 7),)), (((0, 2), (0, 2)), ((0, 8),))]
    assert ranked_colours(pairs) == ((0, 2, 5), (7, 8))


def test_a_program_is_matched_to_colours_as_common():
    program = parse_program("O = replace(I, THREE, FOUR)")
    assert str(matched(program, ((0, 3), (4,)), ((8, 1), (2,)))) == "O = replace(I, ONE, TWO)"
    assert matched(program, ((0,), ()), ((8, 1), (2,))) == program


def test_transposed_a_program_works_along_the_other_side():
    program = transposed(parse_program("O = vmirror(I)"))
    assert EVALUATOR.run(program, GRID).output == EVALUATOR.run(parse_program("O = hmirror(I)"), GRID).output


def test_all_choices_of_colours_are_tried_unless_there_are_too_many():
    program = parse_program("O = replace(I, ONE, TWO)")
    made = list(map(str, in_all_colours(program, ["ZERO", "ONE", "FIVE"])))
    assert len(made) == len(set(made)) == 6
    assert "O = replace(I, FIVE, ZERO)" in made
    assert list(in_all_colours(program, list(COLOUR_NAMES))) == []
    assert list(in_all_colours(parse_program("O = vmirror(I)"), ["ONE"])) == []
    assert list(in_all_colours(program, ["ONE"])) == []


@pytest.mark.parametrize("seed", range(20))
def test_a_drawn_recolouring_is_of_the_palette_and_another_program(seed):
    program = parse_program("x1 = replace(I, ONE, TWO)\nO = switch(x1, TWO, FIVE)")
    made = draw_recoloured(program, ["ONE", "TWO", "NINE"], random.Random(seed))
    assert made != program
    assert set(colours_of(made)) <= {"ONE", "TWO", "FIVE", "NINE"}
    assert len(set(colours_of(made))) == 3


def test_what_has_no_colour_or_no_other_is_not_recoloured():
    rng = random.Random(0)
    assert draw_recoloured(parse_program("O = vmirror(I)"), ["ONE", "TWO"], rng) is None
    assert draw_recoloured(parse_program("O = replace(I, ONE, ONE)"), ["ONE"], rng) is None


def test_views_are_programs_that_run():
    training = load_training_programs()
    seeds = [(task_id, program) for task_id, program in training.items() if len(program) < 6][:40]
    colours = {
        task.id: ranked_colours([(pair.input, pair.output) for pair in task.train])
        for task in load_tasks("arc1/training")
    }
    ours = ((0, 1, 2), (3,))
    made = list(views_of(seeds, colours, ours, ["ZERO", "ONE", "TWO", "THREE"]))
    assert len(made) > 2 * len(seeds)
    statuses = [EVALUATOR.run(program, GRID).status for program in made]
    assert statuses.count(Status.OK) > len(made) / 2
