"""Types of the values that a program really made, and which of them fit where."""

from collections.abc import Mapping, Sequence

from codeit_jax.arc import is_grid
from codeit_jax.dsl.program import Program
from codeit_jax.dsl.signatures import SIGNATURES
from codeit_jax.dsl.types import Function, Type, Value

_SETS = frozenset(
    {Type.FROZEN_SET, Type.INTEGER_SET, Type.OBJECT, Type.OBJECTS, Type.INDICES, Type.INDICES_SET}
)
_TUPLES = frozenset({Type.TUPLE, Type.TUPLE_TUPLE, Type.INTEGER_TUPLE, Type.GRID, Type.CELL})
_NESTED = frozenset({Type.OBJECTS, Type.INDICES_SET, Type.TUPLE_TUPLE})

# For each type that stands for several, the types of values it admits.
_MEMBERS: Mapping[Type, frozenset[Type]] = {
    Type.ANY: frozenset(Type),
    Type.NUMERICAL: frozenset({Type.INTEGER, Type.INTEGER_TUPLE}),
    Type.CONTAINER: _SETS | _TUPLES | _NESTED,
    Type.CONTAINER_CONTAINER: _NESTED,
    Type.FROZEN_SET: _SETS,
    Type.TUPLE: _TUPLES,
    Type.TUPLE_TUPLE: frozenset({Type.TUPLE_TUPLE, Type.GRID}),
    Type.PATCH: frozenset({Type.OBJECT, Type.INDICES}),
    Type.ELEMENT: frozenset({Type.GRID, Type.OBJECT}),
    Type.PIECE: frozenset({Type.GRID, Type.OBJECT, Type.INDICES}),
    Type.FUNCTION: frozenset({Type.FUNCTION_1, Type.FUNCTION_2, Type.FUNCTION_3, Type.FUNCTION_4}),
}

# For each declared type, the types that a value of it may be mistaken for.
_AMBIGUOUS: Mapping[Type, frozenset[Type]] = {
    Type.BOOLEAN: frozenset({Type.INTEGER}),
    Type.TUPLE_TUPLE: frozenset({Type.GRID}),
    **dict.fromkeys(_SETS - {Type.FROZEN_SET}, frozenset({Type.FROZEN_SET})),
}

FUNCTION_OF_ARITY: Mapping[int, Type] = {
    1: Type.FUNCTION_1,
    2: Type.FUNCTION_2,
    3: Type.FUNCTION_3,
    4: Type.FUNCTION_4,
}
FUNCTION_TYPES = _MEMBERS[Type.FUNCTION] | {Type.FUNCTION}


def members(declared: Type) -> frozenset[Type]:
    """Returns the types of the values that a declared type admits; a type of its own admits itself."""
    return _MEMBERS.get(declared, frozenset()) | {declared}


def accepts(parameter: Type, actual: Type) -> bool:
    """Whether a value of type `actual` may be given to a parameter declared as `parameter`."""
    return actual in members(parameter)


def overlap(a: Type, b: Type) -> bool:
    """Whether some value is of both types."""
    return not members(a).isdisjoint(members(b))


def type_of(value: Value) -> Type:
    """Returns the most particular type of a value.

    A set is judged by one of its items; an empty one is a `FrozenSet`. A rectangle of colours is a `Grid`.
    """
    match value:
        case bool():
            return Type.BOOLEAN
        case int():
            return Type.INTEGER
        case Function(arity=arity):
            return FUNCTION_OF_ARITY[arity]
        case tuple():
            return _type_of_tuple(value)
        case frozenset():
            return _type_of_set(value)
    return Type.ANY


def line_types(program: Program, values: Sequence[Value]) -> list[Type]:
    """Returns the type of each line that has a value.

    The value decides, except where it may be read in several ways (an empty set, a number that is a truth
    value, pairs of numbers that look like a grid): there it is what the line's primitive declares.
    """
    types = []
    for call, value in zip(program.calls, values, strict=False):
        signature = SIGNATURES.get(call.function)
        actual = type_of(value)
        if signature is not None and actual in _AMBIGUOUS.get(signature.result, ()):
            actual = signature.result
        types.append(actual)
    return types


def _type_of_tuple(value: tuple[Value, ...]) -> Type:
    if len(value) == 2 and isinstance(value[0], int):
        if isinstance(value[1], int):
            return Type.INTEGER_TUPLE
        if _is_location(value[1]):
            return Type.CELL
    if is_grid(value):
        return Type.GRID
    if value and all(isinstance(item, tuple | frozenset) for item in value):
        return Type.TUPLE_TUPLE
    return Type.TUPLE


def _type_of_set(value: frozenset[Value]) -> Type:
    if not value:
        return Type.FROZEN_SET
    item = next(iter(value))
    if isinstance(item, int):
        return Type.INTEGER_SET
    if _is_location(item):
        return Type.INDICES
    if isinstance(item, tuple) and type_of(item) is Type.CELL:
        return Type.OBJECT
    if isinstance(item, frozenset):
        inner = _type_of_set(item)
        if inner is Type.OBJECT:
            return Type.OBJECTS
        if inner is Type.INDICES:
            return Type.INDICES_SET
    return Type.FROZEN_SET


def _is_location(value: Value) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(isinstance(item, int) for item in value)
