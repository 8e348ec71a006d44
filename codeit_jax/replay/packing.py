"""Grids as bytes: for every grid its height, its width and its cells row by row, one byte each."""

from collections.abc import Iterable

import numpy as np

from codeit_jax.arc.grid import Grid


def pack_grids(grids: Iterable[Grid]) -> bytes:
    """Returns the bytes of some grids, one after another."""
    parts = []
    for grid in grids:
        parts.append(bytes((len(grid), len(grid[0]))))
        parts += map(bytes, grid)
    return b"".join(parts)


def packed_size(data: bytes | memoryview, count: int) -> int:
    """Returns how many bytes the first `count` grids of `data` take.

    Raises:
        ValueError: the data ends before the grids do.
    """
    array = np.frombuffer(data, np.uint8)
    return int(packed_sizes(array, np.zeros(1, np.int64), np.array([count]))[0])


def packed_sizes(data: np.ndarray, starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Returns how many bytes tuples of grids take, int64 `[n]`.

    Args:
        data: bytes in which they lie, uint8 `[size]`.
        starts: where each begins `[n]`.
        counts: how many grids are in each `[n]`.

    Raises:
        ValueError: the data ends before the grids do.
    """
    ends = np.array(starts, np.int64)

    def check() -> None:
        if np.max(ends, initial=0) > len(data):
            raise ValueError(f"{len(data)} bytes are too few for {np.sum(counts)} grids")

    for step in range(int(np.max(counts, initial=0))):
        rows = np.flatnonzero(np.asarray(counts) > step)
        heads = ends[rows]
        ends[rows] += 2
        check()
        ends[rows] += data[heads].astype(np.int64) * data[heads + 1]
    check()
    return ends - starts


def unpack_grids(data: bytes | memoryview, count: int) -> tuple[Grid, ...]:
    """Returns the first `count` grids of `data`.

    Raises:
        ValueError: the data ends before the grids do.
    """
    return unpack_all(bytes(data[: packed_size(data, count)]))


def unpack_all(data: bytes) -> tuple[Grid, ...]:
    """Returns the grids that `data` is, which must be whole."""
    grids = []
    start = 0
    while start < len(data):
        height, width = data[start], data[start + 1]
        end = start + 2 + height * width
        # Cells out of one iterator, a row's at a time: far faster than to cut the rows.
        grids.append(tuple(zip(*[iter(data[start + 2 : end])] * width, strict=True)))
        start = end
    return tuple(grids)
