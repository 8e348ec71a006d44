"""Confirmation: programs behind answers run again, by themselves and with nothing remembered."""

from collections.abc import Sequence

from codeit_jax.arc import Grid, Task
from codeit_jax.dsl.program import parse_program
from codeit_jax.execution.attempt import HostContext
from codeit_jax.execution.evaluator import Evaluator
from codeit_jax.execution.pool import ExecutionPool, Failed

Outputs = tuple[Grid | None, ...]


def give_outputs(context: HostContext, payload: tuple[int, str]) -> Outputs:
    """Runs a program on the test inputs of a task; the job of an `ExecutionPool`.

    Args:
        context: the tasks and the budget.
        payload: the task's index and the program's text.

    Returns:
        What it gives for each; None where that is no valid grid.
    """
    task_index, text = payload
    program = parse_program(text)
    inputs = context.tasks[task_index].test_inputs
    return tuple(Evaluator(context.budget).run(program, grid).output for grid in inputs)


def run_again(
    pool: ExecutionPool, tasks: Sequence[Task], programs: Sequence[Sequence[str]]
) -> list[dict[str, Outputs]]:
    """Runs the programs of tasks again.

    Args:
        pool: workers from `start_pool` that have run nothing yet.
        tasks: the tasks that the pool was started with.
        programs: the programs of each.

    Returns:
        For each task, by program, what that gives for each test input.

    Raises:
        RuntimeError: one cannot be run again; the message names the task.
    """
    payloads = [(place, text) for place, texts in enumerate(programs) for text in texts]
    found: list[dict[str, Outputs]] = [{} for _ in tasks]
    for (place, text), result in zip(payloads, pool.map_ordered(give_outputs, payloads), strict=True):
        if isinstance(result, Failed):
            raise RuntimeError(f"{tasks[place].id}: a program cannot be run again: {result.detail}:\n{text}")
        found[place][text] = result
    return found
