"""Mending: near misses whose wrong cells are filled, all of a colour at once, with a region that holds them.

What a near miss is to be filled with is looked up among the regions of its task and not guessed: a region
that holds, on every demonstration, all the cells that should have a colour and have not, and none that should
not have it.
"""

import dataclasses
import itertools
import operator
from collections.abc import Iterator, Mapping, Sequence

from codeit_jax.arc import Grid
from codeit_jax.dsl.primitives import PRIMITIVES
from codeit_jax.dsl.program import Call, Program, variable
from codeit_jax.evolution.palette import Colour, Palette
from codeit_jax.evolution.population import Behaviour, Individual
from codeit_jax.evolution.regions import Cells, Reading, Region, Regions, cells_by_colour
from codeit_jax.evolution.variation import joined, tidied

_MAX_WAYS = 3  # to mend one
_MAX_TRIED = 20  # regions that mend one in part
_mostcolor = PRIMITIVES["mostcolor"]


@dataclasses.dataclass(frozen=True)
class _Need:
    """Cells of a near miss that should have a colour, and have not.

    Attributes:
        program: what gives the near miss.
        colour: the colour; None if the cells are all that are wrong, whatever they should have.
        cells: the cells.
        wanted: all that should have the colour.
        allowed: those that may be given it.
        background: those that have the near miss's most common colour.
    """

    program: Program
    colour: Colour | None
    cells: tuple[Cells, ...]
    wanted: tuple[Cells, ...]
    allowed: tuple[Cells, ...]
    background: tuple[Cells, ...]

    def num_others(self, reading: Reading | None) -> int:
        """Returns how many cells that should not have the colour a region holds."""
        return (reading.cells & ~self.wanted[0]).bit_count() if reading else 0

    def is_left_right(self, reading: Reading, place: int) -> bool:
        """Whether a region may be painted, at least over the background, with no more cells wrong."""
        if self.colour is None:
            return reading.is_right
        return not reading.cells & self.background[place] & ~self.allowed[place]

    def is_met(self, reading: Reading, place: int) -> bool:
        """Whether a region holds all the cells and may be painted."""
        return not self.cells[place] & ~reading.cells and self.is_left_right(reading, place)

    def is_touched(self, reading: Reading, place: int) -> bool:
        """Whether a region holds some of the cells, if there are any, and may be painted."""
        touched = not self.cells[place] or bool(self.cells[place] & reading.cells)
        return touched and self.is_left_right(reading, place)


class Mender:
    """Finds what near misses are to be filled with; each is looked at once.

    Args:
        goals: the demonstrations' outputs.
        regions: the regions of the task.
    """

    def __init__(self, goals: Sequence[Grid], regions: Regions) -> None:
        self._places = range(len(goals))
        self._regions = regions
        self._wanted = [cells_by_colour(goal) for goal in goals]
        self._everywhere = tuple(sum(cells.values()) for cells in self._wanted)
        self._looked_at: set[Behaviour] = set()

    def programs(self, individuals: Sequence[Individual], palette: Palette) -> Iterator[Program]:
        """Yields programs that mend individuals, those first that come first.

        Args:
            individuals: what is mended.
            palette: the task's colours.
        """
        for each in individuals:
            if each.behaviour in self._looked_at:
                continue
            self._looked_at.add(each.behaviour)
            for need in self._needs_of(each, palette):
                mended = list(self._mended(need))
                yield from mended or self._mended_in_part(need)

    def _needs_of(self, individual: Individual, palette: Palette) -> Iterator[_Need]:
        """Yields what an individual needs: cells of each colour, and all at once."""
        if not individual.error or max(individual.errors) > 1:
            return
        have = [cells_by_colour(output) for output in individual.outputs]
        background = tuple(
            cells[_mostcolor(output)] for cells, output in zip(have, individual.outputs, strict=True)
        )
        wrong = tuple(
            sum(cells & ~had.get(colour, 0) for colour, cells in wanted.items())
            for wanted, had in zip(self._wanted, have, strict=True)
        )
        for colour in palette:
            wanted = _cells_of(self._wanted, colour)
            cells = tuple(some & ~other for some, other in zip(wanted, _cells_of(have, colour), strict=True))
            if cells[0]:
                # A wrong cell that becomes wrong in another way may be painted over later.
                allowed = tuple(map(operator.or_, wanted, wrong))
                yield _Need(individual.program, colour, cells, wanted, allowed, background)
        if wrong[0]:
            yield _Need(individual.program, None, wrong, self._everywhere, self._everywhere, background)

    def _allowed(self, need: _Need) -> Cells:
        """Returns the cells that a region may hold on the first demonstration."""
        return need.allowed[0] | (self._everywhere[0] & ~need.background[0])

    def _mended(self, need: _Need) -> Iterator[Program]:
        """Yields programs that give all the cells their colour."""
        holding = self._regions.holding(need.cells[0], self._allowed(need), is_right=need.colour is None)
        nearest = sorted(holding, key=lambda region: need.num_others(region.readings[0]))
        fitting = (
            region for region in nearest if self._regions.all_readings(region, need.is_met) is not None
        )
        for region in itertools.islice(fitting, _MAX_WAYS):
            yield from self._painted(need, region)

    def _mended_in_part(self, need: _Need) -> Iterator[Program]:
        """Yields programs that give the most of the cells their colour."""
        touching = self._regions.touching(need.cells[0], self._allowed(need), is_right=need.colour is None)
        for region in touching[:_MAX_TRIED]:
            if self._regions.all_readings(region, need.is_touched) is not None:
                yield from self._painted(need, region)
                return

    def _painted(self, need: _Need, region: Region) -> Iterator[Program]:
        """Yields programs that paint a region, by each primitive that leaves right what is."""
        readings = self._regions.all_readings(region, need.is_left_right)
        assert readings is not None
        both = joined(need.program, region.program)
        near_miss, patch = variable(len(need.program)), variable(len(both))

        def ending(*names: str) -> Program:
            return tidied(Program((*both.calls, Call(names[0], names[1:]))))

        if need.colour is None:
            yield ending("paint", near_miss, patch)
            return
        both, colour = need.colour.after(both)
        if not any(reading.cells & ~allowed for reading, allowed in zip(readings, need.allowed, strict=True)):
            yield ending("fill", near_miss, colour, patch)
        if not any(
            cells & reading.cells & ~background
            for cells, reading, background in zip(need.cells, readings, need.background, strict=True)
        ):
            yield ending("underfill", near_miss, colour, patch)


def _cells_of(grids: Sequence[Mapping[int, Cells]], colour: Colour) -> tuple[Cells, ...]:
    """Returns the cells that have a colour, on each demonstration."""
    return tuple(cells.get(value, 0) for cells, value in zip(grids, colour.values, strict=True))
