"""Mutation at depth one: a program with one argument, function or call replaced by another of its type.

The shares are the paper's (program mutation). Types are those of the values that the parent really made.
"""

import dataclasses
import random
from collections.abc import Iterator, Sequence
from enum import StrEnum

from codeit_jax.dsl.program import INPUT, Call, Program, is_variable, variable, without_dead_lines
from codeit_jax.dsl.signatures import CONSTANT_TYPES, SIGNATURES
from codeit_jax.dsl.types import Type
from codeit_jax.mutation.typing import FUNCTION_OF_ARITY, FUNCTION_TYPES, accepts, members, overlap


class MutationKind(StrEnum):
    """What a mutation replaces."""

    ARGUMENT = "argument"
    FUNCTION = "function"
    CALL = "call"


@dataclasses.dataclass(frozen=True)
class Mutator:
    """Draws mutations.

    Attributes:
        argument_share: how often an argument is replaced.
        function_share: how often a function is; the rest replaces a whole call.
    """

    argument_share: float = 0.5
    function_share: float = 0.25

    def mutate(
        self, program: Program, types: Sequence[Type], rng: random.Random
    ) -> tuple[MutationKind, Program] | None:
        """Mutates one random line of a program.

        Args:
            program: the parent.
            types: the type of each of its lines; see `line_types`.
            rng: where the choices come from.

        Returns:
            The kind of the mutation and the mutant, rid of lines its output no longer needs; None if nothing
            else fits the place that was drawn, or the output does not depend on it.
        """
        kind = self._draw_kind(rng)
        line = rng.randrange(len(program))
        scope = _Scope(types, line)
        replacement = _REPLACE[kind](program.calls[line], types[line], scope, rng)
        if replacement is None:
            return None
        calls = (*program.calls[:line], replacement, *program.calls[line + 1 :])
        mutant = without_dead_lines(Program(calls))
        return None if mutant == without_dead_lines(program) else (kind, mutant)

    def _draw_kind(self, rng: random.Random) -> MutationKind:
        draw = rng.random()
        if draw < self.argument_share:
            return MutationKind.ARGUMENT
        if draw < self.argument_share + self.function_share:
            return MutationKind.FUNCTION
        return MutationKind.CALL


@dataclasses.dataclass(frozen=True)
class _Scope:
    """The names that a line may use, and their types.

    Attributes:
        types: the type of every line of the program.
        line: the line's number, from 0; it sees the lines before.
    """

    types: Sequence[Type]
    line: int

    def type_of(self, name: str) -> Type:
        if name == INPUT:
            return Type.GRID
        if is_variable(name):
            return self.types[int(name[1:]) - 1]
        if name in CONSTANT_TYPES:
            return CONSTANT_TYPES[name]
        return FUNCTION_OF_ARITY[len(SIGNATURES[name].parameters)]

    def terms(self, parameter: Type) -> Iterator[str]:
        """Yields the names whose values a parameter accepts, in a fixed order."""
        if accepts(parameter, Type.GRID):
            yield INPUT
        for line in range(self.line):
            if accepts(parameter, self.types[line]):
                yield variable(line + 1)
        for name, constant_type in CONSTANT_TYPES.items():
            if accepts(parameter, constant_type):
                yield name
        if parameter in FUNCTION_TYPES:
            for name, signature in SIGNATURES.items():
                if accepts(parameter, FUNCTION_OF_ARITY[len(signature.parameters)]):
                    yield name


def _replace_argument(call: Call, _: Type, scope: _Scope, rng: random.Random) -> Call | None:
    position = rng.randrange(len(call.arguments))
    old = call.arguments[position]
    actual = scope.type_of(old)
    parameter = _parameter(call, position)
    # A parameter that takes nearly anything says little: there the old value's type is what has to fit.
    wanted = actual if parameter is None or len(members(parameter)) > 4 else parameter
    candidates = [name for name in scope.terms(wanted) if name != old]
    if old in SIGNATURES:
        result = SIGNATURES[old].result
        candidates = [
            name for name in candidates if name not in SIGNATURES or overlap(SIGNATURES[name].result, result)
        ]
    if not candidates:
        return None
    arguments = list(call.arguments)
    arguments[position] = rng.choice(candidates)
    return Call(call.function, tuple(arguments))


def _replace_function(call: Call, result: Type, scope: _Scope, rng: random.Random) -> Call | None:
    actual = [scope.type_of(name) for name in call.arguments]
    candidates = [
        name
        for name, signature in SIGNATURES.items()
        if name != call.function
        and len(signature.parameters) == len(actual)
        and overlap(signature.result, result)
        and all(map(accepts, signature.parameters, actual))
    ]
    return Call(rng.choice(candidates), call.arguments) if candidates else None


def _replace_call(_: Call, result: Type, scope: _Scope, rng: random.Random) -> Call | None:
    functions = [name for name, signature in SIGNATURES.items() if overlap(signature.result, result)]
    function = rng.choice(functions)
    arguments = []
    for parameter in SIGNATURES[function].parameters:
        candidates = list(scope.terms(parameter))
        if not candidates:
            return None
        arguments.append(rng.choice(candidates))
    return Call(function, tuple(arguments))


def _parameter(call: Call, position: int) -> Type | None:
    signature = SIGNATURES.get(call.function)
    return None if signature is None else signature.parameters[position]


_REPLACE = {
    MutationKind.ARGUMENT: _replace_argument,
    MutationKind.FUNCTION: _replace_function,
    MutationKind.CALL: _replace_call,
}
