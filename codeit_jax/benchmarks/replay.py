"""The replay suite: a buffer of ten thousand to ten million experiences, added to, read, saved and restored.

What checkpoints cost is shown beside arrays that hold everything, and adding and drawing beside cpprb's
prioritised buffer, where that is installed. Before that, attempts are taken in as a run takes them.
"""

import contextlib
import dataclasses
import importlib.util
import pickle
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from codeit_jax.benchmarks.experiences import Stream, draw_messages
from codeit_jax.benchmarks.suites import Options
from codeit_jax.benchmarks.table import Measurement
from codeit_jax.replay import Experience, ReplayBuffer
from codeit_jax.replay.entries import COLUMNS
from codeit_jax.replay.relabel import relabel
from codeit_jax.replay.segments import SegmentStore
from codeit_jax.replay.states import segment_names
from codeit_jax.run.checkpoint import Checkpointer

_PEER_BYTES = 1024


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much each case runs.

    Attributes:
        sizes: experiences in the buffer when it is measured, ascending.
        batch: experiences added at a time.
        num_drawn: experiences drawn by priority and read, at most.
        num_more: experiences added between two checkpoints.
        max_peer: the largest size at which peers are timed.
        num_tasks: tasks whose attempts are taken in.
    """

    sizes: tuple[int, ...] = (10_000, 100_000, 1_000_000, 10_000_000)
    batch: int = 10_000
    num_drawn: int = 90_000
    num_more: int = 10_000
    max_peer: int = 1_000_000
    num_tasks: int = 200


QUICK = Sizes(sizes=(10_000, 100_000), max_peer=100_000, num_tasks=20)


@dataclasses.dataclass
class _Clock:
    """Adds up how long something takes.

    Attributes:
        seconds: by the wall clock.
        cpu_seconds: of this process.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Counts the block."""
        begun, begun_cpu = time.monotonic(), time.process_time()
        yield
        self.seconds += time.monotonic() - begun
        self.cpu_seconds += time.process_time() - begun_cpu

    def rate(self, name: str, count: int, peer: float | None = None, note: str = "") -> Measurement:
        """Returns how many there were a second."""
        return Measurement(
            name,
            count / self.seconds,
            peer,
            "/s",
            more_is_better=True,
            ours_by_cpu=count / self.cpu_seconds,
            note=note,
        )

    def duration(self, name: str, peer: float | None = None, note: str = "") -> Measurement:
        """Returns how long it took."""
        return Measurement(name, self.seconds, peer, "s", ours_by_cpu=self.cpu_seconds, note=note)


def measure(options: Options) -> Iterator[Measurement]:
    """Yields the suite's measurements."""
    yield from measure_sizes(QUICK if options.quick else Sizes(), options)


def measure_sizes(sizes: Sizes, options: Options) -> Iterator[Measurement]:
    """Yields the suite's measurements, made on so much: those of one buffer as it grows."""
    yield _taking_in(sizes.num_tasks, options.seed)
    stream = Stream(options.seed)
    buffer = ReplayBuffer(sizes.sizes[-1] + 2 * sizes.num_more)
    num_content_bytes = 0
    for size in sizes.sizes:
        adding, num_added = _Clock(), 0
        while len(buffer) < size:
            batch, before = stream.take(min(sizes.batch, size - len(buffer))), len(buffer)
            with adding.running():
                buffer.extend(batch)
            num_added += len(batch)
            # Those few that came again are not told apart, and have the mean of the others.
            num_content_bytes += sum(map(_content_bytes, batch)) * (len(buffer) - before) // len(batch)
        name, has_peer = f"{size:,}", size <= sizes.max_peer
        peer = _Peer(size, sizes.batch) if has_peer and _Peer.is_there() else None
        yield adding.rate(
            f"{name}: adding",
            num_added,
            peer.add() if peer else None,
            "peer: cpprb, in rows of one size" if peer else "",
        )
        yield Measurement(
            f"{name}: memory",
            buffer.nbytes / 1e6,
            num_content_bytes / 1e6,
            "MB",
            note=f"peer: the content, {num_content_bytes / len(buffer):.0f} bytes each",
        )
        yield from _drawing(buffer, min(sizes.num_drawn, size), options.seed, peer)
        del peer
        with tempfile.TemporaryDirectory(prefix="codeit_jax_replay_") as folder:
            arrays = _seconds_of_arrays(buffer, Path(folder, "arrays")) if has_peer else (None, None)
            store = SegmentStore(Path(folder, "segments"))
            with Checkpointer(Path(folder, "checkpoints")) as checkpointer:
                _save(checkpointer, 0, buffer.state(store))
                buffer.extend(stream.take(sizes.num_more))
                saving, restoring = _Clock(), _Clock()
                with saving.running():
                    state = buffer.state(store)
                    _save(checkpointer, 1, state)
                    store.retain(segment_names(state))
                yield saving.duration(
                    f"{name}: checkpoint, {sizes.num_more:,} new",
                    arrays[0],
                    "peer: all of it in arrays" if has_peer else "",
                )
                del buffer, state
                with restoring.running():
                    buffer = ReplayBuffer.from_state(_restore(checkpointer), store)
                yield restoring.duration(
                    f"{name}: restored", arrays[1], "peer: from arrays" if has_peer else ""
                )
    while len(buffer) < buffer.capacity:
        buffer.extend(stream.take(buffer.capacity - len(buffer)))
    evicting = _Clock()
    with evicting.running():
        while len(buffer) == buffer.capacity:  # until one is new
            buffer.extend(stream.take(1))
    yield evicting.duration(f"{buffer.capacity:,}: half evicted")


def _taking_in(num_tasks: int, seed: int) -> Measurement:
    """Takes in what workers sent: reads it back, relabels it, and adds it to a buffer."""
    messages, clock, buffer = draw_messages(num_tasks, seed), _Clock(), ReplayBuffer()
    num_attempts = 0
    with clock.running():
        experiences = []
        for task, message in messages:
            attempts = pickle.loads(message)
            num_attempts += len(attempts)
            experiences += [relabel(task, attempt, 1) for attempt in attempts]
        buffer.extend(each for each in experiences if each is not None)
    return clock.rate(
        "attempts of workers: unpickled, relabeled, added", num_attempts, note=f"{len(buffer):,} are new"
    )


def _drawing(buffer: ReplayBuffer, count: int, seed: int, peer: "_Peer | None") -> Iterator[Measurement]:
    drawing, unpacking = _Clock(), _Clock()
    with drawing.running():
        read = buffer.read(buffer.sample(count, np.random.default_rng(seed)))
    name = f"{len(buffer):,}: {len(read):,} drawn and read"
    yield drawing.duration(
        name, peer.draw(count) if peer else None, "peer: cpprb, with replacement" if peer else ""
    )
    with unpacking.running():  # one after another, as they are learned from
        deque(((each.inputs, each.outputs) for each in read), maxlen=0)
    yield unpacking.duration(f"{len(buffer):,}: grids of {len(read):,} unpacked")


def _seconds_of_arrays(buffer: ReplayBuffer, folder: Path) -> tuple[float, float]:
    with Checkpointer(folder) as checkpointer:
        begun = time.monotonic()
        _save(checkpointer, 0, buffer.state())
        saved = time.monotonic()
        ReplayBuffer.from_state(_restore(checkpointer))
        return saved - begun, time.monotonic() - saved


def _save(checkpointer: Checkpointer, step: int, state: dict[str, Any]) -> None:
    checkpointer.save(step, learner_state={"parameter": jnp.zeros(1)}, host_state=state)


def _restore(checkpointer: Checkpointer) -> dict[str, Any]:
    parameter = jnp.zeros(1)
    abstract = jax.ShapeDtypeStruct(parameter.shape, parameter.dtype, sharding=parameter.sharding)
    return checkpointer.restore({"parameter": abstract})[2]


def _content_bytes(experience: Experience) -> int:
    columns = sum(np.dtype(dtype).itemsize for dtype in COLUMNS.values())
    return len(experience.packed_outputs) + len(experience.program.encode()) + columns


class _Peer:
    """cpprb's prioritised buffer, with rows of as many bytes as most experiences take, packed beforehand."""

    def __init__(self, size: int, batch: int) -> None:
        import cpprb

        self._size, self._batch = size, batch
        self._buffer = cpprb.PrioritizedReplayBuffer(
            size, {"content": {"shape": _PEER_BYTES, "dtype": np.uint8}}
        )

    @staticmethod
    def is_there() -> bool:
        return importlib.util.find_spec("cpprb") is not None

    def add(self) -> float:
        """Returns how many rows it takes a second."""
        rows = np.ones((self._batch, _PEER_BYTES), np.uint8)
        priorities = np.linspace(0.0, 1.0, self._batch)
        begun = time.monotonic()
        for start in range(0, self._size, self._batch):
            stop = min(self._batch, self._size - start)
            self._buffer.add(content=rows[:stop], priorities=priorities[:stop])
        return self._size / (time.monotonic() - begun)

    def draw(self, count: int) -> float:
        """Returns the seconds that it takes to draw rows."""
        begun = time.monotonic()
        self._buffer.sample(count)
        return time.monotonic() - begun
