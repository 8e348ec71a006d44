import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeit_jax.dsl.primitives.patches import shift
from codeit_jax.dsl.primitives.unions import union_of_shifts
from tests.dsl.ordered_oracle import FAILED
from tests.dsl.strategies import INDICES, LOCATIONS, OBJECTS, PATCHES, VALUES


def one_by_one(patch, directions):
    return frozenset().union(*[shift(patch, direction) for direction in directions])


def outcome(union, *arguments):
    try:
        return union(*arguments)
    except Exception:
        return FAILED


@settings(max_examples=300, deadline=None)
@given(OBJECTS | INDICES, st.frozensets(LOCATIONS, min_size=1).map(list))
def test_shifts_are_joined_as_one_by_one(patch, directions):
    assert union_of_shifts(patch, directions) == one_by_one(patch, directions)


@settings(max_examples=300, deadline=None)
@given(
    PATCHES | st.frozensets(VALUES, max_size=4),
    st.lists(LOCATIONS | VALUES, max_size=4),
)
def test_ill_formed_patches_and_directions_are_read_as_shift_reads_them(patch, directions):
    if isinstance(patch, frozenset):
        assert outcome(union_of_shifts, patch, directions) == outcome(one_by_one, patch, directions)


@pytest.mark.parametrize("far", [10, 10_000, 1_000_000_000])
def test_far_apart_shifts(far):
    patch = frozenset({(3, (0, 0)), (4, (1, far)), (4, (0, -far))})
    directions = [(0, 0), (far, -1), (-far, 2)]
    assert union_of_shifts(patch, directions) == one_by_one(patch, directions)


def test_directions_that_form_a_rectangle():
    patch = frozenset({(0, 0), (2, 5), (-1, 3)})
    directions = [(i, j) for i in range(-4, 9) for j in range(-7, 3)]
    assert union_of_shifts(patch, directions) == one_by_one(patch, directions)
