"""The replay buffer: every experience so far, in little memory, and samples from it."""

import hashlib
import json
import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from codeit_jax.arc.grid import Grid
from codeit_jax.replay.experience import Experience
from codeit_jax.replay.packing import pack_grids, packed_size, unpack_grids
from codeit_jax.replay.priority import sample_without_replacement, sampling_weights

_Value = TypeVar("_Value")

_COLUMNS = {
    "priorities": np.float64,
    "meta_iterations": np.int32,
    "tasks": np.int32,
    "inputs": np.int32,
    "ends": np.int64,
}


class ReplayBuffer:
    """Experiences in the order they came, at most one for a task and a program.

    An entry is a row of numbers and, in one arena of bytes, its outputs and its program's text. The inputs it
    shares with other entries (hindsight relabeling keeps a task's inputs) are stored once.

    Args:
        capacity: how many experiences there may be. When one more comes, the half with the lowest priority
            goes, the oldest first among equals.

    Raises:
        ValueError: `capacity` is below 1.
    """

    def __init__(self, capacity: int = 10_000_000) -> None:
        if capacity < 1:
            raise ValueError(f"capacity must be at least 1, got {capacity}")
        self.capacity = capacity
        self._priorities = array("d")
        self._meta_iterations = array("i")
        self._tasks = array("i")
        self._inputs = array("i")
        self._ends = array("q")
        self._arena = bytearray()
        self._task_ids: _Numbered[str] = _Numbered()
        self._input_grids: _Numbered[tuple[Grid, ...]] = _Numbered()
        self._positions: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._priorities)

    def __getitem__(self, index: int) -> Experience:
        index = range(len(self))[index]
        inputs = self._input_grids.values[self._inputs[index]]
        entry = self._entry(index)
        return Experience(
            task_id=self._task_ids.values[self._tasks[index]],
            program=_program_of(entry, len(inputs)),
            inputs=inputs,
            outputs=unpack_grids(entry, len(inputs)),
            priority=self._priorities[index],
            meta_iteration=self._meta_iterations[index],
        )

    def add(self, experience: Experience) -> bool:
        """Stores an experience and returns whether its task and program were new.

        Where they are not, the stored experience stays, with the higher of the two priorities.
        """
        key = _key(experience.task_id, experience.program)
        index = self._positions.get(key)
        if index is not None:
            self._priorities[index] = max(self._priorities[index], experience.priority)
            return False
        entry = pack_grids(experience.outputs) + experience.program.encode()
        if len(self) == self.capacity:
            self._evict()
        self._positions[key] = len(self)
        self._arena += entry
        self._priorities.append(experience.priority)
        self._meta_iterations.append(experience.meta_iteration)
        self._tasks.append(self._task_ids.number(experience.task_id))
        self._inputs.append(self._input_grids.number(experience.inputs))
        self._ends.append(len(self._arena))
        return True

    def extend(self, experiences: Iterable[Experience]) -> int:
        """Stores experiences and returns how many of them were new."""
        return sum(map(self.add, experiences))

    def sample(self, n: int, rng: np.random.Generator, prioritized: bool = True) -> np.ndarray:
        """Draws entries without replacement, by priority or, if not `prioritized`, evenly.

        Entries of priority 0 are drawn only once all others are. The time is linear in the buffer's size.

        Returns:
            int64 indices `[min(n, len(self))]` in random order.

        Raises:
            ValueError: `n` is negative.
        """
        weights = sampling_weights(np.asarray(self._priorities), uniform=not prioritized)
        return sample_without_replacement(weights, n, rng)

    def priority_quantiles(self, shares: Sequence[float]) -> list[float]:
        """Returns the priorities that shares of the entries stay below; NaN for each where there are none."""
        if not self._priorities:
            return [math.nan] * len(shares)
        return [float(each) for each in np.quantile(np.asarray(self._priorities), shares)]

    def state(self) -> dict[str, Any]:
        """Returns all there is to save: copies as NumPy arrays of numbers, an int, and JSON text.

        Of an empty buffer it is the int alone, since checkpoints do not hold arrays without elements.
        """
        if not len(self):
            return {"capacity": self.capacity}
        inputs = self._input_grids.values
        return {
            "capacity": self.capacity,
            "task_ids": json.dumps(self._task_ids.values),
            **{name: np.array(getattr(self, f"_{name}"), dtype) for name, dtype in _COLUMNS.items()},
            "arena": np.array(self._arena, np.uint8),
            "input_counts": np.array([len(grids) for grids in inputs], np.int32),
            "input_arena": np.array(bytearray().join(map(pack_grids, inputs)), np.uint8),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "ReplayBuffer":
        """Returns the buffer that `state` describes; it samples and evicts as the saved one would.

        Raises:
            ValueError: the state is not that of a replay buffer.
        """
        if set(state) == {"capacity"}:
            return cls(int(state["capacity"]))
        expected = {"capacity", "task_ids", "arena", "input_counts", "input_arena", *_COLUMNS}
        if set(state) != expected:
            raise ValueError(f"replay buffer state: expected {sorted(expected)}, got {sorted(state)}")
        buffer = cls(int(state["capacity"]))
        for name, dtype in _COLUMNS.items():
            getattr(buffer, f"_{name}").frombytes(np.asarray(state[name], dtype).tobytes())
        buffer._arena = bytearray(np.asarray(state["arena"], np.uint8).tobytes())
        buffer._task_ids = _Numbered(json.loads(state["task_ids"]))
        buffer._input_grids = _Numbered(_unpack_tuples(state["input_arena"], state["input_counts"]))
        buffer._check()
        for index in range(len(buffer)):
            buffer._positions[buffer._key_at(index)] = index
        return buffer

    def _check(self) -> None:
        sizes = {len(getattr(self, f"_{name}")) for name in _COLUMNS}
        if len(sizes) != 1 or len(self) > self.capacity:
            raise ValueError(
                f"replay buffer state: columns of {sorted(sizes)} entries, capacity {self.capacity}"
            )
        ends = np.asarray(self._ends)
        if not len(self) or (np.diff(ends, prepend=0) <= 0).any() or ends[-1] != len(self._arena):
            raise ValueError("replay buffer state: ends do not fit the arena")
        for name, table in (("tasks", self._task_ids), ("inputs", self._input_grids)):
            column = np.asarray(getattr(self, f"_{name}"))
            if ((column < 0) | (column >= len(table.values))).any():
                raise ValueError(f"replay buffer state: {name} points outside its table")

    def _entry(self, index: int) -> bytes:
        return bytes(self._arena[self._ends[index - 1] if index else 0 : self._ends[index]])

    def _key_at(self, index: int) -> bytes:
        count = len(self._input_grids.values[self._inputs[index]])
        return _key(self._task_ids.values[self._tasks[index]], _program_of(self._entry(index), count))

    def _evict(self) -> None:
        by_priority = np.argsort(np.asarray(self._priorities), kind="stable")
        kept = np.sort(by_priority[(len(self) + 1) // 2 :])
        arena = bytearray()
        ends = array("q")
        for index in kept.tolist():
            arena += self._entry(index)
            ends.append(len(arena))
        new_index = np.full(len(self), -1)
        new_index[kept] = np.arange(len(kept))
        moved = new_index.tolist()
        self._positions = {key: moved[index] for key, index in self._positions.items() if moved[index] >= 0}
        self._arena, self._ends = arena, ends
        self._priorities = _take(self._priorities, kept)
        self._meta_iterations = _take(self._meta_iterations, kept)
        self._task_ids, self._tasks = _keep_used(self._task_ids, _take(self._tasks, kept))
        self._input_grids, self._inputs = _keep_used(self._input_grids, _take(self._inputs, kept))


class _Numbered(Generic[_Value]):
    """Different values, numbered in the order they came."""

    def __init__(self, values: Iterable[_Value] = ()) -> None:
        self.values = list(values)
        self._numbers = {value: number for number, value in enumerate(self.values)}

    def number(self, value: _Value) -> int:
        number = self._numbers.setdefault(value, len(self.values))
        if number == len(self.values):
            self.values.append(value)
        return number


def _keep_used(table: _Numbered[_Value], column: array) -> tuple[_Numbered[_Value], array]:
    """Drops the values that a column of numbers does not use; returns the table and the renumbered column."""
    used, renumbered = np.unique(np.asarray(column), return_inverse=True)
    kept = _Numbered(table.values[number] for number in used.tolist())
    return kept, array(column.typecode, renumbered.tolist())


def _key(task_id: str, program: str) -> bytes:
    # A hash instead of the text, which would double an entry's memory; among ten million entries two share
    # one with a probability below 1e-22.
    text = f"{len(task_id)} {task_id}{program}"
    return hashlib.blake2b(text.encode(), digest_size=15).digest()


def _take(column: array, indices: np.ndarray) -> array:
    return array(column.typecode, np.asarray(column)[indices].tobytes())


def _program_of(entry: bytes, num_outputs: int) -> str:
    return entry[packed_size(entry, num_outputs) :].decode()


def _unpack_tuples(arena: np.ndarray, counts: np.ndarray) -> list[tuple[Grid, ...]]:
    data = memoryview(np.asarray(arena, np.uint8).tobytes())
    tuples = []
    for count in np.asarray(counts).tolist():
        tuples.append(unpack_grids(data, count))
        data = data[packed_size(data, count) :]
    return tuples
