"""Exploring: programs for the regions that a task's inputs have, the plainer first.

Sets of objects and cells of a colour; of each set the objects that stand out, or all of them together; and
what lies around, within, between or in line with these.
"""

import re
from collections.abc import Iterator, Sequence

from codeit_jax.dsl.program import INPUT, Call, Program, renamed, variable, without_dead_lines
from codeit_jax.dsl.types import Value
from codeit_jax.evolution.edges import extended
from codeit_jax.evolution.regions import Regions

_CALL = re.compile(r"(\w+)\(([^()]*)\)")
_MAX_REGIONS = 1_500  # that are made of a task's inputs
_MAX_CELLS = 30  # of a region whose cells each lead to others
_COLOUR = "c"  # stands for each of a task's colours


def _steps(*texts: str) -> tuple[tuple[Call, ...], ...]:
    """Parses steps, each some calls of which `yk` is the value of the k-th, from 0."""
    return tuple(
        tuple(Call(name, tuple(arguments.split(", "))) for name, arguments in _CALL.findall(text))
        for text in texts
    )


_SETS = _steps(
    "objects(I, T, F, T)",
    "objects(I, T, T, T)",
    "objects(I, F, F, T)",
    "objects(I, F, T, T)",
    "objects(I, T, F, F)",
    "objects(I, T, T, F)",
    "partition(I)",
    "fgpartition(I)",
    "frontiers(I)",
    f"objects(I, T, F, F) colorfilter(y0, {_COLOUR})",
    f"objects(I, T, T, F) colorfilter(y0, {_COLOUR})",
)
_REGIONS = _steps("asindices(I)", f"ofcolor(I, {_COLOUR})")
# From a set of objects to regions.
_PICKS = _steps(
    "merge(_)",
    "argmax(_, size)",
    "argmin(_, size)",
    "argmax(_, numcolors)",
    "argmax(_, height)",
    "argmax(_, width)",
    "argmin(_, height)",
    "argmin(_, width)",
    "argmin(_, uppermost)",
    "argmax(_, uppermost)",
    "argmin(_, leftmost)",
    "argmax(_, leftmost)",
    "sizefilter(_, ONE) merge(y0)",
    "sizefilter(_, TWO) merge(y0)",
    "sizefilter(_, THREE) merge(y0)",
    "sizefilter(_, FOUR) merge(y0)",
    "mfilter(_, square)",
    "mfilter(_, hline)",
    "mfilter(_, vline)",
    "mfilter(_, portrait)",
    "rbind(bordering, I) mfilter(_, y0)",
    "rbind(bordering, I) compose(flip, y0) mfilter(_, y1)",
    "matcher(numcolors, ONE) mfilter(_, y0)",
    "matcher(size, ONE) compose(flip, y0) mfilter(_, y1)",
    "argmax(_, size) remove(y0, _) merge(y1)",
    "argmin(_, size) remove(y0, _) merge(y1)",
    "valmax(_, size) sizefilter(_, y0) merge(y1)",
    "valmin(_, size) sizefilter(_, y0) merge(y1)",
    "mapply(delta, _)",
    "mapply(backdrop, _)",
    "mapply(box, _)",
    "mapply(outbox, _)",
    "mapply(inbox, _)",
    "mapply(corners, _)",
    "apply(center, _) mapply(neighbors, y0)",
    "apply(center, _) mapply(ineighbors, y0)",
    "apply(center, _) mapply(dneighbors, y0)",
    "apply(center, _) mapply(vfrontier, y0)",
    "apply(center, _) mapply(hfrontier, y0)",
    "apply(center, _)",
    "apply(ulcorner, _)",
)
# From a region to others.
_WAYS = _steps(
    "delta(_)",
    "backdrop(_)",
    "box(_)",
    "outbox(_)",
    "inbox(_)",
    "corners(_)",
    "asindices(I) difference(y0, _)",
    "shift(_, UP)",
    "shift(_, DOWN)",
    "shift(_, LEFT)",
    "shift(_, RIGHT)",
    "shift(_, UNITY)",
    "vmirror(_)",
    "hmirror(_)",
    "dmirror(_)",
    "cmirror(_)",
    "center(_) vfrontier(y0)",
    "center(_) hfrontier(y0)",
    "center(_) initset(y0)",
    "center(_) neighbors(y0)",
)
# The same from each cell of a small one.
_WAYS_OF_CELLS = _steps(
    "toindices(_) mapply(neighbors, y0)",
    "toindices(_) mapply(dneighbors, y0)",
    "toindices(_) mapply(ineighbors, y0)",
    "toindices(_) mapply(vfrontier, y0)",
    "toindices(_) mapply(hfrontier, y0)",
    "toindices(_) prapply(connect, y0, y0) merge(y1)",
    "toindices(_) rbind(shoot, UP) mapply(y1, y0)",
    "toindices(_) rbind(shoot, DOWN) mapply(y1, y0)",
    "toindices(_) rbind(shoot, LEFT) mapply(y1, y0)",
    "toindices(_) rbind(shoot, RIGHT) mapply(y1, y0)",
    "toindices(_) rbind(shoot, UNITY) mapply(y1, y0)",
    "toindices(_) rbind(shoot, NEG_UNITY) mapply(y1, y0)",
    "toindices(_) rbind(shoot, UP_RIGHT) mapply(y1, y0)",
    "toindices(_) rbind(shoot, DOWN_LEFT) mapply(y1, y0)",
)


def explore(regions: Regions, colours: Sequence[str]) -> None:
    """Adds the regions of a task's inputs.

    Args:
        regions: what they are added to.
        colours: the names of the task's colours.
    """
    found = list(_after(None, _REGIONS, colours))
    known: set[Value] = set()
    for objects in _after(None, _SETS, colours):
        value = regions.value_of(objects, 0)
        if value and value not in known:
            known.add(value)
            found += _after(objects, _PICKS)
    for region in [program for program in found if regions.add(program)]:
        is_small = len(regions.value_of(region, 0)) <= _MAX_CELLS
        for program in _after(region, (*_WAYS, *_WAYS_OF_CELLS) if is_small else _WAYS):
            if len(regions) >= _MAX_REGIONS:
                return
            regions.add(program)


def add_lines(regions: Regions, program: Program) -> None:
    """Adds the regions that a program makes on its way, and those of the sets of objects that it does."""
    for line in range(1, len(program)):
        part = without_dead_lines(Program(program.calls[:line]))
        value = regions.value_of(part, 0)
        if isinstance(value, frozenset) and value:
            if all(isinstance(item, frozenset) for item in value):
                part = Program((*part.calls, Call("merge", (variable(len(part)),))))
            regions.add(part)


def _after(
    program: Program | None, steps: Sequence[tuple[Call, ...]], colours: Sequence[str] = ()
) -> Iterator[Program]:
    """Yields the programs that steps make of one, or of the input, with each of the colours that are open."""
    lines, name = (program.calls, variable(len(program))) if program else ((), INPUT)
    for calls in steps:
        is_open = any(_COLOUR in call.arguments for call in calls)
        for colour in colours if is_open else [""]:
            chosen = [renamed(call, {_COLOUR: colour}) for call in calls]
            yield Program(extended(lines, name, chosen)[0])
