"""Exploring: programs for the regions and the colours that a task's inputs have, the plainer first.

Sets of objects and cells of a colour; of each set the objects that stand out, or all of them together, or
what each of them makes; and what lies around, within, between or in line with these.
"""

from collections.abc import Iterable, Iterator, Sequence

from codeit_jax.dsl.program import INPUT, Call, Program, renamed, variable, without_dead_lines
from codeit_jax.dsl.types import Value
from codeit_jax.evolution.edges import extended
from codeit_jax.evolution.palette import Colour, Palette
from codeit_jax.evolution.regions import Regions
from codeit_jax.evolution.steps import (
    COLOUR,
    COLOURED,
    COLOURS,
    COLOURS_OF_SETS,
    PICKS,
    REGIONS,
    SETS,
    WAYS,
    WAYS_OF_CELLS,
)

_MAX_REGIONS = 1_500  # that are made of a task's inputs
_MAX_CELLS = 30  # of a region whose cells each lead to others


def made_colours(regions: Regions) -> list[Colour]:
    """Returns colours that programs make of the inputs and that differ between the demonstrations."""
    programs = list(_after(None, COLOURS))
    for objects in _after(None, [calls for calls in SETS if len(calls) == 1]):
        if regions.value_of(objects, 0):
            programs += _after(objects, COLOURS_OF_SETS)
    found: dict[tuple[Value, ...], Colour] = {}
    for program in programs:
        values = regions.values_of(program)
        if all(type(value) is int and 0 <= value < 10 for value in values) and len(set(values)) > 1:
            found.setdefault(values, Colour(values, program.calls, variable(len(program))))
    return list(found.values())


def explore(regions: Regions, palette: Palette) -> None:
    """Adds the regions of a task's inputs.

    Args:
        regions: what they are added to.
        palette: the task's colours.
    """
    _add_with_ways(regions, _after(None, REGIONS, palette))
    known: set[Value] = set()
    picked: list[Program] = []
    for objects in _after(None, SETS, palette):
        value = regions.value_of(objects, 0)
        if value and value not in known:
            known.add(value)
            picked += _after(objects, (*PICKS, *COLOURED))
    _add_with_ways(regions, picked)


def _add_with_ways(regions: Regions, programs: Iterable[Program]) -> None:
    """Adds the regions that programs make, and then what these lead to."""
    for region in [program for program in programs if regions.add(program)]:
        is_small = len(regions.value_of(region, 0)) <= _MAX_CELLS
        ways = (*WAYS, *WAYS_OF_CELLS) if is_small else WAYS
        for program in _after(region, ways):
            if len(regions) >= _MAX_REGIONS:
                return
            regions.add(program)


def add_lines(regions: Regions, program: Program, palette: Palette) -> None:
    """Adds the regions that a program makes on its way, and its output's cells by colour.

    Args:
        regions: what they are added to.
        program: the program.
        palette: the task's colours; those without names are left out.
    """
    for line in range(1, len(program)):
        part = without_dead_lines(Program(program.calls[:line]))
        value = regions.value_of(part, 0)
        if isinstance(value, frozenset) and value:
            if all(isinstance(item, frozenset) for item in value):
                part = Program((*part.calls, Call("merge", (variable(len(part)),))))
            regions.add(part)
    for colour in palette:
        if not colour.calls:
            cells = Call("ofcolor", (variable(len(program)), colour.name))
            regions.add(Program((*program.calls, cells)))


def _after(
    program: Program | None, steps: Sequence[tuple[Call, ...]], palette: Palette = ()
) -> Iterator[Program]:
    """Yields the programs that steps make of one, or of the input, with each of the colours that are open."""
    for calls in steps:
        if any(COLOUR in call.arguments for call in calls):
            for colour in palette:
                named = [renamed(call, {COLOUR: colour.name}) for call in calls]
                yield Program(extended(colour.calls, INPUT, named)[0])
        elif program is None:
            yield Program(extended((), INPUT, calls)[0])
        else:
            yield Program(extended(program.calls, variable(len(program)), calls)[0])
