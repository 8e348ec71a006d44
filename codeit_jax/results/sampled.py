"""What sampled programs give for the demonstrations and the test inputs of their tasks.

The functions here that take a `HostContext` are jobs of an `ExecutionPool`.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

from codeit_jax.arc import Grid, Task
from codeit_jax.dsl.program import parse_program
from codeit_jax.execution.attempt import Attempt, HostContext, attempt_task, timed_out
from codeit_jax.execution.graph import GraphRun, ProgramGraph
from codeit_jax.execution.host import Sample
from codeit_jax.execution.pool import ExecutionPool, Failed
from codeit_jax.execution.recovery import Recovery, run_jobs
from codeit_jax.results.scoring import ProgramResult, TaskResult
from codeit_jax.search.ranking import rank

# A task's index, and for each of its samples what it gives; None where it is no program.
SampleResults = tuple[int, list[ProgramResult | None]]


def answer_task(context: HostContext, payload: Sample) -> list[ProgramResult | None]:
    """Runs sampled texts on a task's demonstrations and, whatever these give, on its test inputs.

    Args:
        context: the tasks and the budget.
        payload: the task's index and the texts.

    Returns:
        What each text gives, in their order.
    """
    task = context.tasks[payload[0]]
    attempts = attempt_task(context, payload)
    programs = list(dict.fromkeys(each.program for each in attempts if each.program is not None))
    graph = ProgramGraph(list(map(parse_program, programs)))
    runs = [GraphRun(graph, context.evaluator, grid) for grid in task.test_inputs]
    outputs = {program: tuple(run.output(index) for run in runs) for index, program in enumerate(programs)}
    return [_result(attempt, outputs) for attempt in attempts]


def answer_tasks(
    pool: ExecutionPool, tasks: Sequence[Task], samples: Iterable[Sample]
) -> Iterator[SampleResults]:
    """Runs sampled texts on the demonstrations and the test inputs of their tasks.

    Args:
        pool: workers from `start_pool`.
        tasks: those that the pool was started with.
        samples: pairs of a task's index and texts written for it, taken as workers get free; a task may come
            more than once.

    Yields:
        What they give, in the order of the samples, save that those which a worker was stopped on come last.
    """
    recovery = Recovery[Sample](
        num_items=lambda sample: len(sample[1]),
        part=lambda sample, start, stop: (sample[0], sample[1][start:stop]),
        describe=lambda sample: f"a program sampled for {tasks[sample[0]].id}",
    )
    for _, pieces in run_jobs(pool, answer_task, samples, recovery):
        results: list[ProgramResult | None] = []
        for (task_index, texts), result in pieces:
            results += _stopped(tasks[task_index], texts) if isinstance(result, Failed) else result
        yield task_index, results


def gather(tasks: Sequence[Task], results: Iterable[SampleResults]) -> list[TaskResult]:
    """Returns what all samples for each task give, equal programs as one, best first."""
    numbers = [0] * len(tasks)
    programs: list[dict[str, ProgramResult]] = [{} for _ in tasks]
    for task_index, found in results:
        numbers[task_index] += len(found)
        known = programs[task_index]
        for each in found:
            if each is not None:
                before = known.get(each.program)
                count = each.num_samples + (before.num_samples if before else 0)
                known[each.program] = dataclasses.replace(before or each, num_samples=count)
    return [
        TaskResult(task, number, tuple(sorted(known.values(), key=_rank)))
        for task, number, known in zip(tasks, numbers, programs, strict=True)
    ]


def _result(attempt: Attempt, outputs: dict[str, tuple[Grid | None, ...]]) -> ProgramResult | None:
    if attempt.program is None:
        return None
    return ProgramResult(attempt.program, attempt.demonstration_performance, outputs[attempt.program])


def _stopped(task: Task, texts: Sequence[str]) -> list[ProgramResult | None]:
    """Returns the results of texts that a worker had to be stopped on: programs that give nothing."""
    attempts = [timed_out(text, len(task.train)) for text in texts]
    nothing = (None,) * len(task.test)
    return [_result(each, {each.program: nothing} if each.program else {}) for each in attempts]


def _rank(result: ProgramResult) -> tuple[object, ...]:
    return rank(result.demonstration_performance, result.program)
