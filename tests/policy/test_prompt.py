import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeit_jax.policy.prompt import (
    Prompt,
    dense_text,
    make_prompt,
    sparse_text,
)

DIAMOND = ((0,) * 6, (0, 0, 3, 0, 0, 0), (0, 3, 0, 3, 0, 0), (0,) * 6, (0,) * 6, (0,) * 6)


def make_grid(height, width, num_colours, seed):
    rng = random.Random(seed)
    return tuple(tuple(rng.randrange(num_colours) for _ in range(width)) for _ in range(height))


grids = st.builds(
    make_grid, st.integers(1, 30), st.integers(1, 30), st.integers(1, 10), st.integers(0, 2**32 - 1)
)


def test_sparse_text_of_a_known_grid():
    assert sparse_text(DIAMOND) == "6x6 background=0 3=1,2 2,1 2,3"


def test_colours_ascend_and_the_background_may_be_any():
    assert sparse_text(((5, 5, 9), (0, 5, 9))) == "2x3 background=5 0=1,0 9=0,2 1,2"


@pytest.mark.parametrize(
    ("grid", "text"),
    [
        (((4,),), "1x1 background=4"),
        (((7, 2), (2, 7)), "2x2 background=2 7=0,0 1,1"),
        (((9, 1, 0),), "1x3 background=0 1=0,1 9=0,0"),
    ],
)
def test_ties_for_the_background_go_to_the_lowest_colour(grid, text):
    assert sparse_text(grid) == text


def test_dense_text_of_a_known_grid():
    assert dense_text(((0, 0, 0), (0, 3, 0))) == "2x3 000 030"


def read_sparse(text):
    """The grid that a sparse text describes."""
    size, background, *words = text.split(" ")
    height, width = map(int, size.split("x"))
    rows = [[int(background.removeprefix("background="))] * width for _ in range(height)]
    for word in words:
        if "=" in word:
            colour, word = word.split("=")
        row, column = map(int, word.split(","))
        rows[row][column] = int(colour)
    return tuple(map(tuple, rows))


def read_dense(text):
    """The grid that a dense text describes."""
    return tuple(tuple(map(int, row)) for row in text.split(" ")[1:])


@given(grids)
def test_texts_give_the_grid_back(grid):
    assert read_sparse(sparse_text(grid)) == grid
    assert read_dense(dense_text(grid)) == grid


def constant(side, colour):
    return ((colour,) * side,) * side


def test_demonstrations_are_sorted_by_the_cells_of_both_grids():
    pairs = [
        (constant(1, 1), constant(4, 1)),  # 17 cells
        (constant(3, 2), constant(1, 2)),  # 10
        (constant(2, 3), constant(2, 3)),  # 8
        (constant(1, 4), constant(3, 4)),  # 10, after the other 10
    ]
    prompt = make_prompt(pairs)
    assert prompt.inputs == "2x2 background=3|3x3 background=2|1x1 background=4|1x1 background=1"
    assert prompt.outputs == "2x2 background=3|1x1 background=2|3x3 background=4|4x4 background=1"


def test_only_the_smallest_demonstrations_are_shown():
    pairs = [(constant(side, 0), constant(side, 1)) for side in range(14, 0, -1)]
    assert make_prompt(pairs) == make_prompt(pairs[4:])
    assert make_prompt(pairs, 2).inputs == "1x1 background=0|2x2 background=0"


def test_text_is_inputs_newline_outputs():
    assert Prompt("a|b", "c|d").text == "a|b\nc|d"


def test_grids_may_be_written_densely():
    assert make_prompt([(constant(2, 0), constant(1, 5))], grid_text=dense_text) == Prompt(
        "2x2 00 00", "1x1 5"
    )


def test_a_prompt_needs_demonstrations():
    with pytest.raises(ValueError, match="at least one demonstration"):
        make_prompt([])
    with pytest.raises(ValueError, match="max_demonstrations must be at least 1, got 0"):
        make_prompt([(DIAMOND, DIAMOND)], 0)
