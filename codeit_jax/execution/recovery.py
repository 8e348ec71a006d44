"""Recovery from a worker that was stopped: what it was on is halved and tried again, and the rest is kept.

Programs may hang a worker or take all its memory in spite of their budgets. A job holds many programs, since
they share much; only the one at fault is given up.
"""

import dataclasses
import logging
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, Generic, TypeVar

from codeit_jax.execution.pool import ExecutionPool, Failed

JobType = TypeVar("JobType")
Piece = tuple[JobType, Any]  # a job or a part of one, and its result or `Failed`

_logger = logging.getLogger(__name__)
_PENDING = object()  # the result of what is still to be run


@dataclasses.dataclass(frozen=True)
class Recovery(Generic[JobType]):
    """How jobs of one kind are taken apart.

    Attributes:
        num_items: how many items a job holds that can be run apart; one of a single item is given up.
        part: returns the job of the items from a first up to another.
        describe: names a job that is given up, for the warning.
        has_shared_work: whether a job without items does what its items have in common; where that alone
            stops a worker, the whole job is given up at once.
    """

    num_items: Callable[[JobType], int]
    part: Callable[[JobType, int, int], JobType]
    describe: Callable[[JobType], str]
    has_shared_work: bool = False

    def halves(self, job: JobType) -> list[JobType]:
        """Returns the two halves of a job; nothing for a job of one item."""
        count = self.num_items(job)
        if count < 2:
            return []
        return [self.part(job, 0, count // 2), self.part(job, count // 2, count)]


def run_jobs(
    pool: ExecutionPool,
    function: Callable[[Any, JobType], Any],
    jobs: Iterable[JobType],
    recovery: Recovery[JobType],
    chunk_size: int | None = None,
) -> Generator[tuple[int, list[Piece[JobType]]], None, None]:
    """Runs jobs; one that a worker was stopped on is halved until the item at fault is alone.

    What is given up is told in a warning.

    Args:
        pool: the workers.
        function: a job of the pool; of a part of a job it must give the part of the job's result.
        jobs: the jobs, taken as workers get free.
        recovery: how they are taken apart.
        chunk_size: see `ExecutionPool.map_ordered`.

    Yields:
        The index of each job, and the parts in which it was run, in their order: the job itself with its
        result where no worker was stopped on it. Jobs come in order, but those run in parts last.
    """
    taken: deque[JobType] = deque()
    stopped: dict[int, list[Piece[JobType]]] = {}
    results = pool.map_ordered(function, _recorded(jobs, taken), chunk_size=chunk_size)
    for index, result in enumerate(results):
        piece = taken.popleft(), result
        if isinstance(result, Failed):
            stopped[index] = [piece]
        else:
            yield index, [piece]
    hopeless = _hopeless(pool, function, stopped, recovery) if recovery.has_shared_work else set()
    hopeful = {index: pieces for index, pieces in stopped.items() if index not in hopeless}
    while True:
        hopeful = {
            index: [half for piece in pieces for half in _divided(piece, recovery)]
            for index, pieces in hopeful.items()
        }
        pending = [job for pieces in hopeful.values() for job, result in pieces if result is _PENDING]
        if not pending:
            break
        retried = pool.map_ordered(function, pending, chunk_size=chunk_size)
        hopeful = {
            index: [(job, next(retried) if result is _PENDING else result) for job, result in pieces]
            for index, pieces in hopeful.items()
        }
    for index, pieces in (stopped | hopeful).items():
        for job, result in pieces:
            if isinstance(result, Failed):
                _logger.warning("%s: given up, %s", recovery.describe(job), result.detail)
        yield index, pieces


def _divided(piece: Piece[JobType], recovery: Recovery[JobType]) -> list[Piece[JobType]]:
    """Returns the halves of a piece that a worker was stopped on, to be run, or the piece as it is."""
    job, result = piece
    halves = recovery.halves(job) if isinstance(result, Failed) else []
    return [(half, _PENDING) for half in halves] or [piece]


def _hopeless(
    pool: ExecutionPool,
    function: Callable[[Any, JobType], Any],
    stopped: dict[int, list[Piece[JobType]]],
    recovery: Recovery[JobType],
) -> set[int]:
    """Returns the jobs of several items whose shared work stops a worker by itself."""
    checks = {
        index: recovery.part(job, 0, 0)
        for index, ((job, _),) in stopped.items()
        if recovery.num_items(job) > 1
    }
    results = pool.map_ordered(function, checks.values())
    return {index for index, result in zip(checks, results, strict=True) if isinstance(result, Failed)}


def _recorded(jobs: Iterable[JobType], taken: deque[JobType]) -> Iterator[JobType]:
    for job in jobs:
        taken.append(job)
        yield job
