"""The execution suite's load, mutants as of a search and texts as of a policy, and how jobs are timed."""

import contextlib
import dataclasses
import gc
import itertools
import math
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, cast

import numpy as np

from codeit_jax.arc import Task
from codeit_jax.config import ExecutionConfig
from codeit_jax.dsl import Program
from codeit_jax.execution import Budget, ExecutionPool
from codeit_jax.execution.attempt import HostContext
from codeit_jax.execution.host import Sample, start_pool
from codeit_jax.mutation.growth.mutants import grow
from codeit_jax.mutation.growth.rounds import Recipe
from codeit_jax.mutation.parents import find_parents


class TimedJobs:
    """Stands in for an `ExecutionPool`: runs its jobs in this process, and counts the CPU time they take.

    Attributes:
        seconds: what the jobs took so far.
    """

    def __init__(self, tasks: Sequence[Task], budget: Budget | None = None) -> None:
        self.seconds = 0.0
        self._context = HostContext(tuple(tasks), budget or Budget())

    def map_ordered(
        self, function: Callable[[Any, Any], Any], payloads: Iterable[Any], *, chunk_size: int | None = None
    ) -> Iterator[Any]:
        for payload in payloads:
            begun = time.process_time()
            result = function(self._context, payload)
            self.seconds += time.process_time() - begun
            yield result
            del result
            gc.collect()  # what refers to itself would stay where the collector is kept calm

    @property
    def as_pool(self) -> ExecutionPool:
        """The same object, for functions that ask for a pool and map jobs on it in order."""
        return cast(ExecutionPool, self)


def start_workers(num_workers: int, tasks: Sequence[Task]) -> ExecutionPool:
    """Starts a pool such as a run's."""
    return start_pool(tasks, ExecutionConfig(num_workers=num_workers, budget=Budget()))


def draw_mutants(
    pool: ExecutionPool, tasks: Sequence[Task], programs: dict[str, Program], count: int, seed: int
) -> list[Program]:
    """Returns mutants of training programs that solve their task, those of a task together."""
    parents = find_parents(pool, tasks, programs)
    mutants = grow(pool, Recipe(tuple(parents), seed=seed), count)
    return [mutant.program for mutant in sorted(mutants, key=lambda mutant: mutant.task_id)]


def draw_samples(
    programs: Sequence[Program], num_tasks: int, texts_per_task: int, junk_share: float, seed: int
) -> list[Sample]:
    """Returns texts as a policy might write them for each task: random programs, and some cut short."""
    rng = random.Random(f"{seed}/samples")

    def draw() -> str:
        text = str(rng.choice(programs))
        return text[: len(text) // 2] if rng.random() < junk_share else text

    return [(index, tuple(draw() for _ in range(texts_per_task))) for index in range(num_tasks)]


def draw_runs(num_programs: int, num_tasks: int, count: int, seed: int) -> list[tuple[int, int]]:
    """Returns random pairs of a program's and a task's index.

    Each program is in as many of them as any other, save one, and so is each task.
    """
    rng = random.Random(f"{seed}/runs")

    def spread(size: int) -> list[int]:
        rounds = [rng.sample(range(size), size) for _ in range(math.ceil(count / size))]
        return list(itertools.chain.from_iterable(rounds))[:count]

    return list(zip(spread(num_programs), spread(num_tasks), strict=True))


@contextlib.contextmanager
def calm_collector() -> Iterator[None]:
    """Keeps Python from looking for garbage, as worker processes do."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


@dataclasses.dataclass(frozen=True)
class Mean:
    """A mean, and its standard error as that of a simple random sample."""

    value: float
    error: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Mean":
        error = float(np.std(values, ddof=1)) / len(values) ** 0.5 if len(values) > 1 else 0.0
        return cls(float(np.mean(values)), error)
