import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeit_jax.dsl.primitives import containers as primitives
from codeit_jax.dsl.signatures import SIGNATURES
from codeit_jax.dsl.types import Type
from tests.dsl.ordered_oracle import CONTAINERS, ITEMS, NUMBERS, PAIRS, VALUES, assert_agree, containers

OF_CONTAINERS = containers(CONTAINERS, max_size=4)
TUPLES = st.one_of([st.lists(items, max_size=6).map(tuple) for items in ITEMS])
SETS = st.one_of([st.frozensets(items, max_size=6) for items in ITEMS])
STRATEGIES = {
    Type.ANY: st.one_of(ITEMS),
    Type.INTEGER: st.integers(-3, 9),
    Type.INTEGER_SET: containers(NUMBERS) | containers(PAIRS),
    Type.CONTAINER: CONTAINERS,
    Type.CONTAINER_CONTAINER: OF_CONTAINERS,
    Type.FROZEN_SET: SETS,
    Type.TUPLE: TUPLES,
}


@pytest.mark.parametrize("name", primitives.__all__)
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_containers_agree_with_the_oracle(name, data):
    assert_agree(name, *[data.draw(STRATEGIES[type_]) for type_ in SIGNATURES[name].parameters])


@pytest.mark.parametrize("name", primitives.__all__)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_values_agree_with_the_oracle(name, data):
    assert_agree(name, *[data.draw(VALUES | CONTAINERS) for _ in SIGNATURES[name].parameters])


@pytest.mark.parametrize("name", ["contained", "difference", "insert", "other", "remove", "sizefilter"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_values_that_occur_in_the_container_agree_with_the_oracle(name, data):
    container = data.draw(containers(st.one_of(ITEMS)))
    item = data.draw(st.sampled_from(sorted(container, key=repr))) if container else 0
    if name == "difference":
        assert_agree(name, container, data.draw(st.sampled_from([(item, 0), frozenset({item})])))
    elif name == "sizefilter":
        assert_agree(name, container, len(item) if isinstance(item, tuple | frozenset) else 1)
    else:
        assert_agree(name, *((container, item) if name == "other" else (item, container)))


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("combine", ((1,), frozenset({3, 2})), (1, 2, 3)),
        ("combine", (frozenset({1}), (1, 2)), frozenset({1, 2})),
        ("dedupe", ((3, 1, 3, 2, 1),), (3, 1, 2)),
        ("dedupe", (frozenset(),), ()),
        ("difference", ((1, 2, 1), (2,)), (1, 1)),
        ("difference", ((), 5), ()),
        ("first", (frozenset({(2, (0, 0)), (1, (9, 9))}),), (1, (9, 9))),
        ("first", (frozenset({frozenset({5}), frozenset({4, 9}), frozenset({4, 7})}),), frozenset({4, 7})),
        ("interval", (5, 0, -2), (5, 3, 1)),
        ("last", (frozenset({3, 10, 7}),), 10),
        ("last", ((3, 10, 7),), 7),
        ("leastcommon", ((2, 1, 1, 0),), 0),
        ("maximum", ((),), 0),
        ("maximum", (frozenset(frozenset({n}) for n in range(9)),), frozenset({0})),
        ("merge", ((frozenset({2, 1}), (9,)),), (1, 2, 9)),
        ("merge", (frozenset({frozenset({2, 1}), (9,)}),), frozenset({1, 2, 9})),
        ("minimum", (frozenset(frozenset({n}) for n in range(9)),), frozenset({0})),
        ("mostcommon", ((2, 5, 1, 1, 5),), 1),
        ("other", (frozenset({1, 2, 3}), 1), 2),
        ("pair", ((1, 2, 3), frozenset({5, 4})), ((1, 4), (2, 5))),
        ("product", (5, ()), frozenset()),
        ("repeat", (7, -1), ()),
        ("sizefilter", (((1, 2), frozenset({3}), ()), 1), frozenset({frozenset({3})})),
        ("totuple", (frozenset({(0,), 3, None, frozenset()}),), (None, 3, (0,), frozenset())),
    ],
)
def test_known_answers(name, arguments, expected):
    assert getattr(primitives, name)(*arguments) == expected


@pytest.mark.parametrize(
    ("name", "arguments", "error"),
    [
        ("combine", (3, (1,)), TypeError),
        ("dedupe", (frozenset({1}),), TypeError),
        ("difference", (frozenset(), 5), None),
        ("difference", (frozenset({1}), 5), TypeError),
        ("first", ((),), IndexError),
        ("first", (frozenset(),), ValueError),
        ("insert", (1, (2,)), AttributeError),
        ("interval", (0, 5, 0), ValueError),
        ("last", (frozenset(),), IndexError),
        ("mostcommon", ((),), ValueError),
        ("mostcommon", (frozenset({1}),), TypeError),
        ("other", ((1, 1), 1), IndexError),
        ("product", ((), 5), TypeError),
        ("product", (5, (1,)), TypeError),
    ],
)
def test_what_fails_and_what_does_not(name, arguments, error):
    if error is None:
        getattr(primitives, name)(*arguments)
    else:
        with pytest.raises(error):
            getattr(primitives, name)(*arguments)
