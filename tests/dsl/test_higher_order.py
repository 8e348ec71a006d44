import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeit_jax.dsl.primitives import higher_order as primitives
from codeit_jax.dsl.primitives.higher_order import chain, compose, fork, lbind, matcher, power, rbind
from codeit_jax.dsl.signatures import SIGNATURES
from codeit_jax.dsl.types import Function
from tests.dsl.ordered_oracle import (
    CELLS,
    CONTAINERS,
    FAILED,
    FUNCTIONS,
    NUMBERS,
    ORACLE,
    PAIRS,
    VALUES,
    assert_agree,
    blurred,
    containers,
    from_oracle,
    ours,
    primitive,
    to_oracle,
)


def functions(*values):
    """A strategy for some functions: primitives are given by name."""
    return st.sampled_from([primitive(value) if isinstance(value, str) else value for value in values])


ADD, SIZE, FIRST, COMBINE = map(primitive, ("add", "size", "first", "combine"))
SETS = st.frozensets(CELLS, max_size=4)
# Functions that succeed on the items beside them, often with the same answer on several.
CASES = [
    (
        NUMBERS,
        functions("identity", "even", "sign", "halve", "initset", rbind(ADD, 2), power(rbind(ADD, 1), 3)),
    ),
    (PAIRS, functions("increment", "first", "last", "sign", "totuple", "dedupe", matcher(FIRST, 1))),
    (
        SETS | containers(PAIRS | CELLS),
        functions(
            *("size", "first", "last", "identity", "totuple", "maximum", "initset", "palette", "toindices"),
            matcher(SIZE, 2),
            rbind(COMBINE, frozenset({0})),
            chain(primitive("sign"), primitive("decrement"), SIZE),
        ),
    ),
]
UNARY = st.one_of([strategy for _, strategy in CASES]) | FUNCTIONS | st.none() | NUMBERS
BINARY = functions("add", "combine", "astuple", "equality", "greater", "contained", "product", "difference")

FUNCTION_FIRST = ["apply", "mapply"]
FUNCTION_LAST = ["sfilter", "mfilter", "extract", "argmax", "argmin", "valmax", "valmin", "order"]
ON_ONE_CONTAINER = FUNCTION_FIRST + FUNCTION_LAST
ON_TWO_CONTAINERS = ["papply", "mpapply", "prapply"]
BUILDERS = ["compose", "chain", "fork", "matcher", "power", "rbind", "lbind"]


def test_every_primitive_is_covered():
    covered = [*ON_ONE_CONTAINER, *ON_TWO_CONTAINERS, *BUILDERS, "identity", "rapply"]
    assert sorted(covered) == primitives.__all__


@pytest.mark.parametrize("name", ON_ONE_CONTAINER)
@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_a_function_on_a_container_agrees_with_the_oracle(name, data):
    items, suitable = data.draw(st.sampled_from(CASES))
    container = data.draw(containers(items, max_size=6))
    function = data.draw(suitable)
    assert_agree(name, *((function, container) if name in FUNCTION_FIRST else (container, function)))


@pytest.mark.parametrize("name", ON_ONE_CONTAINER)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_unsuitable_functions_and_containers_agree_with_the_oracle(name, data):
    container, function = data.draw(CONTAINERS | VALUES), data.draw(UNARY)
    assert_agree(name, *((function, container) if name in FUNCTION_FIRST else (container, function)))


@pytest.mark.parametrize("name", ON_TWO_CONTAINERS)
@settings(max_examples=100, deadline=None)
@given(function=BINARY | UNARY, a=CONTAINERS | VALUES, b=CONTAINERS | VALUES)
def test_a_function_on_two_containers_agrees_with_the_oracle(name, function, a, b):
    assert_agree(name, function, a, b)


@settings(max_examples=100, deadline=None)
@given(several=containers(UNARY | BINARY), value=CONTAINERS | VALUES)
def test_several_functions_on_a_value_agree_with_the_oracle(several, value):
    assert_agree("rapply", several, value)


@settings(max_examples=20, deadline=None)
@given(VALUES)
def test_identity_returns_its_argument(value):
    assert assert_agree("identity", value) == value


@pytest.mark.parametrize("name", BUILDERS)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_built_functions_agree_with_the_oracle_on_what_they_are_called_with(name, data):
    parts = UNARY | BINARY | functions("objects", "fill", "branch", "interval") | VALUES
    arguments = [data.draw(parts) for _ in SIGNATURES[name].parameters]
    if name == "power":
        arguments[1] = data.draw(st.integers(-1, 5) | VALUES)
    built = assert_agree(name, *arguments)
    if isinstance(built, Function):
        values = [data.draw(CONTAINERS | VALUES) for _ in range(data.draw(st.integers(1, 4)))]
        assert _call(built, values) == _call_oracle(name, arguments, values)


@settings(max_examples=100, deadline=None)
@given(outer=UNARY, inner=UNARY, values=containers(NUMBERS | PAIRS | SETS))
def test_built_functions_agree_with_the_oracle_inside_apply(outer, inner, values):
    assert_agree("apply", compose(outer, inner), values)
    assert_agree("apply", fork(primitive("astuple"), outer, inner), values)


def _call(built, values):
    try:
        return blurred(built.call(*values))
    except Exception:
        return FAILED


def _call_oracle(name, arguments, values):
    try:
        built = getattr(ORACLE, name)(*map(to_oracle, arguments))
        return blurred(from_oracle(built(*map(to_oracle, values))))
    except Exception:
        return FAILED


@pytest.mark.parametrize("name", ["rbind", "lbind"])
def test_binding_leaves_one_argument_less(name):
    bind = getattr(primitives, name)
    arities = [bind(primitive(function), 0).arity for function in ("add", "fill", "objects", "identity")]
    assert arities == [1, 2, 3, 3]
    assert bind(bind(primitive("fill"), 0), 1).arity == 1
    with pytest.raises(AttributeError):
        bind(3, 0)


def test_binding_fixes_the_argument_it_says():
    subtract, fill = primitive("subtract"), primitive("fill")
    assert rbind(subtract, 1).call(5) == 4
    assert lbind(subtract, 1).call(5) == -4
    grid, cells = ((0, 0),), frozenset({(0, 1)})
    assert rbind(fill, cells).call(grid, 3) == lbind(fill, grid).call(3, cells) == ((0, 3),)
    objects = primitive("objects")
    expected = objects.call(grid, True, False, False)
    assert rbind(objects, False).call(grid, True, False) == expected
    assert lbind(objects, grid).call(True, False, False) == expected


def test_other_combinators_take_one_argument():
    f = primitive("increment")
    for built in (compose(f, f), chain(f, f, f), matcher(f, 1), power(f, 2), fork(ADD, f, f)):
        assert built.arity == 1
    assert chain(primitive("double"), f, primitive("halve")).call(7) == 8
    assert fork(primitive("subtract"), primitive("double"), f).call(7) == 6
    assert matcher(f, 8).call(7) is True


def test_a_part_that_is_no_function_fails_only_when_called():
    for built in (compose(1, SIZE), chain(SIZE, None, SIZE), matcher((), 1), fork(ADD, SIZE, 2), power(2, 3)):
        with pytest.raises(TypeError, match="no function"):
            built.call((1, 2))


def test_power_does_not_recurse():
    assert power(primitive("increment"), 100_000).call(0) == 100_000
    assert power(primitive("fill"), 1) == primitive("fill")
    for times in (0, -1, (1,), None):
        with pytest.raises(ValueError, match="positive number"):
            power(SIZE, times)


def test_ties_go_to_the_first_in_order():
    big, small = frozenset({(5, (0, 0))}), frozenset({(3, (4, 4))})
    for name in ("argmax", "argmin"):
        choose = getattr(primitives, name)
        assert choose(frozenset({big, small}), SIZE) == small
        assert choose((big, small), SIZE) == big
        assert choose((), SIZE) is None
    assert primitives.order(frozenset({big, small, frozenset()}), SIZE) == (frozenset(), small, big)
    assert primitives.order((big, small, frozenset()), SIZE) == (frozenset(), big, small)


def test_the_value_on_nothing_is_that_on_zero():
    assert primitives.valmax((), primitive("increment")) == 1
    assert ours("valmin", frozenset(), SIZE) == FAILED


def test_keys_that_are_sets_are_compared_in_canonical_order():
    # No key is a subset of another, so nothing exceeds the first item.
    container = frozenset({(3, 1), (2, 0), (1, 5)})
    assert primitives.argmax(container, primitive("initset")) == (1, 5)
    assert primitives.valmin(container, primitive("initset")) == frozenset({(1, 5)})


def test_extract_stops_at_the_first_match():
    picky = lbind(primitive("divide"), 6)
    assert primitives.extract((1, 0), picky) == 1
    assert primitives.extract(frozenset({-1, 0}), picky) == -1
    with pytest.raises(ZeroDivisionError):
        primitives.extract((0, 1), picky)
    with pytest.raises(ValueError, match="no item"):
        primitives.extract((7, 8), picky)
