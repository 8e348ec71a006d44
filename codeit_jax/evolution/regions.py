"""Regions of a task: sets of cells that programs make, found by the cells they are to hold.

A last step that fills or paints a region need not be guessed: which cells a near miss has wrong is known, and
so a region that holds these, and no cell that is right already, is looked up. Cells are bits of a number.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from codeit_jax.arc import Grid
from codeit_jax.dsl.program import Program
from codeit_jax.dsl.types import Value

_MAX_ALIKE = 3  # regions that hold the same cells on the first demonstration


Cells = int  # a set of cells, as bits
Box = tuple[int, int, int, int]  # first row and column, height and width
_Kind = tuple[Cells, bool]  # what regions are alike in: cells, and whether these are right


class Reading(NamedTuple):
    """What a region is on one demonstration.

    Attributes:
        cells: those that lie within the goal.
        is_right: whether it is an object all of whose cells there have the goal's colours.
        box: around all its cells.
    """

    cells: Cells
    is_right: bool
    box: Box


@dataclasses.dataclass(frozen=True)
class Region:
    """A program that makes a set of cells.

    Attributes:
        program: its last line gives the region.
        readings: by demonstration, as far as they were asked for; None where there is no such region.
    """

    program: Program
    readings: dict[int, Reading | None]


class Regions:
    """The regions of a task, by the cells that they hold on its first demonstration.

    Args:
        goals: the demonstrations' outputs.
        value_of: gives what a program's last line yields for the input of a demonstration; None if it fails.

    Attributes:
        value_of: see above.
    """

    def __init__(self, goals: Sequence[Grid], value_of: Callable[[Program, int], Value]) -> None:
        self._goals = goals
        self.value_of = value_of
        self._bits = [
            {
                (row, column): 1 << (row * len(goal[0]) + column)
                for row in range(len(goal))
                for column in range(len(goal[0]))
            }
            for goal in goals
        ]
        self._alike: dict[_Kind, list[Region]] = {}
        self._with_cell: defaultdict[Cells, list[_Kind]] = defaultdict(list)
        self._met: set[Program] = set()

    def __len__(self) -> int:
        """Returns how many programs were met, whether they make regions or not."""
        return len(self._met)

    def values_of(self, program: Program) -> tuple[Value, ...]:
        """Returns what a program yields on every demonstration."""
        return tuple(self.value_of(program, place) for place in range(len(self._goals)))

    def add(self, program: Program) -> bool:
        """Adds the region that a program makes; returns whether none holds just its cells so far."""
        if program in self._met:
            return False
        self._met.add(program)
        region = Region(program, {})
        reading = self._reading(region, 0)
        if reading is None:
            return False
        kind = reading.cells, reading.is_right
        alike = self._alike.setdefault(kind, [])
        if len(alike) < _MAX_ALIKE:
            alike.append(region)
        if len(alike) > 1:
            return False
        for bit in _bits_of(reading.cells):
            self._with_cell[bit].append(kind)
        return True

    def all_readings(
        self, region: Region, is_fitting: Callable[[Reading, int], bool]
    ) -> list[Reading] | None:
        """Returns what a region is on every demonstration; None if it is none, or not fitting, on one."""
        readings = []
        for place in range(len(self._goals)):
            reading = self._reading(region, place)
            if reading is None or not is_fitting(reading, place):
                return None
            readings.append(reading)
        return readings

    def holding(self, needed: Cells, allowed: Cells, *, is_right: bool) -> Iterator[Region]:
        """Yields regions with some cells, and none but some others, on the first demonstration.

        Args:
            needed: the cells that a region is to hold; at least one.
            allowed: the cells that it may hold.
            is_right: whether it is to be an object in the goal's colours.
        """
        kinds = min((self._with_cell[bit] for bit in _bits_of(needed)), key=len)
        for kind in kinds:
            cells, right = kind
            if not needed & ~cells and not cells & ~allowed and (right or not is_right):
                yield from self._alike[kind]

    def touching(self, needed: Cells, allowed: Cells, *, is_right: bool) -> list[Region]:
        """Returns regions with some cells, those with the most of them first, and none but some others.

        Args:
            needed: the cells of which a region is to hold one at least.
            allowed: the cells that it may hold.
            is_right: whether it is to be an object in the goal's colours.
        """
        found = [
            (-(cells & needed).bit_count(), alike[0])
            for (cells, right), alike in self._alike.items()
            if cells & needed and not cells & ~allowed and (right or not is_right)
        ]
        return [region for _, region in sorted(found, key=lambda each: each[0])]

    def of_sides(self, height: int, width: int) -> list[Region]:
        """Returns the regions whose box has these sides on the first demonstration."""
        return [
            region
            for alike in self._alike.values()
            for region in alike
            if (reading := region.readings[0]) and reading.box[2:] == (height, width)
        ]

    def _reading(self, region: Region, place: int) -> Reading | None:
        if place not in region.readings:
            region.readings[place] = self._read(self.value_of(region.program, place), place)
        return region.readings[place]

    def _read(self, value: Value, place: int) -> Reading | None:
        if not isinstance(value, frozenset):
            return None
        if not value:
            return Reading(0, True, (0, 0, 0, 0))
        bits, goal = self._bits[place], self._goals[place]
        try:
            is_object = isinstance(next(iter(value))[1], tuple)
            locations = {location for _, location in value} if is_object else value
            rows, columns = zip(*locations, strict=True)
            top, left = min(rows), min(columns)
            box = (top, left, max(rows) - top + 1, max(columns) - left + 1)
            cells = sum([bits.get(location, 0) for location in locations])
            is_right = is_object and all(
                goal[location[0]][location[1]] == colour for colour, location in value if location in bits
            )
        except (TypeError, IndexError, ValueError):  # sets that programs make may hold anything
            return None
        return Reading(cells, is_right, box)


def cells_by_colour(grid: Grid) -> dict[int, Cells]:
    """Returns which cells have a colour, by the colours."""
    cells: dict[int, Cells] = {}
    bit = 1
    for row in grid:
        for colour in row:
            cells[colour] = cells.get(colour, 0) | bit
            bit <<= 1
    return cells


def _bits_of(cells: Cells) -> Iterator[Cells]:
    while cells:
        bit = cells & -cells
        yield bit
        cells ^= bit
