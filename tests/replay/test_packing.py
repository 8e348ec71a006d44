import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeit_jax.arc.packing import pack_grids
from codeit_jax.replay.packing import packed_sizes

GRIDS = (((0,),), ((1, 2), (3, 4)), ((5,) * 30,) * 30, ((7,),) * 4)


@given(st.lists(st.lists(st.sampled_from(GRIDS), max_size=4), max_size=5), st.binary(max_size=3))
def test_sizes_are_those_of_what_was_packed(tuples, rest):
    packed = list(map(pack_grids, tuples))
    sizes = np.array(list(map(len, packed)), np.int64)
    data = np.frombuffer(b"".join(packed) + rest, np.uint8)
    found = packed_sizes(data, np.cumsum(sizes) - sizes, np.array(list(map(len, tuples)), np.int64))
    assert found.tolist() == sizes.tolist()


@pytest.mark.parametrize("cut", [0, 1, 2, 4, 5, 6, 8])
def test_packed_grids_that_end_early_are_refused(cut):
    data = np.frombuffer(pack_grids([((1, 2, 3),), ((4,), (5,))])[:cut], np.uint8)
    with pytest.raises(ValueError, match=f"{cut} bytes are too few for 2 grids"):
        packed_sizes(data, np.zeros(1, np.int64), np.array([2]))
