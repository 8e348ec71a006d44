"""Variants of the oracle: sets read in an order of choice, and functions equal when they were built alike.

A set has no order, yet the oracle's primitives read sets in sequence, in the order of Python's hashing. Where
its answer is the same however sets are read, it is the answer; where it is not, any is as good as another.
"""

import importlib.util
import random
from collections.abc import Callable, Iterable
from functools import cache, partial
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

from codeit_jax.dsl.primitives import PRIMITIVES
from codeit_jax.dsl.types import Function, Value, canonical_sorted
from tests.dsl.oracle import load_oracle

COMBINATORS = ("compose", "chain", "fork", "matcher", "power", "lbind", "rbind")
AS_HASHED, CANONICAL, REVERSED = "as hashed", "canonical", "reversed"
SHUFFLED = ("shuffled 1", "shuffled 2", "shuffled 3")


class OracleFunction:
    """A function of the oracle's as a value that equals another when both were built alike.

    Attributes:
        ours: our value for it, good for comparison only.
    """

    def __init__(self, call: Callable, name: str, arguments: tuple = ()) -> None:
        self._call = call
        arity = call.__code__.co_argcount
        self.__code__ = SimpleNamespace(co_argcount=arity)  # `lbind` and `rbind` ask for it
        self.ours = Function(_never, arity, name, tuple(map(to_ours, arguments)))

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OracleFunction) and self.ours == other.ours

    def __hash__(self) -> int:
        return hash(self.ours)


class _Combinator(OracleFunction):
    def __call__(self, *arguments: Any) -> Any:
        result = self._call(*arguments)
        if isinstance(result, FunctionType) or (self.ours.name == "power" and result is not arguments[0]):
            return OracleFunction(getattr(result, "_call", result), self.ours.name, arguments)
        return result


def _never(*_: Any) -> None:
    raise AssertionError("this value is for comparison only")


def to_ours(value: Any) -> Value:
    """Returns our form of a value of a variant's."""
    if isinstance(value, tuple):
        return tuple(map(to_ours, value))
    if isinstance(value, frozenset):
        return frozenset(map(to_ours, frozenset.__iter__(value)))
    return value.ours if isinstance(value, OracleFunction) else value


def _in_order(items: Iterable[Any], order: str) -> list:
    """Returns the items of a set in an order that depends on nothing but what they are."""
    by_ours = {to_ours(item): item for item in items}
    ordered = [by_ours[item] for item in canonical_sorted(by_ours)]
    if order == REVERSED:
        ordered.reverse()
    elif order in SHUFFLED:
        random.Random(f"{order}/{len(ordered)}").shuffle(ordered)
    return ordered


def _ordered_sets(order: str) -> tuple[type, type]:
    """Returns a `frozenset` and a `set` that are read in an order."""

    class OrderedFrozenSet(frozenset):
        def __iter__(self):
            if not hasattr(self, "_in_order"):
                self._in_order = _in_order(super().__iter__(), order)
            return iter(self._in_order)

        # Python's own operations would give plain sets.
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

    return OrderedFrozenSet, OrderedSet


@cache
def load_variant(order: str) -> ModuleType:
    """Returns a copy of the oracle that reads sets in one of the orders above."""
    spec = importlib.util.spec_from_file_location("oracle_variant", load_oracle().__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    # Globals of a module hide the builtins of these names: whatever the oracle builds is then one of these.
    if order != AS_HASHED:
        module.frozenset, module.set = _ordered_sets(order)
    for name in filter(partial(hasattr, module), PRIMITIVES):  # a primitive of our own it has not
        kind = _Combinator if name in COMBINATORS else OracleFunction
        setattr(module, name, kind(getattr(module, name), name))
    return module
