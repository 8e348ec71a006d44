import pickle

import pytest

from codeit_jax.arc import Pair, Task
from codeit_jax.dsl import parse_program
from codeit_jax.execution import Budget, Evaluator, Status
from codeit_jax.execution import attempt as attempt_module
from codeit_jax.execution.attempt import Attempt, HostContext, attempt_task, timed_out

A, B, C = ((1, 2),), ((3, 4),), ((5, 5),)  # C is its own mirror image
MIRRORED = {A: ((2, 1),), B: ((4, 3),), C: C}

VMIRROR, IDENTITY, DOUBLED, SIZE = "O = vmirror(I)", "O = identity(I)", "O = hconcat(I, I)", "O = size(I)"
SOMETIMES = "x1 = ofcolor(I, FIVE)\nx2 = first(x1)\nO = vmirror(I)"  # fails where there is no 5


def task(train, test, name="task"):
    """A task to mirror grids; an output given in place of the mirrored one stands."""

    def pair(item):
        grid, output = item if isinstance(item, list) else (item, MIRRORED[item])
        return Pair(grid, output)

    return Task(name, tuple(map(pair, train)), tuple(map(pair, test)))


def context(*tasks):
    return HostContext(tasks, Budget())


def attempt(task, *texts):
    return attempt_task(context(task), (0, texts))


def test_a_program_that_solves_the_task():
    (result,) = attempt(task([A, B], [C, A]), VMIRROR)
    assert result.program == VMIRROR
    assert [outcome.output for outcome in result.outcomes] == [MIRRORED[A], MIRRORED[B]]
    assert (result.demonstration_performance, result.test_performance) == (1.0, 1.0)
    assert result.error is None
    assert result.executes


@pytest.mark.parametrize(
    ("text", "demonstration", "test"),
    [
        (VMIRROR, 1.0, 1.0),
        (IDENTITY, 1 / 3, 1 / 2),
        (DOUBLED, 0.0, 0.0),
        (SIZE, 0.0, 0.0),
        (SOMETIMES, 1 / 3, 0.5),
    ],
)
def test_performances_are_shares_of_the_outputs_given(text, demonstration, test):
    (result,) = attempt(task([A, B, C], [C, B]), text)
    assert (result.demonstration_performance, result.test_performance) == (demonstration, test)


def test_test_pairs_are_not_looked_at_unless_a_demonstration_is_given(monkeypatch):
    grids = []

    class Recorder(attempt_module.GraphRun):
        def __init__(self, graph, evaluator, grid):
            grids.append(grid)
            super().__init__(graph, evaluator, grid)

    monkeypatch.setattr(attempt_module, "GraphRun", Recorder)
    (result,) = attempt(task([A], [C]), IDENTITY)
    assert result.test_performance == 0  # though it does give C's output
    assert grids == [A]
    attempt(task([A], [C]), VMIRROR)
    assert grids == [A, A, C]


def test_withheld_test_outputs_count_as_not_given():
    (result,) = attempt(task([A], [[B, None]]), VMIRROR)
    assert (result.demonstration_performance, result.test_performance) == (1.0, 0.0)
    (result,) = attempt(task([A], [B, [C, None]]), VMIRROR)
    assert result.test_performance == 0.5
    (result,) = attempt(task([A], []), VMIRROR)
    assert result.test_performance == 0.0


def test_one_attempt_a_text_in_their_order():
    texts = [SIZE, "garbage", VMIRROR, "O = vmirror( I )", "", VMIRROR, "O = vmirror(x1)"]
    results = attempt(task([A], [B]), *texts)
    assert [result.program for result in results] == [SIZE, None, VMIRROR, VMIRROR, None, VMIRROR, None]
    assert results[2] == results[3] == results[5]
    assert [result.error for result in results] == [
        None,
        "line 1: expected 'name = function(argument, ...)'",
        None,
        None,
        "the program is empty or its last line does not assign O",
        None,
        "line 1: x1 is used before it is assigned",
    ]


def test_a_text_that_is_no_program_has_no_outcomes():
    (result,) = attempt(task([A, B], [B]), "garbage")
    assert result == Attempt(None, "line 1: expected 'name = function(argument, ...)'")
    assert not result.executes
    assert (result.demonstration_performance, result.test_performance) == (0, 0)


@pytest.mark.parametrize(("text", "executes"), [(VMIRROR, True), (SOMETIMES, True), (SIZE, False)])
def test_a_program_executes_if_it_gives_one_grid(text, executes):
    (result,) = attempt(task([A, B, C], [B]), text)
    assert result.executes is executes


def test_outcomes_are_those_of_the_evaluator():
    demonstrations = [A, B, C]
    for text, result in zip(
        (VMIRROR, SIZE, SOMETIMES),
        attempt(task(demonstrations, [A]), VMIRROR, SIZE, SOMETIMES),
        strict=True,
    ):
        expected = [Evaluator().run(parse_program(text), grid) for grid in demonstrations]
        assert [outcome.packed() for outcome in expected] == list(result.outcomes)
        assert [outcome.output for outcome in expected] == [outcome.output for outcome in result.outcomes]


def test_no_texts():
    assert attempt(task([A], [B])) == []


def test_the_task_is_the_one_at_the_index():
    tasks = (task([A], [B]), task([[A, A]], [[B, B]]))
    assert attempt_task(HostContext(tasks, Budget()), (1, (IDENTITY,)))[0].demonstration_performance == 1


def test_the_text_of_a_job_given_up():
    result = timed_out(VMIRROR, 3)
    assert result.program == VMIRROR
    assert [outcome.status for outcome in result.outcomes] == [Status.TIMEOUT] * 3
    assert not result.executes
    assert timed_out("garbage", 3) == attempt(task([A], [B]), "garbage")[0]


def test_a_context_is_pickled_without_its_evaluator():
    used = context(task([A], [B]))
    assert used.evaluator is used.evaluator
    restored = pickle.loads(pickle.dumps(used))
    assert restored == used
    assert attempt_task(restored, (0, (VMIRROR,))) == attempt_task(used, (0, (VMIRROR,)))


def test_a_context_evaluates_under_its_budget():
    scarce = HostContext((task([A], [B]),), Budget(max_work=1))
    assert attempt_task(scarce, (0, (VMIRROR,)))[0].outcomes[0].status is Status.OVER_BUDGET
