import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeit_jax.dsl.primitives import objects
from codeit_jax.dsl.primitives.grids import crop, upscale, vconcat
from tests.dsl.agreement import agree
from tests.dsl.strategies import (
    BOOLEANS,
    COLORS,
    ELEMENTS,
    GRIDS,
    OBJECTS,
    PATCHES,
    SETS_OF_OBJECTS,
    few_colors,
    ill_typed,
    well_typed,
)

PARAMETERS = {
    objects.asobject: (GRIDS,),
    objects.color: (OBJECTS,),
    objects.colorcount: (ELEMENTS, COLORS),
    objects.colorfilter: (SETS_OF_OBJECTS, COLORS),
    objects.fgpartition: (GRIDS,),
    objects.frontiers: (GRIDS,),
    objects.hperiod: (OBJECTS,),
    objects.leastcolor: (ELEMENTS,),
    objects.mostcolor: (ELEMENTS,),
    objects.numcolors: (ELEMENTS,),
    objects.objects: (GRIDS, BOOLEANS, BOOLEANS, BOOLEANS),
    objects.occurrences: (GRIDS, OBJECTS),
    objects.palette: (ELEMENTS,),
    objects.partition: (GRIDS,),
    objects.toobject: (PATCHES, GRIDS),
    objects.vperiod: (OBJECTS,),
}
EACH = pytest.mark.parametrize("primitive", PARAMETERS, ids=lambda primitive: primitive.__name__)
RAGGED = st.lists(st.lists(st.integers(0, 1), max_size=4).map(tuple), max_size=4).map(tuple)


def test_every_primitive_is_tested():
    assert [primitive.__name__ for primitive in PARAMETERS] == objects.__all__


@EACH
@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_well_typed_calls_agree(primitive, data):
    agree(primitive, data.draw(well_typed(*PARAMETERS[primitive])))


@EACH
@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_ill_typed_calls_agree(primitive, data):
    agree(primitive, data.draw(ill_typed(*PARAMETERS[primitive])))


@settings(deadline=None, max_examples=80)
@given(
    grid=GRIDS, start=st.tuples(st.integers(0, 4), st.integers(0, 4)), size=st.integers(1, 3), data=st.data()
)
def test_occurrences_agree_for_parts_of_the_grid(grid, start, size, data):
    part = objects.asobject(crop(grid, start, (size, size)))
    cells = data.draw(st.frozensets(st.sampled_from(sorted(part)))) if part else part
    agree(objects.occurrences, (grid, cells))


@settings(deadline=None, max_examples=40)
@given(
    grid=RAGGED,
    cells=st.frozensets(st.tuples(st.integers(0, 1), st.tuples(st.integers(0, 2), st.integers(0, 2)))),
)
def test_occurrences_agree_in_what_is_no_proper_grid(grid, cells):
    agree(objects.occurrences, (grid, cells))


@settings(deadline=None, max_examples=40)
@given(grid=few_colors(), factor=st.integers(1, 2), data=st.data())
def test_periods_agree_for_repeated_patterns(grid, factor, data):
    repeated = objects.asobject(upscale(vconcat(grid, grid), factor))
    missing = data.draw(st.frozensets(st.sampled_from(sorted(repeated)), max_size=3))
    agree(objects.vperiod, (repeated - missing,))
    turned = frozenset((value, (j, i)) for value, (i, j) in repeated - missing)
    agree(objects.hperiod, (turned,))


def test_ties_between_colors_go_to_the_lowest():
    grid = ((8, 0), (0, 8), (5, 5))
    assert objects.mostcolor(grid) == objects.leastcolor(grid) == 0
    assert objects.mostcolor(objects.asobject(grid)) == 0


def test_an_object_of_several_colors_has_that_of_its_first_cell():
    several = frozenset({(8, (0, 0)), (0, (5, 5)), (16, (1, 1))})
    assert objects.color(several) == 0
    assert objects.colorfilter(frozenset({several}), 8) == frozenset()


def test_diagonal_neighbours_belong_together_only_if_asked():
    grid = ((1, 0), (0, 1))
    assert len(objects.objects(grid, True, False, True)) == 2
    assert objects.objects(grid, True, True, True) == frozenset({frozenset({(1, (0, 0)), (1, (1, 1))})})


def test_an_occurrence_does_not_run_on_in_the_next_row():
    assert objects.occurrences(((0, 1), (1, 0)), frozenset({(1, (0, 0)), (1, (0, 1))})) == frozenset()


def test_nothing_occurs_everywhere():
    assert len(objects.occurrences(((0, 1), (2, 3)), frozenset())) == 4
