"""Colours: those that a program names, and the program with others in their place.

Training programs name the colours of their own tasks; what they do is wanted with the colours of the task at
hand.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from codeit_jax.arc import Grid, Task, num_cells
from codeit_jax.dsl.constants import CONSTANTS
from codeit_jax.dsl.program import Call, Program
from codeit_jax.dsl.records import TRAITS
from codeit_jax.dsl.traits import Traits
from codeit_jax.dsl.types import Type

COLOUR_NAMES = {name: value for name, value in CONSTANTS.items() if type(value) is int and 0 <= value < 10}
NAME_OF_COLOUR = {value: name for name, value in COLOUR_NAMES.items()}

Ranked = tuple[tuple[int, ...], tuple[int, ...]]  # colours of inputs, and those that only outputs have

_BOUND_PLACE = {"lbind": 0, "rbind": -1}  # of the parameter that these bind


def colours_of(program: Program) -> tuple[str, ...]:
    """Returns the names of the colours in a program, in the order in which they are met."""
    return tuple(
        dict.fromkeys(
            call.arguments[place]
            for call in program.calls
            for place in _colour_places(call)
            if call.arguments[place] in COLOUR_NAMES
        )
    )


def recoloured(program: Program, names: Mapping[str, str]) -> Program:
    """Returns a program with other colours.

    Args:
        program: the program.
        names: of its colours, and what they become. A name that is one somewhere is replaced wherever it may
            be one: where a colour is asked for, or anything.
    """
    return Program(tuple(_recoloured(call, names) for call in program.calls))


def draw_recoloured(program: Program, palette: Sequence[str], rng: random.Random) -> Program | None:
    """Puts another colour in place of one of a program's, throughout; the two change places if it has both.

    Args:
        program: the program.
        palette: the names of the colours to choose from.
        rng: where the choices come from.

    Returns:
        The program; None if it names no colour, or there is no other.
    """
    colours = colours_of(program)
    if not colours:
        return None
    old = rng.choice(colours)
    others = [name for name in palette if name != old]
    if not others:
        return None
    new = rng.choice(others)
    return recoloured(program, {old: new, new: old} if new in colours else {old: new})


def ranked_colours(pairs: Sequence[tuple[Grid, Grid]]) -> Ranked:
    """Returns the colours of inputs and those that only outputs have, each by the share of cells they fill.

    Args:
        pairs: inputs and outputs.
    """
    given, made = defaultdict[int, float](float), defaultdict[int, float](float)
    for pair in pairs:
        for grid, shares in zip(pair, (given, made), strict=True):
            for colour, count in Counter(cell for row in grid for cell in row).items():
                shares[colour] += count / num_cells(grid)
    return _by_share(given), tuple(colour for colour in _by_share(made) if colour not in given)


def colours_by_task(tasks: Iterable[Task]) -> dict[str, Ranked]:
    """Returns the colours of tasks' demonstrations, ranked, by the tasks' ids."""
    return {
        task.id: ranked_colours([(pair.input, pair.output) for pair in task.train if pair.output])
        for task in tasks
    }


def _by_share(shares: Mapping[int, float]) -> tuple[int, ...]:
    return tuple(sorted(shares, key=lambda colour: (-shares[colour], colour)))


def _colour_places(call: Call) -> tuple[int, ...]:
    """Returns the places of the arguments of a call that are colours."""
    traits = TRAITS.get(call.function)
    if call.function not in _BOUND_PLACE:
        return traits.colours if traits else ()
    bound = TRAITS.get(call.arguments[0])
    return (1,) if bound and _BOUND_PLACE[call.function] % _arity(bound) in bound.colours else ()


def _may_be_colour(call: Call, place: int) -> bool:
    if place in _colour_places(call):
        return True
    traits = TRAITS.get(call.function)
    if place and call.function in _BOUND_PLACE:
        traits, place = TRAITS.get(call.arguments[0]), _BOUND_PLACE[call.function]
    return traits is None or traits.signature.parameters[place] is Type.ANY


def _arity(traits: Traits) -> int:
    return len(traits.signature.parameters)


def _recoloured(call: Call, names: Mapping[str, str]) -> Call:
    arguments = (
        names.get(name, name) if _may_be_colour(call, place) else name
        for place, name in enumerate(call.arguments)
    )
    return Call(call.function, tuple(arguments))
