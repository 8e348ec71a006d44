"""Traces of what devices and host do, and how long the devices had nothing to do."""

import contextlib
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator

import jax
from etils import epath

from codeit_jax.run.files import copy_files, scratch_folder

# Threads of JAX's that compute, where the devices are the host's own cores.
_COMPUTING_THREADS = "tf_XLA"


@contextlib.contextmanager
def profile(folder: epath.PathLike) -> Iterator[Callable[[], float]]:
    """Traces what is done inside, for TensorBoard, XProf or Perfetto.

    Args:
        folder: where the trace goes, a bucket included.

    Yields:
        A function that returns, afterwards, the share of the time in which no local device computed
        anything; NaN where the trace has nothing of an accelerator that is there.
    """
    options = jax.profiler.ProfileOptions()
    options.python_tracer_level = 0  # a line for every call would drown the rest
    seconds = 0.0

    def idle_share() -> float:
        newest = max(epath.Path(folder).glob("plugins/profile/*/*.xplane.pb"), key=str)
        data = jax.profiler.ProfileData.from_serialized_xspace(newest.read_bytes())
        computing = list(_computing(data))
        if not computing and jax.default_backend() != "cpu":
            return math.nan
        return max(0.0, 1 - 1e-9 * covered(computing) / seconds)

    with contextlib.ExitStack() as stack:
        # To a bucket JAX's tracer has a way of its own, which fails where others pass.
        local = stack.enter_context(scratch_folder()) if "://" in os.fspath(folder) else None
        with jax.profiler.trace(local or folder, profiler_options=options):
            begun = time.monotonic()
            yield idle_share
            seconds = time.monotonic() - begun
        if local is not None:
            copy_files(local, epath.Path(folder))


def covered(intervals: Iterable[tuple[float, float]]) -> float:
    """Returns how much the union of some intervals, pairs of a start and an end, covers."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(intervals):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def _computing(data: jax.profiler.ProfileData) -> Iterator[tuple[float, float]]:
    """Yields when a device computed, in nanoseconds; an accelerator's planes count if there are any."""
    planes = list(data.planes)
    devices = [plane for plane in planes if plane.name.startswith("/device:") and any(plane.lines)]
    is_cpu = not devices and jax.default_backend() == "cpu"
    for plane in planes if is_cpu else devices:
        for line in plane.lines:
            if devices or line.name.startswith(_COMPUTING_THREADS):
                yield from ((event.start_ns, event.end_ns) for event in line.events)
