"""Grids as bytes: for every grid its height, its width and its cells row by row, one byte each.

So they are small, quickly sent from process to process and compared, and no work for the garbage collector.
"""

from collections.abc import Iterable

from codeit_jax.arc.grid import Grid


def pack_grids(grids: Iterable[Grid]) -> bytes:
    """Returns the bytes of some grids, one after another."""
    parts = []
    for grid in grids:
        parts.append(bytes((len(grid), len(grid[0]))))
        parts += map(bytes, grid)
    return b"".join(parts)


def unpack_grids(data: bytes) -> tuple[Grid, ...]:
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
