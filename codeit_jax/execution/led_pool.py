"""Jobs that the first of several processes hands out to the workers of all.

The first runs a command as if it were alone, files and clock included; the others serve it. Where every
process has to come to the same by itself, see `shared_pool`.
"""

import contextlib
import dataclasses
import itertools
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from codeit_jax.errors import naming
from codeit_jax.execution.pool import ExecutionPool, Function, Results
from codeit_jax.run.peers import Peers

_FIRST_ROUND = 4  # jobs a process, where nothing is known of how long they take
_LARGEST_ROUND = 1024
_SHORT_SECONDS, _LONG_SECONDS = 1.0, 10.0  # of a round, beyond which the next has more or fewer jobs


@dataclasses.dataclass(frozen=True)
class _Start:
    """A pool is started, of as many workers as each process has."""

    number: int
    context: Any
    settings: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class _Run:
    """Jobs are run, of which every process has a share."""

    number: int
    function: Function
    shares: list[list[Any]]
    chunk_size: int | None


@dataclasses.dataclass(frozen=True)
class _Share:
    """A file that jobs read is put where they look for it."""

    path: Path
    content: bytes


@dataclasses.dataclass(frozen=True)
class _Close:
    """A pool is closed."""

    number: int


class LedPool(ExecutionPool):
    """A pool whose jobs all processes run; the others are in `serve`.

    Args:
        leader: the first process.
        num_workers: of this process.
        context: see `ExecutionPool`, as for what can be set beside.
    """

    def __init__(self, leader: "Leader", num_workers: int, context: Any = None, **settings: Any) -> None:
        super().__init__(num_workers, context, **settings)
        self._leader = leader
        self._number = leader.start(context, settings)

    def close(self) -> None:
        if self._finalizer.alive:
            self._leader.tell(_Close(self._number))
        super().close()

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            self.close()
        else:  # the others may be in the midst of something
            super().close()

    def share_file(self, path: Path) -> None:
        with naming(path):
            self._leader.tell(_Share(path, path.read_bytes()))

    def map_ordered(
        self, function: Function, payloads: Iterable[Any], *, chunk_size: int | None = None
    ) -> Results:
        """Yields what `ExecutionPool.map_ordered` does; results come as soon as a round of jobs is done."""
        self._check_map(function, chunk_size)
        return self._rounds(function, iter(payloads), chunk_size)

    def _rounds(self, function: Function, payloads: Iterator[Any], chunk_size: int | None) -> Results:
        peers = self._leader.peers
        size = _FIRST_ROUND
        while jobs := list(islice(payloads, size * peers.count)):
            started = time.monotonic()
            shares = [jobs[number :: peers.count] for number in range(peers.count)]
            self._leader.tell(_Run(self._number, function, shares, chunk_size))
            results = peers.gather(list(super().map_ordered(function, shares[0], chunk_size=chunk_size)))
            seconds = time.monotonic() - started
            yield from (results[place % peers.count][place // peers.count] for place in range(len(jobs)))
            if seconds < _SHORT_SECONDS:
                size = min(2 * size, _LARGEST_ROUND)
            elif seconds > _LONG_SECONDS:
                size = max(1, size // 2)


class Leader:
    """The first process, as those whom it leads know it.

    Args:
        peers: the processes.
    """

    def __init__(self, peers: Peers) -> None:
        self.peers = peers
        self._numbers = itertools.count()

    def tell(self, order: Any) -> None:
        """Has all others do something; None for the end."""
        self.peers.gather(order)

    def start(self, context: Any, settings: dict[str, Any]) -> int:
        """Has all others start a pool, and returns its number."""
        number = next(self._numbers)
        self.tell(_Start(number, context, settings))
        return number


def lead(peers: Peers, num_workers: int, command: Callable[[Leader | None], object]) -> None:
    """Runs a command in the first of some processes, which has the workers of all at its service.

    Args:
        peers: the processes; each makes this call.
        num_workers: of this process.
        command: takes what its pools are started with; see `host.start_pool`.
    """
    if peers.number:
        serve(peers, num_workers)
        return
    leader = Leader(peers) if peers.count > 1 else None
    command(leader)
    if leader is not None:
        leader.tell(None)


def serve(peers: Peers, num_workers: int) -> None:
    """Does what the first process says, until it has ended.

    Args:
        peers: the processes.
        num_workers: of this one.

    Raises:
        UserError: there is no room for a file, or no permission.
    """
    pools: dict[int, ExecutionPool] = {}
    with contextlib.ExitStack() as stack:
        while (order := peers.gather(None)[0]) is not None:
            if isinstance(order, _Start):
                pool = ExecutionPool(num_workers, order.context, **order.settings)
                pools[order.number] = stack.enter_context(pool)
            elif isinstance(order, _Close):
                pools.pop(order.number).close()
            elif isinstance(order, _Share):
                _put(order, stack)
            else:
                share = order.shares[peers.number]
                run = pools[order.number].map_ordered(order.function, share, chunk_size=order.chunk_size)
                peers.gather(list(run))


def _put(file: _Share, stack: contextlib.ExitStack) -> None:
    if file.path.exists():  # on a machine that is the first's, too
        return
    with naming(file.path):
        made = next(path for path in (file.path, *file.path.parents) if path.parent.exists())
        stack.callback(lambda: shutil.rmtree(made, ignore_errors=True) if made.is_dir() else made.unlink())
        file.path.parent.mkdir(parents=True, exist_ok=True)
        file.path.write_bytes(file.content)
