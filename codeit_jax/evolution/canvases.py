"""Canvases: grids of the goals' sides that know nothing else of them, for regions to be painted on."""

from collections.abc import Iterator, Sequence

from codeit_jax.arc import Grid
from codeit_jax.dsl.constants import CONSTANTS
from codeit_jax.dsl.program import INPUT, Call, Program, variable

_NUMBERS = {value: name for name, value in CONSTANTS.items() if type(value) is int}


def canvases(goals: Sequence[Grid], colours: Sequence[str]) -> Iterator[Program]:
    """Yields programs for grids of one colour and, where all goals have the same sides, the input's corner.

    Args:
        goals: the demonstrations' outputs; where their sides differ those of the inputs are taken.
        colours: names of colours.
    """
    sides = {(len(goal), len(goal[0])) for goal in goals}
    if len(sides) > 1:
        shape = Call("shape", (INPUT,))
    else:
        height, width = sides.pop()
        if height not in _NUMBERS or width not in _NUMBERS:
            return
        shape = Call("astuple", (_NUMBERS[height], _NUMBERS[width]))
        yield Program((shape, Call("crop", (INPUT, "ORIGIN", variable(1)))))
    for colour in colours:
        yield Program((shape, Call("canvas", (colour, variable(1)))))
