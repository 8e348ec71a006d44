"""Fitness: how far a program's output is from a demonstration's."""

import math
import operator

from codeit_jax.arc import Grid, num_cells

_OTHER_SHAPE = 1.2  # worse than any output of the right shape
_SIDES = 0.3
_COLOURS = 0.5


def error_of(output: Grid, goal: Grid) -> float:
    """Returns 0 for the goal, up to 1 for a grid of its shape and more for one of another shape.

    Of the right shape it is the root of the share of cells that are wrong: the last wrong cells then count
    for much. Otherwise sides that are near, and colours that are the goal's, make it less.
    """
    if output == goal:
        return 0.0
    height, width = len(output), len(output[0])
    goal_height, goal_width = len(goal), len(goal[0])
    if (height, width) == (goal_height, goal_width):
        return math.sqrt(num_wrong_cells(output, goal) / num_cells(goal))
    sides = abs(math.log(height / goal_height)) + abs(math.log(width / goal_width))
    colours, goal_colours = set().union(*output), set().union(*goal)
    shared = len(colours & goal_colours) / len(colours | goal_colours)
    return _OTHER_SHAPE + _SIDES * sides + _COLOURS * (1 - shared)


def num_wrong_cells(output: Grid, goal: Grid) -> int:
    """Returns in how many cells two grids of one shape differ."""
    return sum(
        sum(map(operator.ne, row, wanted_row))
        for row, wanted_row in zip(output, goal, strict=True)
        if row != wanted_row
    )


def verdict(outputs: tuple[Grid, ...], goals: tuple[Grid, ...]) -> str:
    """Returns in a word what is wrong with outputs: their shape, their colours, or some cells; or nothing."""
    pairs = list(zip(outputs, goals, strict=True))
    if outputs == goals:
        return "nothing"
    if any((len(a), len(a[0])) != (len(b), len(b[0])) for a, b in pairs):
        return "shape"
    if any(set().union(*a) != set().union(*b) for a, b in pairs):
        return "colours"
    return "cells"
