import dataclasses
import logging

import numpy as np
import pytest

from codeit_jax.arc import Pair, Task, load_tasks, num_cells
from codeit_jax.config import ExecutionConfig
from codeit_jax.dsl import load_training_programs, parse_program
from codeit_jax.execution import Budget, Evaluator
from codeit_jax.execution.attempt import HostContext
from codeit_jax.execution.host import start_pool
from codeit_jax.mutation.growth.mutants import Parent, find_parents, grow, solves_task
from codeit_jax.mutation.mutate import MutationKind, Mutator

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
    return [Parent(task.id, programs[task.id], task.demonstration_inputs) for task in tasks]


@pytest.fixture(scope="module", params=[1, 2])
def pool(request):
    with start_pool([], ExecutionConfig(num_workers=request.param, budget=Budget())) as pool:
        yield pool


def grown(pool, parents, count=300, seed=0):
    return grow(pool, parents, count, Mutator(), np.random.default_rng(seed))


def test_growing(pool, parents):
    found = grown(pool, parents)
    assert len({mutant.program for mutant in found}) == len(found)
    assert 100 < len(found) <= 300
    by_parent = [mutant.parent for mutant in found]
    assert by_parent == sorted(by_parent)
    assert {mutant.kind for mutant in found} == set(MutationKind) - {MutationKind.NEW_LINE}
    evaluator, inputs = Evaluator(), {parent.task_id: parent.inputs for parent in parents}
    for mutant in found[::7]:
        assert mutant.outputs == tuple(
            evaluator.run(mutant.program, grid).output for grid in inputs[mutant.parent]
        )


def test_growing_does_not_depend_on_the_number_of_workers(pool, parents):
    with start_pool([], ExecutionConfig(num_workers=3 - pool.num_workers, budget=Budget())) as other:
        assert grown(pool, parents) == grown(other, parents)


def test_growing_depends_on_the_generator(pool, parents):
    assert grown(pool, parents, 100, seed=0) != grown(pool, parents, 100, seed=1)


def test_equal_mutants_of_different_parents_are_kept_once(pool, parents):
    twin = dataclasses.replace(parents[0], task_id="zz")
    found = grown(pool, [parents[0], twin], 400)
    assert len({mutant.program for mutant in found}) == len(found)
    assert {mutant.parent for mutant in found} == {parents[0].task_id, "zz"}


def test_growing_nothing(pool, parents):
    assert grown(pool, parents, 0) == []
    assert grown(pool, [], 0) == []
    with pytest.raises(ValueError, match="there are no training programs to mutate that solve their task"):
        grown(pool, [], 1)


# For the program that does not end within these limits, see the tests of the host.
LARGE = 10**15
ENDLESS = "x1 = multiply(TEN, TEN)\nx2 = multiply(x1, x1)\nx3 = multiply(x2, x2)\nx4 = multiply(x3, x1)\n"
ENDLESS += "x5 = power(identity, x4)\nO = x5(I)"


def test_a_parent_whose_mutants_do_not_end_is_left_out_with_a_warning(parents, caplog):
    budget = Budget(max_work=LARGE, max_items=LARGE, max_weight=LARGE, max_magnitude=LARGE)
    endless = Parent("zz", parse_program(ENDLESS), (((1, 2),),))
    with (
        caplog.at_level(logging.WARNING),
        start_pool([], ExecutionConfig(num_workers=1, timeout_seconds=1.5, budget=budget)) as pool,
    ):
        found = grown(pool, [parents[0], endless], 20)
    assert {mutant.parent for mutant in found} == {parents[0].task_id}
    assert caplog.messages == ["programs drawn for zz (14): given up, took more than 1.5 s"]


MIRROR = Pair(((1, 2),), ((2, 1),))
PROGRAM = parse_program("O = vmirror(I)")


@pytest.mark.parametrize(
    ("train", "test", "solved"),
    [
        ([MIRROR], [MIRROR], True),
        ([MIRROR], [Pair(((1, 2),), None)], True),
        ([MIRROR, Pair(((1, 2),), ((1, 2),))], [MIRROR], False),
        ([MIRROR], [Pair(((1, 2),), ((1, 2),))], False),
        ([MIRROR], [], True),
    ],
)
def test_a_program_solves_a_task_if_it_gives_every_known_output(train, test, solved):
    assert solves_task(CONTEXT, (Task("a", tuple(train), tuple(test)), PROGRAM)) is solved


def test_parents_are_the_programs_that_solve_their_task(pool, tasks):
    programs = {task.id: program for task, program in zip(tasks, _some_wrong(tasks), strict=True)}
    del programs[tasks[7].id]
    parents, failing = find_parents(pool, tasks, programs)
    assert failing == [tasks[3].id, tasks[7].id, tasks[20].id]
    assert [parent.task_id for parent in parents] == [task.id for task in tasks if task.id not in failing]
    for parent in parents[:3]:
        (task,) = [task for task in tasks if task.id == parent.task_id]
        assert parent == Parent(task.id, programs[task.id], task.demonstration_inputs)


def _some_wrong(tasks):
    """The tasks' programs, of which the fourth and the twenty-first are wrong."""
    programs = load_training_programs()
    found = [programs[task.id] for task in tasks]
    found[3] = parse_program("O = identity(I)")
    found[20] = parse_program("O = first(ZERO)")
    return found


def test_a_program_for_a_task_unknown_is_left_alone(pool, tasks):
    programs = load_training_programs()
    parents, failing = find_parents(pool, tasks[:2], programs)
    assert [parent.task_id for parent in parents] == [task.id for task in tasks[:2]]
    assert failing == []
