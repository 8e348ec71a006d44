"""Input augmentation: a task's inputs in other colours, turned, cropped and resized.

Nothing here says what the output for an augmented input is: a program has to be run on it to know.
"""

import dataclasses
import random
from collections.abc import Callable, Sequence
from enum import StrEnum

from codeit_jax.arc.grid import MAX_SIDE, NUM_COLOURS, Grid
from codeit_jax.config import AugmentationConfig
from codeit_jax.dsl.primitives.grids import crop, upscale
from codeit_jax.dsl.primitives.higher_order import identity
from codeit_jax.dsl.primitives.objects import mostcolor
from codeit_jax.dsl.primitives.symmetry import cmirror, dmirror, hmirror, rot90, rot180, rot270, vmirror

SYMMETRIES: tuple[Callable[[Grid], Grid], ...] = (
    identity,
    rot90,
    rot180,
    rot270,
    hmirror,
    vmirror,
    dmirror,
    cmirror,
)
MIN_CROPPED_SIDE = 3  # what is left of a side; also at least half of it
MAX_PADDING = 5  # rows, and columns, that padding adds at most
_TILINGS = ((1, 2), (2, 1), (2, 2))
_MAX_TRIES = 10


class Augmentation(StrEnum):
    """A kind of change to inputs.

    Colours and symmetry are drawn once for all inputs of a task, crops and sizes for each input.
    """

    COLOURS = "colours"
    SYMMETRY = "symmetry"
    CROP = "crop"
    SIZE = "size"


@dataclasses.dataclass(frozen=True)
class AugmentedInputs:
    """Inputs made of a task's inputs.

    Attributes:
        kinds: what was done to them.
        grids: the inputs, no two of them equal, in the order of those they were made of.
    """

    kinds: tuple[Augmentation, ...]
    grids: tuple[Grid, ...]


@dataclasses.dataclass(frozen=True)
class Augmenter:
    """Draws augmented inputs.

    Attributes:
        kinds: what may be done, at least one kind; each draw takes every kind with probability 1/2, and one
            of them if that leaves none.
    """

    kinds: tuple[Augmentation, ...] = tuple(Augmentation)

    @classmethod
    def of(cls, settings: AugmentationConfig) -> "Augmenter":
        """Returns that of a run."""
        kinds = {
            Augmentation.COLOURS: settings.colour_permutations,
            Augmentation.SYMMETRY: settings.symmetries,
            Augmentation.CROP: settings.crops,
            Augmentation.SIZE: settings.sizes,
        }
        return cls(tuple(kind for kind, is_on in kinds.items() if is_on))

    def draw(self, inputs: Sequence[Grid], rng: random.Random) -> AugmentedInputs:
        """Draws augmented inputs once; where inputs become equal, there are fewer of them."""
        kinds = tuple(kind for kind in self.kinds if rng.random() < 0.5) or (rng.choice(self.kinds),)
        grids = list(inputs)
        if Augmentation.CROP in kinds:
            grids = [draw_crop(grid, rng) for grid in grids]
        if Augmentation.SIZE in kinds:
            grids = [draw_size(grid, rng) for grid in grids]
        if Augmentation.SYMMETRY in kinds:
            symmetry = rng.choice(SYMMETRIES[1:])
            grids = [symmetry(grid) for grid in grids]
        if Augmentation.COLOURS in kinds:
            colours = draw_colours(rng)
            grids = [recolour(grid, colours) for grid in grids]
        return AugmentedInputs(kinds, tuple(dict.fromkeys(grids)))

    def draw_several(
        self, inputs: Sequence[Grid], count: int, min_inputs: int, rng: random.Random
    ) -> list[AugmentedInputs]:
        """Draws augmented inputs, none of them equal to others or to the inputs they are made of.

        Args:
            inputs: a task's inputs.
            count: how many augmented inputs to draw; there are fewer where the inputs do not allow so many.
            min_inputs: how many grids each has at least.
            rng: where the choices come from.
        """
        original = tuple(dict.fromkeys(inputs))
        drawn: dict[tuple[Grid, ...], AugmentedInputs] = {}
        for _ in range(_MAX_TRIES * count):
            if len(drawn) == count:
                break
            augmented = self.draw(inputs, rng)
            if len(augmented.grids) >= min_inputs and augmented.grids != original:
                drawn.setdefault(augmented.grids, augmented)
        return list(drawn.values())


def recolour(grid: Grid, colours: Sequence[int]) -> Grid:
    """Returns the grid with colour `c` replaced by `colours[c]`."""
    return tuple([tuple([colours[cell] for cell in row]) for row in grid])


def draw_colours(rng: random.Random) -> tuple[int, ...]:
    """Draws a permutation of the colours under which 0 stays what it is.

    It is the background of most tasks, and many programs name it as such: with another one, fewer of them do
    what they are for.
    """
    return (0, *rng.sample(range(1, NUM_COLOURS), NUM_COLOURS - 1))


def draw_crop(grid: Grid, rng: random.Random) -> Grid:
    """Draws a part of a grid: a rectangle of at least half of each side, and of at least 3 where it has 3.

    A part of a single colour is drawn again; if that goes on, the grid stays whole.
    """
    for _ in range(_MAX_TRIES):
        top, height = _draw_span(len(grid), rng)
        left, width = _draw_span(len(grid[0]), rng)
        part = crop(grid, (top, left), (height, width))
        if len(set().union(*part)) > 1:
            return part
    return grid


def draw_size(grid: Grid, rng: random.Random) -> Grid:
    """Draws a larger grid made of another: padded with its most common colour, tiled, or scaled by 2.

    Only what has sides of at most 30 is drawn; a grid of 30 x 30 stays as it is.
    """
    height, width = len(grid), len(grid[0])
    tilings = [(down, across) for down, across in _TILINGS if max(down * height, across * width) <= MAX_SIDE]
    ways: list[Callable[[], Grid]] = [lambda: _draw_padded(grid, rng)]
    if tilings:
        ways.append(lambda: tile(grid, *rng.choice(tilings)))
    if (2, 2) in tilings:
        ways.append(lambda: upscale(grid, 2))
    return rng.choice(ways)()


def tile(grid: Grid, down: int, across: int) -> Grid:
    """Returns the grid repeated so many times downwards and to the right."""
    return tuple([row * across for row in grid]) * down


def pad(grid: Grid, top: int, bottom: int, left: int, right: int, colour: int) -> Grid:
    """Returns the grid with rows and columns of one colour added at its sides."""
    blank = (colour,) * (left + len(grid[0]) + right)
    rows = [(colour,) * left + row + (colour,) * right for row in grid]
    return (blank,) * top + tuple(rows) + (blank,) * bottom


def _draw_span(side: int, rng: random.Random) -> tuple[int, int]:
    """Draws where a part of a side begins, and how long it is."""
    length = rng.randint(min(side, max(MIN_CROPPED_SIDE, (side + 1) // 2)), side)
    return rng.randint(0, side - length), length


def _draw_padded(grid: Grid, rng: random.Random) -> Grid:
    height, width = (rng.randint(0, min(MAX_PADDING, MAX_SIDE - side)) for side in (len(grid), len(grid[0])))
    top, left = rng.randint(0, height), rng.randint(0, width)
    return pad(grid, top, height - top, left, width - left, mostcolor(grid))
