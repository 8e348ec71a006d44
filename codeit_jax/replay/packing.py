"""Where packed grids end that lie one behind another."""

import numpy as np


def packed_sizes(data: np.ndarray, starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Returns how many bytes tuples of packed grids take, int64 `[n]`.

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
