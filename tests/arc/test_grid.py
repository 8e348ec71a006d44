import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeit_jax.arc import GridError, is_grid, num_cells, to_grid
from tests.dsl import strategies

LARGEST = ((9,) * 30,) * 30


@pytest.mark.parametrize("grid", [((0,),), LARGEST, ((1, 2), (3, 4)), ((0,),) * 30, ((0,) * 30,)])
def test_rectangles_of_colours_are_grids(grid):
    assert is_grid(grid)
    assert to_grid(grid) == grid
    assert to_grid([list(row) for row in grid]) == grid


@pytest.mark.parametrize(
    "value",
    [
        (),
        ((),),
        ((), ()),
        None,
        5,
        "12",
        ("12", "34"),
        [[1, 2]],
        ([1, 2], [3, 4]),
        ((1, 2), (3,)),
        ((1, 2), 3),
        ((1, 10),),
        ((1, -1),),
        ((1, 2.0),),
        ((1, None),),
        ((1, "2"),),
        (((1,), (2,)),),
        ((0,) * 31,),
        ((0,),) * 31,
        frozenset({(1, 2)}),
        ((1, 2), frozenset({3, 4})),
    ],
)
def test_other_values_are_not(value):
    assert not is_grid(value)


def test_a_truth_value_is_a_cell_of_a_value_but_not_of_a_file():
    assert is_grid(((True, 2),))
    with pytest.raises(GridError, match="row 0, column 0: a colour is an integer from 0 to 9, not True"):
        to_grid([[True, 2]])


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], "a grid must be a non-empty list of rows"),
        ({}, "a grid must be a non-empty list of rows"),
        ("01", "a grid must be a non-empty list of rows"),
        (7, "a grid must be a non-empty list of rows"),
        ([[]], "row 0 must be a non-empty list of colours"),
        ([[1], 2], "row 1 must be a non-empty list of colours"),
        ([[1], "2"], "row 1 must be a non-empty list of colours"),
        ([[0]] * 31, "a grid has at most 30 rows, this one has 31"),
        ([[0] * 31], "a grid has at most 30 columns, this one has 31"),
        ([[1, 2], [3]], "ragged rows: row 1 has 1 cells, row 0 has 2"),
        ([[1, 2], [3, 10]], "row 1, column 1: a colour is an integer from 0 to 9, not 10"),
        ([[1, -1]], "row 0, column 1: a colour is an integer from 0 to 9, not -1"),
        ([[1.0]], "row 0, column 0: a colour is an integer from 0 to 9, not 1.0"),
        ([[None]], "row 0, column 0: a colour is an integer from 0 to 9, not None"),
    ],
)
def test_what_is_wrong_with_rows(rows, reason):
    with pytest.raises(GridError) as error:
        to_grid(rows)
    assert str(error.value) == reason


def test_a_deep_or_long_cell_is_told_of_in_a_short_line():
    deep = [0]
    for _ in range(100_000):
        deep = [deep]
    for cell in (deep, [0] * 100_000, "x" * 100_000, 10**4000):
        with pytest.raises(GridError) as error:
            to_grid([[cell]])
        assert len(str(error.value)) < 200


def test_num_cells():
    assert num_cells(LARGEST) == 900
    assert num_cells(((1, 2, 3), (4, 5, 6))) == 6


@given(strategies.VALUES)
def test_a_value_is_a_grid_exactly_if_it_can_be_read_as_one(value):
    def numbers(value):
        return tuple(map(numbers, value)) if isinstance(value, tuple) else int(value)

    def has_cells(value):
        return isinstance(value, tuple) and all(isinstance(row, tuple) for row in value)

    if not has_cells(value) or not all(isinstance(cell, int) for row in value for cell in row):
        assert not is_grid(value)
        return
    try:
        to_grid(numbers(value))
    except GridError:
        assert not is_grid(value)
    else:
        assert is_grid(value)


@given(st.lists(st.lists(st.integers(-1, 10), max_size=3), max_size=3))
def test_reading_rows_gives_a_grid_of_them_or_an_error(rows):
    try:
        grid = to_grid(rows)
    except GridError:
        assert not is_grid(tuple(map(tuple, rows)))
    else:
        assert is_grid(grid)
        assert [list(row) for row in grid] == rows
