"""The jobs of a pool's `map` on their way to the workers, in chunks as large as their time allows."""

import dataclasses
from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

CHUNKS_IN_FLIGHT = 2  # one that is run and one that waits, so that no worker waits for the pool
CHUNK_SECONDS = 0.05
LONG_SECONDS = 0.2  # behind a chunk that takes longer, another would wait while a worker may be idle
MAX_CHUNK = 1024
CHUNK_GROWTH = 4  # a chunk tells little about one that is far larger

Job = tuple[int, Any]  # its index in the stream, and its payload


@dataclasses.dataclass
class Chunk:
    """Jobs that are sent to a worker together.

    Attributes:
        first_serial: a number that no other job of the pool has; the chunk's other jobs have those after it.
        jobs: the jobs, in the order in which the worker runs them.
        num_finished: how many of the jobs have an outcome.
        seconds: what those took.
    """

    first_serial: int
    jobs: list[Job]
    num_finished: int = 0
    seconds: float = 0.0

    def unfinished(self) -> list[tuple[int, Job]]:
        """Returns the jobs without an outcome, with their serial numbers."""
        return list(enumerate(self.jobs, start=self.first_serial))[self.num_finished :]


class Stream:
    """The jobs of one `map` that no worker has, and how many of them a worker is to be given.

    Attributes:
        again: jobs that a worker which has died had and is not blamed for.
        num_in_flight: chunks a worker may have.

    Args:
        payloads: the jobs' payloads, any iterable.
        chunk_size: jobs that are given together; None to let it follow how long they take.
        may_pull: whether another payload may be asked for now.
    """

    def __init__(self, payloads: Iterable[Any], chunk_size: int | None, may_pull: Callable[[], bool]) -> None:
        self._payloads = enumerate(payloads)
        self._exhausted = False
        self.again: list[Job] = []
        self._suspects: deque[Job] = deque()
        self._suspected: set[int] = set()
        self._may_pull = may_pull
        self._fixed_size = chunk_size
        self._size = chunk_size or 1
        self.num_in_flight = 1

    def is_empty(self) -> bool:
        """Returns whether no job is left."""
        return self._exhausted and not self.again and not self._suspects

    def take(self, limit: int, is_fresh: bool) -> list[Job]:
        """Returns at most `limit` jobs for a worker; for a fresh one a suspect alone, if there is any.

        A fresh worker will always come, since a job becomes a suspect by the death of a worker.
        """
        if is_fresh and self._suspects:
            return [self._suspects.popleft()]
        size = min(self._size, limit)
        jobs, self.again = self.again[:size], self.again[size:]
        if not jobs and not self._exhausted and self._may_pull():
            jobs = list(islice(self._payloads, size))
            self._exhausted = len(jobs) < size
        return jobs

    def suspect(self, job: Job) -> bool:
        """Takes a job back for its second try; returns False if it has had that."""
        if job[0] in self._suspected:
            return False
        self._suspected.add(job[0])
        self._suspects.append(job)
        return True

    def learn(self, chunk: Chunk) -> None:
        """Takes the time that a finished chunk took as a guide to the next ones."""
        self.num_in_flight = CHUNKS_IN_FLIGHT if chunk.seconds < LONG_SECONDS else 1
        if self._fixed_size is None:
            fitting = len(chunk.jobs) * CHUNK_SECONDS / max(chunk.seconds, 1e-9)
            self._size = max(1, int(min(fitting, CHUNK_GROWTH * len(chunk.jobs), MAX_CHUNK)))
