import pytest

from codeit_jax.arc import Pair, Task
from codeit_jax.dsl import parse_program
from codeit_jax.execution import Budget
from codeit_jax.execution.attempt import Attempt, HostContext, attempt_task, timed_out
from codeit_jax.replay import Experience
from codeit_jax.replay.relabel import keep_solved, relabel

A, B, FIVE = ((1, 2),), ((3, 4),), ((5, 1),)


def mirrored(grid):
    return tuple(row[::-1] for row in grid)


# To mirror grids; the test pair is not among the demonstrations.
TEST_GRID = ((8, 9),)
TASK = Task(
    "task",
    tuple(Pair(grid, mirrored(grid)) for grid in (A, FIVE, B)),
    (Pair(TEST_GRID, mirrored(TEST_GRID)),),
)
VMIRROR, DOUBLED, SIZE = "O = vmirror(I)", "O = hconcat(I, I)", "O = size(I)"
# Gives a grid only where there is a 5.
SOMETIMES = "x1 = ofcolor(I, FIVE)\nx2 = first(x1)\nO = vmirror(I)"
# Right only where there is no 5.
PARTLY = "x1 = replace(I, FIVE, NINE)\nO = vmirror(x1)"


def attempt(text):
    return attempt_task(HostContext((TASK,), Budget()), (0, (text,)))[0]


def test_a_program_that_is_right_is_stored_with_the_task_as_it_is():
    expected = Experience.of(
        "task", VMIRROR, (A, FIVE, B), (mirrored(A), mirrored(FIVE), mirrored(B)), 1.0, 7
    )
    assert relabel(TASK, attempt(VMIRROR), 7) == expected
    assert keep_solved(TASK, attempt(VMIRROR), 7) == expected


def test_a_program_that_is_wrong_is_stored_with_the_outputs_it_gave():
    experience = relabel(TASK, attempt(DOUBLED), 7)
    assert experience.inputs == (A, FIVE, B)
    assert experience.outputs == (((1, 2, 1, 2),), ((5, 1, 5, 1),), ((3, 4, 3, 4),))
    assert experience.priority == 0
    assert keep_solved(TASK, attempt(DOUBLED), 7) is None


def test_demonstrations_without_a_valid_output_are_dropped_but_count_against_the_priority():
    expected = Experience.of("task", SOMETIMES, (FIVE,), (mirrored(FIVE),), 1 / 3, 0)
    assert relabel(TASK, attempt(SOMETIMES), 0) == expected
    assert keep_solved(TASK, attempt(SOMETIMES), 0) == expected


def test_without_relabeling_only_the_demonstrations_that_are_right_are_kept():
    experience = relabel(TASK, attempt(PARTLY), 2)
    assert experience.outputs == (mirrored(A), ((1, 9),), mirrored(B))
    assert experience.priority == 2 / 3
    kept = keep_solved(TASK, attempt(PARTLY), 2)
    assert kept == Experience.of("task", PARTLY, (A, B), (mirrored(A), mirrored(B)), 2 / 3, 2)


@pytest.mark.parametrize("store", [relabel, keep_solved])
@pytest.mark.parametrize(
    "failed",
    [
        attempt(SIZE),
        attempt("O = divide(ONE, ZERO)"),
        attempt("garbage"),
        timed_out(VMIRROR, 3),
        Attempt(None),
    ],
    ids=["invalid output", "error", "no program", "timeout", "nothing"],
)
def test_without_any_valid_output_there_is_nothing_to_store(store, failed):
    assert store(TASK, failed, 0) is None


@pytest.mark.parametrize("store", [relabel, keep_solved])
@pytest.mark.parametrize("text", [VMIRROR, PARTLY, SOMETIMES])
def test_test_examples_never_enter(store, text):
    experience = store(TASK, attempt(text), 0)
    assert TEST_GRID not in experience.inputs
    assert mirrored(TEST_GRID) not in experience.outputs


def test_the_program_is_stored_in_canonical_text():
    text = "x7=vmirror( I )\n\nx2 = hmirror(x7)\nO = hmirror(x2)"
    experience = relabel(TASK, attempt(text), 0)
    assert experience.program == "x1 = vmirror(I)\nx2 = hmirror(x1)\nO = hmirror(x2)"
    assert str(parse_program(experience.program)) == experience.program
