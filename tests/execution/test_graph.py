import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeit_jax.arc import load_tasks
from codeit_jax.dsl import Program, load_training_programs, parse_program
from codeit_jax.execution import Budget, Evaluator, GraphRun, ProgramGraph, Status
from codeit_jax.mutation.mutate import Mutator
from codeit_jax.mutation.typing import line_types
from tests.dsl.programs import programs
from tests.dsl.strategies import GRIDS
from tests.execution.drawing import mutate

GRID = ((0, 1, 1), (2, 0, 3))
PARENTS = ("a68b268e", "6d0aefbc", "ce602527", "3631a71a", "1b60fb0c", "d06dbe63")
TASKS = {task.id: task for task in load_tasks("arc1/training")}
PROGRAMS = load_training_programs()


def assert_equal_outcomes(programs, grids, budget):
    graph, shared, alone = ProgramGraph(programs), Evaluator(budget), Evaluator(budget)
    statuses = set()
    for grid in grids:
        run = GraphRun(graph, shared, grid)
        for index, program in enumerate(programs):
            expected = alone.run(program, grid)
            assert run.outcome(index) == expected
            assert run.output(index) == expected.output
            if expected.output is not None:
                assert run.yields(index, expected.output)
            assert not run.yields(index, ((7,) * 9,) * 9) or expected.output == ((7,) * 9,) * 9
            statuses.add(expected.status)
    return statuses


def mutants(task_id, count):
    """Returns mutants of a training program, the program itself first."""
    parent = PROGRAMS[task_id]
    run = GraphRun(ProgramGraph([parent]), Evaluator(), TASKS[task_id].train[0].input)
    types, rng = line_types(parent, run.values(0)), random.Random(task_id)
    drawn = [mutate(Mutator(), parent, types, rng) for _ in range(count)]
    return [parent, *(mutant for mutant in drawn if mutant is not None)]


@pytest.mark.parametrize("task_id", PARENTS)
@pytest.mark.parametrize("max_work", [1_000_000, 30_000, 2_000, 50])
def test_mutants_end_as_they_do_alone(task_id, max_work):
    other = TASKS["007bbfb7"].train[0].input
    grids = [*TASKS[task_id].demonstration_inputs[:1], other]
    assert_equal_outcomes(mutants(task_id, 12), grids, Budget(max_work=max_work))


def test_all_ends_are_met_above():
    programs = [program for task_id in PARENTS[:3] for program in mutants(task_id, 30)]
    grids = [TASKS[task_id].train[0].input for task_id in PARENTS[:3]]
    budget = Budget(max_work=2_000, max_items=500, max_weight=600, max_magnitude=20, max_depth=2)
    statuses = assert_equal_outcomes(programs, grids, budget)
    assert statuses == {Status.OK, Status.INVALID_OUTPUT, Status.ERROR, Status.OVER_BUDGET}


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(PARENTS[:3]), st.integers(1, 4_000))
def test_mutants_end_as_they_do_alone_under_any_budget(task_id, max_work):
    assert_equal_outcomes(
        MUTANTS[task_id], TASKS[task_id].demonstration_inputs[:1], Budget(max_work=max_work)
    )


MUTANTS = {task_id: mutants(task_id, 8) for task_id in PARENTS[:3]}


@settings(max_examples=100, deadline=None)
@given(st.lists(programs(), min_size=1, max_size=4), GRIDS, st.integers(1, 300) | st.just(1_000_000))
def test_random_programs_end_as_they_do_alone(drawn, grid, max_work):
    # With their beginnings too, so that lines are shared.
    beginnings = [Program(program.calls[:count]) for program in drawn for count in range(1, len(program) + 1)]
    assert_equal_outcomes(
        [*drawn, *beginnings], [grid], Budget(max_work=max_work, max_items=60, max_weight=90)
    )


def test_equal_expressions_are_one_whatever_line_they_stand_on():
    graph = ProgramGraph(
        [
            parse_program("x1 = vmirror(I)\nO = hconcat(I, x1)"),
            parse_program("x1 = hmirror(I)\nx2 = vmirror(I)\nO = hconcat(I, x2)"),
            parse_program("x1 = vmirror(I)\nx2 = vmirror(I)\nO = hconcat(x1, x2)"),
        ]
    )
    assert len(graph.expressions) == 4
    assert graph.programs == [[0, 1], [2, 0, 1], [0, 0, 3]]


def test_a_shared_expression_is_evaluated_once_and_charged_to_each(monkeypatch):
    program = parse_program("x1 = vmirror(I)\nx2 = vmirror(I)\nO = hconcat(x1, x2)")
    evaluator, calls = Evaluator(), []
    call = Evaluator.call
    monkeypatch.setattr(Evaluator, "call", lambda *arguments: calls.append(1) or call(*arguments))
    run = GraphRun(ProgramGraph([program, program]), evaluator, GRID)
    outcomes = [run.outcome(0), run.outcome(1)]
    assert len(calls) == 2
    monkeypatch.undo()
    assert outcomes == [Evaluator().run(program, GRID)] * 2


def test_nothing_after_a_failure_is_evaluated(monkeypatch):
    program = parse_program("x1 = vmirror(I)\nx2 = divide(ONE, ZERO)\nO = vmirror(x1)")
    calls = []
    call = Evaluator.call
    monkeypatch.setattr(Evaluator, "call", lambda *arguments: calls.append(1) or call(*arguments))
    run = GraphRun(ProgramGraph([program]), Evaluator(), GRID)
    assert run.outcome(0).status is Status.ERROR
    assert len(calls) == 2
    assert run.values(0) == [((1, 1, 0), (3, 0, 2))]


def test_values_of_the_lines():
    run = GraphRun(ProgramGraph([parse_program("x1 = size(I)\nO = canvas(x1, UNITY)")]), Evaluator(), GRID)
    assert run.values(0) == [2, ((2,),)]


def test_yields_takes_truth_values_for_the_numbers_they_equal():
    run = GraphRun(
        ProgramGraph([parse_program("x1 = astuple(T, F)\nO = repeat(x1, TWO)")]), Evaluator(), GRID
    )
    assert run.yields(0, ((1, 0), (1, 0)))
    assert not run.yields(0, ((1, 0), (1, 1)))


def test_a_graph_of_no_programs():
    graph = ProgramGraph([])
    assert graph.expressions == []
    assert graph.programs == []
