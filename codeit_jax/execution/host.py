"""The host's side of a run: streams of jobs through the pool, with none lost to a worker that was stopped.

A job that a worker was stopped on is split into its programs, which are run again alone at the stream's end:
only the program at fault is given up.
"""

import itertools
import logging
import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from codeit_jax.arc import Task
from codeit_jax.dsl.program import Program
from codeit_jax.execution.attempt import Attempt, Hit, HostContext, attempt_task, search_tasks, timed_out
from codeit_jax.execution.budget import Budget
from codeit_jax.execution.pool import ExecutionPool, Failed

_PROGRAMS_PER_JOB = 500
_TASKS_PER_JOB = 4

_logger = logging.getLogger(__name__)

Sample = tuple[int, tuple[str, ...]]  # a task's index and the texts written for it
SearchJob = tuple[tuple[Program, ...], tuple[int, ...]]  # programs, and the indices of tasks


def start_pool(
    tasks: Sequence[Task], budget: Budget, num_workers: int, timeout_seconds: float, memory_bytes: int
) -> ExecutionPool:
    """Starts workers that hold the search set; they run the jobs of this package and of `mutation`."""
    context = HostContext(tuple(tasks), budget)
    return ExecutionPool(num_workers, context, timeout_seconds=timeout_seconds, memory_bytes=memory_bytes)


def attempt_tasks(
    pool: ExecutionPool, tasks: Sequence[Task], samples: Iterable[Sample]
) -> Iterator[tuple[int, tuple[str, ...], list[Attempt]]]:
    """Runs sampled texts on their tasks.

    Args:
        pool: workers from `start_pool`.
        tasks: the search set that the pool was started with.
        samples: pairs of a task's index and the texts written for it, taken as workers get free.

    Yields:
        The pairs, each with one attempt a text: in their order, save that those which a worker was stopped
        on come last.
    """
    taken: deque[Sample] = deque()
    stopped: list[Sample] = []
    for result in pool.map_ordered(attempt_task, _recorded(samples, taken)):
        sample = taken.popleft()
        if isinstance(result, Failed):
            _logger.warning("a worker was stopped on task %s: %s", tasks[sample[0]].id, result.detail)
            stopped.append(sample)
        else:
            yield *sample, result
    singles = [(task_index, (text,)) for task_index, texts in stopped for text in texts]
    results = pool.map_ordered(attempt_task, singles)
    for task_index, texts in stopped:
        attempts = [
            timed_out(text, len(tasks[task_index].train)) if isinstance(result, Failed) else result[0]
            for text, result in zip(texts, itertools.islice(results, len(texts)), strict=True)
        ]
        yield task_index, texts, attempts


def num_search_jobs(num_tasks: int, num_programs: int) -> int:
    """Returns how many jobs a search is cut into."""
    return math.ceil(num_tasks / _TASKS_PER_JOB) * math.ceil(num_programs / _PROGRAMS_PER_JOB)


def search(
    pool: ExecutionPool, num_tasks: int, programs: Sequence[Program]
) -> Iterator[list[tuple[Program, Hit]]]:
    """Runs every program on every task of the search set.

    Args:
        pool: workers from `start_pool`.
        num_tasks: size of the search set.
        programs: the programs; those that share lines, such as mutants of one parent, should stand together.

    Yields:
        For each job, in a fixed order, each program with each task whose first demonstration it gives.
    """
    indices = tuple(range(num_tasks))
    jobs = [
        (tuple(programs[start : start + _PROGRAMS_PER_JOB]), indices[first : first + _TASKS_PER_JOB])
        for start in range(0, len(programs), _PROGRAMS_PER_JOB)
        for first in range(0, num_tasks, _TASKS_PER_JOB)
    ]
    stopped: list[SearchJob] = []
    for job, result in zip(jobs, pool.map_ordered(search_tasks, jobs), strict=True):
        if isinstance(result, Failed):
            _logger.warning("a worker was stopped in a search: %s", result.detail)
            stopped.append(job)
        else:
            yield [(job[0][hit.program_index], hit) for hit in result]
    singles = [((program,), task_indices) for programs, task_indices in stopped for program in programs]
    for (programs, _), result in zip(singles, pool.map_ordered(search_tasks, singles), strict=True):
        if isinstance(result, Failed):
            _logger.warning("left out of the search, %s:\n%s", result.detail, programs[0])
        else:
            yield [(programs[0], hit) for hit in result]


def _recorded(samples: Iterable[Sample], taken: deque[Sample]) -> Iterator[Sample]:
    for sample in samples:
        taken.append(sample)
        yield sample
