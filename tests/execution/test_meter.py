import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeit_jax.config.budget import Budget
from codeit_jax.dsl.primitives import PRIMITIVES
from codeit_jax.dsl.signatures import SIGNATURES
from codeit_jax.dsl.sizes import MAX_LEVELS, extent, joined_items, largest_magnitude, weight
from codeit_jax.dsl.types import Fixed, Function, Type
from codeit_jax.execution.calls import metered_functions
from codeit_jax.execution.meter import Meter
from codeit_jax.execution.outcome import BudgetExceeded
from tests.dsl import strategies

LARGE = 10**12
OPEN_BUDGET = Budget(max_work=LARGE, max_items=LARGE, max_weight=LARGE, max_magnitude=LARGE, max_depth=LARGE)

ARGUMENTS = {
    Type.BOOLEAN: strategies.BOOLEANS,
    Type.INTEGER: strategies.NUMBERS,
    Type.INTEGER_TUPLE: strategies.LOCATIONS,
    Type.NUMERICAL: strategies.NUMBERS | strategies.LOCATIONS,
    Type.GRID: strategies.GRIDS,
    Type.OBJECT: strategies.OBJECTS,
    Type.INDICES: strategies.INDICES,
    Type.PATCH: strategies.PATCHES,
    Type.ELEMENT: strategies.ELEMENTS,
    Type.PIECE: strategies.PIECES,
    Type.OBJECTS: strategies.SETS_OF_OBJECTS,
}


def call(function, arguments):
    try:
        return function(*arguments)
    except Exception:
        return "failed"


@pytest.fixture(scope="module")
def functions():
    return metered_functions(Meter(OPEN_BUDGET))


def test_functions_are_named_and_have_the_arity_of_their_signature(functions):
    assert set(functions) == set(PRIMITIVES)
    for name, function in functions.items():
        assert function.name == name
        assert function.arity == len(SIGNATURES[name].parameters)


@pytest.mark.parametrize("name", sorted(PRIMITIVES))
def test_a_meter_changes_no_value_and_no_failure(functions, name):
    # Foreseeing the work of a call reads its arguments, and must not fail where the call itself does not.
    usual = [ARGUMENTS.get(parameter, strategies.VALUES) for parameter in SIGNATURES[name].parameters]

    @settings(max_examples=10, deadline=None)
    @given(strategies.well_typed(*usual) | strategies.ill_typed(*usual))
    def check(arguments):
        ours, plain = call(functions[name].call, arguments), call(PRIMITIVES[name], arguments)
        assert ours == plain
        assert type(ours) is type(plain)

    check()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("canvas", (1, (0,))),
        ("canvas", (1, (-1,))),
        ("crop", (((1, 2), (3, 4)), (2, 0), (1,))),
        ("product", (7, ())),
        ("connect", (frozenset((1, 2)), (3, 4))),
        ("shoot", ((0, 0), (0, 1, 2))),
        ("box", (frozenset(),)),
        ("combine", ((), frozenset())),
        ("occurrences", (((1, 2), (3, 4)), frozenset())),
        ("occurrences", (((0, 0), 0), frozenset())),
        ("hperiod", (frozenset(),)),
        ("gravitate", (frozenset({(0, 0)}), frozenset({(5, 0)}))),
        ("repeat", (1, True)),
        ("interval", (True, 3, True)),
        ("hsplit", (((1, 2), (3, 4)), -1)),
        ("shift", (frozenset(), 5)),
        ("upscale", (frozenset(), 3)),
    ],
)
def test_odd_arguments_are_read_as_the_primitive_reads_them(functions, name, arguments):
    expected = PRIMITIVES[name](*arguments)
    assert functions[name].call(*arguments) == expected


@given(strategies.VALUES)
def test_weight_counts_cells_and_locations_once_and_containers_by_their_items(value):
    def items(value):
        if not isinstance(value, tuple | frozenset):
            return 0
        return len(value) + sum(map(items, value))

    if isinstance(value, tuple | frozenset):
        assert items(value) / 5 <= weight(value, LARGE) <= items(value)


def test_weight_of_known_values():
    grid = ((1, 2, 3), (4, 5, 6))
    cells = frozenset({(1, (0, 0)), (2, (0, 1)), (3, (5, 5))})
    assert weight((), 9) == weight(frozenset(), 9) == 0
    assert weight(tuple(range(100)), 1000) == 100
    assert weight(grid, 99) == 2 + 6
    assert weight(cells, 99) == 3
    assert weight(frozenset({(0, 1), (2, 3)}), 99) == 2
    assert weight(frozenset({cells, cells | {(9, (9, 9))}}), 99) == 2 + 3 + 4
    assert weight((grid, grid), 99) == 2 + 8 + 8


@pytest.mark.parametrize("light", [(0, 1, 2, 3, 4, 5), ((0, 0),) * 6, ((3, (0, 0)),) * 6])
def test_weight_sees_a_heavy_item_behind_light_ones(light):
    heavy = tuple(range(1000))
    assert weight((*light, heavy), LARGE) > 1000
    assert weight(frozenset((*light, heavy)), LARGE) > 1000
    assert weight((*light, (heavy, heavy)), LARGE) > 2000


def test_weight_stops_after_the_limit():
    value = (0,)
    for _ in range(80):
        value = (value, value)
    assert weight(value, 1000) > 1000


def test_a_nest_of_too_many_levels_is_too_heavy():
    value = (None,)
    for _ in range(MAX_LEVELS - 1):
        value = (value,)
    assert weight(value, 1000) == MAX_LEVELS
    assert weight((value,), 1000) > 1000


def test_extent_is_the_area_of_a_grid_and_never_less_than_the_number_of_items():
    assert extent(((1, 2, 3),) * 4) == 12
    assert extent(frozenset({1, 2})) == 2
    assert extent(()) == 0
    assert extent(((), (1,), (2,))) == 3


def test_magnitude_is_of_a_number_or_a_pair():
    assert largest_magnitude([-5, 3]) == 5
    assert largest_magnitude([(3, -9), 4, None]) == 9
    assert largest_magnitude([()]) == 0


def test_joined_items_are_foreseen_where_coordinates_are_containers():
    assert joined_items(([3], [(4, 5)])) == 0
    assert joined_items(([(True, 2)], Fixed((4, 5)))) == 0
    assert joined_items((Fixed(1000), [((1, 2), (3,)), (4, 5)])) == 3000
    assert joined_items(([((1, 2), 7)], [(0, 0)])) == 14
    assert joined_items(([((1, 2), (3, 4))], [((5, 6), (7, 8))])) == 16


def metered(**limits):
    meter = Meter(Budget(**limits))
    return meter, metered_functions(meter)


@pytest.mark.parametrize(
    ("limits", "name", "arguments", "reason"),
    [
        ({"max_weight": 8}, "canvas", (0, (3, 3)), "canvas made more than 8 items"),
        ({"max_weight": 9}, "astuple", ((1,) * 5, (1,) * 5), "astuple made more than 9 items"),
        (
            {"max_weight": 99},
            "fill",
            (((0, 0),), ((1,) * 50,) * 2, frozenset({(0, 1)})),
            "fill made more than 99 items",
        ),
        ({"max_magnitude": 9}, "add", (5, 5), "add made a number beyond 9"),
        ({"max_magnitude": 9}, "multiply", ((1, 5), (1, -2)), "multiply made a number beyond 9"),
        ({"max_work": 50}, "canvas", (0, (10, 10)), "more than 50 units of work"),
        ({"max_work": 50}, "dedupe", ((0,) * 50,), "more than 50 units of work"),
        ({"max_work": 50}, "multiply", (100, ((1,), (2,))), "more than 50 units of work"),
    ],
)
def test_each_limit_ends_a_call(limits, name, arguments, reason):
    _, functions = metered(**limits)
    with pytest.raises(BudgetExceeded, match=reason):
        functions[name].call(*arguments)


def test_calls_within_calls_are_limited():
    _, functions = metered(max_depth=2)
    once = functions["lbind"].call(functions["apply"], functions["identity"])
    twice = functions["lbind"].call(functions["apply"], once)
    assert functions["apply"].call(once, ((1,),)) == ((1,),)
    with pytest.raises(BudgetExceeded, match="functions applied more than 2 deep"):
        functions["apply"].call(twice, (((1,),),))


def test_functions_within_functions_are_limited():
    _, functions = metered()
    function = functions["identity"]
    for _ in range(MAX_LEVELS - 1):
        function = functions["compose"].call(function, functions["identity"])
    assert function.call(7) == 7
    with pytest.raises(BudgetExceeded, match="compose made a function of functions more than 100 deep"):
        functions["compose"].call(functions["identity"], function)


@pytest.mark.parametrize(
    ("name", "arguments", "work"),
    [
        ("increment", (1,), 1),
        ("size", ((1, 2, 3),), 1),
        ("maximum", ((1, 2, 3),), 4),
        ("canvas", (0, (2, 3)), 1 + 6 + 6),
        ("hmirror", (((1, 2), (3, 4)),), 1 + 4 + 4),
        ("repeat", (5, 7), 1 + 7 + 7),
        ("manhattan", (frozenset({(0, 0), (1, 1)}), frozenset({(5, 5), (6, 6), (7, 7)})), 1 + 6),
    ],
)
def test_work_of_known_calls(name, arguments, work):
    meter, functions = metered()
    functions[name].call(*arguments)
    assert meter.work == work


@settings(max_examples=50, deadline=None)
@given(strategies.GRIDS, st.sampled_from(["rot90", "hmirror", "asindices", "partition", "frontiers", "trim"]))
def test_work_covers_the_cells_read(grid, name):
    meter, functions = metered()
    functions[name].call(grid)
    assert meter.work > len(grid) * len(grid[0])


def test_a_function_built_of_others_charges_for_what_it_calls():
    meter, functions = metered()
    twice = functions["compose"].call(functions["increment"], functions["increment"])
    before = meter.work
    assert isinstance(twice, Function)
    assert twice.call(1) == 3
    assert meter.work == before + 2
