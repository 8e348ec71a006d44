from itertools import combinations, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeit_jax.dsl.primitives.higher_order import compose, rbind
from codeit_jax.dsl.types import (
    Function,
    canonical_key,
    canonical_min,
    canonical_sorted,
    contains_set,
    digest,
    in_order,
)


def primitive(name, arity=1):
    return Function.from_call(lambda *arguments: arguments[0], arity, name)


IDENTITY, OTHER = primitive("identity"), primitive("other", 2)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 3), st.sampled_from([IDENTITY, OTHER, compose(OTHER, IDENTITY)])
)
VALUES = st.recursive(
    LEAVES,
    lambda items: st.one_of(st.lists(items, max_size=3).map(tuple), st.frozensets(items, max_size=3)),
    max_leaves=8,
)
CELLS = st.tuples(st.integers(0, 3), st.tuples(st.integers(0, 3), st.integers(0, 3)))
SMALL_SETS = st.frozensets(st.integers(0, 2), max_size=2)
TUPLES_WITH_SETS = st.tuples(st.integers(0, 1), SMALL_SETS)
# Alike values tie and mix in ways that unrelated ones rarely do.
COLLECTIONS = st.one_of(
    st.lists(VALUES, max_size=6),
    st.lists(st.frozensets(CELLS, max_size=4), max_size=6),
    st.lists(TUPLES_WITH_SETS, max_size=6),
    st.lists(st.frozensets(SMALL_SETS, max_size=3), max_size=6),
    st.lists(st.frozensets(TUPLES_WITH_SETS, max_size=3).map(lambda items: items | {(-1,)}), max_size=6),
    st.lists(st.frozensets(st.one_of(LEAVES, st.frozensets(LEAVES, max_size=2)), max_size=3), max_size=6),
)


@given(VALUES, VALUES)
def test_canonical_order_is_consistent_with_equality(a, b):
    assert (canonical_key(a) == canonical_key(b)) == (a == b)


@given(VALUES, VALUES, VALUES)
def test_canonical_order_is_total(a, b, c):
    a, b, c = map(canonical_key, (a, b, c))
    assert (a < b) + (b < a) + (a == b) == 1
    assert not (a < b and b < c) or a < c


@given(COLLECTIONS)
def test_sorting_and_choosing_follow_the_key(values):
    expected = sorted(values, key=canonical_key)
    assert canonical_sorted(values) == expected
    if values:
        assert canonical_min(values) == expected[0]


def test_sets_of_sets_are_not_compared_as_subsets():
    inner = [frozenset({0, 3}), frozenset({1}), frozenset({2}), frozenset({1, 2})]
    outer = [frozenset(items) for size in (1, 2, 3) for items in combinations(inner, size)]
    for pair in permutations(outer, 2):
        assert canonical_sorted(pair) == sorted(pair, key=canonical_key)
        assert canonical_min(pair) == min(pair, key=canonical_key)


@given(COLLECTIONS)
def test_a_set_is_read_in_the_same_order_however_it_was_built(values):
    forwards, backwards = frozenset(values), frozenset(reversed(values))
    assert list(in_order(forwards)) == list(in_order(backwards)) == canonical_sorted(set(values))
    assert list(in_order(tuple(values))) == values


def test_kinds_of_values_follow_each_other():
    numbers, tuples = [-1, True, 2], [(), (0,), (0, 5), (1,)]
    sets = [frozenset(), frozenset({0}), frozenset({(0,)})]
    values = [None, *numbers, *tuples, *sets, IDENTITY]
    assert canonical_sorted(reversed(values)) == values


def test_nothing_has_no_first_item():
    with pytest.raises(ValueError, match="empty"):
        canonical_min(())


def test_sets_are_found_inside_tuples():
    assert contains_set([1, (2, (3, frozenset()))])
    assert not contains_set([1, (2, (3, None))])


@given(VALUES, VALUES)
def test_digests_are_equal_exactly_when_values_are(a, b):
    assert (digest(a) == digest(b)) == (a == b)
    assert len(digest(a)) == 16


def test_digests_keep_structures_apart():
    tuples = [(), (0,), (0, 0), ((0,),), ((), 0), (None,)]
    sets = [frozenset(), frozenset({0}), frozenset({(0,)})]
    values = [0, None, *tuples, *sets]
    assert len(set(map(digest, values))) == len(values)
    assert digest(10**5000) != digest(2 * 10**5000)


def test_a_digest_does_not_depend_on_the_process():
    assert digest((1, frozenset({2, None}), IDENTITY)).hex() == "5f1f20bdc8b23ff73fceeb85d3d2e3e1"


def test_functions_are_equal_when_built_alike():
    assert compose(IDENTITY, OTHER) == compose(IDENTITY, OTHER)
    assert compose(IDENTITY, OTHER) != compose(OTHER, IDENTITY)
    assert rbind(OTHER, 1) != rbind(OTHER, 2)
    assert len({compose(IDENTITY, OTHER), compose(IDENTITY, OTHER), IDENTITY, primitive("identity")}) == 2
    assert IDENTITY != "identity"
    assert repr(OTHER) == "<function other/2>"


def test_shared_functions_are_digested_once():
    def tower(bottom):
        for _ in range(60):  # written out, this holds the function at the bottom 2**60 times
            bottom = compose(bottom, bottom)
        return bottom

    assert tower(IDENTITY) == tower(primitive("identity"))
    assert tower(IDENTITY) != tower(OTHER)
    assert hash(tower(IDENTITY)) == hash(tower(primitive("identity")))
