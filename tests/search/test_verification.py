import pytest

from codeit_jax.arc import Pair, Task
from codeit_jax.execution import Budget
from codeit_jax.execution.attempt import HostContext
from codeit_jax.search.ranking import Performance
from codeit_jax.search.verification import give_outputs, performance_of

A, B = ((1, 2),), ((5, 5),)
TASK = Task("task", (Pair(A, ((2, 1),)), Pair(B, B)), (Pair(B, None), Pair(A, ((2, 1),)), Pair(B, B)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("O = vmirror(I)", Performance(1.0, 2 / 3)),
        ("O = identity(I)", Performance(0.5, 1 / 3)),
        ("O = size(I)", Performance(0.0, 0.0)),
    ],
)
def test_performances_are_shares_of_the_outputs_given(text, expected):
    assert performance_of(TASK, given(TASK, text)) == expected


def given(task, text, budget=None):
    grids = (*task.demonstration_inputs, *task.test_inputs)
    return give_outputs(HostContext((), budget or Budget()), (text, grids))


def test_a_program_is_run_within_the_budget():
    outputs = given(TASK, "O = vmirror(I)", Budget(max_work=1))
    assert outputs == (None,) * 5
    assert performance_of(TASK, outputs) == Performance(0.0, 0.0)


def test_a_task_without_test_pairs():
    task = Task("task", TASK.train, ())
    assert performance_of(task, given(task, "O = vmirror(I)")) == Performance(1.0, 0.0)
