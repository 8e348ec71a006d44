"""Near misses are filled with regions that are looked up, and these hold on every demonstration."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeit_jax.dsl import parse_program
from codeit_jax.dsl.primitives import PRIMITIVES
from codeit_jax.dsl.program import Program
from codeit_jax.dsl.types import Value
from codeit_jax.evolution.canvases import canvases
from codeit_jax.evolution.cropping import Cropper
from codeit_jax.evolution.exploring import add_lines, explore, made_colours
from codeit_jax.evolution.fitness import error_of
from codeit_jax.evolution.mending import Mender
from codeit_jax.evolution.palette import named_colours
from codeit_jax.evolution.population import Individual
from codeit_jax.evolution.regions import Regions, cells_by_colour
from codeit_jax.execution import Evaluator, GraphRun, ProgramGraph

INPUTS = (
    ((0, 0, 0, 0, 0), (0, 3, 3, 3, 0), (0, 3, 0, 3, 0), (0, 3, 3, 3, 0), (0, 0, 0, 0, 5)),
    ((3, 3, 3, 0, 0, 0), (3, 0, 3, 0, 5, 5), (3, 3, 3, 0, 5, 5), (0, 0, 0, 0, 0, 0)),
)
PALETTE = named_colours((0, 3, 5, 7), 2)
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
    explore(regions, PALETTE)
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
    programs = list(mender.programs([individual(near, goals)], PALETTE))
    assert any(outputs_of(program) == goals for program in programs)
    assert list(mender.programs([individual(near, goals)], PALETTE)) == []


@pytest.mark.parametrize(
    "goal",
    [
        # The rarest colour is another on each demonstration.
        "x1 = leastcolor(I)\nx2 = ofcolor(I, ZERO)\nO = fill(I, x1, x2)",
        "x1 = objects(I, T, F, T)\nx2 = argmax(x1, size)\nx3 = color(x2)\nx4 = outbox(x2)\n"
        "O = fill(I, x3, x4)",
    ],
)
def test_colours_that_differ_between_demonstrations_are_made(goal):
    inputs = (INPUTS[0], tuple(tuple({3: 5, 5: 3}.get(cell, cell) for cell in row) for row in INPUTS[0]))
    program = parse_program(goal)
    goals = outputs_of(program, inputs)
    regions = regions_for(goals, inputs)
    palette = [*PALETTE, *made_colours(regions)]
    explore(regions, palette)
    near = Individual(parse_program("O = identity(I)"), inputs, tuple(map(error_of, inputs, goals)))
    mended = list(Mender(goals, regions).programs([near], palette))
    assert any(outputs_of(each, inputs) == goals for each in mended)
    named = explored(goals, inputs)
    mended = list(Mender(goals, named).programs([near], PALETTE))
    assert not any(outputs_of(each, inputs) == goals for each in mended)


def test_colours_that_are_made_are_told_apart_and_differ():
    regions = regions_for(INPUTS)
    made = made_colours(regions)
    assert len({colour.values for colour in made}) == len(made)
    for colour in made:
        assert len(set(colour.values)) > 1
        assert regions.values_of(Program(colour.calls)) == colour.values


@pytest.mark.parametrize(
    ("goal", "sides"),
    [
        ("x1 = astuple(TWO, THREE)\nO = canvas(SEVEN, x1)", [(2, 3), (2, 3)]),
        ("O = identity(I)", [(5, 5), (4, 6)]),
    ],
)
def test_canvases_have_the_goals_sides(goal, sides):
    goals = outputs_of(parse_program(goal))
    made = [outputs_of(program) for program in canvases(goals, ["ZERO", "SEVEN"])]
    assert len(made) >= 2
    for grids in made:
        assert [(len(grid), len(grid[0])) for grid in grids] == sides


def test_a_side_without_a_name_has_no_canvas():
    assert not list(canvases([((0,) * 17,)], ["ZERO"]))


def test_two_colours_are_mended_one_after_the_other():
    goals = outputs_of(
        parse_program(
            "x1 = ofcolor(I, THREE)\nx2 = fill(I, SEVEN, x1)\nx3 = corners(x1)\nO = fill(x2, FIVE, x3)"
        )
    )
    mender = Mender(goals, explored(goals))
    individuals = [individual("O = identity(I)", goals)]
    for _ in range(2):
        programs = list(mender.programs(individuals, PALETTE))
        individuals = [individual(str(program), goals) for program in programs]
    assert any(outputs_of(program) == goals for program in programs)


def test_what_holds_on_one_demonstration_alone_does_not_mend():
    first = parse_program("x1 = ofcolor(I, FIVE)\nO = fill(I, SEVEN, x1)")
    second = parse_program("x1 = ofcolor(I, THREE)\nO = fill(I, SEVEN, x1)")
    goals = (EVALUATOR.run(first, INPUTS[0]).output, EVALUATOR.run(second, INPUTS[1]).output)
    mender = Mender(goals, explored(goals))
    for program in mender.programs([individual("O = identity(I)", goals)], PALETTE):
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
    for mended in Mender(goals, regions).programs([near], named_colours(range(4), 2)):
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
    add_lines(regions, parse_program("x1 = objects(I, T, F, T)\nx2 = argmax(x1, size)\nO = cover(I, x2)"), ())
    lent = {str(each.program) for each in regions.touching(-1, -1, is_right=False)}
    assert lent == {
        "x1 = objects(I, T, F, T)\nO = merge(x1)",
        "x1 = objects(I, T, F, T)\nO = argmax(x1, size)",
    }


def test_the_cells_of_an_output_are_regions_by_their_colours():
    program = parse_program("O = hmirror(I)")
    regions = regions_for(INPUTS)
    add_lines(regions, program, PALETTE)
    cells = cells_by_colour(outputs_of(program)[0])[5]
    (region,) = regions.holding(cells, cells, is_right=False)
    assert str(region.program) == "x1 = hmirror(I)\nO = ofcolor(x1, FIVE)"


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
