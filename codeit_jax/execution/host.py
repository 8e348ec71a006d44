"""The host's side of a run: the worker processes, and the programs that a policy wrote run by them."""

import functools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence

from codeit_jax.arc import Task
from codeit_jax.config import ExecutionConfig
from codeit_jax.execution.attempt import Attempt, HostContext, attempt_task, timed_out
from codeit_jax.execution.led_pool import Leader, LedPool
from codeit_jax.execution.pool import ExecutionPool, Failed
from codeit_jax.execution.recovery import Recovery, run_jobs
from codeit_jax.execution.shared_pool import SharedPool
from codeit_jax.run.peers import Peers

_GIGABYTE = 1 << 30

Sample = tuple[int, tuple[str, ...]]  # a task's index and the texts written for it


def start_pool(
    tasks: Sequence[Task], settings: ExecutionConfig, others: Peers | Leader | None = None
) -> ExecutionPool:
    """Starts workers that hold the search set; they run the jobs of this package and of `mutation`.

    Args:
        tasks: the search set.
        settings: of the workers.
        others: processes with workers of their own: those that do what this one does, or those that it leads.
    """
    start: Callable[..., ExecutionPool] = ExecutionPool
    if isinstance(others, Leader):
        start = functools.partial(LedPool, others)
    elif others is not None and others.count > 1:
        start = functools.partial(SharedPool, others)
    return start(
        settings.num_workers or os.cpu_count() or 1,
        HostContext(tuple(tasks), settings.budget),
        timeout_seconds=settings.timeout_seconds,
        memory_bytes=int(settings.memory_gigabytes * _GIGABYTE),
    )


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
    recovery = Recovery[Sample](
        num_items=lambda sample: len(sample[1]),
        part=lambda sample, start, stop: (sample[0], sample[1][start:stop]),
        describe=lambda sample: f"a program sampled for {tasks[sample[0]].id}",
    )
    for _, pieces in run_jobs(pool, attempt_task, samples, recovery):
        attempts: list[Attempt] = []
        for (task_index, texts), result in pieces:
            if isinstance(result, Failed):
                result = [timed_out(text, len(tasks[task_index].train)) for text in texts]
            attempts += result
        yield task_index, tuple(text for (_, texts), _ in pieces for text in texts), attempts
