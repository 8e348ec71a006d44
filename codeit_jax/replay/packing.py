"""Grids as bytes: for every grid its height, its width and its cells row by row, one byte each."""

from collections.abc import Iterable

from codeit_jax.arc.grid import Grid


def pack_grids(grids: Iterable[Grid]) -> bytes:
    """Returns the bytes of some grids, one after another."""
    return b"".join(bytes((len(grid), len(grid[0]))) + b"".join(map(bytes, grid)) for grid in grids)


def packed_size(data: bytes | memoryview, count: int) -> int:
    """Returns how many bytes the first `count` grids of `data` take.

    Raises:
        ValueError: the data ends before the grids do.
    """
    size = 0
    for _ in range(count):
        if size + 2 > len(data):
            break
        size += 2 + data[size] * data[size + 1]
    else:
        if size <= len(data):
            return size
    raise ValueError(f"{len(data)} bytes are too few for {count} grids")


def unpack_grids(data: bytes | memoryview, count: int) -> tuple[Grid, ...]:
    """Returns the first `count` grids of `data`.

    Raises:
        ValueError: the data ends before the grids do.
    """
    data = data[: packed_size(data, count)]
    grids = []
    start = 0
    for _ in range(count):
        height, width = data[start], data[start + 1]
        first, start = start + 2, start + 2 + height * width
        grids.append(tuple(tuple(data[row : row + width]) for row in range(first, start, width)))
    return tuple(grids)
