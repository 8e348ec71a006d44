"""A filter that tells, before most of a program is evaluated, that it cannot end in a given grid.

Most programs end in calls that draw on a grid or turn it, such as `fill(I, THREE, x7)`. Drawing keeps a
grid's shape, and the colour that it gives to the cells it changes is often known long before it is known
which cells these are. So the grid drawn on and the colours are evaluated first, and often that is enough.
"""

from collections.abc import Callable, Mapping, Sequence

from codeit_jax.arc import Grid
from codeit_jax.dsl.primitives import PRIMITIVES
from codeit_jax.dsl.records import TRAITS
from codeit_jax.dsl.traits import Change, Draws, Trims, Turns
from codeit_jax.dsl.types import Value
from codeit_jax.execution.evaluator import CallFailure

Reference = int | str  # an expression's number, or the name of a primitive, a constant or the input
Expression = tuple[Reference, ...]  # a callee and its arguments
Pattern = tuple[tuple[int | None, ...], ...]  # a grid with cells that may be of any colour

_CHANGES: Mapping[Reference, Change] = {name: each.change for name, each in TRAITS.items() if each.change}


class OutputFilter:
    """A grid that programs on a certain input may or may not end in.

    Args:
        expressions: the expressions that programs are made of.
        value_of: evaluates a reference on the input.
        output: the grid.
    """

    def __init__(
        self,
        expressions: Sequence[Expression],
        value_of: Callable[[Reference], Value | CallFailure],
        output: Grid,
    ) -> None:
        self._expressions = expressions
        self._value_of = value_of
        self._output = output
        self._changes: dict[tuple[int, tuple[str, ...]], set[Value] | None] = {}

    def is_out_of_reach(self, reference: Reference) -> bool:
        """Whether an expression certainly does not come to the goal; False says nothing.

        As much is evaluated as it takes to tell; what is evaluated is needed for the expression in any case.
        """
        turns: list[str] = []
        colours: set[Value] | None = set()
        while isinstance(reference, int):
            expression = self._expressions[reference]
            change = _CHANGES.get(expression[0])
            if isinstance(change, (Turns, Trims)):
                turns.append(str(expression[0]))
            elif isinstance(change, Draws):
                colour = _colour_drawn(self._expressions, expression, change)
                if colour is None or colours is None:
                    colours = None
                else:
                    value = self._value_of(colour)
                    if isinstance(value, CallFailure):
                        return True
                    colours.add(value)
            else:
                break
            reference = expression[1]
        base = self._value_of(reference)
        if isinstance(base, CallFailure):
            return True
        if not _is_rectangle(base):
            return False
        key = (id(base), tuple(turns))
        if key not in self._changes:
            self._changes[key] = _changes(base, self._before(turns))
        changes = self._changes[key]
        return changes is None or (colours is not None and not changes <= colours)

    def _before(self, turns: Sequence[str]) -> Pattern:
        """Returns what turns into the goal."""
        pattern: Pattern = self._output
        for turn in turns:
            change = _CHANGES[turn]
            if isinstance(change, Turns):
                pattern = PRIMITIVES[change.back](pattern)
            else:
                width = len(pattern[0]) + 2
                rows = ((None, *row, None) for row in pattern)
                pattern = ((None,) * width, *rows, (None,) * width)
        return pattern


def _colour_drawn(expressions: Sequence[Expression], call: Expression, change: Draws) -> Reference | None:
    """Returns the colour that a call gives to the cells that it changes, where that is known."""
    if change.colour is not None:
        return call[1 + change.colour]
    return None if change.object is None else _colour_of(expressions, call[1 + change.object])


def _colour_of(expressions: Sequence[Expression], painted: Reference) -> Reference | None:
    """Returns the colour that all cells of an object have, where the expression for it says so."""
    match expressions[painted] if isinstance(painted, int) else ():
        case ("recolor", colour, _):
            return colour
        case ("mapply", int(function), _):
            match expressions[function]:
                case ("lbind", "recolor", colour):
                    return colour
    return None


def _is_rectangle(value: Value) -> bool:
    return (
        isinstance(value, tuple)
        and len(value) > 0
        and all(isinstance(row, tuple) and row for row in value)
        and len(set(map(len, value))) == 1
    )


def _changes(base: Sequence[Sequence[Value]], pattern: Pattern) -> set[Value] | None:
    """Returns the colours in a pattern of cells that have another in the base, None for another shape."""
    if len(base) != len(pattern) or len(base[0]) != len(pattern[0]):
        return None
    return {
        after
        for old_row, new_row in zip(base, pattern, strict=True)
        for before, after in zip(old_row, new_row, strict=True)
        if after is not None and before != after
    }
