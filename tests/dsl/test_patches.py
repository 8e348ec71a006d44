import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeit_jax.dsl.primitives import patches, relations
from tests.dsl.agreement import agree
from tests.dsl.strategies import (
    COLORS,
    GRIDS,
    INDICES,
    LOCATIONS,
    OBJECTS,
    PATCHES,
    PIECES,
    VECTORS,
    ill_typed,
    well_typed,
)

PARAMETERS = {
    patches.center: (PATCHES,),
    patches.centerofmass: (PATCHES,),
    patches.corners: (PATCHES,),
    patches.height: (PIECES,),
    patches.hline: (PATCHES,),
    patches.leftmost: (PATCHES,),
    patches.llcorner: (PATCHES,),
    patches.lowermost: (PATCHES,),
    patches.lrcorner: (PATCHES,),
    patches.normalize: (PATCHES,),
    patches.portrait: (PIECES,),
    patches.recolor: (COLORS, PATCHES),
    patches.rightmost: (PATCHES,),
    patches.shape: (PIECES,),
    patches.shift: (PATCHES, VECTORS),
    patches.square: (PIECES,),
    patches.toindices: (PATCHES,),
    patches.ulcorner: (PATCHES,),
    patches.uppermost: (PATCHES,),
    patches.urcorner: (PATCHES,),
    patches.vline: (PATCHES,),
    patches.width: (PIECES,),
    relations.adjacent: (PATCHES, PATCHES),
    relations.bordering: (PATCHES, GRIDS),
    relations.gravitate: (PATCHES, PATCHES),
    relations.hmatching: (PATCHES, PATCHES),
    relations.manhattan: (PATCHES, PATCHES),
    relations.position: (PATCHES, PATCHES),
    relations.vmatching: (PATCHES, PATCHES),
}
EACH = pytest.mark.parametrize("primitive", PARAMETERS, ids=lambda primitive: primitive.__name__)

# Few cells in a small place, so that the two are often neighbours or in each other's way.
SMALL = st.frozensets(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=3)
NEAR = st.builds(
    patches.shift,
    SMALL | st.builds(patches.recolor, COLORS, SMALL),
    st.tuples(st.integers(-2, 2), st.integers(-2, 2)),
)
FAR = st.builds(patches.shift, SMALL, st.tuples(st.integers(-60, 60), st.integers(-2, 2)))


def test_every_primitive_is_tested():
    names = [*patches.__all__, *relations.__all__]
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


@pytest.mark.parametrize("primitive", [relations.adjacent, relations.gravitate, relations.manhattan])
@settings(deadline=None, max_examples=80)
@given(a=NEAR | FAR, b=NEAR)
def test_distances_agree_for_patches_near_each_other(primitive, a, b):
    agree(primitive, (a, b))


@settings(deadline=None, max_examples=30)
@given(a=st.frozensets(LOCATIONS, min_size=8), b=st.frozensets(LOCATIONS, min_size=8), move=VECTORS)
def test_manhattan_agrees_for_large_patches(a, b, move):
    agree(relations.manhattan, (a, patches.shift(b, (3 * move[0], 3 * move[1]))))


@settings(deadline=None, max_examples=30)
@given(mixed=st.builds(frozenset.union, INDICES, OBJECTS))
@EACH
def test_a_mixture_of_cells_and_locations_is_read_in_one_way(primitive, mixed):
    others = {GRIDS: ((0, 1), (1, 0)), COLORS: 3, VECTORS: (1, 2), PATCHES: frozenset({(0, 0)})}
    first, *rest = PARAMETERS[primitive]
    if first is COLORS:
        agree(primitive, (3, mixed))
    else:
        agree(primitive, (mixed, *[others[kind] for kind in rest]))


@pytest.mark.parametrize("direction", [(0, 1), (1, 0), (0, -1), (-1, 0)])
def test_neighbours_on_any_side_are_adjacent(direction):
    cell = frozenset({(3, 3)})
    assert relations.adjacent(cell, patches.shift(cell, direction))
    assert not relations.adjacent(cell, patches.shift(cell, (2 * direction[0], 2 * direction[1])))
    assert not relations.adjacent(cell, cell)


@pytest.mark.parametrize("direction", [(0, 1), (1, 0), (0, -1), (-1, 0)])
def test_the_distance_of_large_patches_is_that_of_their_nearest_cells(direction):
    line = frozenset((i, j) for i in range(10) for j in range(10))
    assert relations.manhattan(line, patches.shift(line, (30 * direction[0], 30 * direction[1]))) == 21


def test_coordinates_that_do_not_compare_are_chosen_from_in_canonical_order():
    for other in range(1, 17):
        patch = frozenset({(frozenset({other}), 1), (frozenset({0}), 1)})
        assert patches.uppermost(patch) == frozenset({0})


def test_a_location_that_two_cells_share_is_read_once():
    assert patches.ulcorner(((1, (0, None)), (2, (0, None)))) == (0, None)


def test_the_first_item_in_canonical_order_tells_cells_from_locations():
    cell, before, after = (2, (0, 0)), (1, 5), (3, 5)
    assert patches.toindices(frozenset({cell, before})) == frozenset({cell, before})
    assert patches.toindices(frozenset({cell, after})) == frozenset({(0, 0), 5})


def test_shape_of_a_tuple_of_objects_counts_the_tuple():
    objects = (frozenset({(1, (0, 0)), (1, (5, 5))}),) * 3
    assert patches.shape(objects) == (3, 2)


def test_a_patch_that_never_meets_the_other_falls_42_cells():
    assert relations.gravitate(frozenset({(0, 0)}), frozenset({(9, 9)})) == (0, 42)


def test_corners_of_nothing_have_no_coordinates():
    assert patches.corners(frozenset()) == frozenset({()})
