"""The device: what it is, what it comes to beside its data sheet, and how its work is timed."""

import importlib.metadata
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.backend import get_backend

from codeit_jax.benchmarks.accelerator.suite import NO_ACCELERATOR
from codeit_jax.benchmarks.suites import Options
from codeit_jax.benchmarks.table import Ended, Measurement
from codeit_jax.benchmarks.workload import Mean
from codeit_jax.planning.devices import DEVICES, Device, device_of_kind
from codeit_jax.run.compilation import keep_compiled

_ROUNDS = 3
# Taken for the memory of what tells nothing of it, a CPU: so little that the dry run has to choose.
_MEMORY = 7_000_000


def begin(options: Options) -> bool:
    """Has a part's process keep what it compiles; returns whether it is to take tiny shapes."""
    keep_compiled()
    return options.quick or jax.default_backend() == "cpu"


@dataclass(frozen=True)
class Timing:
    """How long a call takes.

    Attributes:
        first: seconds of the first, which compiles.
        each: seconds of those after it.
    """

    first: float
    each: Mean


def timed(run: Callable[[int], object], number: int) -> Timing:
    """Times work on the device: the first time, and then three rounds.

    Args:
        run: does the work so often, and waits for the last time alone: the device never waits for the host.
        number: how often in a round.
    """
    begun = time.monotonic()
    run(1)
    first = time.monotonic() - begun
    rounds = []
    for _ in range(_ROUNDS):
        begun = time.monotonic()
        run(number)
        rounds.append((time.monotonic() - begun) / number)
    return Timing(first, Mean.of(rounds))


def repeated(call: Callable[[], Any]) -> Callable[[int], object]:
    """Returns what `timed` runs, of a call that starts work and returns arrays of its result."""

    def run(number: int) -> object:
        for _ in range(number):
            result = call()
        return jax.block_until_ready(result)

    return run


def known_device() -> Device | None:
    """Returns the data sheet of the first device; None where it is not known."""
    return device_of_kind(jax.devices()[0].device_kind)


def planned_device() -> Device:
    """Returns the first device as a plan needs it, with the memory that this process may have of it.

    What is not known of it is an H100's, but for its memory; only times of a plan hang on that.
    """
    sheet = known_device() or DEVICES["h100"]
    memory = (jax.devices()[0].memory_stats() or {}).get("bytes_limit", _MEMORY)
    return Device("this", memory, sheet.bandwidth, sheet.bfloat16, sheet.float32, sheet.is_gpu)


def peak_memory(name: str, planned: int) -> Measurement | Ended:
    """Returns the most memory that this process had of the device at once, beside what was planned.

    Args:
        name: what it was taken for.
        planned: bytes, by the cost model.
    """
    statistics = jax.devices()[0].memory_stats() or {}
    peak = statistics.get("peak_bytes_in_use")
    if peak is None:
        return Ended(f"{name}: peak memory", 0.0, f"not told by the device; planned {planned / 1e9:.3g} GB")
    return Measurement(f"{name}: peak memory", peak / 1e9, planned / 1e9, "GB", note="peer: the cost model")


def measure(options: Options) -> Iterator[Measurement | Ended]:
    """Yields what the device has and does: memory, products of large matrices, and copies."""
    is_quick = begin(options)
    if jax.default_backend() == "cpu":
        yield Ended(NO_ACCELERATOR, 0.0, "there is none, and so this is a dry run")
    device, sheet = jax.devices()[0], known_device()
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("jax", "jaxlib", "flax")]
    note = f"{device.device_kind}, {get_backend().platform_version.splitlines()[0]}, {', '.join(versions)}"
    peer = None if sheet is None else sheet.memory / 1e9
    memory = planned_device().memory
    yield Measurement("memory for one process", memory / 1e9, peer, "GB", more_is_better=True, note=note)
    size, numbers = (256, 1 << 16) if is_quick else (8192, 1 << 28)
    for dtype in ("bfloat16", "float32"):
        factor = jax.random.normal(jax.random.key(options.seed), (size, size), dtype)
        rate = 2 * size**3 / timed(repeated(partial(_product, factor, factor)), 20).each.value / 1e12
        peer = None if sheet is None else getattr(sheet, dtype) / 1e12
        name = f"product of {size:,} x {size:,}, {dtype}"
        yield Measurement(name, rate, peer, "TFLOP/s", more_is_better=True, note="peer: the data sheet")
    array = jax.random.normal(jax.random.key(options.seed), (numbers,))
    rate = 2 * array.nbytes / timed(repeated(partial(_negative, array)), 20).each.value / 1e9
    peer = None if sheet is None else sheet.bandwidth / 1e9
    yield Measurement(
        "read and written", rate, peer, "GB/s", more_is_better=True, note="peer: the data sheet"
    )


@jax.jit
def _product(first: jax.Array, second: jax.Array) -> jax.Array:
    return jnp.matmul(first, second)


@jax.jit
def _negative(array: jax.Array) -> jax.Array:
    return -array
