"""How a program's text is cut into pieces, one for each name in it, so that a grammar can be told in tokens.

A piece is a name and the punctuation before it: `x1 =`, ` vmirror`, `(I`, `)` and a newline and `O =`,
` hconcat`, `(x1`, `, I`, `)` are the pieces of

    x1 = vmirror(I)
    O = hconcat(x1, I)

and the tokens of a program are those of its pieces, one after another.
"""

from collections.abc import Iterator
from enum import Enum

from codeit_jax.dsl.program import OUTPUT, Program, variable

MAX_LINES = 200


class Slot(Enum):
    """The role of a piece's name in its line; the value is the piece's text."""

    FIRST_DEFINITION = "{} ="
    DEFINITION = ")\n{} ="
    CALLEE = " {}"
    FIRST_ARGUMENT = "({}"
    ARGUMENT = ", {}"
    END = ")"


def pieces(program: Program) -> Iterator[tuple[Slot, str]]:
    """Yields the pieces of a program: slots and the names in them, at last the end, which has no name."""
    for line, call in enumerate(program.calls, start=1):
        name = OUTPUT if line == len(program) else variable(line)
        yield Slot.FIRST_DEFINITION if line == 1 else Slot.DEFINITION, name
        yield Slot.CALLEE, call.function
        for number, argument in enumerate(call.arguments):
            yield Slot.ARGUMENT if number else Slot.FIRST_ARGUMENT, argument
    yield Slot.END, ""
