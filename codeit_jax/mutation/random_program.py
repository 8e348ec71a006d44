"""Random well-typed programs: the baseline that mutated programs are held against (the paper's ablations).

Lines are drawn one by one, their arguments by the types that signatures declare. Functions are drawn by
what they would be given and what is wanted of them, so that most of what is built can be used.
"""

import dataclasses
import random
from collections.abc import Callable, Mapping, Sequence

from codeit_jax.dsl.program import INPUT, Call, Program, variable, without_dead_lines
from codeit_jax.dsl.records import ITEMWISE
from codeit_jax.dsl.signatures import CONSTANT_TYPES, SIGNATURES, Signature
from codeit_jax.dsl.traits import Relation
from codeit_jax.dsl.types import Type
from codeit_jax.mutation.typing import FUNCTION_OF_ARITY, FUNCTION_TYPES, members, overlap

END_PROBABILITY = 0.8  # of ending the program at a line that yields a grid; the paper's
MAX_LINES = 20
_CALL_PROBABILITY = 0.25  # of calling a function that an earlier line built, where there is any

_SET_OF: Mapping[Type, Type] = {
    Type.INTEGER: Type.INTEGER_SET,
    Type.INTEGER_TUPLE: Type.INDICES,
    Type.CELL: Type.OBJECT,
    Type.INDICES: Type.INDICES_SET,
    Type.OBJECT: Type.OBJECTS,
}
_ITEM: Mapping[Type, Type] = {
    **{container: item for item, container in _SET_OF.items()},
    Type.GRID: Type.TUPLE,
    Type.TUPLE_TUPLE: Type.TUPLE,
    Type.INTEGER_TUPLE: Type.INTEGER,
}

_OVERLAPPING = frozenset((a, b) for a in Type for b in Type if overlap(a, b))
_NUM_MEMBERS: Mapping[Type, int] = {each: len(members(each)) for each in Type}
_CONSTANTS: Mapping[Type, tuple[str, ...]] = {
    wanted: tuple(name for name, actual in CONSTANT_TYPES.items() if actual in members(wanted))
    for wanted in Type
}
_PRIMITIVES = tuple(SIGNATURES)
_PRIMITIVES_OF_ARITY: Mapping[int, tuple[str, ...]] = {
    arity: tuple(name for name, signature in SIGNATURES.items() if len(signature.parameters) == arity)
    for arity in FUNCTION_OF_ARITY
}

_RETURNED = {Relation.ITEM: Type.ANY, Relation.LIKE: Type.CONTAINER}
# For each primitive that runs a function on the items of containers: where the function and the containers
# stand among its parameters, and what the function should return.
_ITEMWISE: Mapping[str, tuple[int, tuple[int, ...], Type]] = {
    name: (
        loop.function,
        loop.containers,
        loop.gives if isinstance(loop.gives, Type) else _RETURNED[loop.gives],
    )
    for name, loop in ITEMWISE.items()
}


@dataclasses.dataclass(frozen=True, slots=True)
class _Line:
    """A call, the type of its value and, if that is a function, what the function takes and returns."""

    call: Call
    type: Type
    signature: Signature | None = None


def random_program(
    rng: random.Random, max_lines: int = MAX_LINES, end_probability: float = END_PROBABILITY
) -> Program:
    """Draws a program whose output is declared a grid, rid of lines that the output does not need.

    Args and errors are those of `random_lines`.
    """
    program, _ = random_lines(rng, max_lines, end_probability)
    return without_dead_lines(program)


def random_lines(
    rng: random.Random, max_lines: int = MAX_LINES, end_probability: float = END_PROBABILITY
) -> tuple[Program, list[Type]]:
    """Draws a program line by line, each from what the input and the lines before it give.

    Args:
        rng: where the choices come from.
        max_lines: how many lines may be drawn; the last of so many is drawn until it yields a grid.
        end_probability: how often the program ends at a line that yields a grid.

    Returns:
        The program with all the lines drawn, and the type of each.

    Raises:
        ValueError: `max_lines` is below 1, or `end_probability` is none.
    """
    if max_lines < 1:
        raise ValueError(f"max_lines must be at least 1, not {max_lines}")
    if not 0 <= end_probability <= 1:
        raise ValueError(f"end_probability must be between 0 and 1, not {end_probability}")
    draft = _Draft(rng)
    lines: list[_Line] = []
    while True:
        line = draft.draw_line()
        if line is None or (len(lines) == max_lines - 1 and line.type is not Type.GRID):
            continue
        lines.append(line)
        if line.type is Type.GRID and (len(lines) == max_lines or rng.random() < end_probability):
            return Program(tuple(each.call for each in lines)), [each.type for each in lines]
        draft.assign(variable(len(lines)), line)


class _Draft:
    """The names that the next line may use, and the drawing of it."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._types = {INPUT: Type.GRID}
        self._functions: dict[str, Signature] = {}

    def assign(self, name: str, line: _Line) -> None:
        """Puts the value of a line into scope."""
        self._types[name] = line.type
        if line.signature is not None:
            self._functions[name] = line.signature

    def draw_line(self) -> _Line | None:
        """Draws a call; None if nothing fits one of its parameters."""
        if self._functions and self._rng.random() < _CALL_PROBABILITY:
            name = self._rng.choice(tuple(self._functions))
        else:
            name = self._rng.choice(_PRIMITIVES)
        if name in _BUILDERS:
            return self._draw_builder(name)
        if name in _ITEMWISE:
            return self._draw_itemwise(name)
        signature = self.signature_of(name)
        arguments = self._values(signature.parameters)
        if arguments is None:
            return None
        return _line(
            name, arguments, _result_type(name, signature, self._types_of(arguments, signature.parameters))
        )

    def value(self, wanted: Type) -> str | None:
        """Draws a name whose value fits a type: as often an earlier line or the input as a constant.

        A value whose type says too little to know whether it fits is drawn where no other does.
        """
        if wanted in FUNCTION_TYPES:
            return self.function(lambda signature: wanted in (Type.FUNCTION, _function_type(signature)))
        constants = _CONSTANTS[wanted]
        accepted = members(wanted)
        names = [name for name, actual in self._types.items() if actual in accepted]
        if not names and not constants:
            names = [name for name, actual in self._types.items() if (wanted, actual) in _OVERLAPPING]
        if names and constants:
            return self._rng.choice(names if self._rng.random() < 0.5 else constants)
        return self._rng.choice(names or constants) if names or constants else None

    def function(self, fits: Callable[[Signature], bool], arity: int | None = None) -> str | None:
        """Draws a function: as often one that an earlier line built as a primitive."""
        names = [name for name, signature in self._functions.items() if _is_of(arity, signature, fits)]
        if names and self._rng.random() < 0.5:
            return self._rng.choice(names)
        primitives = _PRIMITIVES if arity is None else _PRIMITIVES_OF_ARITY[arity]
        names = [name for name in primitives if fits(SIGNATURES[name])]
        return self._rng.choice(names) if names else None

    def function_from(self, given: Sequence[Type], wanted: Type = Type.ANY) -> str | None:
        """Draws a function that takes values of the given types and returns one of the wanted type."""
        return self.function(
            lambda signature: (
                (wanted, signature.result) in _OVERLAPPING
                and all(pair in _OVERLAPPING for pair in zip(signature.parameters, given, strict=True))
            ),
            len(given),
        )

    def signature_of(self, function: str) -> Signature:
        return self._functions.get(function) or SIGNATURES[function]

    def _values(self, parameters: Sequence[Type]) -> list[str] | None:
        names = []
        for parameter in parameters:
            name = self.value(parameter)
            if name is None:
                return None
            names.append(name)
        return names

    def _types_of(self, names: Sequence[str], parameters: Sequence[Type]) -> list[Type]:
        """Returns the types of arguments; a parameter's where the argument's type says less."""
        return [
            _narrower(self._types.get(name) or CONSTANT_TYPES.get(name, parameter), parameter)
            for name, parameter in zip(names, parameters, strict=True)
        ]

    def _draw_itemwise(self, name: str) -> _Line | None:
        position, containers, wanted = _ITEMWISE[name]
        signature = SIGNATURES[name]
        arguments = self._values([signature.parameters[each] for each in containers])
        if arguments is None:
            return None
        types = self._types_of(arguments, [signature.parameters[each] for each in containers])
        function = self.function_from([_ITEM.get(each, Type.ANY) for each in types], wanted)
        if function is None:
            return None
        arguments.insert(position, function)
        returned = self.signature_of(function).result
        if name == "apply":
            is_set = (Type.FROZEN_SET, types[0]) in _OVERLAPPING and types[0] is not Type.CONTAINER
            return _line(name, arguments, _SET_OF.get(returned, Type.FROZEN_SET) if is_set else Type.TUPLE)
        if name == "mapply":
            return _line(name, arguments, _narrower(returned, Type.FROZEN_SET))
        types.insert(position, signature.parameters[position])
        return _line(name, arguments, _result_type(name, signature, types))

    def _draw_builder(self, name: str) -> _Line | None:
        built = _BUILDERS[name](self)
        if built is None:
            return None
        arguments, signature = built
        return _line(name, arguments, _function_type(signature), signature)


_Built = tuple[Sequence[str], Signature] | None  # the arguments of a combinator, and what it builds of them


def _build_compose(draft: _Draft) -> _Built:
    return _build_chain(draft, 2)


def _build_chain(draft: _Draft, length: int = 3) -> _Built:
    names: list[str] = []
    given, result = Type.ANY, Type.ANY
    for _ in range(length):
        name = draft.function_from([result])
        if name is None:
            return None
        signature = draft.signature_of(name)
        given, result = given if names else signature.parameters[0], signature.result
        names.insert(0, name)
    return names, Signature((given,), result)


def _build_fork(draft: _Draft) -> _Built:
    first = draft.function_from([Type.ANY])
    if first is None:
        return None
    left = draft.signature_of(first)
    second = draft.function_from(left.parameters)
    if second is None:
        return None
    right = draft.signature_of(second)
    outer = draft.function_from([left.result, right.result])
    if outer is None:
        return None
    given = _narrower(left.parameters[0], right.parameters[0])
    return (outer, first, second), Signature((given,), draft.signature_of(outer).result)


def _build_power(draft: _Draft) -> _Built:
    name = draft.function(lambda each: (each.parameters[0], each.result) in _OVERLAPPING, 1)
    times = draft.value(Type.INTEGER)
    return None if name is None or times is None else ((name, times), draft.signature_of(name))


def _build_matcher(draft: _Draft) -> _Built:
    name = draft.function_from([Type.ANY])
    target = None if name is None else draft.value(draft.signature_of(name).result)
    if name is None or target is None:
        return None
    return (name, target), Signature(draft.signature_of(name).parameters, Type.BOOLEAN)


def _build_lbind(draft: _Draft) -> _Built:
    return _build_bound(draft, 0)


def _build_rbind(draft: _Draft) -> _Built:
    return _build_bound(draft, -1)


def _build_bound(draft: _Draft, position: int) -> _Built:
    name = draft.function(lambda signature: len(signature.parameters) > 1)
    if name is None:
        return None
    signature = draft.signature_of(name)
    fixed = draft.value(signature.parameters[position])
    rest = signature.parameters[1:] if position == 0 else signature.parameters[:-1]
    return None if fixed is None else ((name, fixed), Signature(rest, signature.result))


_BUILDERS: Mapping[str, Callable[[_Draft], _Built]] = {
    "compose": _build_compose,
    "chain": _build_chain,
    "fork": _build_fork,
    "power": _build_power,
    "matcher": _build_matcher,
    "lbind": _build_lbind,
    "rbind": _build_rbind,
}


def _line(function: str, arguments: Sequence[str], kind: Type, signature: Signature | None = None) -> _Line:
    if signature is None and kind in FUNCTION_TYPES - {Type.FUNCTION}:
        arity = next(arity for arity, each in FUNCTION_OF_ARITY.items() if each is kind)
        signature = Signature((Type.ANY,) * arity, Type.ANY)
    return _Line(Call(function, tuple(arguments)), kind, signature)


def _result_type(function: str, signature: Signature, types: Sequence[Type]) -> Type:
    """Returns the type of a call's value: the declared one or, where that is a general one, what it is here.

    A primitive that takes and returns the same general type gives what it is given; one that takes something
    out of a container gives an item of it.
    """
    result = signature.result
    if function == "initset":
        return _SET_OF.get(types[0], result)
    if _NUM_MEMBERS[result] == 1 or function == "rapply":
        return result
    if result in signature.parameters:
        return _narrower(types[signature.parameters.index(result)], result)
    if result in (Type.ANY, Type.CONTAINER) and types:
        return _ITEM.get(types[0], result)
    return result


def _function_type(signature: Signature) -> Type:
    return FUNCTION_OF_ARITY[len(signature.parameters)]


def _is_of(arity: int | None, signature: Signature, fits: Callable[[Signature], bool]) -> bool:
    return (arity is None or len(signature.parameters) == arity) and fits(signature)


def _narrower(a: Type, b: Type) -> Type:
    """Returns the type that admits less; the first if they admit as much."""
    return a if _NUM_MEMBERS[a] <= _NUM_MEMBERS[b] else b
