"""The peer of our execution: the reference DSL's own primitives, called one after another in plain Python.

The reference is the code that the reasoning-gym package carries. Its files are loaded by their path, because
importing the package takes seconds.
"""

import contextlib
import dataclasses
import importlib.util
import resource
import signal
import sys
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from codeit_jax.arc import Grid
from codeit_jax.dsl.program import INPUT, Program, variable
from codeit_jax.dsl.types import Value
from codeit_jax.errors import UserError

_PACKAGE = "codeit_jax_reference"  # the name under which the two files, one of which imports the other, meet
_SPARE_BYTES = 4 << 30


@dataclasses.dataclass(frozen=True)
class Reference:
    """The reference DSL.

    Attributes:
        names: its primitives and constants.
        verifiers: its training programs, as Python functions of a grid, by task id.
    """

    names: dict[str, Value]
    verifiers: dict[str, Callable[[Grid], Value]]

    def run(self, program: Program, grid: Grid) -> Value:
        """Returns the value of a program's last line; raises whatever its primitives do."""
        names = {**self.names, INPUT: grid}
        value: Value = None
        for line, call in enumerate(program.calls, start=1):
            value = names[call.function](*[names[name] for name in call.arguments])
            names[variable(line)] = value
        return value


def load_reference() -> Reference:
    """Loads the reference DSL.

    Raises:
        UserError: the package that carries it is not installed.
    """
    spec = importlib.util.find_spec("reasoning_gym")
    if spec is None or not spec.submodule_search_locations:
        raise UserError("the reasoning-gym package, which carries the reference DSL, is not installed")
    package = types.ModuleType(_PACKAGE)
    package.__path__ = [str(Path(spec.submodule_search_locations[0], "arc", "rearc_utils"))]
    sys.modules[_PACKAGE] = package
    names = vars(importlib.import_module(f"{_PACKAGE}.dsl"))
    verifiers = vars(importlib.import_module(f"{_PACKAGE}.verifiers"))
    prefix = "verify_"
    return Reference(
        dict(names),
        {name.removeprefix(prefix): value for name, value in verifiers.items() if name.startswith(prefix)},
    )


@dataclasses.dataclass(frozen=True)
class PlainRun:
    """How a guarded call ended.

    Attributes:
        value: what it returned; None if it raised or was stopped.
        seconds: CPU time that it took, at most the guard's.
        is_stopped: whether the guard stopped it.
    """

    value: Value
    seconds: float
    is_stopped: bool = False


class _Stopped(BaseException):
    """The guard's time is up."""


def run_guarded(function: Callable[..., Value], *arguments: Any, guard_seconds: float) -> PlainRun:
    """Calls a function and stops it after some CPU time; to be called in the main thread.

    What the function raises is an end like any other. It may add some gigabytes of memory and no more, since
    nothing else holds a plain run back.
    """
    begun = time.process_time()
    try:
        with _alarm(guard_seconds), _limited_memory():
            begun = time.process_time()
            value = function(*arguments)
    except _Stopped:
        return PlainRun(None, guard_seconds, is_stopped=True)
    except Exception:  # a program can make primitives fail in any way
        value = None
    return PlainRun(value, min(time.process_time() - begun, guard_seconds))


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise _Stopped

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@contextlib.contextmanager
def _limited_memory() -> Iterator[None]:
    if sys.platform != "linux":
        yield
        return
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    before, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = pages * resource.getpagesize() + _SPARE_BYTES
    allowed = [limit, *(each for each in (before, hard) if each != resource.RLIM_INFINITY)]
    resource.setrlimit(resource.RLIMIT_AS, (min(allowed), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (before, hard))
