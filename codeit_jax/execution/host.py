"""The host's side of a run: streams of jobs through the pool, with none lost to a worker that was stopped.

A job that a worker was stopped on is split into its programs, which are run again alone at the stream's end:
only the program at fault is given up.
"""

import itertools
import logging
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from codeit_jax.arc import Task
from codeit_jax.config.budget import Budget
from codeit_jax.execution.attempt import Attempt, HostContext, attempt_task, timed_out
from codeit_jax.execution.pool import ExecutionPool, Failed

_logger = logging.getLogger(__name__)

Sample = tuple[int, tuple[str, ...]]  # a task's index and the texts written for it


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


def _recorded(samples: Iterable[Sample], taken: deque[Sample]) -> Iterator[Sample]:
    for sample in samples:
        taken.append(sample)
        yield sample
