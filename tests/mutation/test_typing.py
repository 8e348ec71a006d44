import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeit_jax.arc import load_tasks
from codeit_jax.dsl import load_training_programs, parse_program
from codeit_jax.dsl.signatures import CONSTANT_TYPES, SIGNATURES
from codeit_jax.dsl.types import Function, Type
from codeit_jax.execution import Evaluator, GraphRun, ProgramGraph
from codeit_jax.mutation.typing import FUNCTION_OF_ARITY, accepts, line_types, members, overlap, type_of
from tests.dsl import strategies

GRID = ((0, 1, 1), (2, 0, 3))
CELL = (3, (0, 1))
OBJECT = frozenset({CELL, (3, (5, 5))})
INDICES = frozenset({(0, 1), (2, 3)})
CONCRETE = [declared for declared in Type if members(declared) == {declared}]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5, Type.INTEGER),
        (-5, Type.INTEGER),
        (True, Type.BOOLEAN),
        (None, Type.ANY),
        ((2, 3), Type.INTEGER_TUPLE),
        ((20, -3), Type.INTEGER_TUPLE),
        (CELL, Type.CELL),
        (GRID, Type.GRID),
        (((7,),), Type.GRID),
        ((), Type.TUPLE),
        ((1, 2, 3), Type.TUPLE),
        ((1,), Type.TUPLE),
        ((GRID, GRID), Type.TUPLE_TUPLE),
        (((1, 2), (3,)), Type.TUPLE_TUPLE),
        (((50, 1), (3, 2)), Type.TUPLE_TUPLE),
        ((OBJECT, OBJECT), Type.TUPLE_TUPLE),
        ((OBJECT, 1), Type.TUPLE),
        (frozenset(), Type.FROZEN_SET),
        (frozenset({1, 2}), Type.INTEGER_SET),
        (INDICES, Type.INDICES),
        (OBJECT, Type.OBJECT),
        (frozenset({OBJECT}), Type.OBJECTS),
        (frozenset({INDICES}), Type.INDICES_SET),
        (frozenset({frozenset({1})}), Type.FROZEN_SET),
        (frozenset({GRID}), Type.FROZEN_SET),
        (Function.from_call(max, 1, "f"), Type.FUNCTION_1),
        (Function.from_call(max, 2, "f"), Type.FUNCTION_2),
        (Function.from_call(max, 3, "f"), Type.FUNCTION_3),
        (Function.from_call(max, 4, "f"), Type.FUNCTION_4),
    ],
)
def test_types_of_values(value, expected):
    assert type_of(value) is expected


@given(strategies.VALUES)
def test_every_value_has_a_type_that_anything_accepts(value):
    assert accepts(Type.ANY, type_of(value))


@pytest.mark.parametrize(
    ("strategy", "parameter"),
    [
        (strategies.GRIDS, Type.GRID),
        (strategies.LOCATIONS, Type.INTEGER_TUPLE),
        (strategies.INDICES.filter(bool), Type.INDICES),
        (strategies.OBJECTS.filter(bool), Type.OBJECT),
        (strategies.PATCHES.filter(bool), Type.PATCH),
        (strategies.PIECES.filter(bool), Type.PIECE),
        (strategies.ELEMENTS.filter(bool), Type.ELEMENT),
        (strategies.NUMBERS | strategies.LOCATIONS, Type.NUMERICAL),
        (strategies.INTEGER_SETS.filter(bool), Type.INTEGER_SET),
        (strategies.FUNCTIONS, Type.FUNCTION),
        (strategies.CELLS, Type.TUPLE),
    ],
)
def test_values_are_accepted_where_they_belong(strategy, parameter):
    @given(strategy)
    def check(value):
        assert accepts(parameter, type_of(value))

    check()


@pytest.mark.parametrize("constant", CONSTANT_TYPES)
def test_constants_have_the_type_of_their_value(constant):
    assert type_of(Evaluator().names[constant]) is CONSTANT_TYPES[constant]


@pytest.mark.parametrize("name", ["vmirror", "hconcat", "cellwise", "objects"])
def test_primitives_have_the_type_of_their_arity(name):
    assert type_of(Evaluator().names[name]) is FUNCTION_OF_ARITY[len(SIGNATURES[name].parameters)]


@pytest.mark.parametrize(
    ("parameter", "accepted", "refused"),
    [
        (Type.INTEGER, {Type.INTEGER}, {Type.BOOLEAN, Type.INTEGER_TUPLE, Type.ANY}),
        (Type.PATCH, {Type.OBJECT, Type.INDICES}, {Type.GRID, Type.OBJECTS}),
        (Type.PIECE, {Type.OBJECT, Type.INDICES, Type.GRID}, {Type.OBJECTS, Type.TUPLE}),
        (Type.CONTAINER_CONTAINER, {Type.OBJECTS, Type.INDICES_SET, Type.TUPLE_TUPLE}, {Type.OBJECT}),
        (Type.FUNCTION, {Type.FUNCTION_1, Type.FUNCTION_4}, {Type.GRID}),
        (Type.FUNCTION_1, {Type.FUNCTION_1}, {Type.FUNCTION_2, Type.FUNCTION}),
        (Type.FROZEN_SET, {Type.OBJECTS, Type.INTEGER_SET, Type.FROZEN_SET}, {Type.GRID}),
        (Type.TUPLE, {Type.GRID, Type.INTEGER_TUPLE, Type.TUPLE_TUPLE}, {Type.OBJECT}),
    ],
)
def test_what_parameters_accept(parameter, accepted, refused):
    assert all(accepts(parameter, actual) for actual in accepted)
    assert not any(accepts(parameter, actual) for actual in refused)


@given(st.sampled_from(list(Type)), st.sampled_from(list(Type)))
def test_overlap_is_symmetric_and_every_type_overlaps_itself_and_any(a, b):
    assert overlap(a, b) == overlap(b, a)
    assert overlap(a, a)
    assert overlap(Type.ANY, a)
    assert not accepts(a, b) or overlap(a, b)


def test_types_without_values_in_common_do_not_overlap():
    assert not overlap(Type.GRID, Type.OBJECT)
    assert not overlap(Type.PATCH, Type.INTEGER)
    assert overlap(Type.PATCH, Type.ELEMENT)


def types(text, grid=GRID):
    program = parse_program(text)
    run = GraphRun(ProgramGraph([program]), Evaluator(), grid)
    return line_types(program, run.values(0))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x1 = asindices(I)\nO = recolor(ONE, x1)", [Type.INDICES, Type.OBJECT]),
        ("x1 = ofcolor(I, NINE)\nO = fill(I, ONE, x1)", [Type.INDICES, Type.GRID]),
        ("x1 = colorfilter(I, NINE)\nO = fill(I, ONE, x1)", []),
        ("x1 = objects(I, T, F, T)\nO = colorfilter(x1, NINE)", [Type.OBJECTS, Type.OBJECTS]),
        ("x1 = palette(I)\nO = first(x1)", [Type.INTEGER_SET, Type.INTEGER]),
        ("x1 = equality(I, I)\nO = branch(x1, I, I)", [Type.BOOLEAN, Type.GRID]),
        ("x1 = both(T, ONE)\nO = identity(I)", [Type.BOOLEAN, Type.GRID]),
        ("x1 = shape(I)\nO = canvas(ONE, x1)", [Type.INTEGER_TUPLE, Type.GRID]),
        ("x1 = interval(ZERO, TWO, ONE)\nO = pair(x1, x1)", [Type.INTEGER_TUPLE, Type.TUPLE_TUPLE]),
        ("x1 = compose(size, palette)\nO = x1(I)", [Type.FUNCTION_1, Type.INTEGER]),
        ("x1 = rbind(add, ONE)\nO = lbind(fill, I)", [Type.FUNCTION_1, Type.FUNCTION_2]),
        ("x1 = rbind(hconcat, I)\nO = x1(I)", [Type.FUNCTION_1, Type.GRID]),
    ],
)
def test_types_of_lines(text, expected):
    assert types(text) == expected


def test_types_of_the_training_programs_fit_their_parameters():
    # Real programs are well typed nearly everywhere; where types are read wrongly, far more would not fit.
    programs, fitting, total = load_training_programs(), 0, 0
    for task in load_tasks("arc1/training")[::4]:
        program = programs[task.id]
        run = GraphRun(ProgramGraph([program]), Evaluator(), task.train[0].input)
        of_lines = line_types(program, run.values(0))
        for call in program.calls:
            signature = SIGNATURES.get(call.function)
            for parameter, name in zip(
                signature.parameters if signature else (), call.arguments, strict=False
            ):
                if name.startswith("x"):
                    total += 1
                    fitting += accepts(parameter, of_lines[int(name[1:]) - 1])
    assert total > 1000
    assert fitting / total > 0.95
