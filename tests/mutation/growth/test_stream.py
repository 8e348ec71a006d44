"""Parts of a stream are the same on any machine, and what its programs give is what they really give."""

import dataclasses
import itertools

import pytest

from codeit_jax.arc import load_tasks, num_cells
from codeit_jax.config import AugmentationConfig, ExecutionConfig
from codeit_jax.dsl import load_training_programs, parse_program, without_dead_lines
from codeit_jax.execution import Budget, Evaluator
from codeit_jax.execution.host import start_pool
from codeit_jax.mutation.augmentation.augment import Augmenter
from codeit_jax.mutation.growth.stream import DRAWS_PER_JOB, Stream
from codeit_jax.mutation.parents import MutationParent


def _num_cells(task):
    return sum(map(num_cells, task.demonstration_inputs))


@pytest.fixture(scope="module")
def stream():
    programs = load_training_programs()
    smallest = sorted(load_tasks("arc1/training"), key=_num_cells)[:20]
    parents = (
        MutationParent(task.id, task.demonstration_inputs, without_dead_lines(programs[task.id]))
        for task in smallest
    )
    return Stream(tuple(parents), Augmenter.of(AugmentationConfig()), random_share=0.3)


@pytest.fixture(scope="module", params=[1, 2])
def pool(request):
    with start_pool([], ExecutionConfig(num_workers=request.param, budget=Budget())) as pool:
        yield pool


@pytest.fixture(scope="module")
def first_part(stream):
    with start_pool([], ExecutionConfig(num_workers=1, budget=Budget())) as pool:
        return list(stream.part(pool, 0, 160))


def test_what_programs_give_is_theirs(stream, first_part):
    evaluator = Evaluator()
    originals = {parent.task_id: parent.inputs for parent in stream.parents}
    assert 40 < len(first_part) <= 160
    for each in first_part:
        program = parse_program(each.program)
        assert each.outputs == tuple(evaluator.run(program, grid).output for grid in each.inputs)
        assert len(set(each.inputs)) == len(each.inputs) >= stream.min_inputs
        assert each.outputs != each.inputs
        assert each.inputs != originals[each.task_id.split("~")[0]]


def test_a_part_is_the_same_on_any_machine_and_after_any_other(stream, pool, first_part):
    second = list(stream.part(pool, 1, 160))
    assert list(stream.part(pool, 0, 160)) == first_part
    numbers = [[int(each.task_id.split("~")[1]) for each in part] for part in (first_part, second)]
    assert max(numbers[0]) < 160 <= min(numbers[1])
    for part in numbers:
        assert part == sorted(set(part))
    assert not {each.inputs for each in first_part} & {each.inputs for each in second}


def test_another_seed_is_another_stream(stream, pool, first_part):
    other = dataclasses.replace(stream, seed=1)
    assert {each.inputs for each in other.part(pool, 0, 160)}.isdisjoint(each.inputs for each in first_part)


def test_random_programs_are_drawn_as_often_as_wanted(stream, pool):
    mutants = list(dataclasses.replace(stream, random_share=0).part(pool, 0, 160))
    randoms = list(dataclasses.replace(stream, random_share=1).part(pool, 0, 160))
    # Mutants that share inputs share most lines; random programs share none but by chance.
    assert _shared_lines(mutants) > 5 * _shared_lines(randoms)


def _shared_lines(streamed):
    shares = []
    for _, group in itertools.groupby(
        streamed, key=lambda each: int(each.task_id.split("~")[1]) // DRAWS_PER_JOB
    ):
        lines = [{line.split(" = ")[1] for line in each.program.split("\n")} for each in group]
        shares += [len(a & b) / len(a | b) for a, b in itertools.combinations(lines, 2)]
    return sum(shares) / len(shares)


def test_too_few_inputs_are_none(stream, pool):
    assert list(dataclasses.replace(stream, min_inputs=100).part(pool, 0, 48)) == []
