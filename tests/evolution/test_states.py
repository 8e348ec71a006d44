"""Edges are lines of training programs, and states what they make, each once and cheapest first."""

import itertools

import pytest

from codeit_jax.arc import load_tasks
from codeit_jax.dsl import load_training_programs, parse_program
from codeit_jax.dsl.program import Call, without_dead_lines
from codeit_jax.dsl.types import Type
from codeit_jax.evolution.edges import library_of, mine_edges
from codeit_jax.evolution.states import States
from codeit_jax.execution import Evaluator, Status
from codeit_jax.mutation.parents import MutationParent

GRIDS = (((1, 2, 0), (0, 0, 3)), ((5, 5, 0, 0), (0, 6, 0, 7), (0, 0, 8, 8)))


def parent(text, task_id="t"):
    return MutationParent(task_id, GRIDS, parse_program(text))


def texts(edges):
    return {(edge.given, "; ".join(map(str, edge.calls))) for edge in edges}


def test_every_step_between_two_lines_is_an_edge():
    edges = mine_edges([parent("x1 = objects(I, T, F, T)\nx2 = argmax(x1, size)\nO = subgrid(x2, I)")])
    assert texts(edges) == {
        (Type.GRID, "objects(_, T, F, T)"),
        (Type.GRID, "objects(_, T, F, T); argmax(y0, size)"),
        (Type.GRID, "objects(_, T, F, T); argmax(y0, size); subgrid(y1, _)"),
        (Type.OBJECTS, "argmax(_, size)"),
        (Type.OBJECTS, "argmax(_, size); subgrid(y0, I)"),
        (Type.OBJECT, "subgrid(_, I)"),
    }
    assert len(mine_edges([parent("x1 = rot90(I)\nx2 = rot90(x1)\nO = rot90(x2)")], max_lines=1)) == 1


def test_colours_are_open_and_other_numbers_are_not():
    (edge,) = mine_edges([parent("O = replace(I, TWO, FIVE)")])
    assert edge.calls == (Call("replace", ("_", "c0", "c1")),)
    assert edge.num_colours == 2
    (edge,) = mine_edges([parent("O = upscale(I, TWO)")])
    assert (edge.calls, edge.num_colours) == ((Call("upscale", ("_", "TWO")),), 0)


def test_the_common_is_cheap_and_a_tasks_own_is_left_out():
    parents = [
        parent("O = vmirror(I)", "a"),
        parent("x1 = vmirror(I)\nO = hconcat(I, x1)", "b"),
        parent("O = rot90(I)", "c"),
        parent("O = replace(I, ONE, TWO)", "d"),
    ]
    edges = mine_edges(parents)
    library = library_of(edges, "c", (3, 4, 7))[Type.GRID]
    steps = [str(calls[0]) for _, calls in library if len(calls) == 1]
    assert steps[0] == "vmirror(_)"
    assert "rot90(_)" not in steps
    assert sum(step.startswith("replace") for step in steps) == 6
    costs = [cost for cost, _ in library]
    assert costs == sorted(costs)
    assert min(costs) > 1


@pytest.fixture(scope="module")
def parents():
    tasks = {task.id: task for task in load_tasks("arc1/training")}
    programs = list(load_training_programs().items())[:60]
    return [
        MutationParent(task_id, tasks[task_id].demonstration_inputs, without_dead_lines(program))
        for task_id, program in programs
    ]


def test_programs_of_states_make_new_grids_cheapest_first(parents):
    library = library_of(mine_edges(parents), "", (0, 1, 2))
    states = States(Evaluator(), GRIDS, library)
    found = list(itertools.islice(states.programs(), 120))
    evaluator, behaviours = Evaluator(), set()
    for program in found:
        assert parse_program(str(program)) == program
        outcomes = [evaluator.run(program, grid) for grid in GRIDS]
        if all(outcome.status is Status.OK for outcome in outcomes):
            behaviours.add(tuple(outcome.output for outcome in outcomes))
    assert len(behaviours) > 80
    assert len(set(found)) == len(found)
    again = States(Evaluator(), GRIDS, library).programs()
    assert list(itertools.islice(again, 120)) == found


def test_a_search_that_has_tried_everything_ends():
    library = library_of(mine_edges([parent("O = vmirror(I)"), parent("O = hmirror(I)", "u")]), "", ())
    programs = list(States(Evaluator(), GRIDS, library).programs())
    assert [len(program) for program in programs] == [1, 1, 2]  # the identity and these three
