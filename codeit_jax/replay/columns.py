"""Columns of numbers that grow."""

import numpy as np

_GROWTH = 1.25  # copying costs little beside what an entry costs, and so little room stands empty
_LEAST_ROOM = 256


class Column:
    """Numbers of one type, in one array with room for more.

    Args:
        dtype: their type.
    """

    def __init__(self, dtype: np.typing.DTypeLike) -> None:
        self._room = np.empty(0, dtype)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    @property
    def values(self) -> np.ndarray:
        """The numbers `[size]`; they can be written to, until the column next grows."""
        return self._room[: self._size]

    @property
    def nbytes(self) -> int:
        """The bytes it takes, those of its empty room with them."""
        return self._room.nbytes

    def extend(self, numbers: np.ndarray) -> None:
        """Puts numbers `[more]` at the end."""
        size = self._size + len(numbers)
        if size > len(self._room):
            room = np.empty(max(size, int(_GROWTH * self._size), _LEAST_ROOM), self._room.dtype)
            room[: self._size] = self.values
            self._room = room
        self._room[self._size : size] = numbers
        self._size = size
