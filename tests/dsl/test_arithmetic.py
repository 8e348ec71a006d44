import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeit_jax.dsl.primitives import arithmetic
from codeit_jax.dsl.signatures import SIGNATURES
from tests.dsl.ordered_oracle import NUMBERS, PAIRS, VALUES, assert_agree

NUMERICALS = st.one_of(NUMBERS, PAIRS)


@pytest.mark.parametrize("name", arithmetic.__all__)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_numericals_agree_with_the_oracle(name, data):
    assert_agree(name, *[data.draw(NUMERICALS) for _ in SIGNATURES[name].parameters])


@pytest.mark.parametrize("name", arithmetic.__all__)
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_any_values_agree_with_the_oracle(name, data):
    assert_agree(name, *[data.draw(VALUES) for _ in SIGNATURES[name].parameters])


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("add", (2, (1, 5)), (3, 7)),
        ("add", ((1, 5), 2), (3, 7)),
        ("subtract", (2, (1, 5)), (1, -3)),
        ("subtract", ((1, 5), (1, 1)), (0, 4)),
        ("multiply", ((2, 3), (0, -1)), (0, -3)),
        ("divide", (-7, 2), -4),
        ("divide", ((-7, 7), 2), (-4, 3)),
        ("halve", (-3,), -2),
        ("crement", ((-2, 0),), (-3, 0)),
        ("sign", ((-2, 7),), (-1, 1)),
        ("greater", ((1, 2), (1, 1)), True),
        ("both", (0, 5), 0),
        ("either", ((), 5), 5),
        ("branch", (None, 1, 2), 2),
        ("tojvec", (3,), (0, 3)),
    ],
)
def test_known_answers(name, arguments, expected):
    assert getattr(arithmetic, name)(*arguments) == expected


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("divide", (1, 0)),
        ("add", (frozenset({1}), 1)),
        ("subtract", (frozenset({1}), frozenset({1}))),
        ("sign", (((), ()),)),
        ("increment", ((1,),)),
        ("positive", ((1, 1),)),
    ],
)
def test_values_of_another_kind_fail(name, arguments):
    with pytest.raises((TypeError, IndexError, ZeroDivisionError)):
        getattr(arithmetic, name)(*arguments)
