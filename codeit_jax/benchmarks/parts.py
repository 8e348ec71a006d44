"""A suite's parts, one after the other, each in a process of its own that is killed when its time is up.

One process at a time, since each takes an accelerator's memory for itself, which its death gives back; and so
a peak of memory is that of one part. This process never starts JAX. What a part measures comes through a pipe
as it is made, and is kept whatever becomes of the part.

A part's process leads a group, in which all that it starts is killed with it. Its standard input is a pipe
that nothing is written to: when this process dies, even by force, the pipe ends, and the part kills its
group.
"""

import contextlib
import dataclasses
import faulthandler
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from codeit_jax.benchmarks.suites import Options
from codeit_jax.benchmarks.table import Ended, Measurement

_LEAST_SECONDS = 10.0  # with less left a part is not begun: its process would hardly have started
_EXIT_SECONDS = 20.0  # for a driver to let go of a process that was killed
_LOG_CHARACTERS = 4_000
_WHY_CHARACTERS = 200
_START = "import sys; sys.path[:] = sys.argv[2:]; from codeit_jax.benchmarks.parts import work; work()"


@dataclass(frozen=True)
class Part:
    """A part of a suite.

    Attributes:
        name: what the table calls it.
        function: `module:name` of a function that takes `Options` and the arguments, and yields measurements
            and the ends of cases that have none.
        max_seconds: how long it may take, with the start of its process.
        arguments: for the function; what JSON can hold.
        environment: variables of its process, where they are not set already.
    """

    name: str
    function: str
    max_seconds: float
    arguments: tuple[Any, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


def run_parts(parts: Iterable[Part], options: Options) -> Iterator[Measurement | Ended]:
    """Runs parts, the first first, until `options.max_seconds` are over.

    Args:
        parts: each is asked for when the one before it has ended.
        options: handed to each.

    Yields:
        What the parts measure, as they do, and the end of each of them, whether it was done or not.
    """
    end = time.monotonic() + options.max_seconds
    for part in parts:
        left = end - time.monotonic()
        if left < min(_LEAST_SECONDS, part.max_seconds):
            yield Ended(
                part.name, 0.0, f"not begun, {max(left, 0):.0f} of {options.max_seconds:.0f} s are left"
            )
        else:
            yield from _run(part, options, min(part.max_seconds, left))


def attempt(name: str, measure: Callable[[], Iterable[Measurement | Ended]]) -> Iterator[Measurement | Ended]:
    """Yields what is measured; where that fails, the end of what it was for, and why.

    Args:
        name: of what it is for.
        measure: makes the measurements.
    """
    begun = time.monotonic()
    try:
        yield from measure()
    except Exception as error:
        traceback.print_exc()
        lines = str(error).strip().splitlines() or [""]
        why = f"{type(error).__name__}: {lines[0]}"[:_WHY_CHARACTERS]
        yield Ended(name, time.monotonic() - begun, why)


def work() -> None:
    """Runs the part that the first argument describes, and writes what it measures to standard output."""
    threading.Thread(target=_die_with_parent, daemon=True).start()
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print belongs to the log
    request = json.loads(sys.argv[1])
    # Shortly before the end, and where the process crashes, the log tells what it is at.
    faulthandler.enable()
    faulthandler.dump_traceback_later(max(0.1, 0.9 * request["max_seconds"]))
    is_done = True
    for measured in attempt(request["name"], lambda: _called(request)):
        is_done = is_done and not (isinstance(measured, Ended) and measured.name == request["name"])
        print(
            json.dumps([isinstance(measured, Ended), dataclasses.asdict(measured)]), file=output, flush=True
        )
    # At once: what an accelerator's runtime does at the end of a process may take its time, or fail.
    sys.stderr.flush()
    os._exit(0 if is_done else 1)


def _called(request: Mapping[str, Any]) -> Iterator[Measurement | Ended]:
    module, _, name = request["function"].partition(":")
    function = getattr(importlib.import_module(module), name)
    yield from function(Options(**request["options"]), *request["arguments"])


def _die_with_parent() -> None:
    while os.read(0, 1):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _run(part: Part, options: Options, limit: float) -> Iterator[Measurement | Ended]:
    begun = time.monotonic()
    with tempfile.TemporaryFile() as log:
        told: Ended | None = None  # by the part itself, of itself
        with _started(part, options, limit, log) as process:
            for is_end, fields in _records(process, begun + limit):
                if is_end and fields["name"] == part.name:
                    told = Ended(**fields)
                else:
                    yield Ended(**fields) if is_end else Measurement(**fields)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, begun + limit - time.monotonic()))
            status = process.poll()
        seconds = time.monotonic() - begun
        if process.poll() is None:
            why = f"killed after its {limit:.0f} s, but it does not die"
        elif status is None:
            why = f"killed after its {limit:.0f} s"
        elif told is not None:
            why = told.why
        elif status:
            why = f"its process died: {_describe(status)}"
        else:
            why = ""
        yield Ended(part.name, seconds, why, _end_of(log) if why else "")


@contextlib.contextmanager
def _started(
    part: Part, options: Options, limit: float, log: IO[bytes]
) -> Iterator["subprocess.Popen[bytes]"]:
    request = {
        "name": part.name,
        "function": part.function,
        "arguments": part.arguments,
        "max_seconds": limit,
        "options": dataclasses.asdict(options),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", _START, json.dumps(request), *sys.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        start_new_session=True,
        env={**part.environment, **os.environ},
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # and what it has left behind
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_EXIT_SECONDS)
        for stream in (process.stdin, process.stdout):
            assert stream is not None
            stream.close()


def _records(process: "subprocess.Popen[bytes]", end: float) -> Iterator[tuple[bool, dict[str, Any]]]:
    """Yields what a part writes, until it has ended or its time is up."""
    assert process.stdout is not None
    pipe = process.stdout.fileno()
    unread = b""
    while (left := end - time.monotonic()) > 0 and select.select([pipe], [], [], left)[0]:
        read = os.read(pipe, 1 << 16)
        if not read:
            return
        *lines, unread = (unread + read).split(b"\n")
        for line in lines:
            yield json.loads(line)


def _describe(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"exit code {status}"


def _end_of(log: IO[bytes]) -> str:
    log.seek(0, os.SEEK_END)
    log.seek(max(0, log.tell() - _LOG_CHARACTERS))
    return log.read().decode("utf-8", errors="replace")
