"""Hypothesis strategies for every kind of value of the language.

Grids are small and have few colours, so that ties, repeated patterns and single-coloured rows come up often.
"""

from hypothesis import strategies as st

from codeit_jax.dsl.types import Function

COLORS = st.integers(0, 3) | st.integers(0, 9)
NUMBERS = st.integers(-3, 12)
BOOLEANS = st.booleans()
LOCATIONS = st.tuples(st.integers(-2, 9), st.integers(-2, 9))
VECTORS = st.tuples(st.integers(-4, 4), st.integers(-4, 4))
CELLS = st.tuples(COLORS, LOCATIONS)
FACTORS = st.integers(-1, 4)


@st.composite
def grids(draw: st.DrawFn, largest: int = 8, colors: st.SearchStrategy[int] = COLORS) -> tuple:
    """Rectangular grids of 1 to `largest` cells a side."""
    height, width = draw(st.integers(1, largest)), draw(st.integers(1, largest))
    row = st.tuples(*[colors] * width)
    distinct = draw(st.lists(row, min_size=1, max_size=height))
    return tuple(draw(st.sampled_from(distinct)) for _ in range(height))


def few_colors() -> st.SearchStrategy[tuple]:
    """Grids of two colours, where objects and patterns are larger."""
    return grids(colors=st.integers(0, 1))


GRIDS = grids() | few_colors()
INDICES = st.frozensets(LOCATIONS, max_size=12)
OBJECTS_OF_ANY_COLORS = st.frozensets(CELLS, max_size=12)


@st.composite
def objects_of_one_color(draw: st.DrawFn) -> frozenset:
    """Objects whose cells share a colour, possibly empty."""
    color = draw(COLORS)
    return frozenset((color, location) for location in draw(INDICES))


@st.composite
def rectangles(draw: st.DrawFn) -> frozenset:
    """Rectangular objects, as cut from a grid, anywhere near the origin."""
    grid, (down, right) = draw(GRIDS), draw(VECTORS)
    return frozenset((v, (i + down, j + right)) for i, row in enumerate(grid) for j, v in enumerate(row))


OBJECTS = objects_of_one_color() | OBJECTS_OF_ANY_COLORS | rectangles()
PATCHES = INDICES | OBJECTS
ELEMENTS = GRIDS | OBJECTS
PIECES = GRIDS | PATCHES
SETS_OF_OBJECTS = st.frozensets(OBJECTS, max_size=4)
SETS_OF_INDICES = st.frozensets(INDICES, max_size=4)
INTEGER_SETS = st.frozensets(COLORS, max_size=5)
TUPLES_OF_NUMBERS = st.lists(NUMBERS, max_size=6).map(tuple)


def _primitive(name: str, arity: int) -> Function:
    """A function value that carries a name the reference knows; these tests only pass it around."""

    def never(*arguments: object) -> object:
        raise TypeError(f"{name} is not meant to be called here")

    return Function.from_call(never, arity, name)


FUNCTIONS = st.sampled_from([_primitive("identity", 1), _primitive("size", 1), _primitive("add", 2)])

ATOMS = NUMBERS | BOOLEANS | st.none()


def _nested(inner: st.SearchStrategy) -> st.SearchStrategy:
    return st.lists(inner, max_size=4).map(tuple) | st.tuples(inner, inner) | st.frozensets(inner, max_size=4)


# Well-formed pieces inside tuples and sets come up far more often in programs than arbitrary nesting does.
PARTS = NUMBERS | LOCATIONS | CELLS | GRIDS | INDICES | OBJECTS
COLLECTIONS = _nested(PARTS) | _nested(LOCATIONS | CELLS) | _nested(OBJECTS | CELLS)
ARBITRARY = st.recursive(ATOMS | FUNCTIONS | LOCATIONS | CELLS, _nested, max_leaves=8)
VALUES = ATOMS | FUNCTIONS | LOCATIONS | VECTORS | CELLS | PIECES | SETS_OF_OBJECTS | COLLECTIONS | ARBITRARY


def well_typed(*parameters: st.SearchStrategy) -> st.SearchStrategy[tuple]:
    """Arguments of the kinds a primitive is for."""
    return st.tuples(*parameters)


def ill_typed(*parameters: st.SearchStrategy) -> st.SearchStrategy[tuple]:
    """Arguments any of which may be of any kind."""
    anything = st.tuples(*[VALUES] * len(parameters))
    one_wrong = [st.tuples(*parameters[:i], VALUES, *parameters[i + 1 :]) for i in range(len(parameters))]
    return st.one_of(*one_wrong, anything)
