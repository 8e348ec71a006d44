"""Primitives about colours and objects: which colours there are, and which cells belong together."""

from collections import Counter
from collections.abc import Callable
from itertools import chain
from typing import Any

from codeit_jax.arc.grid import Grid
from codeit_jax.dsl.primitives.patches import normalize, shape, shift
from codeit_jax.dsl.primitives.reading import locations, rows, tuples
from codeit_jax.dsl.primitives.symmetry import dmirror
from codeit_jax.dsl.types import Indices, Object, Objects, Value, canonical_min, in_order

__all__ = [
    "asobject",
    "color",
    "colorcount",
    "colorfilter",
    "fgpartition",
    "frontiers",
    "hperiod",
    "leastcolor",
    "mostcolor",
    "numcolors",
    "objects",
    "occurrences",
    "palette",
    "partition",
    "toobject",
    "vperiod",
]


def _colors(element: Value) -> list[Value]:
    """Returns the colour of each cell of a grid or an object."""
    if isinstance(element, tuple):
        return list(chain.from_iterable(element))
    try:
        # Both unpacked and subscripted, an item is a pair and no set.
        return [cell[0] for cell in element for _, _ in (cell,)]
    except TypeError:
        return [value for value, _ in tuples(element)]


def _color_by_frequency(element: Value, select: Callable[..., Any]) -> Value:
    counts = Counter(_colors(element))
    frequency = select(counts.values())
    return canonical_min([value for value, count in counts.items() if count == frequency])


def mostcolor(element: Value) -> int:
    """Returns the most frequent colour; of equally frequent ones, the lowest.

    Raises:
        ValueError: there are no cells.
    """
    return _color_by_frequency(element, max)


def leastcolor(element: Value) -> int:
    """Returns the least frequent colour that occurs; of equally frequent ones, the lowest.

    Raises:
        ValueError: there are no cells.
    """
    return _color_by_frequency(element, min)


def colorcount(element: Value, value: int) -> int:
    """Returns how many cells have a colour."""
    if isinstance(element, tuple):
        return sum([row.count(value) for row in element])
    return _colors(element).count(value)


def palette(element: Value) -> frozenset[int]:
    """Returns the colours that occur."""
    return frozenset(chain.from_iterable(element) if isinstance(element, tuple) else _colors(element))


def numcolors(element: Value) -> int:
    """Returns how many colours occur."""
    return len(palette(element))


def color(obj: Value) -> int:
    """Returns an object's colour; of several, that of its first cell.

    Raises:
        ValueError, IndexError: the object is empty.
    """
    if isinstance(obj, tuple):
        return obj[0][0]
    try:
        colors = {cell[0] for cell in obj}
    except TypeError:
        return canonical_min(obj)[0]
    # The first of several tuples has the first of their first entries.
    return colors.pop() if len(colors) == 1 else canonical_min(colors)


def colorfilter(objs: Value, value: int) -> Objects:
    """Returns the objects of a colour, as `color` tells it."""
    return frozenset([obj for obj in objs if color(obj) == value])


def asobject(grid: Grid) -> Object:
    """Returns all cells of a grid as one object."""
    return frozenset([(value, (i, j)) for i, row in enumerate(rows(grid)) for j, value in enumerate(row)])


def toobject(patch: Value, grid: Grid) -> Object:
    """Returns the cells of a grid at a patch's locations; those outside the grid are left out."""
    height, width = len(grid), len(grid[0])
    return frozenset(
        [(grid[i][j], (i, j)) for i, j in locations(patch) if 0 <= i < height and 0 <= j < width]
    )


def _by_color(grid: Grid) -> dict[Value, list[tuple[Value, tuple[int, int]]]]:
    cells: dict[Value, list[tuple[Value, tuple[int, int]]]] = {}
    for i, row in enumerate(rows(grid)):
        for j, value in enumerate(row):
            cell = (value, (i, j))
            if value in cells:
                cells[value].append(cell)
            else:
                cells[value] = [cell]
    return cells


def partition(grid: Grid) -> Objects:
    """Returns an object for each colour of a grid: all its cells."""
    cells = _by_color(grid)
    return frozenset([frozenset(cells[value]) for value in palette(grid)])


def fgpartition(grid: Grid) -> Objects:
    """Returns an object for each colour of a grid but the most frequent one: all its cells."""
    cells = _by_color(grid)
    return frozenset([frozenset(cells[value]) for value in palette(grid) - {mostcolor(grid)}])


def objects(grid: Grid, univalued: bool, diagonal: bool, without_bg: bool) -> Objects:
    """Returns the connected components of a grid.

    Args:
        grid: the grid.
        univalued: whether only cells of the same colour are connected.
        diagonal: whether cells that share only a corner are connected.
        without_bg: whether cells of the most frequent colour belong to no object.
    """
    background = mostcolor(grid) if without_bg else None
    width = len(grid[0])
    if width == 0:
        return frozenset()
    # The grid laid out flat, closed off by a column on the right and a row above and below. A cell is also
    # closed once it is taken, so a component is what can be reached through equal labels from its first cell.
    closed = object()
    stride = width + 1
    labels: list[Any] = [closed] * stride
    cells: list[Any] = [None] * stride
    for i, row in enumerate(grid):
        line = row[:width]
        if len(line) < width:
            raise IndexError("objects are asked of rows of unequal lengths")
        if background in line or not univalued:
            labels += [closed if value == background else value if univalued else True for value in line]
        else:
            labels += line
        labels.append(closed)
        cells += [(value, (i, j)) for j, value in enumerate(line)]
        cells.append(None)
    labels += [closed] * stride
    steps = [-1, 1, -stride, stride]
    if diagonal:
        steps += [-stride - 1, -stride + 1, stride - 1, stride + 1]
    components = []
    for start, label in enumerate(labels):
        if label is closed:
            continue
        labels[start] = closed
        reached = [start]
        for place in reached:
            for step in steps:
                if labels[place + step] == label:
                    labels[place + step] = closed
                    reached.append(place + step)
        components.append(frozenset([cells[place] for place in reached]))
    return frozenset(components)


def occurrences(grid: Grid, obj: Value) -> Indices:
    """Returns where an object's upper left corner may lie for all its cells to agree with a grid."""
    pattern = normalize(obj)
    height, width = len(grid), len(grid[0])
    if set(map(type, grid)) != {tuple} or min(map(len, grid)) < width:
        return _occurrences_in_ragged(grid, pattern)
    if width == 0:
        return frozenset()
    cells = [(value, i, j) for value, (i, j) in tuples(pattern)]
    lowest, rightmost = max([i for _, i, _ in cells], default=0), max([j for _, _, j in cells], default=0)
    if lowest >= height or rightmost >= width:
        return frozenset()
    # One bit a cell of the grid, so that one operation on integers moves and compares everywhere at once.
    values = [value for row in grid for value in row[:width]]
    values.reverse()
    line = (1 << (width - rightmost)) - 1
    possible = sum([line << (i * width) for i in range(height - lowest)])
    masks = {}
    for value, i, j in cells:
        if value not in masks:
            masks[value] = int("".join(["1" if other == value else "0" for other in values]), 2)
        possible &= masks[value] >> (i * width + j)
        if not possible:
            break
    bits = bin(possible)[:1:-1]
    return frozenset([divmod(place, width) for place, bit in enumerate(bits) if bit == "1"])


def _occurrences_in_ragged(grid: Grid, pattern: Value) -> Indices:
    """The same for what is no proper grid, cell by cell: only reading a cell that is not there fails."""
    height, width = len(grid), len(grid[0])
    found = []
    for i in range(height):
        for j in range(width):
            for value, (a, b) in in_order(shift(pattern, (i, j))):
                if not (a < height and b < width) or grid[a][b] != value:
                    break
            else:
                found.append((i, j))
    return frozenset(found)


def frontiers(grid: Grid) -> Objects:
    """Returns each row and each column that has one colour only, as an object."""
    height, width = len(grid), len(grid[0])
    lines = [i for i, row in enumerate(grid) if len(set(row)) == 1]
    columns = [j for j, column in enumerate(dmirror(grid)) if len(set(column)) == 1]
    return frozenset(
        [frozenset([(grid[i][j], (i, j)) for j in range(width)]) for i in lines]
        + [frozenset([(grid[i][j], (i, j)) for i in range(height)]) for j in columns]
    )


def _period(cells: list[tuple[Value, int, int]], length: int) -> int:
    """Returns the least shift along the last coordinate after which cells from it on agree with the first."""
    present = set(cells)
    for period in range(1, length):
        for value, across, along in cells:
            if along >= period and (value, across, along - period) not in present:
                break
        else:
            return period
    return length


def hperiod(obj: Object) -> int:
    """Returns after how many columns an object repeats itself; its width if it does not."""
    pattern = normalize(obj)
    length = shape(pattern)[1]
    # Without a second column the cells are never looked at, and need not be any.
    return length if length < 2 else _period([(value, i, j) for value, (i, j) in tuples(pattern)], length)


def vperiod(obj: Object) -> int:
    """Returns after how many rows an object repeats itself; its height if it does not."""
    pattern = normalize(obj)
    length = shape(pattern)[0]
    return length if length < 2 else _period([(value, j, i) for value, (i, j) in tuples(pattern)], length)
