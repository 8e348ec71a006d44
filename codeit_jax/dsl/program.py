"""Programs as data: straight-line sequences of calls, parsed from text and never handed to Python.

The text of a program is one assignment a line. Line `k` assigns `xk` and the last one assigns `O`:

    x1 = vmirror(I)
    O = hconcat(I, x1)

A callee is a primitive or a variable; an argument is a primitive, a constant, a variable or the input `I`.
"""

import dataclasses
import re
from collections.abc import Mapping
from typing import NamedTuple

from codeit_jax.dsl.constants import CONSTANTS
from codeit_jax.dsl.signatures import SIGNATURES

INPUT = "I"
OUTPUT = "O"

_ASSIGNMENT = re.compile(r"(\w+)\s*=\s*(\w+)\s*\(([^()]*)\)", re.ASCII)
_NAME = re.compile(r"\w+", re.ASCII)
_MAX_SHOWN = 40  # characters of a name that is wrong
_VARIABLE = re.compile(r"x\d{1,9}", re.ASCII)


class ProgramError(ValueError):
    """Text that is no program.

    Attributes:
        line: the number of the line at fault, from 1; 0 where the text as a whole is.
        reason: what is wrong with it.
    """

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}" if line else reason)
        self.line = line
        self.reason = reason


class Call(NamedTuple):
    """One line of a program: a function applied to arguments, all given by name."""

    # A tuple, because calls are made, hashed and compared by the million.
    function: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.function}({', '.join(self.arguments)})"


@dataclasses.dataclass(frozen=True, slots=True)
class Program:
    """A program in canonical form: call `k`, from 1, assigns the variable `xk`, the last one the output `O`.

    Programs are made by `parse_program` or by editing the calls of one; `str(program)` is the canonical text.
    """

    calls: tuple[Call, ...]

    def __str__(self) -> str:
        last = len(self.calls)
        return "\n".join(
            f"{OUTPUT if line == last else variable(line)} = {call}"
            for line, call in enumerate(self.calls, start=1)
        )

    def __len__(self) -> int:
        return len(self.calls)


def variable(line: int) -> str:
    """Returns the name of the variable that a line, counted from 1, assigns."""
    return f"x{line}"


def is_variable(name: str) -> bool:
    """Whether a name is that of a variable."""
    return _VARIABLE.fullmatch(name) is not None


def parse_program(text: str) -> Program:
    """Parses the text of a program.

    Variables may carry any numbers as long as each is assigned once and before it is used; they are
    renumbered by line. Blank lines and spaces are ignored.

    Raises:
        ProgramError: the text is no program; the error names the line and the reason.
    """
    calls: list[Call] = []
    names: dict[str, str] = {INPUT: INPUT}
    for line, content in enumerate(text.splitlines(), start=1):
        if not content.strip():
            continue
        if OUTPUT in names:
            raise ProgramError(line, f"{OUTPUT} is assigned before the last line")
        match = _ASSIGNMENT.fullmatch(content.strip())
        if match is None:
            raise ProgramError(line, "expected 'name = function(argument, ...)'")
        target, function, argument_text = match.groups()
        calls.append(_resolve_call(line, function, argument_text, names))
        if target != OUTPUT and not is_variable(target):
            told = f"{_shown(target)} is no variable"
            raise ProgramError(line, f"{told}; lines assign x1, x2, ... and last {OUTPUT}")
        if target in names:
            raise ProgramError(line, f"{target} is assigned twice")
        names[target] = variable(len(calls))
    if OUTPUT not in names:
        raise ProgramError(0, f"the program is empty or its last line does not assign {OUTPUT}")
    return Program(tuple(calls))


def _resolve_call(line: int, function: str, argument_text: str, names: Mapping[str, str]) -> Call:
    """Checks a call against the names known so far and renames its variables to canonical ones."""
    arguments = [argument.strip() for argument in argument_text.split(",") if argument_text.strip()]
    for argument in arguments:
        if not _NAME.fullmatch(argument):
            raise ProgramError(line, f"{_shown(argument)} is no name")
    for name in (function, *arguments):
        if name in names or name in SIGNATURES or name in CONSTANTS:
            continue
        if is_variable(name):
            raise ProgramError(line, f"{name} is used before it is assigned")
        raise ProgramError(line, f"unknown name {_shown(name)}")
    if function in CONSTANTS or function == INPUT:
        raise ProgramError(line, f"{function} is not a function")
    if not arguments:
        raise ProgramError(line, f"{function} is called without arguments")
    signature = SIGNATURES.get(function)
    if signature is not None and len(arguments) != len(signature.parameters):
        expected = len(signature.parameters)
        raise ProgramError(
            line, f"{function} takes {expected} argument{'s' * (expected != 1)}, got {len(arguments)}"
        )
    return Call(names.get(function, function), tuple(names.get(name, name) for name in arguments))


def _shown(name: str) -> str:
    return repr(name if len(name) <= _MAX_SHOWN else name[:_MAX_SHOWN] + "...")


def without_dead_lines(program: Program) -> Program:
    """Returns the program without the lines that its output does not depend on."""
    variables = [variable(line) for line in range(1, len(program) + 1)]
    alive = {variables[-1]}
    for name, call in zip(reversed(variables), reversed(program.calls), strict=True):
        if name in alive:
            alive.add(call.function)
            alive.update(call.arguments)
    names: dict[str, str] = {}
    calls: list[Call] = []
    for name, call in zip(variables, program.calls, strict=True):
        if name in alive:
            if names:
                call = renamed(call, names)
            names[name] = variables[len(calls)]
            calls.append(call)
    return Program(tuple(calls))


def renamed(call: Call, names: Mapping[str, str]) -> Call:
    """Returns a call with some names replaced."""
    function, arguments = call
    return Call(names.get(function, function), tuple([names.get(name, name) for name in arguments]))
