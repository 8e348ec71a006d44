"""Types of the values that a program really made, and which of them fit where."""

from collections.abc import Mapping, Sequence

from codeit_jax.arc import is_grid
from codeit_jax.dsl.program import Program
from codeit_jax.dsl.signatures import SIGNATURES
from codeit_jax.dsl.types import Function, Type, Value, canonical_min

# A type and, where that is of containers in general, what their items are, from the outermost in.
Shape = tuple[Type, ...]

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

# Types that say little of a value: what is put in place of it has to be like it.
_GENERAL = frozenset(
    {Type.ANY, Type.CONTAINER, Type.CONTAINER_CONTAINER, Type.FROZEN_SET, Type.TUPLE, Type.TUPLE_TUPLE}
)

_ITEMS: Mapping[Type, Shape] = {
    Type.INTEGER_SET: (Type.INTEGER,),
    Type.INTEGER_TUPLE: (Type.INTEGER,),
    Type.INDICES: (Type.INTEGER_TUPLE,),
    Type.OBJECT: (Type.CELL,),
    Type.INDICES_SET: (Type.INDICES,),
    Type.OBJECTS: (Type.OBJECT,),
    Type.GRID: (Type.TUPLE, Type.INTEGER),
}
_MAX_LEVELS = 3  # of a shape


def members(declared: Type) -> frozenset[Type]:
    """Returns the types of the values that a declared type admits; a type of its own admits itself."""
    return _MEMBERS.get(declared, frozenset()) | {declared}


def accepts(parameter: Type, actual: Type) -> bool:
    """Whether a value of type `actual` may be given to a parameter declared as `parameter`."""
    return actual in members(parameter)


def overlap(a: Type, b: Type) -> bool:
    """Whether some value is of both types."""
    return not members(a).isdisjoint(members(b))


def says_little(declared: Type) -> bool:
    """Whether values of a type have too little in common for one to do for another."""
    return declared in _GENERAL or declared in FUNCTION_TYPES


def item_shape(shape: Shape) -> Shape:
    """Returns the shape of a container's items; () if it is not known."""
    return _ITEMS.get(shape[0]) or shape[1:]


def type_of(value: Value) -> Type:
    """Returns the most particular type of a value.

    A set is judged by its first item in canonical order; an empty one is a `FrozenSet`. A rectangle of
    colours is a `Grid`.
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


def shape_of(value: Value, declared: Type = Type.ANY) -> Shape:
    """Returns the shape of a value.

    Args:
        value: the value.
        declared: the type that what made it declares. It decides where the value may be read in several ways:
            an empty set, a number that may be a truth value, pairs of numbers that look like a grid.
    """
    actual = type_of(value)
    if actual is Type.BOOLEAN:
        actual = Type.INTEGER  # which of the two equal values it is may depend on what was evaluated before
    if actual in _AMBIGUOUS.get(declared, ()):
        actual = declared
    return (actual, *_shape_of_items(value, actual, _MAX_LEVELS))


def declared_result(function: Value) -> Type:
    """Returns the type that a function declares of its results, or `Any` where it cannot be told."""
    while isinstance(function, Function):
        if not function.arguments:
            signature = SIGNATURES.get(function.name)
            return Type.ANY if signature is None else signature.result
        if function.name == "matcher":
            return Type.BOOLEAN
        function = function.arguments[0]  # the one that is called last
    return Type.ANY


def line_types(program: Program, values: Sequence[Value]) -> list[Type]:
    """Returns the type of each line that has a value.

    The value decides, except where it may be read in several ways: there it is what the line's primitive
    declares.
    """
    types = []
    for call, value in zip(program.calls, values, strict=False):
        signature = SIGNATURES.get(call.function)
        actual = type_of(value)
        if signature is not None and actual in _AMBIGUOUS.get(signature.result, ()):
            actual = signature.result
        types.append(actual)
    return types


def _shape_of_items(value: Value, actual: Type, levels: int) -> Shape:
    if actual in _GENERAL and isinstance(value, tuple | frozenset) and value and levels > 1:
        item = canonical_min(value) if isinstance(value, frozenset) else value[0]
        shape = type_of(item)
        inner = Type.INTEGER if shape is Type.BOOLEAN else shape
        return (inner, *_shape_of_items(item, inner, levels - 1))
    return ()


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
    item = canonical_min(value)
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
