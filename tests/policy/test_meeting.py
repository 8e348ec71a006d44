"""Groups of devices that compute together; `tests/end_to_end/test_distributed.py` has processes that meet."""

import pytest
from jax.sharding import AbstractMesh

from codeit_jax.policy.meeting import groups
from codeit_jax.policy.sharding import AXES


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((1, 1, 1), []),
        ((4, 1, 1), [("data",)]),
        ((2, 1, 2), [("data",), ("tensor",), ("data", "tensor")]),
        ((2, 2, 2), 7),
    ],
)
def test_devices_are_grouped_by_every_set_of_axes_that_has_several(sizes, expected):
    found = groups(AbstractMesh(sizes, AXES))
    assert (len(found) if isinstance(expected, int) else found) == expected
