import dataclasses
import logging

import numpy as np
import pytest

from codeit_jax.arc import Pair, Task, is_grid, load_tasks, num_cells
from codeit_jax.dsl import load_training_programs, parse_program
from codeit_jax.execution import Budget, Evaluator
from codeit_jax.execution.attempt import HostContext
from codeit_jax.execution.host import start_pool
from codeit_jax.mutation.evolve import (
    MutationJob,
    Parent,
    find_parents,
    grow,
    mutate_parent,
    solves_task,
)
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
    with start_pool([], Budget(), request.param, 60.0, 2 << 30) as pool:
        yield pool


def job(parent, count=40, seed=0):
    return MutationJob(parent, count, seed, Mutator())


@pytest.fixture(scope="module")
def mutants(parents):
    """The mutants of each parent."""
    return [(parent, mutate_parent(CONTEXT, job(parent))) for parent in parents[:12]]


def test_outputs_are_what_the_program_gives(mutants):
    evaluator, total = Evaluator(), 0
    for parent, found in mutants:
        for mutant in found:
            outputs = [evaluator.run(mutant.program, grid).output for grid in parent.inputs]
            assert list(mutant.outputs) == outputs
            total += 1
    assert total > 100


def test_every_output_is_a_grid_and_not_all_are_their_inputs(mutants):
    for parent, found in mutants:
        for mutant in found:
            assert len(mutant.outputs) == len(parent.inputs)
            assert all(map(is_grid, mutant.outputs))
            assert mutant.outputs != parent.inputs
            assert mutant.parent == parent.task_id
            assert mutant.program != parent.program


def test_equal_mutants_are_kept_once(mutants):
    for _, found in mutants:
        assert len({mutant.program for mutant in found}) == len(found)


def test_all_kinds_come_up(mutants):
    assert {mutant.kind for _, found in mutants for mutant in found} == set(MutationKind)


def test_no_mutant_that_makes_a_task_is_left_out():
    # Here the only mutants are a handful, and it is known which of them are of use.
    parent = Parent("a", parse_program("O = canvas(ONE, UNITY)"), (((5,),), ((1,),)))
    found = mutate_parent(CONTEXT, MutationJob(parent, 2000, 0, Mutator(1, 0)))
    texts = {str(mutant.program) for mutant in found}
    colours = ("ZERO", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE")
    sizes = ("TWO_BY_TWO", "THREE_BY_THREE")
    expected = {f"O = canvas({colour}, UNITY)" for colour in colours}
    assert texts == expected | {f"O = canvas(ONE, {size})" for size in sizes}


def test_a_mutant_that_gives_every_input_back_is_no_task():
    parent = Parent("a", parse_program("x1 = vmirror(I)\nO = hmirror(x1)"), (((1, 2), (3, 4)),))
    for mutant in mutate_parent(CONTEXT, job(parent, 300)):
        assert mutant.outputs != parent.inputs


def test_the_seed_and_the_parent_decide(parents):
    first = mutate_parent(CONTEXT, job(parents[0]))
    assert mutate_parent(CONTEXT, job(parents[0])) == first
    assert mutate_parent(CONTEXT, job(parents[0], seed=1)) != first
    renamed = dataclasses.replace(parents[0], task_id="another")
    assert [each.program for each in mutate_parent(CONTEXT, job(renamed))] != [each.program for each in first]


def grown(pool, parents, count=300, seed=0):
    return grow(pool, parents, count, Mutator(), np.random.default_rng(seed))


def test_growing(pool, parents):
    found = grown(pool, parents)
    assert len({mutant.program for mutant in found}) == len(found)
    assert 100 < len(found) <= 300
    by_parent = [mutant.parent for mutant in found]
    assert by_parent == sorted(by_parent)
    evaluator, inputs = Evaluator(), {parent.task_id: parent.inputs for parent in parents}
    for mutant in found[::7]:
        assert mutant.outputs == tuple(
            evaluator.run(mutant.program, grid).output for grid in inputs[mutant.parent]
        )


def test_growing_does_not_depend_on_the_number_of_workers(pool, parents):
    with start_pool([], Budget(), 3 - pool.num_workers, 60.0, 2 << 30) as other:
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
    with caplog.at_level(logging.WARNING), start_pool([], budget, 1, 1.5, 2 << 30) as pool:
        found = grown(pool, [parents[0], endless], 20)
    assert {mutant.parent for mutant in found} == {parents[0].task_id}
    assert caplog.messages == ["the mutants of zz are left out: took more than 1.5 s"]


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
