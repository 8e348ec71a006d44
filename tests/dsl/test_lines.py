import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeit_jax.dsl.primitives import lines
from tests.dsl.agreement import agree
from tests.dsl.strategies import LOCATIONS, PATCHES, VECTORS, ill_typed, well_typed

PARAMETERS = {
    lines.backdrop: (PATCHES,),
    lines.box: (PATCHES,),
    lines.connect: (LOCATIONS, LOCATIONS),
    lines.delta: (PATCHES,),
    lines.dneighbors: (LOCATIONS,),
    lines.hfrontier: (LOCATIONS,),
    lines.inbox: (PATCHES,),
    lines.ineighbors: (LOCATIONS,),
    lines.neighbors: (LOCATIONS,),
    lines.outbox: (PATCHES,),
    lines.shoot: (LOCATIONS, VECTORS),
    lines.vfrontier: (LOCATIONS,),
}
EACH = pytest.mark.parametrize("primitive", PARAMETERS, ids=lambda primitive: primitive.__name__)


def test_every_primitive_is_tested():
    assert [primitive.__name__ for primitive in PARAMETERS] == lines.__all__


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
@given(start=LOCATIONS, move=st.integers(-6, 6), direction=st.sampled_from([(0, 1), (1, 0), (1, 1), (1, -1)]))
def test_straight_and_diagonal_lines_agree(start, move, direction):
    end = (start[0] + move * direction[0], start[1] + move * direction[1])
    agree(lines.connect, (start, end))


def test_the_inbox_of_a_single_cell_goes_around_it():
    assert lines.inbox(frozenset({(4, 4)})) == lines.neighbors((4, 4))


@pytest.mark.parametrize("row", [2, 4])
def test_cells_in_the_place_of_locations_have_a_backdrop_if_they_end_below_their_own_locations(row):
    agree(lines.backdrop, (frozenset({(1, (row, (3, 4)))}),))


def test_a_line_to_a_set_goes_to_its_items_in_order():
    assert lines.connect((0, 8), frozenset({8, 0})) == frozenset((0, j) for j in [8])
