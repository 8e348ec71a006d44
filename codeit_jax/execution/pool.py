"""A pool of worker processes that survives whatever its jobs do.

Workers are fresh interpreters started by `subprocess`, never forks of this process, in which JAX may have
started its threads already; and not `multiprocessing.Process`, whose spawned children import the user's main
module again, and JAX with it. They share nothing with this process but a connection, the pickled context, and
eight bytes each in which they note the job they are on, so that it is known which job a worker died of.

A worker dies with a job that hangs, crashes the interpreter or runs out of memory. What it had not returned
is run again elsewhere, so jobs must be deterministic and without effects. A job that was killed or found no
memory gets a second try, first thing in a fresh worker, before it is blamed: others before it may have kept
the memory, and the kill may have come from outside.
"""

import math
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import weakref
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import closing, suppress
from multiprocessing.connection import wait
from pathlib import Path
from typing import IO, Any

from codeit_jax.execution import worker
from codeit_jax.execution.stream import Chunk, Stream
from codeit_jax.execution.temporary import temporary_file
from codeit_jax.execution.worker import Failed, JobError, Settings, WorkerFailure
from codeit_jax.run.peers import ALONE, Peers

MAX_HELD = 16_384
MAX_FAILED_STARTS = 3
EXIT_SECONDS = 5.0

IndexedResult = tuple[int, Any]  # the index of a job, and its result or `Failed`
Function = Callable[[Any, Any], Any]
Results = Generator[Any, None, None]


class _Worker:
    """This side of one worker process."""

    def __init__(self, settings_file: IO[bytes]) -> None:
        self.connection, far_end = multiprocessing.Pipe()
        self.progress = temporary_file(bytes(8))
        descriptors = (far_end.fileno(), settings_file.fileno(), self.progress.fileno())
        self.process = subprocess.Popen(
            [sys.executable, "-c", worker.START, *map(str, descriptors), *map(str, sys.path)],
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # a terminal's Ctrl-C is for this process alone
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )
        far_end.close()
        self.in_flight: deque[Chunk] = deque()
        self.is_ready = False
        self.num_given = 0

    def give(self, chunk: Chunk, function: Function) -> None:
        payloads = [payload for _, payload in chunk.jobs]
        message = pickle.dumps((chunk.first_serial, function, payloads), pickle.HIGHEST_PROTOCOL)
        self.in_flight.append(chunk)
        self.num_given += len(chunk.jobs)
        # A dead worker is found where messages are received, after the last of its own.
        with suppress(ConnectionError):
            self.connection.send_bytes(message)

    def stop(self, patience_seconds: float = 0.0) -> int:
        """Ends the process, by force if it has not ended in time, and returns its exit status."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(patience_seconds)
        self.process.kill()
        self.connection.close()
        self.progress.close()
        return self.process.wait()


class ExecutionPool:
    """Runs streams of jobs on worker processes, started with the pool and replaced when they die.

    A job is a call `function(context, payload)`. The function must be importable by name and deterministic,
    without effects; it runs in a thread with a recursion limit of 20,000. Whatever it prints is lost, and an
    exception that it raises ends the `map`. A pool serves one `map` at a time, and one thread.

    Args:
        num_workers: how many processes.
        context: handed to every job; pickled once, unpickled once by each worker.
        timeout_seconds: wall-clock time a job may take.
        memory_bytes: address space that the jobs of a worker may take together, beyond what is mapped when it
            starts; None for no limit. Systems other than Linux do not enforce it.
        jobs_per_worker: jobs after which a worker is replaced; None for no limit.

    Raises:
        ValueError: a number is out of range.
        UserError: there is no room for temporary files.
    """

    peers: Peers = ALONE  # the processes over which jobs are shared out

    def __init__(
        self,
        num_workers: int,
        context: Any = None,
        *,
        timeout_seconds: float = 10.0,
        memory_bytes: int | None = 2 << 30,
        jobs_per_worker: int | None = None,
    ) -> None:
        _require_positive(num_workers=num_workers, memory_bytes=memory_bytes, jobs_per_worker=jobs_per_worker)
        if not (timeout_seconds > 0 and math.isfinite(timeout_seconds)):
            raise ValueError(f"timeout_seconds must be positive and finite, not {timeout_seconds}")
        self.num_workers = num_workers
        self.jobs_per_worker = jobs_per_worker
        self._settings = Settings(context, timeout_seconds, memory_bytes)
        self._settings_file = temporary_file(pickle.dumps(self._settings))
        self._workers: list[_Worker] = []
        self._finalizer = weakref.finalize(self, _close, self._workers, self._settings_file)
        self._next_serial = 1
        self._num_failed_starts = 0
        self._is_running = False
        self._start_missing()

    def __enter__(self) -> "ExecutionPool":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends all workers, whatever they are doing; does nothing when called again."""
        self._finalizer()

    def share_file(self, path: Path) -> None:
        """Sees to it that jobs can read a file of this machine, wherever they are run."""

    def map(
        self, function: Function, payloads: Iterable[Any], *, chunk_size: int | None = None
    ) -> Generator[IndexedResult, None, None]:
        """Yields `(index, result)` for every payload, as jobs finish; a job without a result yields `Failed`.

        Payloads are pulled as workers want them, at most two chunks a worker ahead of the results. Closing
        the generator before its end cancels what is running.

        Args:
            function: called with the context and a payload.
            payloads: any iterable, endless ones included.
            chunk_size: jobs sent to a worker together; None to let it follow how long they take.

        Raises:
            ValueError: an argument is invalid, the pool is closed, or another `map` of it is unfinished.
            RuntimeError: a job raised an exception (its traceback is the message), or workers do not start.
        """
        self._check_map(function, chunk_size)
        return self._run(function, Stream(payloads, chunk_size, may_pull=lambda: True))

    def map_ordered(
        self, function: Function, payloads: Iterable[Any], *, chunk_size: int | None = None
    ) -> Results:
        """Yields what `map` does, in the order of the payloads and without the index.

        Results that wait for an earlier one are held here; above some 16,000 of them no payload is pulled.
        """
        self._check_map(function, chunk_size)
        held: dict[int, Any] = {}
        stream = Stream(payloads, chunk_size, may_pull=lambda: len(held) < MAX_HELD)
        return in_order(self._run(function, stream), held)

    def _check_map(self, function: Function, chunk_size: int | None) -> None:
        self._check_open()
        _require_positive(chunk_size=chunk_size)
        try:
            pickle.dumps(function)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise ValueError(f"function must be importable by name: {error}") from None
        if getattr(function, "__module__", None) == "__main__":
            raise ValueError("function must be importable by name: workers do not have the main module")

    def _check_open(self) -> None:
        if not self._finalizer.alive:
            raise ValueError("the pool is closed")

    def _run(self, function: Function, stream: Stream) -> Generator[IndexedResult, None, None]:
        if self._is_running:
            raise ValueError("another map of this pool is unfinished")
        self._is_running = True
        try:
            outcomes: list[IndexedResult] = []
            while True:
                yield from outcomes
                self._feed(function, stream)
                if stream.is_empty() and not any(each.in_flight for each in self._workers):
                    return
                outcomes = self._receive(stream)
                self._feed(function, stream)  # before the caller takes its time over the outcomes
        except BaseException:
            # Also those whose first message may have been read by half.
            self._stop([each for each in self._workers if each.in_flight or not each.is_ready])
            raise
        finally:
            self._is_running = False

    def _start_missing(self) -> None:
        while len(self._workers) < self.num_workers:
            self._workers.append(_Worker(self._settings_file))

    def _stop(self, workers: list[_Worker]) -> None:
        for each in workers:
            self._workers.remove(each)
        _stop_all(workers)

    def _feed(self, function: Function, stream: Stream) -> None:
        """Gives every worker that is ready what it lacks, first chunks before second ones."""
        self._check_open()
        self._stop([each for each in self._workers if not each.in_flight and not self._may_take(each)])
        if not stream.is_empty():
            self._start_missing()
        for depth in range(stream.num_in_flight):
            for each in self._workers:
                if each.is_ready and len(each.in_flight) <= depth and self._may_take(each):
                    jobs = stream.take(self._may_take(each), is_fresh=each.num_given == 0)
                    if jobs:
                        each.give(Chunk(self._next_serial, jobs), function)
                        self._next_serial += len(jobs)

    def _may_take(self, each: _Worker) -> int:
        """Returns how many more jobs a worker may be given before it is to be replaced."""
        return sys.maxsize if self.jobs_per_worker is None else self.jobs_per_worker - each.num_given

    def _receive(self, stream: Stream) -> list[IndexedResult]:
        """Waits until something happens and returns the outcomes that it brought, with their indices."""
        outcomes = []
        workers = {each.connection: each for each in self._workers}
        for connection in wait(workers):
            sender = workers[connection]  # type: ignore[index]
            try:
                message = sender.connection.recv_bytes()
            except (EOFError, OSError):
                outcomes += self._bury(sender, stream)
            else:
                outcomes += self._accept(sender, message, stream)
        return outcomes

    def _accept(self, sender: _Worker, message: bytes, stream: Stream) -> list[IndexedResult]:
        pickled_outcomes, seconds = pickle.loads(message)
        outcomes = list(map(pickle.loads, pickled_outcomes))
        if not sender.is_ready:
            if outcomes:
                raise RuntimeError(f"a worker cannot load the context\n\n{outcomes[0].traceback}")
            sender.is_ready = True
            self._num_failed_starts = 0
            return []
        chunk = sender.in_flight[0]
        indices = [index for index, _ in chunk.jobs[chunk.num_finished :]]
        for index, outcome in zip(indices, outcomes, strict=False):
            if isinstance(outcome, JobError):
                raise RuntimeError(f"job {index} raised an exception\n\n{outcome.traceback}")
        chunk.num_finished += len(outcomes)
        chunk.seconds += seconds
        if chunk.num_finished == len(chunk.jobs):
            sender.in_flight.popleft()
            stream.learn(chunk)
        return list(zip(indices, outcomes, strict=False))

    def _bury(self, dead: _Worker, stream: Stream) -> list[IndexedResult]:
        """Finds out what a worker died of; puts back its jobs, or returns the outcome of the one at fault."""
        serial = int.from_bytes(os.pread(dead.progress.fileno(), 8, 0), sys.byteorder)
        self._workers.remove(dead)
        status = dead.stop(EXIT_SECONDS)
        if not dead.is_ready:
            self._num_failed_starts += 1
            if self._num_failed_starts >= MAX_FAILED_STARTS:
                raise RuntimeError(f"workers do not start: {_describe_exit(status)}")
        lost = dict(item for chunk in dead.in_flight for item in chunk.unfinished())
        if not lost:
            return []
        # A worker that ran none of these jobs died of receiving the first.
        job = lost.pop(serial if serial in lost else next(iter(lost)))
        stream.again += lost.values()
        failed = self._explain(status)
        if failed.reason is not WorkerFailure.TIMEOUT and stream.suspect(job):
            return []
        return [(job[0], failed)]

    def _explain(self, status: int) -> Failed:
        if status == -signal.SIGALRM:
            return Failed(WorkerFailure.TIMEOUT, f"took more than {self._settings.timeout_seconds} s")
        if status == worker.EXIT_OUT_OF_MEMORY:
            limit = f" beyond {self._settings.memory_bytes:,} bytes" if self._settings.memory_bytes else ""
            return Failed(WorkerFailure.OUT_OF_MEMORY, f"found no memory{limit}")
        return Failed(WorkerFailure.CRASHED, _describe_exit(status))


def in_order(stream: Generator[IndexedResult, None, None], held: dict[int, Any]) -> Results:
    """Yields results in the order of their indices; those that wait for an earlier one are in `held`."""
    next_index = 0
    with closing(stream):
        for index, outcome in stream:
            held[index] = outcome
            while next_index in held:
                yield held.pop(next_index)
                next_index += 1


def _stop_all(workers: list[_Worker]) -> None:
    for each in workers:
        each.process.kill()
    for each in workers:
        each.stop()


def _close(workers: list[_Worker], settings_file: IO[bytes]) -> None:
    _stop_all(workers)
    settings_file.close()


def _describe_exit(status: int) -> str:
    if status < 0:
        return f"the worker was ended by signal {-status} ({signal.strsignal(-status)})"
    return f"the worker exited with status {status}"


def _require_positive(**numbers: int | None) -> None:
    for name, number in numbers.items():
        if number is not None and number < 1:
            raise ValueError(f"{name} must be at least 1, not {number}")
