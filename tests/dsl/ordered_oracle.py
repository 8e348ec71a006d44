"""The oracle made to read sets in canonical order, so that its answers are ours exactly, ties included."""

import importlib.util
import types
from weakref import WeakKeyDictionary

from hypothesis import strategies as st

from codeit_jax.dsl.primitives import PRIMITIVES
from codeit_jax.dsl.signatures import SIGNATURES
from codeit_jax.dsl.types import Function, canonical_key
from tests.dsl.oracle import FAILED, is_value, load_oracle

FUNCTION = "a function"


def primitive(name):
    """Returns a primitive as a value of the language."""
    return Function.from_call(PRIMITIVES[name], len(SIGNATURES[name].parameters), name)


class OrderedFrozenSet(frozenset):
    def __iter__(self):
        return iter(sorted(super().__iter__(), key=lambda item: canonical_key(from_oracle(item))))

    # Python's own set operations would give plain sets.
    def __and__(self, other):
        return OrderedFrozenSet(super().__and__(other))

    def __or__(self, other):
        return OrderedFrozenSet(super().__or__(other))

    def __sub__(self, other):
        return OrderedFrozenSet(super().__sub__(other))

    def union(self, other):
        return OrderedFrozenSet(super().union(other))


class OrderedSet(set):
    def __iter__(self):
        return iter(OrderedFrozenSet(super().__iter__()))


def _load():
    # A module of its own: the one that `load_oracle` returns is shared, and must keep its plain sets.
    spec = importlib.util.spec_from_file_location("ordered_reference_dsl", load_oracle().__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    # Module globals hide the builtins of these names: whatever set the oracle builds is then an ordered one.
    module.frozenset = OrderedFrozenSet
    module.set = OrderedSet
    return module


ORACLE = _load()
SHARED = sorted(name for name in PRIMITIVES if hasattr(ORACLE, name))  # a primitive of our own it has not
_OURS = WeakKeyDictionary({getattr(ORACLE, name): primitive(name) for name in SHARED})


def to_oracle(value):
    """Returns the oracle's form of a value: sets that read in order, and plain Python functions."""
    if isinstance(value, tuple):
        return tuple(map(to_oracle, value))
    if isinstance(value, frozenset):
        return OrderedFrozenSet(map(to_oracle, value))
    if isinstance(value, Function):
        theirs = getattr(ORACLE, value.name)
        if value.arguments:
            theirs = theirs(*map(to_oracle, value.arguments))
            _OURS[theirs] = value
        return theirs
    return value


def from_oracle(value):
    """Returns our form of a value of the oracle's; a function that it built becomes `FUNCTION`."""
    if isinstance(value, tuple):
        return tuple(map(from_oracle, value))
    if isinstance(value, frozenset):
        return frozenset(map(from_oracle, frozenset.__iter__(value)))
    if isinstance(value, types.FunctionType):
        return _OURS.get(value, FUNCTION)
    return value


def ours(name, *arguments):
    """Returns our answer, or `FAILED`; checks that it is a value of the language."""
    try:
        answer = PRIMITIVES[name](*arguments)
    except StopIteration as error:  # it would end the loop of a primitive around this one
        raise AssertionError(f"{name} raises StopIteration") from error
    except Exception:
        return FAILED
    assert is_value(answer)
    return answer


def theirs(name, *arguments):
    """Returns the oracle's answer in our form, or `FAILED`."""
    try:
        return from_oracle(getattr(ORACLE, name)(*map(to_oracle, arguments)))
    except Exception:
        return FAILED


def blurred(value):
    """Returns a value with `FUNCTION` for each built function in it, as the oracle's do not compare."""
    if isinstance(value, tuple | frozenset):
        return type(value)(map(blurred, value))
    return FUNCTION if isinstance(value, Function) and value.arguments else value


def assert_agree(name, *arguments):
    """Asserts that we answer as the oracle does, or that both fail; returns our answer."""
    mine = ours(name, *arguments)
    assert blurred(mine) == blurred(theirs(name, *arguments))
    return mine


NUMBERS = st.one_of(st.integers(-3, 9), st.booleans())
PAIRS = st.tuples(NUMBERS, NUMBERS)
CELLS = st.tuples(st.integers(0, 2), st.tuples(st.integers(0, 3), st.integers(0, 3)))
FUNCTIONS = st.sampled_from(SHARED).map(primitive)
VALUES = st.recursive(
    st.one_of(NUMBERS, PAIRS, CELLS, st.none(), FUNCTIONS),
    lambda items: st.one_of(st.lists(items, max_size=3).map(tuple), st.frozensets(items, max_size=3)),
    max_leaves=8,
)


def containers(items, max_size=5):
    """Tuples and sets of the given items."""
    return st.one_of(st.lists(items, max_size=max_size).map(tuple), st.frozensets(items, max_size=max_size))


ITEMS = (NUMBERS, PAIRS, CELLS, containers(NUMBERS), st.frozensets(CELLS, max_size=4), VALUES)
CONTAINERS = st.one_of([containers(items) for items in ITEMS])
