"""Verification: a program's claims checked anew, by a plain run on every pair and nothing remembered."""

from collections.abc import Mapping, Sequence

from codeit_jax.arc import Pair, Task
from codeit_jax.dsl.program import parse_program
from codeit_jax.execution.attempt import HostContext
from codeit_jax.execution.evaluator import Evaluator
from codeit_jax.execution.pool import ExecutionPool, Failed
from codeit_jax.search.ranking import Candidate, Performance


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


def verify(pool: ExecutionPool, tasks: Sequence[Task], solved: Mapping[str, Candidate]) -> int:
    """Runs solutions again, plainly, and returns how many there are.

    Args:
        pool: workers from `start_pool` that have run nothing yet.
        tasks: the tasks that the pool was started with.
        solved: solutions, by task id.

    Raises:
        RuntimeError: one does not give what it is said to give; the message names the task.
    """
    claims = [(index, solved[task.id]) for index, task in enumerate(tasks) if task.id in solved]
    payloads = [(index, claim.program) for index, claim in claims]
    results = pool.map_ordered(measure_performance, payloads)
    for (index, claim), result in zip(claims, results, strict=True):
        if isinstance(result, Failed):
            raise RuntimeError(f"{tasks[index].id}: its solution cannot be run again: {result.detail}")
        if result != claim.performance:
            raise RuntimeError(
                f"{tasks[index].id}: its solution gives {result} when it is run alone, and not"
                f" {claim.performance}:\n{claim.program}"
            )
    return len(claims)
