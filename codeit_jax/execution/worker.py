"""The far side of the pool: a fresh interpreter that runs jobs until its connection closes.

Jobs run in a thread of their own, since only a thread's stack can be made large on every system: a deep
nest of calls then ends in a RecursionError and not in a crash. The main thread does nothing but receive,
so that the pool can always send, and so that the end of the pool's process ends this one in mid-job.
A job over its time is ended by the kernel: SIGALRM keeps its default action, which no Python code has to
be running for, and which works just as well when nobody is left to watch.
"""

import gc
import mmap
import os
import pickle
import queue
import resource
import signal
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing.connection import Connection
from typing import Any

RECURSION_LIMIT = 20_000
STACK_BYTES = 256 << 20  # 13 kB for each of those calls; a call that passes through C code takes about one
EXIT_OUT_OF_MEMORY = 71
FLUSH_SECONDS = 0.05
COLLECT_SECONDS = 10.0
START = "import sys; sys.path[:] = sys.argv[4:]; from codeit_jax.execution.worker import main; main()"


class WorkerFailure(StrEnum):
    """Why a job has no result."""

    TIMEOUT = "timeout"
    CRASHED = "crashed"
    OUT_OF_MEMORY = "out_of_memory"


@dataclass(frozen=True)
class Failed:
    """Stands in a stream of results for a job that has none.

    Attributes:
        reason: what kind of end the job came to.
        detail: the same in one line, with the limit or the exit status.
    """

    reason: WorkerFailure
    detail: str


@dataclass(frozen=True)
class JobError:
    """An exception that a job raised, on its way to the pool, which raises it again.

    Attributes:
        traceback: the traceback as text.
    """

    traceback: str


@dataclass(frozen=True)
class Settings:
    """The settings that a worker has before its first job.

    Attributes:
        context: handed to every job.
        timeout_seconds: wall-clock time a job may take.
        memory_bytes: address space that jobs may take beyond what is mapped at the start; None for no limit.
    """

    context: Any
    timeout_seconds: float
    memory_bytes: int | None


def main() -> None:
    """Serves the pool; the first three arguments are the descriptors of the connection and of two files.

    The first file holds the pickled `Settings`; the second, eight bytes long, is where the worker notes the
    serial number of the job that it runs.
    """
    connection_descriptor, settings_descriptor, progress_descriptor = map(int, sys.argv[1:4])
    connection = Connection(connection_descriptor)
    _set_up_process()
    inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    pickled_settings = mmap.mmap(settings_descriptor, 0, access=mmap.ACCESS_READ)
    arguments = (connection, inbox, pickled_settings, mmap.mmap(progress_descriptor, 8))
    threading.Thread(target=_serve, args=arguments, daemon=True).start()
    try:
        while True:
            inbox.put(connection.recv_bytes())
    except (EOFError, ConnectionError):
        os._exit(0)
    except MemoryError:  # jobs share the address space with this thread
        os._exit(EXIT_OUT_OF_MEMORY)


def _set_up_process() -> None:
    # What a signal does, and whether it is blocked, is inherited.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    sys.setrecursionlimit(RECURSION_LIMIT)
    threading.stack_size(STACK_BYTES)


def _serve(
    connection: Connection, inbox: "queue.SimpleQueue[bytes]", pickled_settings: mmap.mmap, note: mmap.mmap
) -> None:
    """Says that the worker is ready by an empty message, then answers every chunk with one or more.

    A message is a pair of the pickled outcomes of jobs, in the order of the chunk, and the seconds they took.
    """
    os.dup2(1, 2)  # the pool gives no output; until here an error of the start itself could be seen
    try:
        settings: Settings = pickle.loads(pickled_settings)
    except BaseException:
        connection.send(([pickle.dumps(JobError(traceback.format_exc()))], 0.0))
        os._exit(1)
    pickled_settings.close()
    if settings.memory_bytes is not None and sys.platform == "linux":
        _limit_address_space(mapped_bytes() + settings.memory_bytes)
    gc.collect()
    gc.freeze()
    gc.disable()  # jobs make many small values and hardly a cycle: to look for those now and then will do
    collected = time.monotonic()
    connection.send(([], 0.0))
    progress = memoryview(note).cast("q")
    while True:
        _run_chunk(connection, settings, progress, inbox.get())
        if time.monotonic() - collected > COLLECT_SECONDS:
            gc.collect()
            collected = time.monotonic()


def _run_chunk(connection: Connection, settings: Settings, progress: "memoryview[int]", chunk: bytes) -> None:
    begun = time.monotonic()
    outcomes: list[bytes] = []

    def flush() -> None:
        nonlocal begun
        signal.setitimer(signal.ITIMER_REAL, 0)  # the pool may take its time to receive
        if outcomes:
            connection.send((outcomes, time.monotonic() - begun))
        outcomes.clear()
        begun = time.monotonic()

    try:
        first_serial, function, payloads = pickle.loads(chunk)
        for serial, payload in enumerate(payloads, start=first_serial):
            signal.setitimer(signal.ITIMER_REAL, settings.timeout_seconds)
            progress[0] = serial  # after the timer, whose last moment belongs to the job before
            try:
                outcomes.append(pickle.dumps(function(settings.context, payload), pickle.HIGHEST_PROTOCOL))
            except RecursionError:
                detail = f"nested more than {RECURSION_LIMIT:,} calls deep"
                outcomes.append(pickle.dumps(Failed(WorkerFailure.OUT_OF_MEMORY, detail)))
            if time.monotonic() - begun > FLUSH_SECONDS:
                flush()
    except MemoryError:
        _limit_address_space(None)  # there must be room to tell
        flush()
        os._exit(EXIT_OUT_OF_MEMORY)
    except BaseException:
        outcomes.append(pickle.dumps(JobError(traceback.format_exc())))
    flush()


def _limit_address_space(limit: int | None) -> None:
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if limit is None or (hard != resource.RLIM_INFINITY and limit > hard):
        limit = hard
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def mapped_bytes() -> int:
    """Returns the size of this process's address space to within a MiB: the least limit a page fits in."""
    before, hard = resource.getrlimit(resource.RLIMIT_AS)
    too_little, enough = 0, 1 << 47 if before == resource.RLIM_INFINITY else before
    while enough - too_little > 1 << 20:
        middle = (too_little + enough) // 2
        resource.setrlimit(resource.RLIMIT_AS, (middle, hard))
        try:
            mmap.mmap(-1, mmap.PAGESIZE).close()
        except (OSError, MemoryError):
            too_little = middle
        else:
            enough = middle
    resource.setrlimit(resource.RLIMIT_AS, (before, hard))
    return enough
