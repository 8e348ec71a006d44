"""Each transformation does what its name says, whatever the grid, and draws are varied and repeatable."""

import itertools
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeit_jax.arc import is_grid
from codeit_jax.mutation.augmentation.augment import (
    MAX_PADDING,
    MIN_CROPPED_SIDE,
    SYMMETRIES,
    Augmentation,
    Augmenter,
    draw_colours,
    draw_crop,
    draw_size,
    pad,
    recolour,
    tile,
)

# No symmetry but one leaves it as it is.
ASYMMETRIC = ((1, 2, 3), (4, 5, 6))
INPUTS = (((1, 2, 0), (0, 3, 0), (0, 0, 4)), ((5, 0, 0), (0, 5, 0), (0, 6, 0)), ((0, 7), (8, 0)))


@st.composite
def grids(draw, max_side=30):
    height, width = draw(st.integers(1, max_side)), draw(st.integers(1, max_side))
    colours = draw(st.sampled_from([(3,), (0, 1), tuple(range(10))]))
    rng = draw(generators)
    return tuple(tuple(rng.choice(colours) for _ in range(width)) for _ in range(height))


generators = st.integers(0, 2**32).map(random.Random)


def shape(grid):
    return len(grid), len(grid[0])


@given(grids(), generators)
def test_colours_are_permuted_and_can_be_put_back(grid, rng):
    colours = draw_colours(rng)
    assert sorted(colours) == list(range(10))
    assert colours[0] == 0
    recoloured = recolour(grid, colours)
    assert all(
        new == colours[old]
        for row, new_row in zip(grid, recoloured, strict=True)
        for old, new in zip(row, new_row, strict=True)
    )
    inverse = [colours.index(colour) for colour in range(10)]
    assert recolour(recoloured, inverse) == grid


def test_each_colour_but_the_background_may_become_any_other():
    rng = random.Random(0)
    seen = {pair for _ in range(400) for pair in enumerate(draw_colours(rng))}
    assert seen == {(0, 0), *itertools.product(range(1, 10), range(1, 10))}


def test_the_symmetries_are_eight():
    assert len({symmetry(ASYMMETRIC) for symmetry in SYMMETRIES}) == 8
    assert SYMMETRIES[0](ASYMMETRIC) == ASYMMETRIC


def test_the_symmetries_are_a_group():
    by_image = {symmetry(ASYMMETRIC): symmetry for symmetry in SYMMETRIES}
    for first, second in itertools.product(SYMMETRIES, repeat=2):
        assert second(first(ASYMMETRIC)) in by_image
    for symmetry in SYMMETRIES:
        assert sum(other(symmetry(ASYMMETRIC)) == ASYMMETRIC for other in SYMMETRIES) == 1


@given(grids(), st.sampled_from(list(itertools.product(SYMMETRIES, repeat=2))))
def test_symmetries_combine_alike_on_every_grid(grid, pair):
    first, second = pair
    (both,) = [each for each in SYMMETRIES if each(ASYMMETRIC) == second(first(ASYMMETRIC))]
    assert second(first(grid)) == both(grid)
    assert is_grid(both(grid))


def places(grid, part):
    """Where a part may have been cut from."""
    height, width = shape(part)
    return [
        (top, left)
        for top in range(len(grid) - height + 1)
        for left in range(len(grid[0]) - width + 1)
        if tuple(row[left : left + width] for row in grid[top : top + height]) == part
    ]


@given(grids(), generators)
def test_a_crop_is_a_part_of_some_size(grid, rng):
    part = draw_crop(grid, rng)
    assert is_grid(part)
    assert places(grid, part)
    for side, whole in zip(shape(part), shape(grid), strict=True):
        assert side >= min(whole, MIN_CROPPED_SIDE)
        assert side >= whole / 2


@given(grids(), generators)
def test_a_crop_shows_two_colours_where_the_grid_does(grid, rng):
    assert (len(set().union(*draw_crop(grid, rng))) > 1) == (len(set().union(*grid)) > 1)


def test_crops_have_all_sizes_and_places():
    grid = tuple(tuple((5 * i + j) % 10 for j in range(5)) for i in range(4))
    rng = random.Random(0)
    parts = {draw_crop(grid, rng) for _ in range(2000)}
    assert {shape(part) for part in parts} == set(itertools.product((3, 4), (3, 4, 5)))
    assert len(parts) == 3 * 6  # places of a height of 3 or 4, times those of a width of 3, 4 or 5


def test_a_grid_whose_parts_show_little_stays_whole():
    grid = ((1, *(0,) * 29), *((0,) * 30 for _ in range(29)))
    parts = {draw_crop(grid, random.Random(seed)) for seed in range(100)}
    assert grid in parts
    assert all(part[0][0] == 1 for part in parts)


@given(grids(), generators)
def test_a_size_is_that_of_a_grid_and_holds_the_grid(grid, rng):
    sized = draw_size(grid, rng)
    assert is_grid(sized)
    cells = Counter(itertools.chain.from_iterable(grid))
    sized_cells = Counter(itertools.chain.from_iterable(sized))
    if places(sized, grid):  # padded or tiled
        assert cells <= sized_cells
    else:
        assert sized == tuple(tuple(cell for cell in row for _ in "ab") for row in grid for _ in "ab")


def test_all_ways_to_a_size_come_up():
    grid = ((1, 2, 3), (1, 5, 6))
    sized = {draw_size(grid, random.Random(seed)) for seed in range(400)}
    padded = {each for each in sized if Counter(sum(each, ()))[4] == 0 and places(each, grid)}
    tiled = {tile(grid, 1, 2), tile(grid, 2, 1), tile(grid, 2, 2)}
    scaled = ((1, 1, 2, 2, 3, 3), (1, 1, 2, 2, 3, 3), (1, 1, 5, 5, 6, 6), (1, 1, 5, 5, 6, 6))
    assert sized == padded | {scaled}
    assert tiled <= padded
    for each in padded - tiled:
        ((top, left),) = places(each, grid)
        height, width = shape(each)
        assert each == pad(grid, top, height - 2 - top, left, width - 3 - left, 1)
    extra = {(height - 2, width - 3) for height, width in map(shape, padded - tiled)}
    assert max(extra)[0] == max(width for _, width in extra) == MAX_PADDING


def test_what_does_not_fit_is_not_drawn():
    full = tuple(tuple((i + j) % 10 for j in range(30)) for i in range(30))
    tall = tuple(row[:16] for row in full)
    wide = full[:15]
    for seed in range(50):
        rng = random.Random(seed)
        assert draw_size(full, rng) == full
        sized = draw_size(tall, rng)
        assert (len(sized), places(sized, tall)[0][0]) == (30, 0)
        assert len(sized[0]) <= 16 + MAX_PADDING
        assert draw_size(wide, rng) == tile(wide, 2, 1) or len(draw_size(wide, rng)) <= 30


def test_padding_and_tiling():
    assert pad(((1, 2),), 1, 2, 0, 1, 7) == ((7, 7, 7), (1, 2, 7), (7, 7, 7), (7, 7, 7))
    assert tile(((1, 2),), 2, 3) == ((1, 2, 1, 2, 1, 2), (1, 2, 1, 2, 1, 2))


@given(st.lists(grids(12), min_size=1, max_size=4), generators)
def test_augmented_inputs_are_grids(inputs, rng):
    augmented = Augmenter().draw(inputs, rng)
    assert all(map(is_grid, augmented.grids))
    assert 1 <= len(augmented.grids) == len(set(augmented.grids)) <= len(inputs)
    assert augmented.kinds


@given(generators)
def test_colours_are_the_same_for_all_inputs(rng):
    augmented = Augmenter((Augmentation.COLOURS,)).draw(INPUTS, rng)
    pairs = {
        pair
        for old, new in zip(INPUTS, augmented.grids, strict=True)
        for pair in zip(sum(old, ()), sum(new, ()), strict=True)
    }
    assert len(pairs) == len(dict(pairs)) == len({new for _, new in pairs}) == 9


@given(generators)
def test_the_symmetry_is_the_same_for_all_inputs(rng):
    augmented = Augmenter((Augmentation.SYMMETRY,)).draw(INPUTS, rng)
    assert any(augmented.grids == tuple(map(symmetry, INPUTS)) for symmetry in SYMMETRIES[1:])


@pytest.mark.parametrize("kind", [Augmentation.CROP, Augmentation.SIZE])
def test_crops_and_sizes_differ_between_inputs(kind):
    inputs = (((1, 2, 3, 4), (5, 6, 7, 8), (1, 3, 5, 7), (2, 4, 6, 8)), ((9, 2, 3, 4),) * 4)
    draws = [Augmenter((kind,)).draw(inputs, random.Random(seed)).grids for seed in range(20)]
    assert any(shape(first) != shape(second) for first, second in draws)


def test_kinds_are_combined_at_random():
    rng = random.Random(0)
    kinds = Counter(Augmenter().draw(INPUTS, rng).kinds for _ in range(1600))
    assert len(kinds) == 15
    assert min(kinds.values()) > 50
    only = {Augmenter((Augmentation.CROP, Augmentation.SIZE)).draw(INPUTS, rng).kinds for _ in range(50)}
    assert only == {(Augmentation.CROP,), (Augmentation.SIZE,), (Augmentation.CROP, Augmentation.SIZE)}


def test_several_draws_are_all_different():
    augmenter = Augmenter()
    drawn = augmenter.draw_several(INPUTS, 50, 2, random.Random(0))
    assert len({augmented.grids for augmented in drawn}) == 50
    assert INPUTS not in {augmented.grids for augmented in drawn}
    assert augmenter.draw_several(INPUTS, 50, 2, random.Random(0)) == drawn
    assert augmenter.draw_several(INPUTS, 50, 2, random.Random(1)) != drawn


def test_there_are_no_more_draws_than_the_inputs_allow():
    symmetric = Augmenter((Augmentation.SYMMETRY,))
    drawn = symmetric.draw_several([ASYMMETRIC], 20, 1, random.Random(0))
    assert {augmented.grids[0] for augmented in drawn} == {each(ASYMMETRIC) for each in SYMMETRIES[1:]}
    assert symmetric.draw_several([((0,),), ((0, 0), (0, 0))], 3, 1, random.Random(0)) == []


def test_inputs_that_become_equal_count_once():
    inputs = (((1,),), ((1,),), ((2, 2),))
    augmenter = Augmenter((Augmentation.COLOURS,))
    drawn = augmenter.draw_several(inputs, 3, 2, random.Random(0))
    assert [len(augmented.grids) for augmented in drawn] == [2, 2, 2]
    assert augmenter.draw_several(inputs, 3, 3, random.Random(0)) == []
