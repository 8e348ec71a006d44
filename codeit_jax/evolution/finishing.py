"""Finishing: steps that turn a program's outputs into the goals, found by looking and not by trying.

What has an inverse is undone: the goals by one step or two beforehand, so that what a program gives need only
be looked up. A change of colours is read off the outputs; of steps that lose cells those are told by the
sides of the grids that would be left.
"""

from collections.abc import Callable, Iterator, Mapping

from codeit_jax.arc import Grid
from codeit_jax.dsl.constants import CONSTANTS
from codeit_jax.dsl.primitives import PRIMITIVES
from codeit_jax.dsl.program import Call, Program, parse_program, variable
from codeit_jax.evolution.population import Behaviour
from codeit_jax.evolution.variation import compose
from codeit_jax.execution import Evaluator

Grids = tuple[Grid, ...]

_MAX_STEPS = 2
_NUMBERS = {value: name for name, value in CONSTANTS.items() if type(value) is int}
_OFFSETS = {value: name for name, value in CONSTANTS.items() if isinstance(value, tuple) and any(value)}
_mostcolor = PRIMITIVES["mostcolor"]
_VMIRROR, _HMIRROR = PRIMITIVES["vmirror"], PRIMITIVES["hmirror"]


def _left(grid: Grid) -> Grid:
    return tuple(row[: len(row) // 2] for row in grid)


def _upper(grid: Grid) -> Grid:
    return grid[: len(grid) // 2]


def _every(step: int) -> Callable[[Grid], Grid]:
    return lambda grid: tuple(row[::step] for row in grid[::step])


def _divided_by(factor: int) -> Callable[[int, int], tuple[int, int]]:
    return lambda height, width: (-(-height // factor), -(-width // factor))


# For each step, what would undo it, if anything does.
_INVERSES: Mapping[str, Callable[[Grid], Grid]] = {
    **{f"O = {name}(I)": PRIMITIVES[name] for name in ("vmirror", "hmirror", "dmirror", "cmirror", "rot180")},
    "O = rot90(I)": PRIMITIVES["rot270"],
    "O = rot270(I)": PRIMITIVES["rot90"],
    "O = hconcat(I, I)": _left,
    "O = vconcat(I, I)": _upper,
    "x1 = vmirror(I)\nO = hconcat(I, x1)": _left,
    "x1 = vmirror(I)\nO = hconcat(x1, I)": lambda grid: _VMIRROR(_left(grid)),
    "x1 = hmirror(I)\nO = vconcat(I, x1)": _upper,
    "x1 = hmirror(I)\nO = vconcat(x1, I)": lambda grid: _HMIRROR(_upper(grid)),
    **{f"O = upscale(I, {_NUMBERS[factor]})": _every(factor) for factor in range(2, 6)},
}
# Steps that lose cells, and the sides of what they leave.
_CUTS: Mapping[str, Callable[[int, int], tuple[int, int]]] = {
    "O = trim(I)": lambda height, width: (height - 2, width - 2),
    "O = tophalf(I)": lambda height, width: (height // 2, width),
    "O = bottomhalf(I)": lambda height, width: (height // 2, width),
    "O = lefthalf(I)": lambda height, width: (height, width // 2),
    "O = righthalf(I)": lambda height, width: (height, width // 2),
    **{f"O = downscale(I, {_NUMBERS[factor]})": _divided_by(factor) for factor in (2, 3)},
}


class Finisher:
    """Finds the steps from outputs to a task's goals.

    Args:
        goals: the demonstrations' outputs.
    """

    def __init__(self, goals: Grids) -> None:
        self._goals = goals
        self._evaluator = Evaluator()
        self._ways: dict[Behaviour, Program] = {}
        inverses = {parse_program(text): undo for text, undo in _INVERSES.items()}
        reached: list[tuple[Grids, Program | None]] = [(goals, None)]
        for _ in range(_MAX_STEPS):
            before, reached = reached, []
            for grids, way in before:
                for step, undo in inverses.items():
                    undone = tuple(map(undo, grids))
                    behaviour = Behaviour(undone)
                    if behaviour in self._ways or undone == goals or not self._leads_to(step, undone, grids):
                        continue
                    self._ways[behaviour] = step if way is None else compose(way, step)
                    reached.append((undone, self._ways[behaviour]))
        self._cuts = [(parse_program(text), sides) for text, sides in _CUTS.items()]

    def steps(self, behaviour: Behaviour) -> Iterator[Program]:
        """Yields programs that turn outputs, other than the goals, into the goals."""
        outputs = behaviour.outputs
        way = self._ways.get(behaviour)
        if way is not None:
            yield way
        elif all(map(_have_same_sides, outputs, self._goals)):
            colours = _colour_map(outputs, self._goals)
            if colours is not None:
                yield _recolouring(colours)
        else:
            for step, sides in self._cuts:
                fits = all(
                    sides(len(output), len(output[0])) == (len(goal), len(goal[0]))
                    for output, goal in zip(outputs, self._goals, strict=True)
                )
                if fits and self._leads_to(step, outputs, self._goals):
                    yield step

    def shift(self, behaviour: Behaviour) -> Program | None:
        """Returns a program that moves all but the background to where the goals have it, if one does."""
        output, goal = behaviour.outputs[0], self._goals[0]
        if not _have_same_sides(output, goal) or _mostcolor(output) != _mostcolor(goal):
            return None
        (top, left), (goal_top, goal_left) = _corner(output), _corner(goal)
        offset = _OFFSETS.get((goal_top - top, goal_left - left))
        if offset is None:
            return None
        step = parse_program(f"x1 = fgpartition(I)\nx2 = merge(x1)\nO = move(I, x2, {offset})")
        return step if self._leads_to(step, behaviour.outputs, self._goals) else None

    def _leads_to(self, step: Program, grids: Grids, ends: Grids) -> bool:
        return all(
            grid and grid[0] and self._evaluator.run(step, grid).output == end
            for grid, end in zip(grids, ends, strict=True)
        )


def _have_same_sides(one: Grid, other: Grid) -> bool:
    return len(one) == len(other) and len(one[0]) == len(other[0])


def _corner(grid: Grid) -> tuple[int, int]:
    """Returns the first row and the first column that are not all of the background; zeros if all are."""
    background = _mostcolor(grid)
    cells = [
        (row, column)
        for row, line in enumerate(grid)
        for column, cell in enumerate(line)
        if cell != background
    ]
    return min((row for row, _ in cells), default=0), min((column for _, column in cells), default=0)


def _colour_map(outputs: Grids, goals: Grids) -> dict[int, int] | None:
    """Returns what each colour of the outputs is in the goals; None if one is several."""
    colours: dict[int, int] = {}
    for output, goal in zip(outputs, goals, strict=True):
        for row, goal_row in zip(output, goal, strict=True):
            for cell, wanted in zip(row, goal_row, strict=True):
                if colours.setdefault(cell, wanted) != wanted:
                    return None
    return colours


def _recolouring(colours: Mapping[int, int]) -> Program:
    """Returns the program that gives every colour its new one."""
    pending = {old: new for old, new in colours.items() if old != new}
    calls: list[Call] = []

    def append(function: str, old: int, new: int) -> None:
        grid = variable(len(calls)) if calls else "I"
        calls.append(Call(function, (grid, _NUMBERS[old], _NUMBERS[new])))

    while pending:
        # A colour that is still to be replaced itself must not be mixed with another.
        free = [old for old, new in pending.items() if new not in pending]
        if free:
            append("replace", free[0], pending.pop(free[0]))
            continue
        old, new = next(iter(pending.items()))
        append("switch", old, new)
        del pending[old]
        moved = pending.pop(new)
        if moved != old:
            pending[old] = moved
    return Program(tuple(calls))
