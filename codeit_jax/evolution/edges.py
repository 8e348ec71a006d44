"""Edges: the steps of training programs from one value to another, each with how common it is.

An edge is a few lines of some training program, with a hole for what they are given. The colours in it are
left open, so that an edge of one task may be taken in another's.
"""

import dataclasses
import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from codeit_jax.dsl.program import INPUT, Call, Program, is_variable, renamed, variable
from codeit_jax.dsl.records import TRAITS
from codeit_jax.dsl.types import Type
from codeit_jax.evolution.colours import COLOUR_NAMES, NAME_OF_COLOUR
from codeit_jax.execution import Evaluator, GraphRun, ProgramGraph
from codeit_jax.mutation.parents import MutationParent
from codeit_jax.mutation.typing import line_types

HOLE = "_"
MAX_LINES = 3
MAX_COLOURS = 2
_COLOUR_COST = 0.7  # of a choice of colours, as a share of the bits that it takes


@dataclasses.dataclass(frozen=True)
class Edge:
    """A step of training programs.

    Attributes:
        given: the type of what it is given.
        calls: its lines, the last of which gives its value; line k, from 0, is `yk` in those after it, and
            `HOLE` is what it is given. `c0` and `c1` are colours.
        num_colours: how many of these there are.
        tasks: the training tasks whose programs have it.
    """

    given: Type
    calls: tuple[Call, ...]
    num_colours: int
    tasks: frozenset[str]


Library = Mapping[
    Type, Sequence[tuple[float, tuple[Call, ...]]]
]  # by type, edges without open colours, by cost


def mine_edges(parents: Iterable[MutationParent], max_lines: int = MAX_LINES) -> tuple[Edge, ...]:
    """Returns the edges of training programs, in the order in which they are met."""
    evaluator = Evaluator()
    found: dict[tuple[Type, tuple[Call, ...], int], set[str]] = defaultdict(set)
    for parent in parents:
        program = parent.solution
        values = GraphRun(ProgramGraph([program]), evaluator, parent.inputs[0]).values(0)
        types = [Type.GRID, *line_types(program, values)]
        for end in range(1, len(values) + 1):
            for start in range(end):
                calls = _between(program, start, end, max_lines)
                if calls is not None:
                    opened, num_colours = _open_colours(calls)
                    if num_colours <= MAX_COLOURS:
                        found[types[start], opened, num_colours].add(parent.task_id)
    return tuple(Edge(*key, frozenset(tasks)) for key, tasks in found.items())


def library_of(edges: Iterable[Edge], task_id: str, colours: Sequence[int]) -> Library:
    """Returns edges with a task's colours put in, and what each costs: the bits that its choice takes.

    Args:
        edges: the edges.
        task_id: the task; what only its own program has is left out.
        colours: those of the task.
    """
    counts = {edge: len(edge.tasks - {task_id}) for edge in edges}
    totals: Counter[Type] = Counter()
    for edge, count in counts.items():
        totals[edge.given] += count
    library: dict[Type, list[tuple[float, tuple[Call, ...]]]] = defaultdict(list)
    for edge, count in counts.items():
        if not count:
            continue
        choices = list(itertools.permutations(colours, edge.num_colours))
        cost = 1 + math.log2(totals[edge.given] / count)
        cost += _COLOUR_COST * math.log2(max(1, len(choices)))
        for choice in choices:
            names = {f"c{place}": NAME_OF_COLOUR[colour] for place, colour in enumerate(choice)}
            library[edge.given].append((cost, tuple(renamed(call, names) for call in edge.calls)))
    return {
        given: sorted(found, key=lambda each: (each[0], len(each[1]))) for given, found in library.items()
    }


def extended(lines: Sequence[Call], name: str, calls: Sequence[Call]) -> tuple[tuple[Call, ...], str]:
    """Returns lines with those of an edge after them that are not there yet, and the name of the last.

    Args:
        lines: the lines.
        name: of the value that the edge is given.
        calls: the edge's.
    """
    extended = list(lines)
    names = {HOLE: name}
    for place, call in enumerate(calls):
        line = renamed(call, names)
        if line not in extended or place == len(calls) - 1:
            extended.append(line)
            names[f"y{place}"] = variable(len(extended))
        else:
            names[f"y{place}"] = variable(extended.index(line) + 1)
    return tuple(extended), variable(len(extended))


def _between(program: Program, start: int, end: int, max_lines: int) -> tuple[Call, ...] | None:
    """Returns the lines that lead from one line, counted from 1, to another; from the input if it is 0.

    None if the second does not depend on the first, or there are too many.
    """
    hole = f"x{start}" if start else INPUT
    needed: list[int] = []
    is_touched = False

    def visit(line: int) -> bool:
        """Takes in a line after those that it needs; returns False where they are too many."""
        nonlocal is_touched
        for name in (program.calls[line - 1].function, *program.calls[line - 1].arguments):
            if name == hole:
                is_touched = True
            elif is_variable(name) and int(name[1:]) not in needed and not visit(int(name[1:])):
                return False
        needed.append(line)
        return len(needed) <= max_lines

    if not visit(end) or not is_touched:
        return None
    names = {f"x{line}": f"y{place}" for place, line in enumerate(needed)} | {hole: HOLE}
    return tuple(renamed(program.calls[line - 1], names) for line in needed)


def _open_colours(calls: Sequence[Call]) -> tuple[tuple[Call, ...], int]:
    """Returns lines with placeholders for the colours in them, and how many these are."""
    opened: dict[str, str] = {}
    lines = []
    for call in calls:
        arguments = list(call.arguments)
        for place in TRAITS[call.function].colours if call.function in TRAITS else ():
            if arguments[place] in COLOUR_NAMES:
                arguments[place] = opened.setdefault(arguments[place], f"c{len(opened)}")
        lines.append(Call(call.function, tuple(arguments)))
    return tuple(lines), len(opened)
