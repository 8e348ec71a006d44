"""Byte strings, each stored once, in segments that never change once they are full."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from codeit_jax.replay.columns import Column
from codeit_jax.replay.hash_index import HashIndex

SEGMENT_STRINGS = 1 << 16
SEGMENT_BYTES = 1 << 24
_PIECE = 1 << 14


class ByteTable:
    """Different byte strings, numbered in the order they came.

    They lie one behind another in segments. One that has come to 65,536 strings or 16 MiB is sealed: it never
    changes again. Where the segments begin depends on the strings alone.
    """

    def __init__(self) -> None:
        self._index = HashIndex()
        self._ends = Column(np.uint32)  # within its segment, for every string
        self._sealed: list[bytes | bytearray] = []
        self._open = bytearray()
        self._firsts = [0]  # the number of each segment's first string, the open one's last

    def __len__(self) -> int:
        return len(self._ends)

    @property
    def num_sealed(self) -> int:
        """How many segments are sealed."""
        return len(self._sealed)

    @property
    def nbytes(self) -> int:
        """The bytes it takes."""
        return sum(map(len, self._sealed)) + len(self._open) + self._ends.nbytes + self._index.nbytes

    def read(self, numbers: np.ndarray) -> list[bytes]:
        """Returns the strings of some numbers `[n]`."""
        return [bytes(data[start:end]) for data, start, end in zip(*self._places(numbers), strict=True)]

    def find(self, strings: Sequence[bytes]) -> np.ndarray:
        """Returns the numbers of some strings, int32 `[n]`, and -1 for each that is not there."""
        return self._find(strings, _hashes(strings))

    def number(self, strings: Sequence[bytes]) -> np.ndarray:
        """Returns the numbers of some strings, int32 `[n]`; those that are new get the next ones."""
        places: dict[bytes, int] = {}
        place_of = [places.setdefault(string, len(places)) for string in strings]
        different = list(places)
        hashes = _hashes(different)
        numbers = self._find(different, hashes)
        new = np.flatnonzero(numbers < 0)
        numbers[new] = np.arange(len(self), len(self) + len(new))
        self._append([different[place] for place in new.tolist()], hashes[new])
        return numbers[place_of]

    def kept(self, numbers: np.ndarray) -> "ByteTable":
        """Returns a table of some of the strings, by their ascending numbers."""
        table = ByteTable()
        for start in range(0, len(numbers), _PIECE):
            piece = numbers[start : start + _PIECE]
            table._append(self.read(piece), self._index.hashes[piece])
        return table

    def segment(self, index: int) -> dict[str, np.ndarray]:
        """Returns a segment as arrays: the strings' ends, uint32 `[n]`, and their bytes.

        Those of a sealed segment are the same at all times; the open one has the index -1.
        """
        bounds = [*self._firsts, len(self)]
        index = range(len(self._firsts))[index]
        part = slice(bounds[index], bounds[index + 1])
        data = self._sealed[index] if index < self.num_sealed else bytes(self._open)
        return {
            "ends": self._ends.values[part].copy(),
            "data": np.frombuffer(data, np.uint8),
        }

    def add_segment(self, segment: Mapping[str, np.ndarray], is_sealed: bool) -> None:
        """Takes up the next of a table's segments, of those that `segment` gave; the open one comes last.

        Raises:
            ValueError: it is no segment.
        """
        if set(segment) - {"hashes"} != {"ends", "data"}:  # earlier versions saved hashes, too
            raise ValueError(f"replay buffer state: a segment of {sorted(segment)}")
        ends, data = np.asarray(segment["ends"], np.uint32), np.asarray(segment["data"], np.uint8)
        # In 64 bits, where a difference below zero is seen.
        is_rising = (np.diff(ends.astype(np.int64), prepend=0) >= 0).all()
        if not is_rising or (int(ends[-1]) if len(ends) else 0) != len(data):
            raise ValueError(f"replay buffer state: {len(ends)} ends do not fit {len(data)} bytes")
        content, places = data.tobytes(), ends.tolist()
        self._index.append(_hashes([content[start:end] for start, end in itertools.pairwise([0, *places])]))
        self._ends.extend(ends)
        if is_sealed:
            self._seal(content)
        else:
            self._open = bytearray(content)

    def _find(self, strings: Sequence[bytes], hashes: np.ndarray) -> np.ndarray:
        def is_same(rows: np.ndarray, numbers: np.ndarray) -> np.ndarray:
            sought = [strings[row] for row in rows.tolist()]
            return np.array(
                [
                    len(string) == end - start and data.startswith(string, start)
                    for string, data, start, end in zip(sought, *self._places(numbers), strict=True)
                ]
            )

        return self._index.find(hashes, is_same)

    def _places(self, numbers: np.ndarray) -> tuple[list[bytes | bytearray], list[int], list[int]]:
        """Returns where some strings `[n]` lie: their segments' bytes, and in these their starts and ends."""
        firsts = np.array(self._firsts)
        segments = np.searchsorted(firsts, numbers, side="right") - 1
        starts = np.where(numbers == firsts[segments], 0, self._ends.values[numbers - 1])
        data = [*self._sealed, self._open]
        return (
            [data[segment] for segment in segments.tolist()],
            starts.tolist(),
            self._ends.values[numbers].tolist(),
        )

    def _append(self, strings: Sequence[bytes], hashes: np.ndarray) -> None:
        self._index.append(hashes)
        sums = np.cumsum(np.fromiter(map(len, strings), np.int64, len(strings)))
        start = 0
        while start < len(strings):
            before = int(sums[start - 1]) if start else 0
            room = SEGMENT_BYTES - len(self._open)
            # Up to the string that fills the segment, which lies in it whole.
            stop = min(
                start + SEGMENT_STRINGS - (len(self) - self._firsts[-1]),
                int(np.searchsorted(sums, before + room)) + 1,
                len(strings),
            )
            self._ends.extend(sums[start:stop] - before + len(self._open))
            self._open += b"".join(strings[start:stop])
            if len(self) - self._firsts[-1] == SEGMENT_STRINGS or len(self._open) >= SEGMENT_BYTES:
                self._seal(self._open)  # as it is: what it has room for beyond its bytes takes no memory
            start = stop

    def _seal(self, data: bytes | bytearray) -> None:
        self._sealed.append(data)
        self._firsts.append(len(self))
        self._open = bytearray()


def _hashes(strings: Sequence[bytes]) -> np.ndarray:
    # Python's own, which each string keeps once a dict has asked for it. They are not saved, for another
    # process has others.
    return np.fromiter(map(hash, strings), np.int64, len(strings)).astype(np.uint32)
