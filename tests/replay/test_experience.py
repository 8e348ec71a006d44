import pickle

import pytest

from codeit_jax.arc.packing import pack_grids
from codeit_jax.replay.experience import Experience

GOOD = {
    "task_id": "a61f2674",
    "program": "O = vmirror(I)",
    "inputs": (((1, 2),),),
    "outputs": (((2, 1),),),
    "priority": 0.5,
    "meta_iteration": 3,
}


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
        Experience.of(**GOOD | change)


def test_its_grids_are_packed_and_come_back():
    made = Experience.of(**GOOD)
    assert (made.task_id, made.program, made.priority, made.meta_iteration) == (
        "a61f2674",
        "O = vmirror(I)",
        0.5,
        3,
    )
    assert (made.packed_inputs, made.packed_outputs) == (bytes([1, 2, 1, 2]), bytes([1, 2, 2, 1]))
    assert (made.inputs, made.outputs) == (GOOD["inputs"], GOOD["outputs"])
    assert Experience.of(**GOOD | {"inputs": (((True, 2),),)}).inputs == GOOD["inputs"]


def test_what_is_equal_and_what_is_sent_is_the_experience():
    made = Experience.of(**GOOD)
    assert pickle.loads(pickle.dumps(made)) == made == Experience.of(**GOOD)
    assert made != made._replace(packed_outputs=pack_grids((((2, 2),),)))
