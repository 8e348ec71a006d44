"""Steps: what regions and colours of a task are made by, the plainer first.

Each is some calls of which `yk` is the value of the k-th, from 0. `_` is what it is given, and `COLOUR`
stands for each of the task's colours.
"""

import re

from codeit_jax.dsl.program import Call

COLOUR = "c"

_CALL = re.compile(r"(\w+)\(([^()]*)\)")


def _steps(*texts: str) -> tuple[tuple[Call, ...], ...]:
    return tuple(
        tuple(Call(name, tuple(arguments.split(", "))) for name, arguments in _CALL.findall(text))
        for text in texts
    )


# From the input to sets of objects.
SETS = _steps(
    "objects(I, T, F, T)",
    "objects(I, T, T, T)",
    "objects(I, F, F, T)",
    "objects(I, F, T, T)",
    "objects(I, T, F, F)",
    "objects(I, T, T, F)",
    "partition(I)",
    "fgpartition(I)",
    "frontiers(I)",
    f"objects(I, T, F, F) colorfilter(y0, {COLOUR})",
    f"objects(I, T, T, F) colorfilter(y0, {COLOUR})",
    "objects(I, T, F, F) rbind(bordering, I) compose(flip, y1) sfilter(y0, y2)",
    "objects(I, T, F, T) rbind(bordering, I) compose(flip, y1) sfilter(y0, y2)",
    f"objects(I, T, F, F) colorfilter(y0, {COLOUR}) rbind(bordering, I) compose(flip, y2) sfilter(y1, y3)",
    "objects(I, T, T, T) sfilter(y0, square)",
    "objects(I, T, T, T) sizefilter(y0, ONE)",
    "objects(I, T, T, T) sizefilter(y0, ONE) difference(y0, y1)",
    "fgpartition(I) valmax(y0, size) sizefilter(y0, y1) difference(y0, y2)",
)
REGIONS = _steps("asindices(I)", f"ofcolor(I, {COLOUR})")
# From a set of objects to regions.
PICKS = _steps(
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
# From a set of objects to what each of them makes, in its colour.
COLOURED = _steps(
    *(
        f"fork(recolor, color, {name}) mapply(y0, _)"
        for name in ("outbox", "inbox", "box", "backdrop", "delta", "corners")
    ),
    *(
        f"compose({name}, center) fork(recolor, color, y0) mapply(y1, _)"
        for name in ("neighbors", "dneighbors", "ineighbors", "vfrontier", "hfrontier")
    ),
    *(
        f"rbind(shoot, {name}) compose(y0, center) fork(recolor, color, y1) mapply(y2, _)"
        for name in ("UP", "DOWN", "LEFT", "RIGHT", "UNITY", "NEG_UNITY", "UP_RIGHT", "DOWN_LEFT")
    ),
    "fork(combine, vfrontier, hfrontier) compose(y0, center) fork(recolor, color, y1) mapply(y2, _)",
    *(
        f"rbind(shoot, {one}) rbind(shoot, {other}) fork(combine, y0, y1) compose(y2, center) "
        "fork(recolor, color, y3) mapply(y4, _)"
        for one, other in (("UNITY", "NEG_UNITY"), ("UP_RIGHT", "DOWN_LEFT"))
    ),
    *(f"rbind(shift, {name}) mapply(y0, _)" for name in ("UP", "DOWN", "LEFT", "RIGHT", "UNITY")),
    "fork(connect, ulcorner, lrcorner) fork(recolor, color, y0) mapply(y1, _)",
    "compose(outbox, outbox) fork(recolor, color, y0) mapply(y1, _)",
    "mapply(vmirror, _)",
    "mapply(hmirror, _)",
    "mapply(dmirror, _)",
    "mapply(cmirror, _)",
)
# From a region to others.
WAYS = _steps(
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
WAYS_OF_CELLS = _steps(
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
# From the input, or a set of objects, to colours.
COLOURS = _steps(
    "leastcolor(I)",
    "mostcolor(I)",
    "palette(I) remove(ZERO, y0) first(y1)",
    "palette(I) remove(ZERO, y0) last(y1)",
    "index(I, ORIGIN)",
    "urcorner(I) index(I, y0)",
    "llcorner(I) index(I, y0)",
    "lrcorner(I) index(I, y0)",
    "asobject(I) center(y0) index(I, y1)",
    "trim(I) mostcolor(y0)",
    "trim(I) leastcolor(y0)",
)
COLOURS_OF_SETS = _steps(
    *(f"{pick} mostcolor(y0)" for pick in ("merge(_)", "argmax(_, size)", "argmin(_, size)")),
    *(f"{pick} leastcolor(y0)" for pick in ("merge(_)", "argmax(_, size)", "argmin(_, size)")),
    *(f"argmax(_, {measure}) mostcolor(y0)" for measure in ("height", "width", "uppermost", "leftmost")),
    *(f"argmin(_, {measure}) mostcolor(y0)" for measure in ("height", "uppermost", "leftmost")),
    *(f"apply(color, _) {which}(y0)" for which in ("mostcommon", "leastcommon")),
    *(f"totuple(_) apply(color, y0) {which}(y1)" for which in ("mostcommon", "leastcommon")),
)
