import dataclasses
import logging

import pytest

from codeit_jax.arc import load_tasks, num_cells
from codeit_jax.config import ExecutionConfig
from codeit_jax.dsl import load_training_programs, parse_program, without_dead_lines
from codeit_jax.execution import Budget, Evaluator
from codeit_jax.execution.attempt import HostContext
from codeit_jax.execution.host import start_pool
from codeit_jax.mutation.growth import mutants
from codeit_jax.mutation.growth.mutants import grow
from codeit_jax.mutation.growth.rounds import Recipe
from codeit_jax.mutation.mutate import MutationKind
from codeit_jax.mutation.parents import MutationParent

CONTEXT = HostContext((), Budget())


@pytest.fixture(scope="module")
def tasks():
    """The tasks of the smallest grids, in the order of their ids."""
    smallest = sorted(load_tasks("arc1/training"), key=_num_cells)[:30]
    return sorted(smallest, key=lambda task: task.id)


def _num_cells(task):
    return sum(map(num_cells, task.demonstration_inputs))


@pytest.fixture(scope="module")
def parents(tasks):
    programs = load_training_programs()
    return [
        MutationParent(task.id, task.demonstration_inputs, without_dead_lines(programs[task.id]))
        for task in tasks
    ]


@pytest.fixture(scope="module", params=[1, 2])
def pool(request):
    with start_pool([], ExecutionConfig(num_workers=request.param, budget=Budget())) as pool:
        yield pool


def grown(pool, parents, count=300, seed=0):
    return grow(pool, Recipe(tuple(parents), seed=seed), count)


def test_growing(pool, parents):
    found = grown(pool, parents)
    assert len({mutant.program for mutant in found}) == len(found)
    assert len(found) == 300
    assert {mutant.kind for mutant in found} == set(MutationKind) - {MutationKind.NEW_LINE}
    evaluator, inputs = Evaluator(), {parent.task_id: parent.inputs for parent in parents}
    for mutant in found[::7]:
        assert mutant.outputs == tuple(
            evaluator.run(mutant.program, grid).output for grid in inputs[mutant.task_id]
        )


def test_growing_does_not_depend_on_the_number_of_workers(pool, parents):
    with start_pool([], ExecutionConfig(num_workers=3 - pool.num_workers, budget=Budget())) as other:
        assert grown(pool, parents) == grown(other, parents)


def test_growing_depends_on_the_seed(pool, parents):
    assert grown(pool, parents, 100, seed=0) != grown(pool, parents, 100, seed=1)


def test_equal_mutants_of_different_parents_are_kept_once(pool, parents):
    twin = dataclasses.replace(parents[0], task_id="zz")
    found = grown(pool, [parents[0], twin], 400)
    assert len({mutant.program for mutant in found}) == len(found)
    assert {mutant.task_id for mutant in found} == {parents[0].task_id, "zz"}


def test_what_is_grown_is_the_beginning_of_a_longer_growth(pool, parents):
    assert grown(pool, parents, 100) == grown(pool, parents, 300)[:100]


def test_growing_ends_where_nothing_new_comes_up(monkeypatch, pool):
    monkeypatch.setattr(mutants, "MAX_BARREN_DRAWS", 500)
    only = MutationParent("a", (((5,),), ((1,),)), parse_program("O = canvas(ONE, UNITY)"))
    assert 5 < len(grown(pool, [only], 1000)) < 200


def test_growing_nothing(pool, parents):
    assert grown(pool, parents, 0) == []


# For the program that does not end within these limits, see the tests of the host.
LARGE = 10**15
ENDLESS = "x1 = multiply(TEN, TEN)\nx2 = multiply(x1, x1)\nx3 = multiply(x2, x2)\nx4 = multiply(x3, x1)\n"
ENDLESS += "x5 = power(identity, x4)\nO = x5(I)"


def test_a_parent_whose_mutants_do_not_end_is_left_out_with_a_warning(parents, caplog):
    budget = Budget(max_work=LARGE, max_items=LARGE, max_weight=LARGE, max_magnitude=LARGE)
    endless = MutationParent("zz", (((1, 2),),), parse_program(ENDLESS))
    with (
        caplog.at_level(logging.WARNING),
        start_pool([], ExecutionConfig(num_workers=1, timeout_seconds=1.5, budget=budget)) as pool,
    ):
        found = grown(pool, [parents[0], endless], 20)
    assert {mutant.task_id for mutant in found} == {parents[0].task_id}
    assert all(message.startswith("programs drawn for zz") for message in caplog.messages)
    assert caplog.messages
