"""The replay suite: a buffer of ten thousand to ten million experiences, added to, read, saved and restored.

What checkpoints cost is shown beside arrays that hold everything, and adding and drawing beside cpprb's
prioritised buffer, where that is installed.
"""

import dataclasses
import importlib.util
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from codeit_jax.arc import load_tasks
from codeit_jax.arc.packing import pack_grids
from codeit_jax.benchmarks.suites import Options
from codeit_jax.benchmarks.table import Measurement
from codeit_jax.dsl import load_training_programs
from codeit_jax.replay import Experience, ReplayBuffer
from codeit_jax.replay.entries import COLUMNS
from codeit_jax.replay.segments import SegmentStore
from codeit_jax.replay.states import segment_names
from codeit_jax.run.checkpoint import Checkpointer

_ROWS_OF_A_WIDTH = 997
_PROGRAM_STARTS = 2048
_MAX_LINES = 30
_PER_META_ITERATION = 9_600
_REPEATED_SHARE = 0.05
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
    """

    sizes: tuple[int, ...] = (10_000, 100_000, 1_000_000, 10_000_000)
    batch: int = 10_000
    num_drawn: int = 90_000
    num_more: int = 10_000
    max_peer: int = 1_000_000


QUICK = Sizes(sizes=(10_000, 100_000), max_peer=100_000)


class Stream:
    """Experiences without end: real inputs, outputs of real shapes and colours, and programs of real lines.

    The rows of a grid that are varied come from a stock of rows of its width, and a program's lines from
    training programs, so that an experience takes a few microseconds to make. Half of the outputs are equal
    to earlier ones of their task, as those of training programs' mutants are on the evaluation set; and a
    twentieth of the tasks and programs come again. All grids of outputs are objects of their own, as if
    worker processes had sent them.
    """

    def __init__(self, seed: int) -> None:
        rng = random.Random(f"{seed}/replay")
        self._tasks = [
            (
                task.id,
                b"".join(task.packed_inputs),
                [pack_grids((pair.output,)) for pair in task.train if pair.output],
            )
            for task in load_tasks("arc1/training")
        ]
        self._rows = {
            width: [bytes(rng.choices(range(10), k=width)) for _ in range(_ROWS_OF_A_WIDTH)]
            for width in range(1, 31)
        }
        lines = [str(program).splitlines()[:-1] for program in load_training_programs().values()]
        starts = [rng.choice(lines)[: rng.randrange(_MAX_LINES)] for _ in range(_PROGRAM_STARTS)]
        self._starts = ["".join(f"{line}\n" for line in start) for start in starts]
        self._rng = rng
        self._num_made = 0

    def take(self, count: int) -> list[Experience]:
        """Returns the next experiences."""
        return [self._next() for _ in range(count)]

    def _next(self) -> Experience:
        number = self._num_made
        self._num_made += 1
        if number and self._rng.random() < _REPEATED_SHARE:
            number = self._rng.randrange(number)
        turn, task = divmod(number, len(self._tasks))
        task_id, inputs, outputs = self._tasks[task]
        # Every second turn gives what one of the others gave.
        variant = 2 * self._rng.randrange((turn + 1) // 2) if turn % 2 else turn
        start = self._starts[number * 0x9E3779B1 % _PROGRAM_STARTS]
        return Experience(
            task_id=task_id,
            program=f"{start}O = paint(I, x{number})",
            packed_inputs=inputs,
            packed_outputs=b"".join([self._varied(grid, variant) for grid in outputs]),
            priority=number * 0x9E3779B1 % 5 / 4,
            meta_iteration=number // _PER_META_ITERATION,
        )

    def _varied(self, grid: bytes, variant: int) -> bytes:
        height, width = grid[:2]
        rows = self._rows[width]
        first, rest = variant % _ROWS_OF_A_WIDTH, variant // _ROWS_OF_A_WIDTH
        second, third = rest % _ROWS_OF_A_WIDTH, rest // _ROWS_OF_A_WIDTH % _ROWS_OF_A_WIDTH
        varied = b"".join((rows[first], rows[second], rows[third])[:height])
        return grid[:2] + varied + grid[2 + len(varied) :]


def measure(options: Options) -> Iterator[Measurement]:
    """Yields the suite's measurements."""
    yield from measure_sizes(QUICK if options.quick else Sizes(), options)


def measure_sizes(sizes: Sizes, options: Options) -> Iterator[Measurement]:
    """Yields the suite's measurements, made on so much: those of one buffer as it grows."""
    stream = Stream(options.seed)
    buffer = ReplayBuffer(sizes.sizes[-1] + 2 * sizes.num_more)
    num_content_bytes = 0
    for size in sizes.sizes:
        seconds, num_added = 0.0, 0
        while len(buffer) < size:
            batch = stream.take(min(sizes.batch, size - len(buffer)))
            begun, before = time.monotonic(), len(buffer)
            buffer.extend(batch)
            seconds += time.monotonic() - begun
            num_added += len(batch)
            # Those few that came again are not told apart, and have the mean of the others.
            num_content_bytes += sum(map(_content_bytes, batch)) * (len(buffer) - before) // len(batch)
        name, has_peer = f"{size:,}", size <= sizes.max_peer
        peer = _Peer(size, sizes.batch) if has_peer and _Peer.is_there() else None
        yield Measurement(
            f"{name}: adding",
            num_added / seconds,
            peer.add() if peer else None,
            "/s",
            more_is_better=True,
            note="peer: cpprb, rows packed before" if peer else "",
        )
        yield Measurement(
            f"{name}: memory",
            buffer.nbytes / 1e6,
            num_content_bytes / 1e6,
            "MB",
            note=f"peer: the content, {num_content_bytes / len(buffer):.0f} bytes each",
        )
        num_drawn = min(sizes.num_drawn, size)
        begun = time.monotonic()
        read = buffer.read(buffer.sample(num_drawn, np.random.default_rng(options.seed)))
        yield Measurement(
            f"{name}: {len(read):,} drawn and read",
            time.monotonic() - begun,
            peer.draw(num_drawn) if peer else None,
            "s",
            note="peer: cpprb, with replacement, rows packed still" if peer else "",
        )
        del read, peer
        with tempfile.TemporaryDirectory(prefix="codeit_jax_replay_") as folder:
            arrays = _seconds_of_arrays(buffer, Path(folder, "arrays")) if has_peer else (None, None)
            store = SegmentStore(Path(folder, "segments"))
            with Checkpointer(Path(folder, "checkpoints")) as checkpointer:
                _save(checkpointer, 0, buffer.state(store))
                buffer.extend(stream.take(sizes.num_more))
                begun = time.monotonic()
                state = buffer.state(store)
                _save(checkpointer, 1, state)
                store.retain(segment_names(state))
                yield Measurement(
                    f"{name}: checkpoint, {sizes.num_more:,} new",
                    time.monotonic() - begun,
                    arrays[0],
                    "s",
                    note="peer: all of it in arrays" if has_peer else "",
                )
                del buffer, state
                begun = time.monotonic()
                buffer = ReplayBuffer.from_state(_restore(checkpointer), store)
                yield Measurement(
                    f"{name}: restored",
                    time.monotonic() - begun,
                    arrays[1],
                    "s",
                    note="peer: from arrays" if has_peer else "",
                )
    while len(buffer) < buffer.capacity:
        buffer.extend(stream.take(buffer.capacity - len(buffer)))
    begun = time.monotonic()
    while len(buffer) == buffer.capacity:  # until one is new
        buffer.extend(stream.take(1))
    yield Measurement(f"{buffer.capacity:,}: half evicted", time.monotonic() - begun, None, "s")


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
    """cpprb's prioritised buffer, with rows of as many bytes as an experience may take."""

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
