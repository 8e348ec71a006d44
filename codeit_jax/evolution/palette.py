"""Palettes: the colours that a task may be painted with.

Some have names and are the same on all demonstrations. Others differ between these, and are what a program
makes of each input: its rarest colour, say, or that of its largest object.
"""

import dataclasses
from collections.abc import Sequence

from codeit_jax.dsl.program import Call, Program, variable
from codeit_jax.evolution.colours import NAME_OF_COLOUR
from codeit_jax.evolution.variation import joined


@dataclasses.dataclass(frozen=True)
class Colour:
    """A colour on each demonstration.

    Attributes:
        values: the colours.
        calls: the lines that make them; none where there is a name.
        name: of the constant, or of what the last line gives.
    """

    values: tuple[int, ...]
    calls: tuple[Call, ...]
    name: str

    def after(self, program: Program) -> tuple[Program, str]:
        """Returns a program with the colour's lines after its own, and what the colour is called there."""
        if not self.calls:
            return program, self.name
        both = joined(program, Program(self.calls))
        return both, variable(len(both))


Palette = Sequence[Colour]


def named_colours(colours: Sequence[int], num_demonstrations: int) -> list[Colour]:
    """Returns colours that are the same on all demonstrations."""
    return [Colour((colour,) * num_demonstrations, (), NAME_OF_COLOUR[colour]) for colour in colours]
