import inspect

import pytest

from codeit_jax.dsl.constants import CONSTANTS
from codeit_jax.dsl.primitives import PRIMITIVES, arithmetic, containers, higher_order
from codeit_jax.dsl.signatures import CONSTANT_TYPES, SIGNATURES, Signature
from codeit_jax.dsl.types import Type
from tests.dsl.oracle import load_oracle

ORACLE = load_oracle()
ORACLE_FUNCTIONS = {name for name, value in vars(ORACLE).items() if inspect.isfunction(value)}
# Where we say less, more, or something else than the oracle's hints, the difference is meant.
OWN: set[str] = set()  # primitives that it does not have
DEVIATIONS = {"leastcommon", "mapply", "mfilter", "mostcommon", "numcolors", "sizefilter"}


def test_there_is_one_signature_for_each_primitive_of_the_language():
    assert len(ORACLE_FUNCTIONS) == 160
    assert not ORACLE_FUNCTIONS & OWN
    assert set(PRIMITIVES) == set(SIGNATURES) == ORACLE_FUNCTIONS | OWN


def test_primitives_are_listed_once_and_module_by_module():
    names = [name for module in (arithmetic, containers, higher_order) for name in module.__all__]
    assert list(PRIMITIVES)[: len(names)] == names
    assert len(set(names)) == len(names) == 67


@pytest.mark.parametrize("name", sorted(ORACLE_FUNCTIONS))
def test_arity_is_that_of_the_function(name):
    parameters = inspect.signature(PRIMITIVES[name]).parameters.values()
    assert all(parameter.kind is parameter.POSITIONAL_OR_KEYWORD for parameter in parameters)
    assert len(parameters) == len(SIGNATURES[name].parameters) == getattr(ORACLE, name).__code__.co_argcount


@pytest.mark.parametrize("name", sorted(ORACLE_FUNCTIONS - DEVIATIONS))
def test_types_are_those_of_the_oracle_or_tighter(name):
    signature = SIGNATURES[name]
    hints = list(inspect.get_annotations(getattr(ORACLE, name)).values())
    for ours, theirs in zip((*signature.parameters, signature.result), hints, strict=True):
        assert theirs in _meanings(ours)


def _meanings(ours):
    """The oracle's hints that a type of ours may stand for; some of its names are the same Python type."""
    aliases = {
        Type.ANY: [ORACLE.Any],
        Type.TUPLE: [tuple],
        Type.INTEGER_TUPLE: [ORACLE.Integertuple],
        Type.TUPLE_TUPLE: [ORACLE.tupletuple],
    }
    if ours.startswith("Function"):
        return [ORACLE.Callable]
    return aliases.get(ours) or [getattr(ORACLE, ours)]


def test_a_few_signatures_read_as_expected():
    assert SIGNATURES["fill"] == Signature((Type.GRID, Type.INTEGER, Type.PATCH), Type.GRID)
    assert SIGNATURES["fork"].parameters == (Type.FUNCTION_2, Type.FUNCTION_1, Type.FUNCTION_1)
    assert SIGNATURES["fork"].result == Type.FUNCTION_1
    assert SIGNATURES["numcolors"].result == Type.INTEGER


def test_constants_are_those_of_the_oracle():
    expected = {name: value for name, value in vars(ORACLE).items() if name.isupper() and not callable(value)}
    assert len(CONSTANTS) == 28
    assert dict(CONSTANTS) == expected
    assert [type(value) for value in CONSTANTS.values()] == [type(expected[name]) for name in CONSTANTS]


def test_constants_have_the_type_of_their_value():
    assert set(CONSTANT_TYPES) == set(CONSTANTS)
    assert CONSTANT_TYPES["T"] == CONSTANT_TYPES["F"] == Type.BOOLEAN
    assert CONSTANT_TYPES["ZERO"] == CONSTANT_TYPES["NEG_TWO"] == Type.INTEGER
    assert CONSTANT_TYPES["ORIGIN"] == CONSTANT_TYPES["ZERO_BY_TWO"] == Type.INTEGER_TUPLE
