"""The policy's prompt: a task's demonstrations written as text (CodeIt, grid representation).

The *sparse* text of a grid names its size, its most common colour (ties go to the lowest) and then, colour
by colour, the cells that differ: `6x6 background=0 3=1,2 2,1 2,3` is a grid of 6 rows and 6 columns of 0 with
3 at (1, 2), (2, 1) and (2, 3). The *dense* text writes every row as its digits: `2x3 000 030`.

A prompt is the text of all inputs and the text of all outputs, kept apart so that a tokenizer can cut each
section to its own number of tokens.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain

from codeit_jax.arc.grid import Grid, num_cells


@dataclass(frozen=True)
class Prompt:
    """The two sections of a prompt.

    Attributes:
        inputs: texts of the demonstrations' input grids, joined with `|`.
        outputs: texts of their output grids, in the same order.
    """

    inputs: str
    outputs: str

    @property
    def text(self) -> str:
        """The whole prompt: inputs, a newline, outputs."""
        return f"{self.inputs}\n{self.outputs}"


def make_prompt(
    pairs: Iterable[tuple[Grid, Grid]],
    max_demonstrations: int = 10,
    *,
    grid_text: Callable[[Grid], str] | None = None,
) -> Prompt:
    """Writes the prompt of a task.

    Args:
        pairs: the demonstrations, each an input grid and an output grid.
        max_demonstrations: how many are shown. They are sorted by grid size (cells of the input plus cells of
            the output; equal ones keep their order), so the largest are the ones left out.
        grid_text: how a grid is written; `sparse_text` when not given.

    Raises:
        ValueError: there is no demonstration, or `max_demonstrations` is below 1.
    """
    if max_demonstrations < 1:
        raise ValueError(f"max_demonstrations must be at least 1, got {max_demonstrations}")
    shown = sorted(pairs, key=lambda pair: num_cells(pair[0]) + num_cells(pair[1]))[:max_demonstrations]
    if not shown:
        raise ValueError("a prompt needs at least one demonstration")
    write = grid_text or sparse_text
    return Prompt(
        inputs="|".join(write(grid) for grid, _ in shown), outputs="|".join(write(grid) for _, grid in shown)
    )


def sparse_text(grid: Grid) -> str:
    """Returns a grid's sparse text: its size, its background, then the other cells colour by colour."""
    counts = Counter(chain.from_iterable(grid))
    background = min(counts, key=lambda colour: (-counts[colour], colour))
    words = [f"{len(grid)}x{len(grid[0])}", f"background={background}"]
    cells: dict[int, list[str]] = {colour: [] for colour in sorted(counts) if colour != background}
    for row, colours in enumerate(grid):
        for column, colour in enumerate(colours):
            if colour != background:
                cells[colour].append(f"{row},{column}")
    words += (f"{colour}={' '.join(places)}" for colour, places in cells.items())
    return " ".join(words)


def dense_text(grid: Grid) -> str:
    """Returns a grid's dense text: its size, then every row as its digits."""
    return " ".join([f"{len(grid)}x{len(grid[0])}", *("".join(map(str, row)) for row in grid)])
