"""What a test input is answered with where no program gives an output: a grid of the likeliest size."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import TypeVar

from codeit_jax.arc import Grid, Task
from codeit_jax.arc.grid import MAX_SIDE

Size = tuple[int, int]
Sizes = Sequence[tuple[Size, Size]]  # of demonstrations' inputs and outputs
Rule = Callable[[Size], Size] | None
Item = TypeVar("Item", int, Size)


def likely_outputs(task: Task, grid: Grid) -> Iterator[Grid]:
    """Yields valid grids that differ, likelier ones first; there is at least one.

    All are of the size that the first of these rules gives which holds for all demonstrations:

    1. the input's size;
    2. one size for all;
    3. the input's, turned;
    4. each side a multiple, or a part, of the input's;
    5. each side longer or shorter than the input's by so many cells;

    and where none does of the size that most of their outputs have. In them stand the input, the commonest
    colour of each cell in the demonstrations' outputs of that size, the input enlarged or reduced, and the
    outputs' commonest colour.

    Args:
        task: the task; its test outputs are not looked at.
        grid: the test input.
    """
    made: set[Grid] = set()
    for each in _filled(task, grid):  # as far as they are asked for
        if each not in made:
            made.add(each)
            yield each


def _filled(task: Task, grid: Grid) -> Iterator[Grid]:
    outputs = [pair.output for pair in task.train if pair.output is not None]
    sizes = [(size_of(pair.input), size_of(pair.output)) for pair in task.train if pair.output is not None]
    height, width = likely_size(sizes, size_of(grid))
    if size_of(grid) == (height, width):
        yield grid
    fitting = [output for output in outputs if size_of(output) == (height, width)]
    if fitting:
        yield _commonest_cells(fitting)
    yield _resized(grid, height, width)
    colours = Counter(cell for output in outputs for row in output for cell in row)
    yield ((_commonest(colours),) * width,) * height


def likely_size(demonstrations: Sizes, size: Size) -> Size:
    """Returns the size of the output for an input of a size; see `likely_outputs`."""
    for rule in (_same, _fixed, _turned, _scaled, _shifted):
        predict = rule(demonstrations)
        if predict is not None and _is_valid(found := predict(size)):
            return found
    return _commonest(Counter(output for _, output in demonstrations))


def size_of(grid: Grid) -> Size:
    """Returns the rows and columns of a grid."""
    return len(grid), len(grid[0])


def _same(demonstrations: Sizes) -> Rule:
    return (lambda size: size) if all(a == b for a, b in demonstrations) else None


def _fixed(demonstrations: Sizes) -> Rule:
    outputs = {output for _, output in demonstrations}
    return (lambda _: min(outputs)) if len(outputs) == 1 else None


def _turned(demonstrations: Sizes) -> Rule:
    return (lambda size: size[::-1]) if all(a == b[::-1] for a, b in demonstrations) else None


def _scaled(demonstrations: Sizes) -> Rule:
    ratios = {(Fraction(b[0], a[0]), Fraction(b[1], a[1])) for a, b in demonstrations}
    if len(ratios) > 1:
        return None
    ((rows, columns),) = ratios
    return lambda size: (_whole(size[0] * rows), _whole(size[1] * columns))


def _shifted(demonstrations: Sizes) -> Rule:
    differences = {(b[0] - a[0], b[1] - a[1]) for a, b in demonstrations}
    if len(differences) > 1:
        return None
    ((rows, columns),) = differences
    return lambda size: (size[0] + rows, size[1] + columns)


def _whole(number: Fraction) -> int:
    return int(number) if number.denominator == 1 else 0


def _is_valid(size: Size) -> bool:
    return all(1 <= side <= MAX_SIDE for side in size)


def _commonest(counts: Counter[Item]) -> Item:
    """Returns the commonest item, of equals the least."""
    return min(counts, key=lambda item: (-counts[item], item))


def _commonest_cells(grids: Sequence[Grid]) -> Grid:
    return tuple(
        tuple(_commonest(Counter(cells)) for cells in zip(*rows, strict=True))
        for rows in zip(*grids, strict=True)
    )


def _resized(grid: Grid, height: int, width: int) -> Grid:
    """Returns the grid with each cell enlarged, or but some of its cells."""
    rows, columns = size_of(grid)
    return tuple(
        tuple(grid[i * rows // height][j * columns // width] for j in range(width)) for i in range(height)
    )
