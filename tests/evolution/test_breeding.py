"""A population is bred towards its task's demonstrations, and by nothing else."""

import dataclasses
import pickle

import pytest

from codeit_jax.arc import Pair, Task
from codeit_jax.config import Budget
from codeit_jax.dsl import parse_program
from codeit_jax.evolution.breeding import breed
from codeit_jax.evolution.edges import mine_edges
from codeit_jax.evolution.jobs import Breeding, BreedingJob, Stock
from codeit_jax.execution import Evaluator
from codeit_jax.execution.attempt import HostContext
from codeit_jax.mutation.parents import MutationParent

from .conftest import SEEDS, pair_of


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    file = tmp_path_factory.mktemp("stock") / "stock.pickle"
    file.write_bytes(pickle.dumps(Stock(tuple(("", parse_program(text)) for text in SEEDS))))
    return file


@pytest.fixture(scope="module")
def job(stock):
    return BreedingJob(0, stock, 0, True, (), (), 0, 0, 3_000_000, Breeding(capacity=40))


def bred(tasks, job, **changes):
    return breed(HostContext(tuple(tasks), Budget()), dataclasses.replace(job, **changes))


@pytest.mark.parametrize("index", range(4))
def test_a_task_of_a_few_lines_is_solved(tasks, job, index):
    result = bred(tasks, job, task_index=index, max_work=12_000_000)
    assert result.near_miss.errors == (0, 0, 0)
    assert result.near_miss.verdict == "nothing"
    best = result.candidates[0]
    assert best.performance.is_strict
    evaluator = Evaluator()
    for pair in (*tasks[index].train, *tasks[index].test):
        assert evaluator.run(parse_program(best.program), pair.input).output == pair.output
    assert result.answers[0].outputs == tuple(pair.output for pair in tasks[index].test)


def test_what_is_reported_is_true(tasks, job):
    result = bred(tasks, job, task_index=4)
    evaluator = Evaluator()
    assert 10 < len(result.members) <= 40
    assert result.work >= job.max_work
    assert result.num_programs > 100
    near = result.near_miss
    assert near.program == result.members[0][0]
    assert near.verdict in {"shape", "colours", "cells"}
    for pair, output in zip(tasks[4].train, near.outputs, strict=True):
        assert evaluator.run(parse_program(near.program), pair.input).output == output
    behaviours = {
        tuple(evaluator.run(parse_program(text), pair.input).output for pair in tasks[4].train)
        for text, _, _ in result.members
    }
    assert len(behaviours) == len(result.members)
    for candidate in result.candidates:
        program = parse_program(candidate.program)
        right = [evaluator.run(program, pair.input).output == pair.output for pair in tasks[4].train]
        assert candidate.performance.demonstration == sum(right) / 3 > 0
    answers = [answer.outputs for answer in result.answers]
    assert len(set(answers)) == len(answers)


def test_other_answers_are_those_of_near_misses_and_to_some_inputs(tasks, job, tmp_path):
    evaluator = Evaluator()
    result = bred(tasks, job, task_index=4)
    near = [other for other in result.others if other.error]
    assert near
    for other in near:
        program = parse_program(other.candidate.program)
        assert other.outputs == tuple(evaluator.run(program, pair.input).output for pair in tasks[4].test)
        assert not any(evaluator.run(program, pair.input).output == pair.output for pair in tasks[4].train)
    # What enlarges a grid threefold gives none of more than thirty rows.
    grids = [((1, number), (number, 2)) for number in range(3, 6)]
    wide = tuple(tuple((row * column) % 7 for column in range(12)) for row in range(12))
    train = tuple(pair_of("O = upscale(I, THREE)", grid) for grid in grids)
    task = Task("enlarged", train, (Pair(grids[0][::-1], None), Pair(wide, None)))
    seeds = tmp_path / "stock.pickle"
    seeds.write_bytes(pickle.dumps(Stock((("", parse_program("O = upscale(I, THREE)")),))))
    result = bred([task], job, stock=seeds, max_work=1)
    best = result.others[0]
    assert (best.error, best.candidate.performance.demonstration) == (0.0, 1.0)
    assert best.outputs[0] is not None
    assert best.outputs[1] is None
    assert all(None not in each.outputs for each in result.answers)


def test_the_same_job_gives_the_same_whatever_came_before_it(tasks, job):
    context = HostContext(tuple(tasks), Budget())
    first = breed(context, job)
    breed(context, dataclasses.replace(job, task_index=2, turn=5))
    assert breed(context, job) == first == bred(tasks, job)
    assert bred(tasks, job, turn=1).members != first.members


def test_test_outputs_change_nothing_but_how_candidates_are_judged(tasks, job):
    def scrambled(task):
        return dataclasses.replace(
            task, test=tuple(Pair(pair.input, tuple(reversed(pair.output))) for pair in task.test)
        )

    def withheld(task):
        return dataclasses.replace(task, test=tuple(Pair(pair.input, None) for pair in task.test))

    for index in range(len(tasks)):
        plain = bred(tasks, job, task_index=index)
        for change in (scrambled, withheld):
            other = bred(list(map(change, tasks)), job, task_index=index)
            assert other.members == plain.members
            assert [each.program for each in other.candidates] == [each.program for each in plain.candidates]
            assert [each.outputs for each in other.answers] == [each.outputs for each in plain.answers]
            assert (other.near_miss, other.work) == (plain.near_miss, plain.work)
        assert not any(each.performance.test for each in other.candidates)


def test_a_population_goes_on_from_its_members(tasks, job):
    first = bred(tasks, job, task_index=4)
    changes = {"members": first.members, "age": 1, "turn": 1, "max_work": 300_000}
    again = bred(tasks, job, task_index=4, **changes)
    assert sum(again.near_miss.errors) <= sum(first.near_miss.errors)
    counts = {text: count for text, count, _ in first.members}
    kept = [text for text, _, _ in again.members if text in counts]
    assert len(kept) > 3
    assert all(count >= counts[text] for text, count, _ in again.members if text in counts)


def test_other_populations_begin_as_the_first_did(tasks, job):
    first = bred(tasks, job, task_index=4)
    assert first.beginning == bred(tasks, job, task_index=4, max_work=1).members
    assert first.beginning != first.members
    changes = {"members": first.beginning, "age": 1, "turn": 2}
    assert bred(tasks, job, task_index=4, **changes, max_work=1).members == first.beginning
    second = bred(tasks, job, task_index=4, **changes)
    assert second.beginning == ()
    assert second.members not in (first.members, first.beginning)


def test_newcomers_join(tasks, job):
    find = "x1 = vmirror(I)\nO = replace(x1, ZERO, FIVE)"
    result = bred(tasks, job, age=1, newcomers=((find, "find of another task"),), max_work=1)
    assert result.members == ((find, 1, "find of another task"), ("O = identity(I)", 1, "seed"))
    assert result.num_programs == 2


def test_a_tasks_own_programs_are_not_among_its_seeds(tasks, job, tmp_path):
    file = tmp_path / "seeds.pickle"
    own = parse_program("x1 = vmirror(I)\nO = replace(x1, ZERO, FIVE)")
    file.write_bytes(pickle.dumps(Stock((("mirrored", own), ("other", parse_program("O = rot90(I)"))))))
    changes = {"stock": file, "max_work": 1}
    alone = bred(tasks, job, **changes, breeding=Breeding(views_work=0, num_mended=0))
    assert {text for text, _, _ in alone.members} == {"O = identity(I)", "O = rot90(I)"}
    in_views = bred(tasks, job, **changes, breeding=Breeding(num_mended=0))
    assert {text for text, _, _ in in_views.members} == {
        "O = identity(I)",
        "O = rot90(I)",
        "x1 = dmirror(I)\nx2 = rot90(x1)\nO = dmirror(x2)",
    }


def test_a_population_without_seeds_begins_with_states(tasks, job, tmp_path):
    file = tmp_path / "stock.pickle"
    texts = {"one": "x1 = vmirror(I)\nO = rot90(x1)", "noise": "O = switch(I, ONE, TWO)"}
    parents = [
        MutationParent(name, tasks[0].demonstration_inputs, parse_program(text))
        for name, text in texts.items()
    ]
    seeds = (("", parse_program("O = trim(I)")),)
    file.write_bytes(pickle.dumps(Stock(seeds, mine_edges(parents))))
    breeding = Breeding(states_work=500_000, num_mended=0)
    changes = {"stock": file, "max_work": 1, "breeding": breeding, "is_seeded": False}
    solved = bred(tasks, job, **changes)
    assert solved.candidates[0].performance.is_strict
    by_itself = ("O = identity(I)", 1, "seed")
    assert {origin for *_, origin in set(solved.members) - {by_itself}} <= {"state", "finisher"}
    assert bred(tasks, job, **changes) == solved
    missed = bred(tasks, job, task_index=4, **changes)
    assert {"O = vmirror(I)", "O = rot90(I)"} <= {text for text, *_ in missed.members}
    assert "O = trim(I)" not in {text for text, *_ in missed.members}


def test_without_seeds_a_population_lives_on_itself(tasks, job, tmp_path):
    file = tmp_path / "none.pickle"
    file.write_bytes(pickle.dumps(Stock(())))
    members = (("O = vmirror(I)", 1, "seed"), ("O = rot90(I)", 1, "seed"))
    result = bred(tasks, job, stock=file, members=members, age=1, max_work=500_000)
    assert len(result.members) > 5


def test_without_anything_else_a_population_begins_with_the_input(tasks, job):
    result = bred(tasks, job, age=1, max_work=1)
    assert result.members == (("O = identity(I)", 1, "seed"),)
    assert result.work > 1


def test_near_misses_are_mended_when_a_population_begins(tasks, job):
    rings = (
        ((0, 3, 3, 3), (0, 3, 0, 3), (0, 3, 3, 3)),
        ((3, 3, 3, 0, 0), (3, 0, 3, 0, 0), (3, 3, 3, 0, 5)),
    )
    filled = (
        "x1 = objects(I, T, F, F)\nx2 = colorfilter(x1, ZERO)\nx3 = argmin(x2, size)\nO = fill(I, NINE, x3)"
    )
    task = Task("ring", tuple(pair_of(filled, grid) for grid in rings), (pair_of(filled, rings[0]),))
    changes = {"max_work": 1, "age": 3}
    mended = bred([task], job, **changes)
    assert mended.candidates[0].performance.is_strict
    assert mended.origins[0] == "mending"
    assert mended == bred([task], job, **changes)
    unmended = bred([task], job, **changes, breeding=dataclasses.replace(job.breeding, num_mended=0))
    assert not unmended.candidates
    assert bred([task], job, max_work=1, age=4).candidates == ()
