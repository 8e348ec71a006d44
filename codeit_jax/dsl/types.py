"""Values of the language, their types, and the order in which sets are read.

A value is a plain immutable Python object: `int` (and `bool`), a `tuple`, a `frozenset`, `None` or a
`Function`. A grid is a tuple of equally long tuples of colours; a cell is `(colour, (row, column))`; an
object is a frozenset of cells and indices are a frozenset of `(row, column)` locations.

Sets have no order of their own, so whenever a primitive must read a set in sequence (its first item, a tie,
a conversion to a tuple) it reads it in *canonical order*: None, then numbers by value, then tuples
lexicographically, then sets by their sorted items, then functions by name and digest. A result therefore
never depends on how a set was built, on the interpreter's hashing, or on the machine.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from itertools import chain, repeat
from typing import Any

Value = Any
Location = tuple[int, int]
Cell = tuple[int, Location]
Indices = frozenset[Location]
Object = frozenset[Cell]
Objects = frozenset[Object]


class Type(StrEnum):
    """The types that signatures speak of, from the most general to the most particular."""

    ANY = "Any"
    NUMERICAL = "Numerical"
    BOOLEAN = "Boolean"
    INTEGER = "Integer"
    INTEGER_TUPLE = "IntegerTuple"
    INTEGER_SET = "IntegerSet"
    CONTAINER = "Container"
    CONTAINER_CONTAINER = "ContainerContainer"
    FROZEN_SET = "FrozenSet"
    TUPLE = "Tuple"
    TUPLE_TUPLE = "TupleTuple"
    PIECE = "Piece"
    ELEMENT = "Element"
    PATCH = "Patch"
    GRID = "Grid"
    CELL = "Cell"
    OBJECT = "Object"
    OBJECTS = "Objects"
    INDICES = "Indices"
    INDICES_SET = "IndicesSet"
    FUNCTION = "Function"
    FUNCTION_1 = "Function1"
    FUNCTION_2 = "Function2"
    FUNCTION_3 = "Function3"
    FUNCTION_4 = "Function4"


class Fixed:
    """A column with the same value in every row, however many there are: to iterate over it never ends.

    Attributes:
        value: the value.
    """

    __slots__ = ("value",)

    def __init__(self, value: Value) -> None:
        self.value = value

    def __iter__(self) -> Iterator[Value]:
        return repeat(self.value)


Column = list[Value] | Fixed  # one argument of many calls


class Function:
    """A function as a value of the language: a primitive, or one built by a combinator from other values.

    A function is called on columns: many calls at once, which cost less than one after another. Two functions
    are equal when they were built the same way, so equality does not depend on whether an evaluator computed
    an expression once or twice.

    Attributes:
        each: given a column for each argument, at least one of them a list, and none of them empty, returns
            the list of the results, row by row.
        arity: how many arguments the function takes.
        name: the primitive's name, or the combinator's.
        arguments: what the combinator was given; empty for a primitive.
        levels: how deep functions nest in its arguments, itself included.
        join: returns the union of the sets that `each` would; None where there is no quicker way to it.
        single: returns the result for one row; None where there is no quicker way to it than `each`.
    """

    __slots__ = ("_digest", "_hash", "arguments", "arity", "each", "join", "levels", "name", "single")

    def __init__(
        self, each: Callable[..., list[Value]], arity: int, name: str, arguments: tuple[Value, ...] = ()
    ) -> None:
        self.each = each
        self.join: Callable[..., Value] | None = None
        self.single: Callable[..., Value] | None = None
        self.arity = arity
        self.name = name
        self.arguments = arguments
        self.levels = 1
        for argument in arguments:
            if isinstance(argument, Function) and argument.levels >= self.levels:
                self.levels = argument.levels + 1
        self._digest: bytes | None = None
        self._hash: int | None = None

    @classmethod
    def from_call(cls, call: Callable[..., Value], arity: int, name: str) -> "Function":
        """Returns the function of one row's arguments as a value of the language."""
        return cls(lambda *columns: list(map(call, *columns)), arity, name)

    def call(self, *arguments: Value) -> Value:
        """Returns the result for one row of arguments."""
        if self.single is not None:
            return self.single(*arguments)
        return self.each(*[[argument] for argument in arguments])[0]

    @property
    def digest(self) -> bytes:
        """16 bytes that name the way the function was built; computed when first asked for."""
        if self._digest is None:
            parts = b"".join(digest(argument) for argument in self.arguments)
            self._digest = _short_hash(b"f" + self.name.encode() + b"(" + parts)
        return self._digest

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Function) or self.name != other.name or hash(self) != hash(other):
            return False
        if self.arguments != other.arguments:
            return False
        # From now on the two compare at once; functions built by doubling would else take exponential time.
        other.arguments = self.arguments
        return True

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash((self.name, self.arguments))
        return self._hash

    def __repr__(self) -> str:
        return f"<function {self.name}/{self.arity}>"


def _short_hash(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


def digest(value: Value) -> bytes:
    """Returns 16 bytes that two values share exactly when they are equal (`True` equals 1)."""
    if isinstance(value, Function):
        return value.digest
    if isinstance(value, tuple):
        return _short_hash(b"t" + b"".join(map(digest, value)))
    if isinstance(value, frozenset):
        return _short_hash(b"s" + b"".join(sorted(map(digest, value))))
    # Hexadecimal, because Python refuses to write very long numbers in decimal.
    return _short_hash(b"n" if value is None else b"i%x" % value)


def canonical_key(value: Value) -> tuple[int, Any]:
    """Returns a key that sorts values of any types into canonical order.

    This defines the order; the functions below reach the same answers faster.
    """
    if isinstance(value, int):
        return (1, value)
    if isinstance(value, tuple):
        return (2, tuple(map(canonical_key, value)))
    if isinstance(value, frozenset):
        return (3, tuple(sorted(map(canonical_key, value))))
    if isinstance(value, Function):
        return (4, (value.name, value.digest))
    return (0, 0)


# Values on which Python's own `<` either agrees with canonical order or raises TypeError.
_COMPARED_SAFELY = frozenset({int, bool, tuple, type(None), Function})


def contains_set(values: Iterable[Value]) -> bool:
    """Whether a set is among the values or anywhere in their tuples.

    If so, Python's own `<` can mislead: between sets it asks for a strict subset.
    """
    while True:
        types = set(map(type, values))
        if not types <= _COMPARED_SAFELY:
            return True
        if tuple not in types:
            return False
        values = list(chain.from_iterable([value for value in values if type(value) is tuple]))


def _first_items(items: list[Value]) -> list[Value] | None:
    """Returns the first item of each set; None unless all are sets with a first item that holds no set."""
    if not items or type(items[0]) is not frozenset or set(map(type, items)) != {frozenset} or not all(items):
        return None
    firsts = list(map(min, items))
    # Where `min` met only values that compare, comparisons of sets can have misled it to a set alone.
    return None if contains_set(firsts) else firsts


def canonical_sorted(values: Iterable[Value]) -> list[Value]:
    """Returns the values in canonical order."""
    items = list(values)
    if len(items) < 2:
        return items
    try:
        if type(items[0]) is Function:
            by_name = {item.name: item for item in items if type(item) is Function}
            if len(by_name) == len(items):
                return [by_name[name] for name in sorted(by_name)]
        if not contains_set(items):
            return sorted(items)
        firsts = _first_items(items)
        if firsts is not None:
            by_first = dict(zip(firsts, items, strict=True))
            if len(by_first) == len(items):
                return [by_first[first] for first in sorted(by_first)]
            if not contains_set(list(chain.from_iterable(items))):
                return sorted(items, key=sorted)
    except TypeError:  # Python does not compare a number with a tuple, nor None or a function with anything.
        pass
    return sorted(items, key=canonical_key)


def canonical_min(values: Iterable[Value]) -> Value:
    """Returns the first of the values in canonical order.

    Raises:
        ValueError: there are no values.
    """
    items = list(values)
    if len(items) == 1:
        return items[0]
    try:
        firsts = _first_items(items)
        if firsts is None:
            smallest = min(items)
            if not contains_set((smallest,)):  # As for first items.
                return smallest
        else:
            smallest = min(firsts)
            items = [item for item, first in zip(items, firsts, strict=True) if first == smallest]
            return items[0] if len(items) == 1 else canonical_sorted(items)[0]
    except TypeError:
        pass
    return min(items, key=canonical_key)


def in_order(container: Iterable[Value]) -> Iterable[Value]:
    """Returns the container's items as they are to be read: a set's in canonical order."""
    return canonical_sorted(container) if isinstance(container, frozenset) else container
