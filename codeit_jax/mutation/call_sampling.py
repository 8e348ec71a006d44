"""Drawing a call that gives a value of a wanted shape, from the names that a line may use.

Signatures such as `first: Container -> Any` say little of which arguments give what is wanted. What they
leave out, that `first` gives an item of its argument, is told by the tables here.
"""

import random
from collections.abc import Callable, Mapping, Sequence

from codeit_jax.dsl.program import Call, is_variable
from codeit_jax.dsl.records import ITEMWISE, TRAITS
from codeit_jax.dsl.signatures import SIGNATURES
from codeit_jax.dsl.traits import Relation
from codeit_jax.dsl.types import Type
from codeit_jax.mutation.probe import Use
from codeit_jax.mutation.subject import Candidates, Subject
from codeit_jax.mutation.typing import FUNCTION_OF_ARITY, FUNCTION_TYPES, Shape, item_shape, overlap

_Signature = tuple[Sequence[Type], Type]  # the types that a function is to take, and the one it is to give


def sample_call(
    subject: Subject, line: int, wanted: Shape, use: Use | None, rng: random.Random
) -> Call | None:
    """Draws a call that may give a value of some shape.

    Args:
        subject: the program that the call is for.
        line: the line, from 0, that it stands on or before.
        wanted: the shape.
        use: where that is a function's, how the function is used, if known.
        rng: where the choices come from.

    Returns:
        The call; None if nothing fits one of the parameters of the primitive that was drawn.
    """
    if wanted[0] in FUNCTION_TYPES:
        return _draw_builder(subject, line, wanted[0], use, rng)
    function = rng.choice(_callees(subject, line, wanted))
    if is_variable(function):
        called = subject.use_of(int(function[1:]) - 1)
        shapes = called.row_shapes if called else ()
        return (
            _call(function, [_pick(subject.like(line, shape), rng) for shape in shapes]) if shapes else None
        )
    if function in ITEMWISE:
        return _draw_loop(subject, line, function, wanted, rng)
    relations = TRAITS[function].relations
    parameters = SIGNATURES[function].parameters
    places = [
        _related(subject, line, parameter, relations.get(place), wanted)
        for place, parameter in enumerate(parameters)
    ]
    return _call(function, [_pick(candidates, rng) for candidates in places])


def _callees(subject: Subject, line: int, wanted: Shape) -> list[str]:
    """Returns the functions that may give a shape, from plain values."""
    built = []
    for name in subject.accepting(line, Type.FUNCTION).variables:
        use = subject.use_of(int(name[1:]) - 1)
        if use is not None and use.result == wanted:
            built.append(name)
    return [*_GIVING_PLAIN[wanted[0]], *built]


def _related(
    subject: Subject, line: int, parameter: Type, relation: Relation | None, wanted: Shape
) -> Candidates:
    """Returns what may be given to a parameter for the result to have the shape that is wanted."""
    items = item_shape(wanted)
    match relation:
        case Relation.LIKE:
            return subject.like(line, wanted)
        case Relation.HOLDING:
            return subject.holding(line, wanted)
        case Relation.ITEM if items:
            return subject.like(line, items)
        case Relation.HOLDING_ITEMS if items:
            return subject.holding(line, items)
    return subject.accepting(line, parameter)


def _draw_loop(subject: Subject, line: int, name: str, wanted: Shape, rng: random.Random) -> Call | None:
    loop = ITEMWISE[name]
    place, containers, gives = loop.function, loop.containers, loop.gives
    parameters, relations = SIGNATURES[name].parameters, TRAITS[name].relations
    arguments = []
    for each in containers:
        candidates = _related(subject, line, parameters[each], relations.get(each), wanted)
        arguments.append(_pick(Candidates(candidates.variables, ()), rng))
    if None in arguments:
        return None
    given = [(item_shape(subject.shape_of(name)) or (Type.ANY,))[0] for name in arguments if name]
    if gives is Relation.LIKE:
        gives = wanted[0]
    elif gives is Relation.ITEM:
        gives = (item_shape(wanted) or (Type.ANY,))[0]
    assert isinstance(gives, Type)
    arguments.insert(place, _pick(subject.functions(line, given, gives), rng))
    return _call(name, arguments)


def _draw_builder(
    subject: Subject, line: int, kind: Type, use: Use | None, rng: random.Random
) -> Call | None:
    arity = next((arity for arity, each in FUNCTION_OF_ARITY.items() if each is kind), 1)
    signature: _Signature = ([Type.ANY] * arity, Type.ANY)
    if use is not None:
        signature = ([shape[0] for shape in use.row_shapes], use.result[0])
    build = _BUILDERS[rng.choice(_BUILDERS_OF_ARITY[min(arity, 2)])]
    return build(subject, line, signature, rng)


def _draw_chain(length: int) -> Callable[[Subject, int, _Signature, random.Random], Call | None]:
    def draw(subject: Subject, line: int, signature: _Signature, rng: random.Random) -> Call | None:
        given, wanted = signature
        names: list[str | None] = []
        for position in range(length):
            is_last = position == length - 1
            name = _pick(subject.functions(line, given, wanted if is_last else Type.ANY), rng)
            if name is None:
                return None
            names.insert(0, name)
            given = [subject.result_of(name)]
        return _call("compose" if length == 2 else "chain", names)

    return draw


def _draw_fork(subject: Subject, line: int, signature: _Signature, rng: random.Random) -> Call | None:
    given, wanted = signature
    inner = subject.functions(line, given, Type.ANY)
    left, right = _pick(inner, rng), _pick(inner, rng)
    if left is None or right is None:
        return None
    results = [subject.result_of(left), subject.result_of(right)]
    return _call("fork", [_pick(subject.functions(line, results, wanted), rng), left, right])


def _draw_power(subject: Subject, line: int, signature: _Signature, rng: random.Random) -> Call | None:
    times = _pick(subject.accepting(line, Type.INTEGER), rng)
    return _call("power", [_pick(subject.functions(line, *signature), rng), times])


def _draw_matcher(subject: Subject, line: int, signature: _Signature, rng: random.Random) -> Call | None:
    function = _pick(subject.functions(line, signature[0], Type.ANY), rng)
    if function is None:
        return None
    return _call("matcher", [function, _pick(subject.accepting(line, subject.result_of(function)), rng)])


def _draw_rbind(subject: Subject, line: int, signature: _Signature, rng: random.Random) -> Call | None:
    return _draw_bound("rbind", subject, line, ([*signature[0], Type.ANY], signature[1]), -1, rng)


def _draw_lbind(subject: Subject, line: int, signature: _Signature, rng: random.Random) -> Call | None:
    return _draw_bound("lbind", subject, line, ([Type.ANY, *signature[0]], signature[1]), 0, rng)


def _draw_bound(
    name: str, subject: Subject, line: int, signature: _Signature, place: int, rng: random.Random
) -> Call | None:
    function = _pick(subject.functions(line, *signature), rng)
    if function is None:
        return None
    parameter = SIGNATURES[function].parameters[place] if function in SIGNATURES else Type.ANY
    return _call(name, [function, _pick(subject.accepting(line, parameter), rng)])


_BUILDERS: Mapping[str, Callable[[Subject, int, _Signature, random.Random], Call | None]] = {
    "compose": _draw_chain(2),
    "chain": _draw_chain(3),
    "fork": _draw_fork,
    "power": _draw_power,
    "matcher": _draw_matcher,
    "rbind": _draw_rbind,
    "lbind": _draw_lbind,
}
_BUILDERS_OF_ARITY = {1: tuple(_BUILDERS), 2: ("rbind", "lbind")}
# For each type, the primitives that may give a value of it; those that build functions give no other.
_GIVING_PLAIN: Mapping[Type, tuple[str, ...]] = {
    each: tuple(
        name
        for name, signature in SIGNATURES.items()
        if name not in _BUILDERS and overlap(signature.result, each)
    )
    for each in Type
}


def _pick(candidates: Candidates, rng: random.Random) -> str | None:
    """Draws a name: as often what the program made or was given as a constant or a primitive."""
    variables, others = candidates.variables, candidates.others
    if variables and others:
        return rng.choice(variables if rng.random() < 0.5 else others)
    return rng.choice(variables or others) if candidates else None


def _call(function: str, arguments: Sequence[str | None]) -> Call | None:
    names = tuple(name for name in arguments if name is not None)
    return Call(function, names) if len(names) == len(arguments) else None
