import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeit_jax.dsl.primitives import grids, painting, symmetry
from tests.dsl.agreement import agree
from tests.dsl.strategies import (
    COLORS,
    ELEMENTS,
    FACTORS,
    GRIDS,
    LOCATIONS,
    OBJECTS,
    PATCHES,
    PIECES,
    VECTORS,
    ill_typed,
    well_typed,
)

SIZES = st.tuples(st.integers(-1, 6), st.integers(-1, 6))
PARAMETERS = {
    grids.asindices: (GRIDS,),
    grids.bottomhalf: (GRIDS,),
    grids.cellwise: (GRIDS, GRIDS, COLORS),
    grids.compress: (GRIDS,),
    grids.crop: (GRIDS, LOCATIONS, SIZES),
    grids.downscale: (GRIDS, FACTORS),
    grids.hconcat: (GRIDS, GRIDS),
    grids.hsplit: (GRIDS, FACTORS),
    grids.hupscale: (GRIDS, FACTORS),
    grids.index: (GRIDS, LOCATIONS),
    grids.lefthalf: (GRIDS,),
    grids.ofcolor: (GRIDS, COLORS),
    grids.righthalf: (GRIDS,),
    grids.subgrid: (PATCHES, GRIDS),
    grids.tophalf: (GRIDS,),
    grids.trim: (GRIDS,),
    grids.upscale: (ELEMENTS, FACTORS),
    grids.vconcat: (GRIDS, GRIDS),
    grids.vsplit: (GRIDS, FACTORS),
    grids.vupscale: (GRIDS, FACTORS),
    painting.canvas: (COLORS, SIZES),
    painting.cover: (GRIDS, PATCHES),
    painting.fill: (GRIDS, COLORS, PATCHES),
    painting.move: (GRIDS, OBJECTS, VECTORS),
    painting.paint: (GRIDS, OBJECTS),
    painting.replace: (GRIDS, COLORS, COLORS),
    painting.switch: (GRIDS, COLORS, COLORS),
    painting.underfill: (GRIDS, COLORS, PATCHES),
    painting.underpaint: (GRIDS, OBJECTS),
    symmetry.cmirror: (PIECES,),
    symmetry.dmirror: (PIECES,),
    symmetry.hmirror: (PIECES,),
    symmetry.rot90: (GRIDS,),
    symmetry.rot180: (GRIDS,),
    symmetry.rot270: (GRIDS,),
    symmetry.vmirror: (PIECES,),
}
EACH = pytest.mark.parametrize("primitive", PARAMETERS, ids=lambda primitive: primitive.__name__)


def test_every_primitive_is_tested():
    names = [*grids.__all__, *painting.__all__, *symmetry.__all__]
    assert sorted(primitive.__name__ for primitive in PARAMETERS) == sorted(names)


@EACH
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_well_typed_calls_agree(primitive, data):
    agree(primitive, data.draw(well_typed(*PARAMETERS[primitive])))


@EACH
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_ill_typed_calls_agree(primitive, data):
    agree(primitive, data.draw(ill_typed(*PARAMETERS[primitive])))


def test_of_cells_at_one_location_the_highest_color_is_painted():
    assert painting.paint(((0, 0),), frozenset({(9, (0, 1)), (3, (0, 1)), (4, (0, 1))})) == ((0, 9),)


def test_no_color_counts_as_lower_than_any_other():
    cells = frozenset({(None, (0, 1)), (3, (0, 1)), (None, (0, 0))})
    assert painting.paint(((7, 7),), cells) == ((None, 3),)
    assert painting.underpaint(((7, 7),), cells) == ((None, None),)


def test_of_cells_at_one_location_the_lowest_color_is_underpainted():
    assert painting.underpaint(((0, 0),), frozenset({(9, (0, 1)), (3, (0, 1)), (4, (0, 1))})) == ((0, 3),)


def test_nothing_is_painted_outside_a_grid():
    assert painting.fill(((0, 0),), 1, frozenset({(-1, 0), (0, -1), (1, 0), (0, 2)})) == ((0, 0),)


def test_a_set_in_the_place_of_a_row_is_read_in_canonical_order():
    row = frozenset({8, 0, 16})
    assert symmetry.dmirror((row, (1, 2, 3))) == ((0, 1), (8, 2), (16, 3))


def test_a_column_lies_between_the_parts_of_an_uneven_split():
    assert grids.hsplit(((1, 2, 0, 3, 4),), 2) == (((1, 2),), ((3, 4),))


def test_a_cut_to_no_columns_leaves_no_rows_of_a_half_but_all_of_a_crop():
    assert grids.lefthalf(((1,), (2,))) == ()
    assert grids.crop(((1,), (2,)), (0, 0), (2, 0)) == ((), ())
