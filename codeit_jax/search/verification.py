"""Verification: programs run again, plainly and with nothing remembered, and held to what is said of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from codeit_jax.arc import Grid, Pair, Task
from codeit_jax.dsl.program import parse_program
from codeit_jax.execution.attempt import HostContext
from codeit_jax.execution.evaluator import Evaluator
from codeit_jax.execution.pool import ExecutionPool, Failed
from codeit_jax.search.ranking import Candidate, Performance

Outputs = tuple[Grid | None, ...]  # what a program gives for some grids; None where that is no valid one


def give_outputs(context: HostContext, payload: tuple[str, Sequence[Grid]]) -> Outputs:
    """Runs a program on grids; the job of an `ExecutionPool`.

    Args:
        context: the budget.
        payload: the program's text and the grids.
    """
    text, grids = payload
    program = parse_program(text)
    return tuple(Evaluator(context.budget).run(program, grid).output for grid in grids)


def run_again(pool: ExecutionPool, runs: Iterable[tuple[Task, str, Sequence[Grid]]]) -> Iterator[Outputs]:
    """Runs programs again, plainly.

    Args:
        pool: workers from `start_pool` that have run nothing yet.
        runs: for each a task, the text of a program for it, and the grids that it is to be run on.

    Yields:
        What each program gives, in their order.

    Raises:
        RuntimeError: one cannot be run again; the message names the task.
    """
    runs = list(runs)
    results = pool.map_ordered(give_outputs, ((text, grids) for _, text, grids in runs))
    for (task, text, _), result in zip(runs, results, strict=True):
        if isinstance(result, Failed):
            raise RuntimeError(f"{task.id}: a program cannot be run again: {result.detail}:\n{text}")
        yield result


def verify(pool: ExecutionPool, tasks: Sequence[Task], solved: Mapping[str, Candidate]) -> int:
    """Runs solutions again, plainly, and returns how many there are.

    Args:
        pool: workers from `start_pool` that have run nothing yet.
        tasks: the tasks that the pool was started with.
        solved: solutions, by task id.

    Raises:
        RuntimeError: one does not give what it is said to give; the message names the task.
    """
    claims = [(task, solved[task.id]) for task in tasks if task.id in solved]
    runs = [(task, claim.program, (*task.demonstration_inputs, *task.test_inputs)) for task, claim in claims]
    for (task, claim), outputs in zip(claims, run_again(pool, runs), strict=True):
        performance = performance_of(task, outputs)
        if performance != claim.performance:
            raise RuntimeError(
                f"{task.id}: its solution gives {performance} when it is run alone, and not"
                f" {claim.performance}:\n{claim.program}"
            )
    return len(claims)


def performance_of(task: Task, outputs: Outputs) -> Performance:
    """Returns the shares of a task that outputs are: those for its demonstrations, then for test inputs."""
    num_demonstrations = len(task.train)
    return Performance(
        _share(outputs[:num_demonstrations], task.train), _share(outputs[num_demonstrations:], task.test)
    )


def _share(outputs: Outputs, pairs: Sequence[Pair]) -> float:
    right = [
        output is not None and output == pair.output for output, pair in zip(outputs, pairs, strict=True)
    ]
    return sum(right) / max(1, len(right))
