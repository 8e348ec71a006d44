import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeit_jax.replay.experience import Experience
from codeit_jax.replay.packing import pack_grids, packed_size, unpack_grids

GOOD = Experience("a61f2674", "O = vmirror(I)", (((1, 2),),), (((2, 1),),), 0.5, 3)

grids = st.integers(1, 30).flatmap(
    lambda width: st.lists(
        st.lists(st.integers(0, 9), min_size=width, max_size=width).map(tuple), min_size=1, max_size=30
    ).map(tuple)
)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task_id": ""}, "experience: task_id is empty"),
        ({"program": ""}, "experience of task a61f2674: program is empty"),
        ({"inputs": ()}, "0 inputs for 1 outputs"),
        ({"inputs": (), "outputs": ()}, "0 inputs for 0 outputs"),
        ({"outputs": (((1,),), ((2,),))}, "1 inputs for 2 outputs"),
        ({"inputs": ((),)}, r"inputs\[0\] is no valid grid"),
        ({"inputs": (((1, 2), (1,)),)}, r"inputs\[0\] is no valid grid"),
        ({"outputs": (((10,),),)}, r"outputs\[0\] is no valid grid"),
        ({"outputs": (((0,) * 31,),)}, r"outputs\[0\] is no valid grid"),
        ({"outputs": (None,)}, r"outputs\[0\] is no valid grid"),
        ({"priority": 1.01}, r"priority must be in \[0, 1\], got 1.01"),
        ({"priority": -0.1}, "priority must be in"),
        ({"priority": float("nan")}, "priority must be in"),
        ({"meta_iteration": -1}, "meta_iteration must be in"),
        ({"meta_iteration": 2**31}, "meta_iteration must be in"),
    ],
)
def test_a_bad_field_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(GOOD, **change)


def test_packed_grids_are_height_width_and_cells():
    assert pack_grids([((1, 2, 3),), ((4,), (5,))]) == bytes([1, 3, 1, 2, 3, 2, 1, 4, 5])


@given(st.lists(grids, max_size=4), st.binary(max_size=5))
def test_packed_grids_come_back(originals, rest):
    data = pack_grids(originals)
    assert packed_size(data + rest, len(originals)) == len(data) == sum(2 + np.size(g) for g in originals)
    assert unpack_grids(data + rest, len(originals)) == tuple(originals)


@pytest.mark.parametrize("cut", [0, 1, 2, 4, 5, 6, 8])
def test_packed_grids_that_end_early_are_refused(cut):
    data = pack_grids([((1, 2, 3),), ((4,), (5,))])[:cut]
    with pytest.raises(ValueError, match=f"{cut} bytes are too few for 2 grids"):
        unpack_grids(data, 2)
