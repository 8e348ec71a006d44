"""The replay buffer: every experience so far, in little memory, and samples from it."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from codeit_jax.replay import states
from codeit_jax.replay.entries import Entries
from codeit_jax.replay.experience import Experience
from codeit_jax.replay.priority import sample_without_replacement, sampling_weights
from codeit_jax.replay.segments import SegmentStore

_BATCH = 1 << 14


class ReplayBuffer:
    """Experiences in the order they came, at most one for a task and a program.

    An entry is a row of numbers; its inputs, its outputs and its program's text lie, packed, in tables, where
    those that are equal are stored once: hindsight relabeling keeps a task's inputs, and many programs of a
    task give equal outputs.

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
        self._entries = Entries()
        self._segment_names: states.SegmentNames = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, index: int) -> Experience:
        index = range(len(self))[index]
        return self._entries.read(np.array([index]))[0]

    @property
    def nbytes(self) -> int:
        """The bytes that the entries take in memory."""
        return self._entries.nbytes

    def read(self, indices: Sequence[int] | np.ndarray) -> list[Experience]:
        """Returns the experiences of some indices, such as `sample` draws, as one by one but far faster.

        Raises:
            IndexError: there is no such entry.
        """
        indices = np.asarray(indices, np.int64)
        if len(indices) and not -len(self) <= indices.min() <= indices.max() < len(self):
            raise IndexError(f"indices from {indices.min()} to {indices.max()} of {len(self)} entries")
        return self._entries.read(indices % max(1, len(self)))

    def add(self, experience: Experience) -> bool:
        """Stores an experience and returns whether its task and program were new.

        Where they are not, the stored experience stays, with the higher of the two priorities.
        """
        return self.extend([experience]) == 1

    def extend(self, experiences: Iterable[Experience]) -> int:
        """Stores experiences, as one by one but far faster, and returns how many of them were new."""
        iterator = iter(experiences)
        num_new = 0
        while batch := list(itertools.islice(iterator, _BATCH)):
            start = 0
            while start < len(batch):
                room = self.capacity - len(self)
                if room:  # so many at most are new that all of them fit in
                    part = batch[start : start + room]
                    num_new += self._entries.append(part)
                    start += len(part)
                else:
                    start += self._raise_up_to_new(batch[start : start + self.capacity])
        return num_new

    def _raise_up_to_new(self, experiences: Sequence[Experience]) -> int:
        """Takes up those before the first that is new, and makes room where that is the very first."""
        indices = self._entries.find(experiences)
        num_known = int(np.argmax(indices < 0)) if (indices < 0).any() else len(indices)
        if num_known:
            priorities = [each.priority for each in experiences[:num_known]]
            self._entries.raise_priorities(indices[:num_known], priorities)
        else:
            self._evict()
        return num_known

    def sample(self, n: int, rng: np.random.Generator, prioritized: bool = True) -> np.ndarray:
        """Draws entries without replacement, by priority or, if not `prioritized`, evenly.

        Entries of priority 0 are drawn only once all others are. The time is linear in the buffer's size.

        Returns:
            int64 indices `[min(n, len(self))]` in random order.

        Raises:
            ValueError: `n` is negative.
        """
        weights = sampling_weights(self._entries["priorities"], uniform=not prioritized)
        return sample_without_replacement(weights, n, rng)

    def meta_iterations(self, indices: np.ndarray) -> np.ndarray:
        """Returns when the experiences of some indices were written, int32 `[n]`."""
        written: np.ndarray = self._entries["meta_iterations"][indices]
        return written

    def priority_quantiles(self, shares: Sequence[float]) -> list[float]:
        """Returns the priorities that shares of the entries stay below; NaN for each where there are none."""
        if not len(self):
            return [math.nan] * len(shares)
        return [float(each) for each in np.quantile(self._entries["priorities"], shares)]

    def state(self, store: SegmentStore | None = None) -> dict[str, Any]:
        """Returns all there is to save: copies as NumPy arrays of numbers, an int, and JSON text.

        Of an empty buffer it is the int alone, since checkpoints do not hold arrays without elements.

        Args:
            store: where to write segments of what will not change any more, if they are not there. The state
                is then their names and the rest: arrays, some in dicts, which may be without elements.
        """
        if not len(self):
            return {"capacity": self.capacity}
        if store is None:
            return {"capacity": self.capacity, **states.self_contained(self._entries)}
        return {"capacity": self.capacity, **states.segmented(self._entries, self._segment_names, store)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], store: SegmentStore | None = None) -> "ReplayBuffer":
        """Returns the buffer that `state` describes; it samples and evicts as the saved one would.

        Args:
            state: of either form.
            store: where the segments are that it names, if it does.

        Raises:
            ValueError: the state is not that of a replay buffer, or names segments and there is no store.
            SegmentError: a segment is not in the store, or damaged.
        """
        content = {name: value for name, value in state.items() if name != "capacity"}
        if "capacity" not in state:
            raise ValueError(f"replay buffer state: expected a capacity, got {sorted(state)}")
        buffer = cls(int(state["capacity"]))
        if "segments" in content:
            if store is None:
                raise ValueError("replay buffer state: it names segments, and there is no store of them")
            buffer._entries, buffer._segment_names = states.from_segmented(content, store)
        elif content:
            buffer._entries = states.from_self_contained(content)
        if len(buffer) > buffer.capacity:
            raise ValueError(f"replay buffer state: {len(buffer)} entries, capacity {buffer.capacity}")
        return buffer

    def _evict(self) -> None:
        by_priority = np.argsort(self._entries["priorities"], kind="stable")
        self._entries.keep(np.sort(by_priority[(len(self) + 1) // 2 :]))
        self._segment_names = {}
