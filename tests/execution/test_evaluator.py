import dataclasses
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeit_jax.arc import is_grid, load_tasks
from codeit_jax.dsl import load_training_programs, parse_program
from codeit_jax.dsl.types import Function
from codeit_jax.execution import Budget, Evaluator, Outcome, Status, run
from codeit_jax.execution.evaluator import CallFailure
from tests.dsl.programs import programs
from tests.dsl.strategies import GRIDS

GRID = ((0, 1, 1), (2, 0, 3))


@pytest.fixture(scope="module")
def evaluator():
    return Evaluator()


def test_a_program_gives_its_output():
    outcome = run(parse_program("x1 = vmirror(I)\nO = hconcat(I, x1)"), GRID)
    assert outcome == Outcome(Status.OK, ((0, 1, 1, 1, 1, 0), (2, 0, 3, 3, 0, 2)), None, outcome.cost)
    assert outcome.cost > 0


@pytest.mark.parametrize(
    ("text", "status", "error"),
    [
        ("O = identity(I)", Status.OK, None),
        ("O = size(I)", Status.INVALID_OUTPUT, "line 1: the output is no valid grid"),
        ("O = identity(vmirror)", Status.INVALID_OUTPUT, "line 1: the output is no valid grid"),
        ("O = identity(ORIGIN)", Status.INVALID_OUTPUT, "line 1: the output is no valid grid"),
        (
            "x1 = multiply(TEN, TEN)\nO = hupscale(I, x1)",
            Status.INVALID_OUTPUT,
            "line 2: the output is no valid",
        ),
        (
            "x1 = astuple(TEN, ONE)\nO = canvas(TEN, x1)",
            Status.INVALID_OUTPUT,
            "line 2: the output is no valid",
        ),
        (
            "x1 = interval(ZERO, ZERO, ONE)\nO = first(x1)",
            Status.ERROR,
            "line 2: first fails on a tuple of 0",
        ),
        ("O = divide(ONE, ZERO)", Status.ERROR, "line 1: divide fails on a number and a number"),
        ("x1 = add(ONE, ONE)\nO = x1(I)", Status.ERROR, "line 2: what is called is no function"),
        ("x1 = compose(ONE, ONE)\nO = x1(I)", Status.ERROR, "line 2: compose fails on a tuple of 2"),
        (
            "x1 = rbind(add, ONE)\nO = x1(I, I)",
            Status.ERROR,
            "line 2: rbind fails on a tuple of 2",
        ),
        ("O = hconcat(vmirror, I)", Status.ERROR, "line 1: hconcat fails on a function and a tuple of 2"),
        ("O = power(identity, I)", Status.ERROR, "line 1: power fails on a function and a tuple of 2"),
        (
            "x1 = double(TEN)\nO = upscale(I, x1)",
            Status.INVALID_OUTPUT,
            "line 2: the output is no valid grid",
        ),
        (
            "x1 = multiply(TEN, TEN)\nx2 = multiply(x1, x1)\nO = upscale(I, x2)",
            Status.OVER_BUDGET,
            "line 3: more than 1,000,000 units of work",
        ),
        (
            "x1 = multiply(TEN, TEN)\nx2 = multiply(x1, x1)\nO = multiply(x2, x2)",
            Status.INVALID_OUTPUT,
            "line 3: the output is no valid grid",
        ),
        (
            "x1 = multiply(TEN, TEN)\nx2 = multiply(x1, x1)\nx3 = multiply(x2, x2)\nO = multiply(x3, x3)",
            Status.OVER_BUDGET,
            "line 4: multiply made a number beyond 1,000,000,000",
        ),
        (
            "x1 = fork(apply, identity, initset)\nO = x1(x1)",
            Status.OVER_BUDGET,
            "line 2: functions applied more than 20 deep",
        ),
    ],
)
def test_every_status_and_the_line_it_is_due_to(evaluator, text, status, error):
    outcome = evaluator.run(parse_program(text), GRID)
    assert outcome.status is status
    assert (outcome.output is None) == (status is not Status.OK)
    if error is None:
        assert outcome.error is None
    else:
        assert outcome.error.startswith(error)


def test_truth_values_in_an_output_become_numbers(evaluator):
    text = "x1 = astuple(T, F)\nx2 = astuple(F, TWO)\nO = astuple(x1, x2)"
    outcome = evaluator.run(parse_program(text), GRID)
    assert outcome.output == ((1, 0), (0, 2))
    assert {type(cell) for row in outcome.output for cell in row} == {int}


@settings(max_examples=200, deadline=None)
@given(programs(), GRIDS)
def test_whatever_a_program_does_is_an_outcome(program, grid):
    outcome = EVALUATOR.run(program, grid)
    assert (outcome.status is Status.OK) == (outcome.error is None) == is_grid(outcome.output)
    assert 0 <= outcome.cost <= EVALUATOR.budget.max_work
    if outcome.error is not None:
        assert outcome.error.startswith("line ")
        assert 1 <= int(outcome.error.split()[1].rstrip(":")) <= len(program)


EVALUATOR = Evaluator()


@pytest.fixture(scope="module")
def real_runs():
    """Training programs, each with the inputs of another task too."""
    tasks = load_tasks("arc1/training")
    texts = load_training_programs()
    rng = random.Random(0)
    chosen = rng.sample(tasks, 25)
    return [
        (texts[task.id], pair.input)
        for task, other in zip(chosen, rng.sample(tasks, 25), strict=True)
        for pair in (*task.train[:1], *other.train[:1])
    ]


def test_an_outcome_does_not_depend_on_what_ran_before(real_runs):
    evaluator = Evaluator()
    first = [evaluator.run(program, grid) for program, grid in real_runs]
    again = [evaluator.run(program, grid) for program, grid in reversed(real_runs)]
    assert again[::-1] == first
    fresh = [run(program, grid) for program, grid in real_runs[::5]]
    assert fresh == first[::5]


def test_a_run_that_its_own_cost_suffices_for_is_not_over_budget(real_runs):
    evaluator = Evaluator()
    for program, grid in real_runs[::3]:
        outcome = evaluator.run(program, grid)
        enough = dataclasses.replace(evaluator.budget, max_work=outcome.cost)
        assert run(program, grid, enough) == outcome
        if outcome.status is Status.OK:
            scarce = dataclasses.replace(evaluator.budget, max_work=outcome.cost - 1)
            short = run(program, grid, scarce)
            assert short.status is Status.OVER_BUDGET
            assert short.cost == outcome.cost - 1


def test_work_adds_up_over_the_lines(evaluator):
    once = evaluator.run(parse_program("O = vmirror(I)"), GRID).cost
    thrice = evaluator.run(parse_program("x1 = vmirror(I)\nx2 = vmirror(I)\nO = vmirror(I)"), GRID).cost
    assert thrice == 3 * once


def test_a_failure_costs_what_was_done_before_it(evaluator):
    before = evaluator.run(parse_program("O = vmirror(I)"), GRID).cost
    outcome = evaluator.run(parse_program("x1 = vmirror(I)\nO = divide(ONE, ZERO)"), GRID)
    assert outcome.cost == before + 1


def test_all_work_spent_is_charged_alike_whatever_ran_before():
    # Cells already connected are remembered together, and those that are not end the call sooner.
    grid = ((0,) * 12,) * 12
    charged = []
    for num_warming in (0, 7, 20):
        evaluator = Evaluator(Budget(max_work=6_000))
        asindices, connect, prapply = (evaluator.names[name] for name in ("asindices", "connect", "prapply"))
        cells, _ = evaluator.call(asindices, [grid])
        some = frozenset(sorted(cells)[:num_warming])
        if some:
            evaluator.call(prapply, [connect, some, some])
        before = evaluator.work
        failure, work = evaluator.call(prapply, [connect, cells, cells])
        assert failure.status is Status.OVER_BUDGET
        charged.append((work, evaluator.work - before))
    assert charged == [(6_001, 6_002)] * 3


def test_an_evaluator_recovers_from_nested_failures(evaluator):
    # A failure inside calls within calls leaves the depth as it found it.
    failing = parse_program(
        "x1 = rbind(divide, ZERO)\nx2 = lbind(apply, x1)\nx3 = initset(I)\nO = apply(x2, x3)"
    )
    fine = parse_program("x1 = lbind(apply, identity)\nO = apply(x1, I)")
    for _ in range(30):
        assert evaluator.run(failing, GRID).status is Status.ERROR
    assert evaluator.run(fine, GRID).output == GRID


def test_calling_a_function_of_the_language(evaluator):
    assert evaluator.call(evaluator.names["add"], [1, 2], 40) == (3, 41)
    failure = CallFailure(Status.ERROR, "what is called is no function")
    assert evaluator.call(7, [1], 40) == (failure, 40)


def test_names_are_the_primitives_and_constants(evaluator):
    assert evaluator.names["TEN"] == 10
    assert isinstance(evaluator.names["vmirror"], Function)
    assert "I" not in evaluator.names


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Budget)])
@pytest.mark.parametrize("value", [0, -5])
def test_a_budget_of_nothing_is_refused(field, value):
    with pytest.raises(ValueError, match=f"budget.{field} must be at least 1"):
        Budget(**{field: value})


@settings(max_examples=50, deadline=None)
@given(programs(), GRIDS, st.integers(1, 200))
def test_a_smaller_budget_gives_the_same_outcome_or_none(program, grid, max_work):
    whole = EVALUATOR.run(program, grid)
    outcome = run(program, grid, Budget(max_work=max_work))
    assert outcome == whole or (outcome.status is Status.OVER_BUDGET and outcome.cost == max_work)
