"""A program that is to be mutated: which names its lines may use, and what is known of their values."""

import dataclasses
from collections.abc import Mapping, Sequence

from codeit_jax.arc import Grid
from codeit_jax.dsl.program import INPUT, Call, Program, is_variable, variable, without_dead_lines
from codeit_jax.dsl.signatures import CONSTANT_TYPES, SIGNATURES
from codeit_jax.dsl.types import Type
from codeit_jax.execution.evaluator import Evaluator
from codeit_jax.execution.graph import GraphRun
from codeit_jax.mutation.probe import MAX_WORK, Probe, Use
from codeit_jax.mutation.typing import (
    FUNCTION_OF_ARITY,
    FUNCTION_TYPES,
    Shape,
    accepts,
    item_shape,
    members,
    overlap,
    says_little,
)

Names = Sequence[str]

_OVERLAPPING = frozenset((a, b) for a in Type for b in Type if overlap(a, b))
_CONSTANTS: Mapping[Type, tuple[str, ...]] = {
    each: tuple(name for name, actual in CONSTANT_TYPES.items() if accepts(each, actual)) for each in Type
}
_PRIMITIVES_OF_TYPE: Mapping[Type, tuple[str, ...]] = {
    each: tuple(
        name
        for name, signature in SIGNATURES.items()
        if accepts(each, FUNCTION_OF_ARITY[len(signature.parameters)])
    )
    for each in FUNCTION_TYPES
}
# For each number of parameters and each type, the primitives that may give a value of it.
_GIVING: Mapping[tuple[int, Type], tuple[str, ...]] = {
    (arity, each): tuple(
        name
        for name, signature in SIGNATURES.items()
        if len(signature.parameters) == arity and (signature.result, each) in _OVERLAPPING
    )
    for arity in FUNCTION_OF_ARITY
    for each in Type
}


@dataclasses.dataclass(frozen=True, slots=True)
class Candidates:
    """Names that may stand in a place.

    Attributes:
        variables: the input, and lines.
        others: constants, or primitives.
    """

    variables: Names
    others: Names

    def __bool__(self) -> bool:
        return bool(self.variables or self.others)

    def all_but(self, name: str) -> list[str]:
        return [each for each in (*self.variables, *self.others) if each != name]


class Subject:
    """A program that is to be mutated.

    Attributes:
        program: the program.
        canonical: the same without the lines that its output does not depend on.
        shapes: what each of its lines gives.
        lines: the numbers, from 0, of the lines that its output depends on.
        probe: tries calls with the program's own values; None where only the types are known.
    """

    def __init__(self, program: Program, shapes: Sequence[Shape], probe: Probe | None = None) -> None:
        self.program = program
        self.canonical = without_dead_lines(program)
        self.shapes = shapes
        self.probe = probe
        self.lines = _live_lines(program)
        self._accepting: dict[tuple[int, Type], Candidates] = {}
        self._primitives: dict[tuple[Type, ...], list[str]] = {}  # by what they are given and what they give
        self._instead: dict[tuple[int, int], list[str]] = {}  # by line and place; that of the callee is -1

    def shape_of(self, name: str) -> Shape:
        """Returns the shape of what a name stands for."""
        if name == INPUT:
            return (Type.GRID,)
        if is_variable(name):
            return self.shapes[int(name[1:]) - 1]
        if name in CONSTANT_TYPES:
            return (CONSTANT_TYPES[name],)
        return (FUNCTION_OF_ARITY[len(SIGNATURES[name].parameters)],)

    def accepting(self, line: int, parameter: Type) -> Candidates:
        """Returns the names that a line may use and a parameter accepts."""
        known = self._accepting.get((line, parameter))
        if known is None:
            accepted = members(parameter)
            variables = [variable(each + 1) for each in range(line) if self.shapes[each][0] in accepted]
            if Type.GRID in accepted:
                variables.append(INPUT)
            others = _PRIMITIVES_OF_TYPE[parameter] if parameter in FUNCTION_TYPES else _CONSTANTS[parameter]
            known = self._accepting[line, parameter] = Candidates(variables, others)
        return known

    def like(self, line: int, shape: Shape) -> Candidates:
        """Returns the names that a line may use whose values have a shape."""
        variables = [variable(each + 1) for each in range(line) if self.shapes[each] == shape]
        if shape == (Type.GRID,):
            variables.append(INPUT)
        if shape[0] in FUNCTION_TYPES:
            return Candidates(variables, _PRIMITIVES_OF_TYPE[shape[0]])
        return Candidates(variables, _CONSTANTS[shape[0]] if len(shape) == 1 else ())

    def holding(self, line: int, shape: Shape) -> Candidates:
        """Returns the names that a line may use whose values are containers of items of a shape."""
        variables = [variable(each + 1) for each in range(line) if item_shape(self.shapes[each]) == shape]
        if item_shape((Type.GRID,)) == shape:
            variables.append(INPUT)
        return Candidates(variables, _CONSTANTS[Type.INTEGER_TUPLE] if shape == (Type.INTEGER,) else ())

    def functions(self, line: int, given: Sequence[Type], wanted: Type) -> Candidates:
        """Returns the functions that a line may use which may take such values and give one of a type."""
        key = (*given, wanted)
        primitives = self._primitives.get(key)
        if primitives is None:
            primitives = self._primitives[key] = [
                name
                for name in _GIVING.get((len(given), wanted), ())
                if all(map(_OVERLAPPING.__contains__, zip(SIGNATURES[name].parameters, given, strict=True)))
            ]
        kind = FUNCTION_OF_ARITY.get(len(given))
        variables = [
            variable(each + 1)
            for each in range(line)
            if self.shapes[each][0] is kind and self._may_take(each, given, wanted)
        ]
        return Candidates(variables, primitives)

    def use_of(self, line: int) -> Use | None:
        """Returns how the function that a line gives is used; None if it gives none or it is not known."""
        return None if self.probe is None else self.probe.use_of(line)

    def result_of(self, function: str) -> Type:
        """Returns the type of what a function gives, as far as it is known."""
        if function in SIGNATURES:
            return SIGNATURES[function].result
        use = self.use_of(int(function[1:]) - 1)
        return Type.ANY if use is None else use.result[0]

    def arguments_instead(self, line: int, place: int) -> list[str]:
        """Returns the names that may stand in place of an argument of a line."""
        known = self._instead.get((line, place))
        if known is None:
            known = self._instead[line, place] = self._find_arguments(line, place)
        return known

    def callees_instead(self, line: int) -> list[str]:
        """Returns the functions that may be called in place of a line's."""
        known = self._instead.get((line, -1))
        if known is None:
            call = self.program.calls[line]
            given = [self.shape_of(name)[0] for name in call.arguments]
            known = self.functions(line, given, self.shapes[line][0]).all_but(call.function)
            self._instead[line, -1] = known
        return known

    def works(self, line: int, call: Call) -> bool:
        """Whether a call may stand in place of a line, as far as that can be told from the line alone."""
        return self.probe is None or self.probe.works(line, call)

    def works_with(self, line: int, place: int, new: Call) -> bool:
        """Whether the value of a call, made before a line, may stand in place of an argument of the line."""
        return self.probe is None or self.probe.works_with(line, place, new)

    def _find_arguments(self, line: int, place: int) -> list[str]:
        call = self.program.calls[line]
        old = call.arguments[place]
        signature = SIGNATURES.get(call.function)
        parameter = Type.ANY if signature is None else signature.parameters[place]
        if old in SIGNATURES:
            return self.functions(line, SIGNATURES[old].parameters, SIGNATURES[old].result).all_but(old)
        if says_little(parameter):
            like = self.like(line, self.shape_of(old)).all_but(old)
            if like or parameter is Type.ANY:
                return like
        return self.accepting(line, parameter).all_but(old)

    def _may_take(self, line: int, given: Sequence[Type], wanted: Type) -> bool:
        use = self.use_of(line)
        if use is None:
            return True
        taken = [shape[0] for shape in use.row_shapes]
        return (use.result[0], wanted) in _OVERLAPPING and all(
            map(_OVERLAPPING.__contains__, zip(taken, given, strict=True))
        )


def probed_subject(
    program: Program, run: GraphRun, index: int, evaluator: Evaluator, grid: Grid, max_work: int = MAX_WORK
) -> Subject | None:
    """Returns a program as a subject whose mutations are tried with the values that it makes on a grid.

    Args:
        program: the program.
        run: the run, on that grid, of a graph that it is part of.
        index: its index in the graph.
        evaluator: what tries calls.
        grid: the grid.
        max_work: what a call that is tried may spend; see `Probe`.

    Returns:
        The subject; None if the program fails on the grid.
    """
    values = run.values(index)
    if len(values) < len(program):
        return None
    probe = Probe(program, values, evaluator, grid, max_work)
    return Subject(program, probe.shapes, probe)


def _live_lines(program: Program) -> list[int]:
    """Returns the numbers, from 0, of the lines that a program's output depends on."""
    alive = {variable(len(program))}
    lines = []
    for line in range(len(program) - 1, -1, -1):
        if variable(line + 1) in alive:
            call = program.calls[line]
            alive.update((call.function, *call.arguments))
            lines.append(line)
    return lines[::-1]
