"""Finding many things at once by their hashes."""

import itertools
from collections.abc import Callable

import numpy as np

from codeit_jax.replay.columns import Column

_MAX_LOAD = 0.5
_LEAST_SLOTS = 1 << 10
_PIECE = 1 << 16  # things that are entered at a time, so that what this takes for a moment stays small
_FIBONACCI = np.uint64(0x9E3779B97F4A7C15)

IsSame = Callable[[np.ndarray, np.ndarray], np.ndarray]


class HashIndex:
    """Numbers of things, found by the things' hashes: an open-addressing table in arrays.

    What the things are, and which are equal, it leaves to others; so hashes may collide. It takes 4 bytes a
    thing for the hash and 8 to 16 for the table.
    """

    def __init__(self) -> None:
        self._hashes = Column(np.uint32)
        self._slots = np.full(_LEAST_SLOTS, -1, np.int32)

    def __len__(self) -> int:
        return len(self._hashes)

    @property
    def hashes(self) -> np.ndarray:
        """The things' hashes, uint32 `[size]`."""
        return self._hashes.values

    @property
    def nbytes(self) -> int:
        """The bytes it takes."""
        return self._hashes.nbytes + self._slots.nbytes

    def find(self, hashes: np.ndarray, is_same: IsSame) -> np.ndarray:
        """Looks things up.

        Args:
            hashes: of the things looked for, uint32 `[rows]`.
            is_same: for rows and numbers `[n]` whose hashes are equal, whether the things are, bool `[n]`.

        Returns:
            Their numbers, int32 `[rows]`, and -1 where a thing is not there.
        """
        found = np.full(len(hashes), -1, np.int32)
        rows, slots = np.arange(len(hashes)), self._first_slots(hashes)
        for step in itertools.count(1):
            numbers = self._slots[slots]
            # A thing stands before the first empty slot on its way, or nowhere.
            is_taken = numbers >= 0
            rows, slots, numbers = rows[is_taken], slots[is_taken], numbers[is_taken]
            if not len(rows):
                break
            alike = np.flatnonzero(self.hashes[numbers] == hashes[rows])
            same = alike[is_same(rows[alike], numbers[alike])] if len(alike) else alike
            found[rows[same]] = numbers[same]
            goes_on = np.ones(len(rows), bool)
            goes_on[same] = False
            rows, slots = rows[goes_on], self._next_slots(slots[goes_on], step)
        return found

    def append(self, hashes: np.ndarray) -> None:
        """Enters things that are not there, by their hashes, uint32 `[more]`; they get the next numbers."""
        numbers = np.arange(len(self), len(self) + len(hashes), dtype=np.int32)
        self._hashes.extend(hashes)
        if len(self) > _MAX_LOAD * len(self._slots):
            # In the order of their slots, which is nearly that of the new ones: neighbours in memory.
            numbers = np.concatenate([self._slots[self._slots >= 0], numbers])
            num_slots = 1 << int(len(self) / _MAX_LOAD).bit_length()
            self._slots = np.full(num_slots, -1, np.int32)
        for start in range(0, len(numbers), _PIECE):
            self._enter(numbers[start : start + _PIECE])

    def _enter(self, numbers: np.ndarray) -> None:
        slots = self._first_slots(self.hashes[numbers])
        for step in itertools.count(1):
            is_free = self._slots[slots] < 0
            self._slots[slots[is_free]] = numbers[is_free]
            # Some had the same free slot in view, and one has got it.
            goes_on = self._slots[slots] != numbers
            if not goes_on.any():
                break
            numbers, slots = numbers[goes_on], self._next_slots(slots[goes_on], step)

    def _first_slots(self, hashes: np.ndarray) -> np.ndarray:
        shift = np.uint64(65 - len(self._slots).bit_length())
        return (hashes * _FIBONACCI >> shift).astype(np.int64)

    def _next_slots(self, slots: np.ndarray, step: int) -> np.ndarray:
        # Steps of 1, 2, 3 ... lead to every slot where their number is a power of two.
        return (slots + step) & (len(self._slots) - 1)
