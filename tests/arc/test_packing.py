import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from codeit_jax.arc.packing import pack_grids, unpack_grids

grids = st.tuples(st.integers(1, 30), st.integers(1, 30)).flatmap(
    lambda shape: st.binary(min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]).map(
        lambda cells: tuple(map(tuple, (np.frombuffer(cells, np.uint8) % 10).reshape(shape).tolist()))
    )
)


def packed_plainly(several):
    """Number by number, as the format has it."""
    data = []
    for grid in several:
        data += [len(grid), len(grid[0])]
        for row in grid:
            data += row
    return bytes(data)


def test_packed_grids_are_height_width_and_cells():
    assert pack_grids([((1, 2, 3),), ((4,), (5,))]) == bytes([1, 3, 1, 2, 3, 2, 1, 4, 5])
    assert pack_grids([]) == b""


@given(st.lists(grids, max_size=4))
@example([((0,) * 30,) * 30, ((9,),) * 30, ((9,) * 30,), ((0,),)])
def test_packed_grids_come_back(originals):
    data = pack_grids(originals)
    assert data == packed_plainly(originals)
    assert unpack_grids(data) == tuple(originals)
    assert all(type(cell) is int for grid in unpack_grids(data) for row in grid for cell in row)


@given(st.lists(grids, max_size=3), st.lists(grids, max_size=3))
def test_packed_grids_are_equal_where_the_grids_are(one, other):
    assert (pack_grids(one) == pack_grids(other)) == (one == other)
    assert pack_grids(one + other) == pack_grids(one) + pack_grids(other)
