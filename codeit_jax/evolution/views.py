"""Views: a task seen in other colours or turned about its diagonal, and programs put back into its own.

A training program names the colours of its own task, and may do along rows what is to be done along columns.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

from codeit_jax.dsl.program import Program, parse_program
from codeit_jax.evolution.colours import NAME_OF_COLOUR, Ranked, colours_of, recoloured
from codeit_jax.evolution.jobs import Seed
from codeit_jax.evolution.variation import compose

_MAX_CHOICES = 30  # of colours for a program
_DMIRROR = parse_program("O = dmirror(I)")


def matched(program: Program, theirs: Ranked, ours: Ranked) -> Program:
    """Returns a program of one task for another: with the colours that are as common there.

    Args:
        program: the program.
        theirs: the colours of its own task, ranked.
        ours: those of the other.
    """
    names = {
        NAME_OF_COLOUR[one]: NAME_OF_COLOUR[other]
        for those, these in zip(theirs, ours, strict=True)
        for one, other in zip(those, these, strict=False)
    }
    return recoloured(program, names)


def transposed(program: Program) -> Program:
    """Returns the program that does along rows what a program does along columns."""
    return compose(_DMIRROR, compose(program, _DMIRROR))


def in_all_colours(program: Program, palette: Sequence[str]) -> Iterator[Program]:
    """Yields a program that names colours with each choice of others, if there are not too many.

    Args:
        program: the program.
        palette: the names of the colours to choose from.
    """
    names = colours_of(program)
    if names and math.perm(len(palette), len(names)) <= _MAX_CHOICES:
        for chosen in itertools.permutations(palette, len(names)):
            yield recoloured(program, dict(zip(names, chosen, strict=True)))


def views_of(
    seeds: Sequence[Seed],
    colours: Mapping[str, Ranked],
    ours: Ranked,
    palette: Sequence[str],
) -> Iterator[Program]:
    """Yields programs of other tasks as they are wanted for one, the likelier first.

    Args:
        seeds: the programs, each with the id of its task.
        colours: of these tasks, as far as they are known.
        ours: the colours of the task at hand.
        palette: their names.
    """
    fitting = [
        matched(program, colours[task_id], ours) if task_id in colours else program
        for task_id, program in seeds
    ]
    yield from fitting
    yield from map(transposed, fitting)
    for _, program in seeds:
        yield from in_all_colours(program, palette)
