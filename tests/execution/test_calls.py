import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeit_jax.arc import load_tasks
from codeit_jax.dsl import load_training_programs, parse_program
from codeit_jax.dsl.primitives import PRIMITIVES
from codeit_jax.dsl.records import TRAITS
from codeit_jax.dsl.signatures import SIGNATURES
from codeit_jax.dsl.traits import Charge
from codeit_jax.dsl.types import Fixed, Function
from codeit_jax.execution import Budget, Evaluator, GraphRun, ProgramGraph
from codeit_jax.execution.calls import metered_functions
from codeit_jax.execution.meter import Meter, PrimitiveFailure
from codeit_jax.execution.outcome import BudgetExceeded
from tests.dsl.oracle import permuted
from tests.dsl.programs import programs
from tests.dsl.strategies import GRIDS, OBJECTS, VALUES

TASKS = load_tasks("arc1/training")
PROGRAMS = load_training_programs()
HEAVY = ("ff805c23", "3631a71a", "484b58aa", "150deff5", "73251a56", "6a1e5592")


def metered(**limits):
    meter = Meter(Budget(**limits))
    return meter, metered_functions(meter)


def ending(meter, each, *columns):
    """What a column of calls ends in, and the work charged by then."""
    meter.begin(0)
    try:
        return each(*columns), meter.work
    except (PrimitiveFailure, BudgetExceeded) as failure:
        return type(failure), str(failure), min(meter.work, meter.budget.max_work + 1)


@pytest.mark.parametrize("name", sorted(PRIMITIVES))
def test_a_column_of_calls_gives_and_charges_what_its_rows_do(name):
    arity = len(SIGNATURES[name].parameters)

    @settings(max_examples=15, deadline=None)
    @given(st.lists(st.tuples(*[VALUES] * arity), min_size=2, max_size=5))
    def check(rows):
        meter, functions = metered()
        ends = [ending(meter, functions[name].each, *([value] for value in row)) for row in rows]
        together = ending(meter, functions[name].each, *(list(column) for column in zip(*rows, strict=True)))
        if all(isinstance(end[0], list) for end in ends):
            assert together == ([end[0][0] for end in ends], sum(end[1] for end in ends))
        else:
            assert not isinstance(together[0], list)

    check()


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(name for name, each in TRAITS.items() if each.charge is Charge.REMEMBERED)),
    st.lists(st.tuples(VALUES | OBJECTS, VALUES, VALUES, VALUES), min_size=2, max_size=6),
    st.integers(2, 60) | st.just(1_000_000),
    st.randoms(use_true_random=False),
)
def test_neither_the_order_of_rows_nor_memory_shows(name, rows, max_work, rng):
    meter, functions = metered(max_work=max_work)
    each, arity = functions[name].each, len(SIGNATURES[name].parameters)
    ends = []
    for _ in range(3):
        columns = [list(column) for column in zip(*rows, strict=True)][:arity]
        ends.append(ending(meter, each, *columns))
        if rng.random() < 0.5:
            meter.forget()
        rng.shuffle(rows)
    by_order = [end if isinstance(end[0], type) else end[1] for end in ends]
    assert by_order[0] == by_order[1] == by_order[2]


def test_a_failing_row_does_not_keep_others_from_being_charged():
    meter, functions = metered()
    grid, bad = ((1, 2), (3, 4)), 7
    charges = {ending(meter, functions["hmirror"].each, column)[2] for column in ([grid, bad], [bad, grid])}
    assert charges == {1 + 4 + 4 + 1}


def test_which_of_several_failures_is_told():
    _, functions = metered()
    for column in ([7, (1, 2)], [(1, 2), 7]):
        with pytest.raises(PrimitiveFailure, match="hmirror fails on a number"):
            functions["hmirror"].each(column)
    with pytest.raises(PrimitiveFailure, match="first fails on one of 2 rows"):
        functions["first"].each([(1,), 7])


def test_what_was_asked_before_is_not_called_again(monkeypatch):
    calls = []
    monkeypatch.setattr(
        "codeit_jax.execution.calls.PRIMITIVES",
        {**PRIMITIVES, "hmirror": lambda grid: calls.append(grid) or PRIMITIVES["hmirror"](grid)},
    )
    meter, functions = metered()
    a, b = ((1, 2),), ((3,), (4,))
    assert functions["hmirror"].each([a, b, a]) == [a, ((4,), (3,)), a]
    assert calls == [a, b]
    before = meter.work
    functions["hmirror"].each([a, b, a])
    assert calls == [a, b]
    assert meter.work == 2 * before
    meter.forget()
    functions["hmirror"].each([a, b])
    assert calls == [a, b, a, b]


def test_calls_with_too_few_arguments_are_not_mistaken_for_others():
    meter, functions = metered()
    each, pair = functions["colorcount"].each, (((1, 2),), 1)
    wrong = ending(meter, each, [pair, pair])
    right = ending(meter, each, [pair[0]] * 2, [pair[1]] * 2)
    assert right[0] == [1, 1]
    assert ending(meter, each, [pair, pair]) == wrong
    meter.forget()
    assert ending(meter, each, [pair[0]] * 2, [pair[1]] * 2) == right
    assert ending(meter, each, [pair, pair]) == wrong


def test_a_budget_that_is_spent_is_not_remembered_as_a_failure():
    meter, functions = metered(max_work=100)
    grid = ((0,) * 9,) * 3
    each = functions["hmirror"].each
    meter.begin(80)
    with pytest.raises(BudgetExceeded):
        each([grid, grid])
    meter.begin(0)
    with pytest.raises(BudgetExceeded):
        each([grid, grid])
    meter.begin(0)
    assert each([grid, ((1,),)])[0] == grid


def test_fixed_columns_are_the_same_in_every_row():
    _, functions = metered()
    grid = ((0, 5), (5, 0))
    assert functions["ofcolor"].each(Fixed(grid), [0, 5, 7]) == [
        frozenset({(0, 0), (1, 1)}),
        frozenset({(0, 1), (1, 0)}),
        frozenset(),
    ]
    filled = functions["fill"].each(Fixed(grid), [1, 2], Fixed(frozenset({(0, 0)})))
    assert filled == [((1, 5), (5, 0)), ((2, 5), (5, 0))]


@pytest.mark.parametrize("task_id", HEAVY)
def test_a_warm_evaluator_ends_as_a_cold_one(task_id):
    task = next(task for task in TASKS if task.id == task_id)
    warm = Evaluator()
    for _ in range(2):
        for pair in task.train[:2]:
            assert warm.run(PROGRAMS[task_id], pair.input) == Evaluator().run(PROGRAMS[task_id], pair.input)


WARM = Evaluator(Budget(max_work=3_000, max_items=60, max_weight=200))


@settings(max_examples=200, deadline=None)
@given(programs(), GRIDS)
def test_random_programs_end_the_same_warm_and_cold(program, grid):
    assert WARM.run(program, grid) == Evaluator(WARM.budget).run(program, grid)


@pytest.mark.parametrize("task_id", HEAVY[:4])
def test_how_sets_were_built_does_not_show(task_id):
    task = next(task for task in TASKS if task.id == task_id)
    evaluator, shuffled = Evaluator(), Evaluator()
    rng = random.Random(task_id)
    run = GraphRun(ProgramGraph([PROGRAMS[task_id]]), evaluator, task.train[0].input)
    values = [task.train[0].input, *run.values(0)]
    names = {f"x{line}": value for line, value in enumerate(values)}
    for call in PROGRAMS[task_id].calls:
        function, *arguments = (
            {**evaluator.names, **names, "I": values[0]}[name] for name in (call.function, *call.arguments)
        )
        if any(isinstance(value, Function) and value.arguments for value in (function, *arguments)):
            continue  # built of the primitives of one evaluator
        first = evaluator.call(function, arguments)
        own = [
            shuffled.names[value.name] if isinstance(value, Function) else permuted(value, rng)
            for value in (function, *arguments)
        ]
        assert shuffled.call(own[0], own[1:]) == first


def test_equal_values_of_different_expressions_are_one(monkeypatch):
    program = parse_program(
        "x1 = vmirror(I)\nx2 = vmirror(x1)\nx3 = hmirror(x2)\nx4 = hmirror(I)\nO = hconcat(x3, x4)"
    )
    calls = []
    call = Evaluator.call
    monkeypatch.setattr(
        Evaluator, "call", lambda self, f, *rest: calls.append(f.name) or call(self, f, *rest)
    )
    run = GraphRun(ProgramGraph([program]), Evaluator(), ((0, 1, 1), (2, 0, 3)))
    outcome = run.outcome(0)
    assert calls == ["vmirror", "vmirror", "hmirror", "hconcat"]
    monkeypatch.undo()
    assert outcome == Evaluator().run(program, ((0, 1, 1), (2, 0, 3)))


def test_a_truth_value_stays_one_beside_an_equal_number():
    program = parse_program("x1 = increment(ZERO)\nx2 = equality(I, I)\nO = repeat(x2, x1)")
    run = GraphRun(ProgramGraph([program]), Evaluator(), ((0,),))
    assert [type(value) for value in run.values(0)[:2]] == [int, bool]


@pytest.mark.parametrize("max_items_held", [1, 50, 1000])
def test_a_graph_that_forgets_ends_as_one_that_does_not(max_items_held):
    chosen = [PROGRAMS[task_id] for task_id in HEAVY[:3]]
    grid = TASKS[0].train[0].input
    graph = ProgramGraph(chosen)
    run = GraphRun(graph, Evaluator(), grid, max_items_held=max_items_held)
    for _ in range(2):
        for index, program in enumerate(chosen):
            assert run.outcome(index) == Evaluator().run(program, grid)


def test_what_a_program_may_leave_on_a_line_is_limited():
    program = parse_program("x1 = asindices(I)\nx2 = size(x1)\nO = canvas(x2, UNITY)")
    outcome = Evaluator(Budget(max_items=8)).run(program, ((0,) * 3,) * 3)
    assert outcome.error == "line 1: asindices: more than 8 items on a line"
    assert "line 1" not in (Evaluator(Budget(max_items=9)).run(program, ((0,) * 3,) * 3).error or "")
