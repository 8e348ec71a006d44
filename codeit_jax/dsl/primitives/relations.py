"""Primitives that relate one patch to another, or to a grid: directions, distances and contact."""

from bisect import bisect_left

from codeit_jax.dsl.primitives.patches import center, toindices
from codeit_jax.dsl.primitives.reading import extreme, locations
from codeit_jax.dsl.types import Location, Value

__all__ = [
    "adjacent",
    "bordering",
    "gravitate",
    "hmatching",
    "manhattan",
    "position",
    "vmatching",
]

# How far `gravitate` lets a patch fall that never meets the other.
FALL = 42


def position(a: Value, b: Value) -> Location:
    """Returns the direction from one patch's centre to another's, as signs; `(0, -1)` if they agree."""
    (a_row, a_column), (b_row, b_column) = center(toindices(a)), center(toindices(b))
    down = (a_row < b_row) - (a_row > b_row)
    if down and a_column == b_column:
        return (down, 0)
    return (down, 1 if a_column < b_column else -1)


def hmatching(a: Value, b: Value) -> bool:
    """Whether two patches have cells in a common row."""
    return not {i for i, _ in locations(a)}.isdisjoint([i for i, _ in locations(b)])


def vmatching(a: Value, b: Value) -> bool:
    """Whether two patches have cells in a common column."""
    return not {j for _, j in locations(a)}.isdisjoint([j for _, j in locations(b)])


def bordering(patch: Value, grid: Value) -> bool:
    """Whether a patch reaches the first or last row or column of a grid."""
    pairs = locations(patch)
    lines, columns = [i for i, _ in pairs], [j for _, j in pairs]
    return (
        extreme(min, lines, patch) == 0
        or extreme(min, columns, patch) == 0
        or extreme(max, lines, patch) == len(grid) - 1
        or extreme(max, columns, patch) == len(grid[0]) - 1
    )


def _by_column(pairs: list[tuple[int, int]]) -> dict[int, list[int]]:
    columns: dict[int, list[int]] = {}
    for i, j in pairs:
        columns.setdefault(j, []).append(i)
    return columns


def _numbers(patch: Value) -> tuple[list[tuple[int, int]], int, int, int, int]:
    """Returns the locations of a non-empty patch of numbers, and its first and last row and column."""
    pairs = list(locations(patch))
    lines, columns = [i for i, _ in pairs], [j for _, j in pairs]
    top, bottom, left, right = min(lines), max(lines), min(columns), max(columns)
    if not (isinstance(top, int) and isinstance(left, int)):
        raise TypeError("the patch has locations which are no numbers")
    return pairs, top, bottom, left, right


def manhattan(a: Value, b: Value) -> int:
    """Returns the smallest Manhattan distance between a cell of one patch and a cell of the other.

    Raises:
        ValueError: one of them is empty.
    """
    if len(a) * len(b) < 50:
        b_pairs = locations(b)
        return min([abs(i - k) + abs(j - m) for i, j in locations(a) for k, m in b_pairs])
    a_pairs, b_pairs = _numbers(a)[0], _numbers(b)[0]
    # In a pair of columns only neighbours in the joint order of rows can be closest.
    b_columns = [(j, sorted(lines)) for j, lines in _by_column(b_pairs).items()]
    best = abs(a_pairs[0][0] - b_pairs[0][0]) + abs(a_pairs[0][1] - b_pairs[0][1])
    for j, a_lines in _by_column(a_pairs).items():
        for m, b_lines in b_columns:
            gap = abs(j - m)
            if gap >= best:
                continue
            for i in a_lines:
                place = bisect_left(b_lines, i)
                for k in b_lines[max(place - 1, 0) : place + 1]:
                    best = min(best, gap + abs(i - k))
    return best


def adjacent(a: Value, b: Value) -> bool:
    """Whether two patches do not overlap but touch along an edge.

    Raises:
        ValueError: one of them is empty.
    """
    a_pairs, a_top, a_bottom, a_left, a_right = _numbers(a)
    b_pairs, b_top, b_bottom, b_left, b_right = _numbers(b)
    if a_top - b_bottom > 1 or b_top - a_bottom > 1 or a_left - b_right > 1 or b_left - a_right > 1:
        return False
    fewer, more = (a_pairs, set(b_pairs)) if len(a_pairs) < len(b_pairs) else (b_pairs, set(a_pairs))
    if not more.isdisjoint(fewer):
        return False
    for i, j in fewer:
        if (i - 1, j) in more or (i + 1, j) in more or (i, j - 1) in more or (i, j + 1) in more:
            return True
    return False


def gravitate(source: Value, destination: Value) -> Location:
    """Returns how far to move one patch, along an axis, until it is adjacent to the other.

    It moves up or down if the patches have a common column, and left or right if not; towards the other's
    centre; and 42 cells if it never becomes adjacent on the way.
    """
    source_row, source_column = center(source)
    destination_row, destination_column = center(destination)
    ours, theirs = locations(source), locations(destination)
    vertical = vmatching(source, destination)
    if vertical:
        step = 1 if source_row < destination_row else -1
    else:
        step = 1 if source_column < destination_column else -1
        ours, theirs = [(j, i) for i, j in ours], [(j, i) for i, j in theirs]
    # Moves after which two cells coincide, and after which two cells are neighbours.
    overlapping: set[int] = set()
    touching: set[int] = set()
    ends = _by_column(list(theirs))
    for line, starts in _by_column(list(ours)).items():
        for near in (line - 1, line, line + 1):
            moves = {(end - start) * step for end in ends.get(near, ()) for start in starts}
            if near == line:
                overlapping |= moves
                touching.update([move - 1 for move in moves], [move + 1 for move in moves])
            else:
                touching |= moves
    move = step * min([move for move in touching - overlapping if 0 <= move < FALL], default=FALL)
    return (move, 0) if vertical else (0, move)
