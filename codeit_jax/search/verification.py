"""Verification: a program's claims checked anew, by a plain run on every pair and nothing remembered."""

from collections.abc import Sequence

from codeit_jax.arc import Pair
from codeit_jax.dsl.program import parse_program
from codeit_jax.execution.attempt import HostContext
from codeit_jax.execution.evaluator import Evaluator
from codeit_jax.search.ranking import Performance


def measure_performance(context: HostContext, payload: tuple[int, str]) -> Performance:
    """Runs a program on all pairs of a task; the job of an `ExecutionPool`.

    Args:
        context: the tasks and the budget.
        payload: the task's index and the program's text.
    """
    task_index, text = payload
    task = context.tasks[task_index]
    return Performance(_share(context, text, task.train), _share(context, text, task.test))


def _share(context: HostContext, text: str, pairs: Sequence[Pair]) -> float:
    program = parse_program(text)
    num_right = 0
    for pair in pairs:
        outcome = Evaluator(context.budget).run(program, pair.input)
        num_right += pair.output is not None and outcome.output == pair.output
    return num_right / max(1, len(pairs))
