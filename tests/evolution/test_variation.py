import random

import pytest

from codeit_jax.arc import load_tasks
from codeit_jax.dsl import load_training_programs, parse_program
from codeit_jax.dsl.program import without_dead_lines
from codeit_jax.evolution.variation import compose, graft
from codeit_jax.execution import Evaluator, GraphRun, ProgramGraph, Status
from codeit_jax.mutation.subject import probed_subject

GRID = ((1, 2, 0), (0, 0, 3), (4, 0, 0))


@pytest.fixture(scope="module")
def programs():
    return [without_dead_lines(each) for each in load_training_programs().values() if len(each) < 12]


def test_a_composition_runs_one_on_the_output_of_the_other(programs):
    evaluator, rng, num_ok = Evaluator(), random.Random(0), 0
    for _ in range(150):
        outer, inner = rng.sample(programs, 2)
        between = evaluator.run(inner, GRID)
        if between.status is not Status.OK:
            continue
        expected = evaluator.run(outer, between.output)
        # A line that the output does not need may have failed.
        if expected.status is Status.OK:
            num_ok += 1
            assert evaluator.run(compose(outer, inner), GRID).output == expected.output
    assert num_ok > 20


def subject_of(text, grid=GRID):
    program, evaluator = parse_program(text), Evaluator()
    return probed_subject(program, GraphRun(ProgramGraph([program]), evaluator, grid), 0, evaluator, grid)


def test_a_graft_brings_a_line_with_what_it_needs():
    stock = subject_of("x1 = hmirror(I)\nO = hconcat(x1, I)")
    scion = subject_of("x1 = mostcolor(I)\nx2 = replace(I, x1, FIVE)\nO = rot90(x2)")
    texts = {str(graft(stock, scion, random.Random(seed))) for seed in range(40)}
    first = "x1 = mostcolor(I)\nx2 = replace(I, x1, FIVE)\nx3 = rot90(x2)\nO = hconcat(x3, I)"
    second = "x1 = mostcolor(I)\nx2 = replace(I, x1, FIVE)\nO = hconcat(x2, I)"
    assert texts == {first, second}


def test_a_graft_has_the_shape_of_what_it_stands_for():
    stock = subject_of("x1 = mostcolor(I)\nO = replace(I, x1, FIVE)")
    scion = subject_of(
        "x1 = objects(I, T, F, T)\nx2 = argmax(x1, size)\nx3 = color(x2)\nO = replace(I, x3, ONE)"
    )
    found = {str(graft(stock, scion, random.Random(seed))) for seed in range(60)}
    lent = "x1 = objects(I, T, F, T)\nx2 = argmax(x1, size)\nx3 = color(x2)"
    assert found == {f"{lent}\nO = replace(I, x3, FIVE)"}


def test_grafts_of_training_programs_mostly_run(programs):
    task = load_tasks("arc1/training")[0]
    rng, evaluator = random.Random(1), Evaluator()
    subjects = [
        subject
        for program in programs[:40]
        if (subject := subject_of(str(program), task.train[0].input)) is not None
    ]
    made = [graft(*rng.sample(subjects, 2), rng) for _ in range(100)]
    outcomes = [evaluator.run(each, task.train[0].input).status for each in made if each is not None]
    assert len(outcomes) > 40
    assert outcomes.count(Status.OK) > len(outcomes) / 2


def test_what_fails_is_no_subject():
    assert subject_of("x1 = index(I, I)\nO = canvas(x1, UNITY)") is None


def test_of_one_line_nothing_is_grafted():
    stock = subject_of("O = vmirror(I)")
    assert graft(stock, subject_of("O = hmirror(I)"), random.Random(0)) is None
