from hypothesis import given
from hypothesis import strategies as st

from codeit_jax.dsl.sizes import weight
from codeit_jax.execution.nests import Nests

LEAVES = st.integers(0, 9) | st.tuples(st.integers(0, 9), st.integers(0, 9))
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4).map(tuple), max_leaves=20)


@given(st.lists(VALUES, min_size=1, max_size=12), st.integers(0, 60))
def test_what_is_light_weighs_no_more_than_the_limit(values, limit):
    nests, state = Nests(), values[0]
    for value in values:
        nest = (state, value)
        if nests.are_light(nest, nest, limit):
            assert weight(nest, limit) <= limit
        state = nest


def test_sizes_are_exact():
    nests = Nests()
    grid = ((1, 2), (3, 4))  # 2 rows and 4 cells
    nest = (grid, 5)
    assert nests.are_light(nest, nest, 8)
    assert not nests.are_light(nest, nest, 7)
    outer = (nest, nest)  # known by now, each with 8
    assert nests.are_light(outer, outer, 18)
    assert not nests.are_light(outer, outer, 17)


def test_many_levels_are_not_light():
    nests, nest = Nests(), ()
    for _ in range(49):
        nest = (nest,)
        assert nests.are_light(nest, nest, 1_000)
    nest = (nest,)
    assert not nests.are_light(nest, nest, 1_000)


def test_what_is_forgotten_is_measured_again():
    nests = Nests()
    first = ((1, 2), 3)
    nests.are_light(first, first, 100)
    nests.forget()
    assert nests.are_light(first, first, 4)
    assert not nests.are_light(first, first, 3)
