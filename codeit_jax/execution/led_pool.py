"""Jobs that the first of several processes hands out to the workers of all.

The first runs a command as if it were alone, files and clock included; the others serve it. Where every
process has to come to the same by itself, see `shared_pool`.
"""

import contextlib
import dataclasses
import itertools
import queue
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from codeit_jax.errors import naming
from codeit_jax.execution.pool import ExecutionPool, Function, Results
from codeit_jax.run.interruption import begin_keeping
from codeit_jax.run.peers import Peers

_MOST_TOGETHER = 256  # jobs that another process's worker is sent
_SHORT_SECONDS, _LONG_SECONDS = 0.5, 2.0  # of these, beyond which there are more or fewer the next time
_MAX_AHEAD = 16_384  # jobs that are taken before the results of earlier ones are asked for


@dataclasses.dataclass(frozen=True)
class _Start:
    """A pool of one worker is started."""

    pool: int
    context: Any
    settings: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class _Run:
    """Jobs are run, whose results are sent back."""

    pool: int
    function: Function
    payloads: list[Any]


@dataclasses.dataclass(frozen=True)
class _Share:
    """A file that jobs read is put where they look for it."""

    path: Path
    content: bytes


@dataclasses.dataclass(frozen=True)
class _Close:
    """A pool is closed."""

    pool: int


class LedPool(ExecutionPool):
    """A pool whose jobs the workers of all processes run; the others are in `serve`.

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

    def share_file(self, path: Path) -> None:
        with naming(path):
            self._leader.tell(_Share(path, path.read_bytes()))

    def map_ordered(
        self, function: Function, payloads: Iterable[Any], *, chunk_size: int | None = None
    ) -> Results:
        """Yields what `ExecutionPool.map_ordered` does; payloads are taken in threads, one at a time."""
        self._check_map(function, chunk_size)
        return self._led(function, _Jobs(payloads), chunk_size)

    def _led(self, function: Function, jobs: "_Jobs", chunk_size: int | None) -> Results:
        done: queue.SimpleQueue[_Done] = queue.SimpleQueue()
        takers = [self._own(function, jobs, chunk_size)]
        takers += [self._of(helper, function, jobs) for helper in self._leader.helpers]
        threads = [threading.Thread(target=_take, args=(taker, done), daemon=True) for taker in takers]
        for thread in threads:
            thread.start()
        held: dict[int, Any] = {}
        try:
            num_at_work = len(threads)
            while num_at_work:
                results = done.get()
                if isinstance(results, BaseException):
                    raise results
                num_at_work -= results is None
                held.update(results or ())
                while jobs.num_yielded in held:
                    result = held.pop(jobs.num_yielded)
                    jobs.note_yielded()
                    yield result
        finally:
            jobs.end()
            threads[0].join()  # others may wait for a process that is lost

    def _own(self, function: Function, jobs: "_Jobs", chunk_size: int | None) -> "Iterator[_Results]":
        numbers: list[int] = []

        def payloads() -> Iterator[Any]:
            while taken := jobs.take(1):
                numbers.append(taken[0][0])
                yield taken[0][1]

        with contextlib.closing(super().map(function, payloads(), chunk_size=chunk_size)) as results:
            for place, result in results:
                yield [(numbers[place], result)]

    def _of(self, helper: "_Helper", function: Function, jobs: "_Jobs") -> "Iterator[_Results]":
        size = 1
        while taken := jobs.take(size):
            started = time.monotonic()
            results = helper.run(_Run(self._number, function, [payload for _, payload in taken]))
            yield [(number, result) for (number, _), result in zip(taken, results, strict=True)]
            seconds = time.monotonic() - started
            if seconds < _SHORT_SECONDS:
                size = min(2 * size, _MOST_TOGETHER)
            elif seconds > _LONG_SECONDS:
                size = max(1, size // 2)


_Results = list[tuple[int, Any]]  # jobs' numbers and results
_Done = _Results | BaseException | None  # an error, or nothing more


def _take(results: Iterator[_Results], done: "queue.SimpleQueue[_Done]") -> None:
    try:
        for each in results:
            done.put(each)
        done.put(None)
    except BaseException as error:  # it is raised where results are asked for
        done.put(error)


class _Jobs:
    """The jobs of one `map`, which threads take.

    Attributes:
        num_yielded: how many results were asked for so far.

    Args:
        payloads: the jobs' payloads, any iterable.
    """

    def __init__(self, payloads: Iterable[Any]) -> None:
        self._payloads = enumerate(payloads)
        self._num_taken = 0
        self.num_yielded = 0
        self._has_ended = False
        self._changed = threading.Condition()

    def take(self, count: int) -> list[tuple[int, Any]]:
        """Returns some jobs, with their numbers; none where there are no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._has_ended or self._num_taken - self.num_yielded < _MAX_AHEAD)
            if self._has_ended:
                return []
            taken = list(islice(self._payloads, count))
            self._num_taken += len(taken)
            return taken

    def note_yielded(self) -> None:
        """Counts a result that was asked for."""
        with self._changed:
            self.num_yielded += 1
            self._changed.notify_all()

    def end(self) -> None:
        """Lets no more be taken."""
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()


class Leader:
    """The first process, as those whom it leads know it.

    Attributes:
        helpers: the workers of the others.

    Args:
        peers: the processes.
        nums_workers: how many workers each has.
    """

    def __init__(self, peers: Peers, nums_workers: list[int]) -> None:
        self.helpers = [
            _Helper(peers, number, worker)
            for number in range(1, peers.count)
            for worker in range(nums_workers[number])
        ]
        self._numbers = itertools.count()

    def tell(self, order: Any) -> None:
        """Has all others do something; None for the end."""
        for helper in self.helpers:
            helper.tell(order)

    def start(self, context: Any, settings: dict[str, Any]) -> int:
        """Has all others start a pool, and returns its number."""
        number = next(self._numbers)
        self.tell(_Start(number, context, settings))
        return number


class _Helper:
    """A worker of another process, which does what it is told in that order."""

    def __init__(self, peers: Peers, number: int, worker: int) -> None:
        self._peers = peers
        self._place = f"{number}/{worker}"
        self._orders = itertools.count()

    def tell(self, order: Any) -> int:
        number = next(self._orders)
        self._peers.put(f"order/{self._place}/{number}", order)
        return number

    def run(self, order: _Run) -> list[Any]:
        number = self.tell(order)
        results = self._peers.take(f"results/{self._place}/{number}")
        if isinstance(results, RuntimeError):  # of a job
            raise results
        return list(results)


def lead(peers: Peers, num_workers: int, command: Callable[[Leader | None], object]) -> None:
    """Runs a command in the first of some processes, which has the workers of all at its service.

    Args:
        peers: the processes; each makes this call.
        num_workers: of this process.
        command: takes what its pools are started with; see `host.start_pool`.
    """
    nums_workers = peers.gather(num_workers)
    if peers.number:
        _serve_all(peers, num_workers)
        return
    leader = Leader(peers, nums_workers) if peers.count > 1 else None
    command(leader)
    if leader is not None:
        leader.tell(None)


def _serve_all(peers: Peers, num_workers: int) -> None:
    """Serves the first process with some workers, until it has ended."""
    errors: list[BaseException] = []
    lock = threading.Lock()

    def run(worker: int) -> None:
        try:
            _serve(peers, worker, lock)
        except BaseException as error:  # it is raised in the main thread
            errors.append(error)

    threads = [threading.Thread(target=run, args=[worker], daemon=True) for worker in range(num_workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive() and not errors:
            thread.join(0.5)
    if errors:
        raise errors[0]


def _serve(peers: Peers, worker: int, lock: threading.Lock) -> None:
    place = f"{peers.number}/{worker}"
    pools: dict[int, ExecutionPool] = {}
    with contextlib.ExitStack() as stack:
        for number in itertools.count():
            order = peers.take(f"order/{place}/{number}")
            if order is None:
                return
            if isinstance(order, _Start):
                begin_keeping()  # the first has its folder
                pool = ExecutionPool(1, order.context, **order.settings)
                pools[order.pool] = stack.enter_context(pool)
            elif isinstance(order, _Close):
                pools.pop(order.pool).close()
            elif isinstance(order, _Share):
                with lock:
                    _put(order, stack)
            else:
                results: Any
                try:
                    results = list(pools[order.pool].map_ordered(order.function, order.payloads))
                except RuntimeError as error:
                    results = error
                peers.put(f"results/{place}/{number}", results)


def _put(file: _Share, stack: contextlib.ExitStack) -> None:
    if file.path.exists():  # on a machine that is the first's, too
        return
    with naming(file.path):
        made = next(path for path in (file.path, *file.path.parents) if path.parent.exists())
        stack.callback(lambda: shutil.rmtree(made, ignore_errors=True) if made.is_dir() else made.unlink())
        file.path.parent.mkdir(parents=True, exist_ok=True)
        file.path.write_bytes(file.content)
