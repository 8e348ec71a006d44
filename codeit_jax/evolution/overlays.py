"""Overlays: the output of one program painted over that of another, where together they give the goals.

Above lies an output all of whose cells are right but those of its background; below, one that is right there.
"""

from collections.abc import Iterator, Sequence

from codeit_jax.arc import Grid
from codeit_jax.dsl.primitives import PRIMITIVES
from codeit_jax.dsl.program import Call, Program, variable
from codeit_jax.evolution.population import Behaviour, Individual
from codeit_jax.evolution.variation import joined

_MAX_UPPER = 20
_mostcolor = PRIMITIVES["mostcolor"]

_Gaps = list[tuple[int, int, int]]  # rows, columns and colours of cells that are still to be right


class Overlayer:
    """Finds pairs of programs that give a task's goals together; each pair is looked at once.

    Args:
        goals: the demonstrations' outputs.
    """

    def __init__(self, goals: Sequence[Grid]) -> None:
        self._goals = goals
        self._gaps: dict[Behaviour, list[_Gaps] | None] = {}  # of the behaviours that were looked at

    def programs(self, individuals: Sequence[Individual]) -> Iterator[Program]:
        """Yields programs that give the goals by painting what one gives over what another does."""
        fitting = [each for each in individuals if each.error and max(each.errors) <= 1]
        new = {each.behaviour: each for each in fitting if each.behaviour not in self._gaps}
        self._gaps |= {behaviour: _gaps(each, self._goals) for behaviour, each in new.items()}
        newcomers = list(new.values())
        uppers = [each for each in fitting if self._gaps[each.behaviour] is not None]
        for upper in uppers[:_MAX_UPPER]:
            gaps = self._gaps[upper.behaviour]
            assert gaps is not None
            for lower in fitting if upper.behaviour in new else newcomers:
                if lower is not upper and _fills(lower, gaps):
                    yield overlay(upper.program, lower.program)


def overlay(upper: Program, lower: Program) -> Program:
    """Returns the program that shows what a second one gives where a first gives its background."""
    both = joined(upper, lower)
    last = len(both)
    calls = (
        *both.calls,
        Call("asobject", (variable(last),)),
        Call("underpaint", (variable(len(upper)), variable(last + 1))),
    )
    return Program(calls)


def _gaps(upper: Individual, goals: Sequence[Grid]) -> list[_Gaps] | None:
    """Returns the background's cells, a list for each demonstration; None if others are wrong."""
    gaps = []
    for output, goal in zip(upper.outputs, goals, strict=False):
        background = _mostcolor(output)
        found: _Gaps = []
        for number, (row, goal_row) in enumerate(zip(output, goal, strict=True)):
            for column, (cell, wanted) in enumerate(zip(row, goal_row, strict=True)):
                if cell == background:
                    found.append((number, column, wanted))
                elif cell != wanted:
                    return None
        gaps.append(found)
    return gaps


def _fills(lower: Individual, gaps: Sequence[_Gaps]) -> bool:
    for output, cells in zip(lower.outputs, gaps, strict=False):
        for row, column, wanted in cells:
            if output[row][column] != wanted:
                return False
    return True
