"""Variation: programs made of one or two others.

Mutations are those of training tasks (`mutation.mutate`), but that what fits is tried with values of the task
at hand. Of two programs one is run on what the other gives, or lends the other a line with all that it needs.
"""

import random
from collections.abc import Mapping
from types import MappingProxyType

from codeit_jax.dsl.program import INPUT, Call, Program, renamed, variable, without_dead_lines
from codeit_jax.mutation.subject import Subject


def compose(outer: Program, inner: Program) -> Program:
    """Returns the program that runs one on the output of another."""
    return without_dead_lines(joined(inner, outer, {INPUT: variable(len(inner))}))


def graft(stock: Subject, scion: Subject, rng: random.Random) -> Program | None:
    """Puts a line of one program, with the lines that it needs, in place of one of another of the same shape.

    Args:
        stock: what is changed.
        scion: what lends a line.
        rng: where the choices come from.

    Returns:
        The program; None if the first has no line but its last, or no line of the second has the shape of the
        one that was drawn.
    """
    if len(stock.lines) < 2:
        return None
    line = rng.choice(stock.lines[:-1])
    fitting = [each for each in scion.lines if scion.shapes[each] == stock.shapes[line]]
    if not fitting:
        return None
    lent = Program(scion.program.calls[: rng.choice(fitting) + 1])
    return without_dead_lines(joined(lent, stock.program, {variable(line + 1): variable(len(lent))}))


def joined(first: Program, second: Program, instead: Mapping[str, str] = MappingProxyType({})) -> Program:
    """Returns the lines of two programs one after another.

    Args:
        first: the program whose lines come first.
        second: the one whose lines follow; the output is its.
        instead: names of the second, and those of the first that they become.
    """
    names = {variable(line): variable(line + len(first)) for line in range(1, len(second) + 1)}
    names.update(instead)
    return Program((*first.calls, *[renamed(call, names) for call in second.calls]))


def tidied(program: Program) -> Program:
    """Returns the program without lines that do nothing, do what an earlier one did, or lead to nothing."""
    names: dict[str, str] = {}
    known: dict[Call, str] = {}
    calls: list[Call] = []
    for line, call in enumerate(program.calls, start=1):
        call = renamed(call, names)
        is_last = line == len(program)
        if call.function == "identity" and not is_last:
            names[variable(line)] = call.arguments[0]
            continue
        if call not in known or is_last:
            calls.append(call)
            known[call] = variable(len(calls))
        names[variable(line)] = known[call]
    return without_dead_lines(Program(tuple(calls)))
