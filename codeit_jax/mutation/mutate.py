"""Mutation: a program with one argument, function or call replaced by another that fits, or a line put in.

The shares are the paper's (program mutation). What fits is told by signatures, by the values that the parent
really made, and by trying the line with them.
"""

import dataclasses
import random
from enum import StrEnum

from codeit_jax.dsl.program import Call, Program, is_variable, renamed, variable, without_dead_lines
from codeit_jax.mutation.call_sampling import sample_call
from codeit_jax.mutation.subject import Subject

_MAX_PLACES = 10
_MAX_TRIES = 8  # of names or calls in one place


class MutationKind(StrEnum):
    """The part that a mutation replaces, or the line that it puts in."""

    ARGUMENT = "argument"
    FUNCTION = "function"
    CALL = "call"
    NEW_LINE = "new_line"


@dataclasses.dataclass(frozen=True)
class Mutator:
    """Draws mutations.

    Attributes:
        argument_share: how often, where a line is changed, an argument is replaced.
        function_share: how often a function is; else a whole call is.
        new_line_share: how often a line is put in, and none changed but by using it.

    Raises:
        ValueError: these are no shares.
    """

    argument_share: float = 0.5
    function_share: float = 0.25
    new_line_share: float = 0.0

    def __post_init__(self) -> None:
        shares = self.argument_share, self.function_share
        if not (min(shares) >= 0 and sum(shares) <= 1 and 0 <= self.new_line_share <= 1):
            raise ValueError(
                "argument_share and function_share, at most 1 in all, and new_line_share must be shares"
            )

    def draw(self, subject: Subject, rng: random.Random) -> tuple[MutationKind, Program | None]:
        """Draws a kind of mutation and then a mutant.

        Args:
            subject: the parent.
            rng: where the choices come from.

        Returns:
            The kind, and the mutant, rid of lines its output no longer needs; None if in some random places
            nothing was found to fit.
        """
        kind = self.draw_kind(rng)
        for _ in range(_MAX_PLACES):
            mutant = _CHANGE[kind](subject, rng.choice(subject.lines), rng)
            if mutant is not None:
                mutant = _without_dead_lines(mutant)
                if mutant != subject.canonical:
                    return kind, mutant
        return kind, None

    def draw_kind(self, rng: random.Random) -> MutationKind:
        """Draws a kind of mutation, as `draw` does before anything else."""
        if self.new_line_share and rng.random() < self.new_line_share:
            return MutationKind.NEW_LINE
        draw = rng.random()
        if draw < self.argument_share:
            return MutationKind.ARGUMENT
        if draw < self.argument_share + self.function_share:
            return MutationKind.FUNCTION
        return MutationKind.CALL


def _without_dead_lines(program: Program) -> Program:
    # Most mutants have none; every line is live where the lines after it use each but the last.
    used = set()
    for function, arguments in program.calls:
        used.add(function)
        used.update(arguments)
    if all(variable(line) in used for line in range(1, len(program))):
        return program
    return without_dead_lines(program)


def _replace_argument(subject: Subject, line: int, rng: random.Random) -> Program | None:
    call = subject.program.calls[line]
    position = rng.randrange(len(call.arguments))
    candidates = subject.arguments_instead(line, position)
    for _ in range(min(_MAX_TRIES, 2 * len(candidates))):
        changed = _with_argument(call, position, rng.choice(candidates))
        if subject.works(line, changed):
            return _with_call(subject.program, line, changed)
    return None


def _replace_function(subject: Subject, line: int, rng: random.Random) -> Program | None:
    call = subject.program.calls[line]
    candidates = subject.callees_instead(line)
    for _ in range(min(_MAX_TRIES, 2 * len(candidates))):
        changed = Call(rng.choice(candidates), call.arguments)
        if subject.works(line, changed):
            return _with_call(subject.program, line, changed)
    return None


def _replace_call(subject: Subject, line: int, rng: random.Random) -> Program | None:
    for _ in range(_MAX_TRIES):
        call = sample_call(subject, line, subject.shapes[line], subject.use_of(line), rng)
        if call is not None and call != subject.program.calls[line] and subject.works(line, call):
            return _with_call(subject.program, line, call)
    return None


def _put_in_line(subject: Subject, line: int, rng: random.Random) -> Program | None:
    call = subject.program.calls[line]
    position = rng.randrange(len(call.arguments))
    old = call.arguments[position]
    use = subject.use_of(int(old[1:]) - 1) if is_variable(old) else None
    for _ in range(_MAX_TRIES):
        new = sample_call(subject, line, subject.shape_of(old), use, rng)
        if new is not None and subject.works_with(line, position, new):
            return _with_new_line(subject.program, line, position, new)
    return None


def _with_argument(call: Call, position: int, name: str) -> Call:
    return Call(call.function, (*call.arguments[:position], name, *call.arguments[position + 1 :]))


def _with_call(program: Program, line: int, call: Call) -> Program:
    return Program((*program.calls[:line], call, *program.calls[line + 1 :]))


def _with_new_line(program: Program, line: int, position: int, new: Call) -> Program:
    """Returns the program with a line before another, one of whose arguments becomes its value."""
    user = _with_argument(program.calls[line], position, variable(line + 1))
    names = {variable(each): variable(each + 1) for each in range(line + 1, len(program) + 1)}
    after = [renamed(call, names) for call in program.calls[line + 1 :]]
    return Program((*program.calls[:line], new, user, *after))


_CHANGE = {
    MutationKind.ARGUMENT: _replace_argument,
    MutationKind.FUNCTION: _replace_function,
    MutationKind.CALL: _replace_call,
    MutationKind.NEW_LINE: _put_in_line,
}
