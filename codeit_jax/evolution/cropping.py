"""Cropping: outputs that hold the goals, cut to the box around a region."""

from collections.abc import Iterator, Sequence

from codeit_jax.arc import Grid
from codeit_jax.dsl.program import INPUT, Call, Program, variable
from codeit_jax.evolution.population import Behaviour, Individual
from codeit_jax.evolution.regions import Box, Region, Regions
from codeit_jax.evolution.variation import joined, tidied

_MAX_CROPPED = 100  # individuals


class Cropper:
    """Finds the boxes that inputs and outputs are to be cut to.

    Args:
        inputs: the demonstrations' inputs.
        goals: their outputs.
        regions: the regions of the task.
    """

    def __init__(self, inputs: Sequence[Grid], goals: Sequence[Grid], regions: Regions) -> None:
        self._goals = goals
        self._regions = regions
        self._sides = tuple((len(goal), len(goal[0])) for goal in goals)
        self._is_needed = any(
            (len(grid), len(grid[0])) != sides for grid, sides in zip(inputs, self._sides, strict=True)
        )
        self._boxes: dict[tuple[Box, ...], Region] = {}
        self._looked_at: set[Behaviour] = set()

    def programs(self, individuals: Sequence[Individual]) -> Iterator[Program]:
        """Yields programs that cut the input to a box of the goals' sides, or an individual to the goals."""
        if not self._is_needed:
            return
        for region in self._regions.of_sides(*self._sides[0]):
            readings = self._regions.all_readings(
                region, lambda reading, place: reading.box[2:] == self._sides[place]
            )
            if (
                readings is not None
                and (boxes := tuple(reading.box for reading in readings)) not in self._boxes
            ):
                self._boxes[boxes] = region
                yield _cut(region.program, INPUT)
        for each in individuals[:_MAX_CROPPED]:
            if each.error and each.behaviour not in self._looked_at:
                for boxes, region in self._boxes.items():
                    if all(map(_holds, each.outputs, boxes, self._goals)):
                        yield _cut(joined(each.program, region.program), variable(len(each.program)))
            self._looked_at.add(each.behaviour)


def _cut(program: Program, grid: str) -> Program:
    return tidied(Program((*program.calls, Call("subgrid", (variable(len(program)), grid)))))


def _holds(output: Grid, box: Box, goal: Grid) -> bool:
    top, left, height, width = box
    return tuple(row[left : left + width] for row in output[top : top + height]) == goal
