"""Jobs shared out over the processes of a run, each of which has workers of its own."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from codeit_jax.execution.pool import ExecutionPool, Function, Results
from codeit_jax.run.peers import Peers

ROUND = 1024  # jobs whose results the processes tell each other together


class SharedPool(ExecutionPool):
    """A pool that runs every so many-th job, and has the results of the others from other processes.

    Every process makes the same calls with the same jobs, and gets the same results.

    Args:
        peers: the processes.
        num_workers: of this process.
        context: see `ExecutionPool`, as for what can be set beside.
    """

    def __init__(self, peers: Peers, num_workers: int, context: Any = None, **settings: Any) -> None:
        super().__init__(num_workers, context, **settings)
        self.peers = peers

    def map_ordered(
        self, function: Function, payloads: Iterable[Any], *, chunk_size: int | None = None
    ) -> Results:
        """Yields what `ExecutionPool.map_ordered` does; results come as soon as a round of jobs is done."""
        self._check_map(function, chunk_size)
        return self._rounds(function, iter(payloads), chunk_size)

    def _rounds(self, function: Function, payloads: Iterator[Any], chunk_size: int | None) -> Results:
        number, count = self.peers.number, self.peers.count
        num_jobs = ROUND
        while num_jobs == ROUND:
            num_jobs = 0

            def share() -> Iterator[Any]:
                nonlocal num_jobs
                for place, payload in enumerate(islice(payloads, ROUND)):
                    num_jobs += 1
                    if place % count == number:
                        yield payload

            own = list(super().map_ordered(function, share(), chunk_size=chunk_size))
            results = self.peers.gather(own)
            for place in range(num_jobs):
                yield results[place % count][place // count]
