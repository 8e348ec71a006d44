"""Near misses are filled with regions that are looked up, and these hold on every demonstration."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeit_jax.dsl import parse_program
from codeit_jax.dsl.primitives import PRIMITIVES
from codeit_jax.dsl.program import Program
from codeit_jax.dsl.types import Value
from codeit_jax.evolution.cropping import Cropper
from codeit_jax.evolution.exploring import add_lines, explore
from codeit_jax.evolution.fitness import error_of
from codeit_jax.evolution.mending import Mender
from codeit_jax.evolution.population import Individual
from codeit_jax.evolution.regions import Regions, cells_by_colour
from codeit_jax.execution import Evaluator, GraphRun, ProgramGraph

INPUTS = (
    ((0, 0, 0, 0, 0), (0, 3, 3, 3, 0), (0, 3, 0, 3, 0), (0, 3, 3, 3, 0), (0, 0, 0, 0, 5)),
    ((3, 3, 3, 0, 0, 0), (3, 0, 3, 0, 5, 5), (3, 3, 3, 0, 5, 5), (0, 0, 0, 0, 0, 0)),
)
COLOURS = ("ZERO", "THREE", "FIVE", "SEVEN")
EVALUATOR = Evaluator()


def outputs_of(program, grids=INPUTS):
    return tuple(EVALUATOR.run(program, grid).output for grid in grids)


def individual(text, goals):
    program = parse_program(text)
    outputs = outputs_of(program)
    return Individual(program, outputs, tuple(map(error_of, outputs, goals)))


def regions_for(goals, inputs=INPUTS):
    graph = ProgramGraph()
    runs = [GraphRun(graph, EVALUATOR, grid) for grid in inputs]

    def value_of(program: Program, place: int) -> Value:
        values = runs[place].values(graph.add(program))
        return values[-1] if len(values) == len(program) else None

    return Regions(goals, value_of)


def explored(goals, inputs=INPUTS):
    regions = regions_for(goals, inputs)
    explore(regions, COLOURS)
    return regions


@pytest.mark.parametrize(
    ("near", "goal"),
    [
        # What a ring encloses, in a colour that is nowhere else.
        (
            "O = identity(I)",
            "x1 = objects(I, T, F, F)\nx2 = colorfilter(x1, ZERO)\n"
            "x3 = argmin(x2, size)\nO = fill(I, SEVEN, x3)",
        ),
        # The largest object goes, on a grid that was turned.
        (
            "O = rot180(I)",
            "x1 = rot180(I)\nx2 = ofcolor(I, FIVE)\nO = fill(x1, SEVEN, x2)",
        ),
        # Only where the background is.
        (
            "O = identity(I)",
            "x1 = ofcolor(I, FIVE)\nx2 = mapply(hfrontier, x1)\nO = underfill(I, SEVEN, x2)",
        ),
        # An object that is painted back in its own colours.
        (
            "x1 = ofcolor(I, FIVE)\nO = cover(I, x1)",
            "O = identity(I)",
        ),
    ],
)
def test_a_near_miss_is_filled_with_what_it_needs(near, goal):
    goals = outputs_of(parse_program(goal))
    mender = Mender(goals, explored(goals))
    programs = list(mender.programs([individual(near, goals)]))
    assert any(outputs_of(program) == goals for program in programs)
    assert list(mender.programs([individual(near, goals)])) == []


def test_two_colours_are_mended_one_after_the_other():
    goals = outputs_of(
        parse_program(
            "x1 = ofcolor(I, THREE)\nx2 = fill(I, SEVEN, x1)\nx3 = corners(x1)\nO = fill(x2, FIVE, x3)"
        )
    )
    mender = Mender(goals, explored(goals))
    individuals = [individual("O = identity(I)", goals)]
    for _ in range(2):
        programs = list(mender.programs(individuals))
        individuals = [individual(str(program), goals) for program in programs]
    assert any(outputs_of(program) == goals for program in programs)


def test_what_holds_on_one_demonstration_alone_does_not_mend():
    first = parse_program("x1 = ofcolor(I, FIVE)\nO = fill(I, SEVEN, x1)")
    second = parse_program("x1 = ofcolor(I, THREE)\nO = fill(I, SEVEN, x1)")
    goals = (EVALUATOR.run(first, INPUTS[0]).output, EVALUATOR.run(second, INPUTS[1]).output)
    mender = Mender(goals, explored(goals))
    for program in mender.programs([individual("O = identity(I)", goals)]):
        for output, goal, grid in zip(outputs_of(program), goals, INPUTS, strict=True):
            assert error_of(output, goal) <= error_of(grid, goal)


GRIDS = st.lists(st.lists(st.integers(0, 3), min_size=4, max_size=4), min_size=4, max_size=4).map(
    lambda rows: tuple(map(tuple, rows))
)


@settings(max_examples=40, deadline=None)
@given(inputs=st.tuples(GRIDS, GRIDS), goals=st.tuples(GRIDS, GRIDS))
def test_mending_leaves_no_more_cells_wrong(inputs, goals):
    program = parse_program("O = identity(I)")
    near = Individual(program, inputs, tuple(map(error_of, inputs, goals)))
    regions = explored(goals, inputs)
    for mended in Mender(goals, regions).programs([near]):
        outputs = outputs_of(mended, inputs)
        assert outputs != inputs
        assert all(
            error_of(output, goal) <= error
            for output, goal, error in zip(outputs, goals, near.errors, strict=True)
        )


@settings(max_examples=40, deadline=None)
@given(grid=GRIDS)
def test_cells_are_read_as_they_are(grid):
    regions = regions_for((grid,), (grid,))
    program = parse_program("O = ofcolor(I, TWO)")
    regions.add(program)
    cells = cells_by_colour(grid)
    expected = cells.get(2, 0)
    if expected:
        assert [each.program for each in regions.holding(expected, expected, is_right=False)] == [program]
        assert not list(regions.holding(expected, 0, is_right=False))
        assert [each.program for each in regions.touching(expected & -expected, expected, is_right=False)]
    assert sum(each.bit_count() for each in cells.values()) == 16
    places = {(row, column) for row in range(4) for column in range(4) if expected >> (4 * row + column) & 1}
    assert places == PRIMITIVES["ofcolor"](grid, 2)


@pytest.mark.parametrize(
    "text",
    [
        "O = palette(I)",
        "O = objects(I, T, F, F)",
        "O = identity(I)",
        "O = height(I)",
        "x1 = initset(ORIGIN)\nO = insert(THREE, x1)",
        "x1 = initset(ORIGIN)\nx2 = asobject(I)\nO = combine(x1, x2)",
        "x1 = initset(rot90)\nO = merge(x1)",
        "O = initset(rot90)",
    ],
)
def test_what_is_no_region_is_none(text):
    regions = regions_for(INPUTS)
    assert not regions.add(parse_program(text))
    everything = sum(cells_by_colour(INPUTS[0]).values())
    assert not list(regions.touching(everything, everything, is_right=False))


def test_lines_of_a_program_lend_their_regions():
    goals = INPUTS
    regions = regions_for(goals)
    add_lines(regions, parse_program("x1 = objects(I, T, F, T)\nx2 = argmax(x1, size)\nO = cover(I, x2)"))
    lent = {str(each.program) for each in regions.touching(-1, -1, is_right=False)}
    assert lent == {
        "x1 = objects(I, T, F, T)\nO = merge(x1)",
        "x1 = objects(I, T, F, T)\nO = argmax(x1, size)",
    }


@pytest.mark.parametrize(
    "near", ["O = identity(I)", "O = hmirror(I)", "x1 = vmirror(I)\nO = replace(x1, FIVE, SEVEN)"]
)
def test_what_holds_the_goals_is_cropped(near):
    grid = "" if near == "O = identity(I)" else near.replace("O =", "x9 =") + "\n"
    cut = parse_program(
        f"{grid}x10 = objects(I, T, F, T)\nx11 = argmax(x10, size)\nO = subgrid(x11, {'x9' if grid else 'I'})"
    )
    goals = outputs_of(cut)
    found = list(Cropper(INPUTS, goals, explored(goals)).programs([individual(near, goals)]))
    assert any(outputs_of(program) == goals for program in found)


def test_nothing_is_cropped_where_the_goals_have_the_inputs_sides():
    goals = outputs_of(parse_program("O = vmirror(I)"))
    assert list(Cropper(INPUTS, goals, explored(goals)).programs([individual("O = hmirror(I)", goals)])) == []
