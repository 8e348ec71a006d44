import dataclasses
import logging
from array import array
from collections import Counter

import pytest

from codeit_jax.arc import is_grid, load_tasks, num_cells
from codeit_jax.config import ExecutionConfig
from codeit_jax.dsl import load_training_programs, parse_program, without_dead_lines
from codeit_jax.dsl.program_files import fingerprint
from codeit_jax.execution import Budget, Evaluator, run
from codeit_jax.execution.attempt import HostContext
from codeit_jax.execution.host import start_pool
from codeit_jax.execution.pool import Failed
from codeit_jax.execution.recovery import run_jobs
from codeit_jax.mutation.growth.drawing import (
    DRAWING_RECOVERY,
    MUTANT_WORK,
    RANDOM,
    DrawingJob,
    Fate,
    _evaluator_of,
    draw_programs,
)
from codeit_jax.mutation.mutate import MutationKind, Mutator
from tests.mutation.growth.drawing_jobs import draw_but_hang_on_five

CONTEXT = HostContext((), Budget())
NUM_DRAWS = 60


@pytest.fixture(scope="module")
def jobs():
    """Draws of mutants of programs whose tasks have small grids."""
    programs = load_training_programs()
    smallest = sorted(
        load_tasks("arc1/training"), key=lambda task: sum(map(num_cells, task.demonstration_inputs))
    )
    mutator = Mutator(new_line_share=0.2)
    return [
        DrawingJob(
            task.id,
            task.demonstration_inputs,
            (str(without_dead_lines(programs[task.id])),),
            tuple((number, 0) for number in range(NUM_DRAWS)),
            0,
            mutator,
        )
        for task in smallest[:24:2]
    ]


@pytest.fixture(scope="module")
def results(jobs):
    return [(job, draw_programs(CONTEXT, job)) for job in jobs]


def accepted(draws):
    return [draw.text for draw in draws if draw.fate is Fate.ACCEPTED]


def test_every_draw_comes_to_an_end_of_its_own(results):
    for _, draws in results:
        assert [draw.number for draw in draws] == list(range(NUM_DRAWS))
        assert all(bool(draw.text) == (draw.fate is not Fate.NO_CANDIDATE) for draw in draws)
    fates = Counter(draw.fate for _, draws in results for draw in draws)
    assert set(fates) == set(Fate) - {Fate.STOPPED}
    assert fates[Fate.ACCEPTED] > 0.4 * fates.total()
    assert {draw.kind for _, draws in results for draw in draws} == set(MutationKind)


def test_what_is_accepted_makes_a_task_by_the_plain_evaluator(results):
    evaluator = Evaluator()
    for job, draws in results:
        texts = accepted(draws)
        assert len(set(texts)) == len(texts)
        for text in texts:
            program = parse_program(text)
            assert str(program) == text
            assert without_dead_lines(program) == program
            outputs = tuple(evaluator.run(program, grid).output for grid in job.inputs)
            assert all(map(is_grid, outputs))
            assert outputs != job.inputs
            assert text not in job.parents


def test_what_is_not_accepted_makes_none(results):
    evaluator = Evaluator()
    for job, draws in results[:4]:
        for draw in draws:
            if draw.fate is not Fate.NO_CANDIDATE:
                program = parse_program(draw.text)
                outputs = tuple(evaluator.run(program, grid).output for grid in job.inputs)
                assert (None in outputs) == (draw.fate is Fate.FAILED)
                assert (outputs == job.inputs) == (draw.fate is Fate.GIVES_INPUTS_BACK)


def test_a_job_may_be_cut_anywhere(results):
    for job, draws in results[:3]:
        parts = [
            dataclasses.replace(job, draws=part) for part in (job.draws[:7], job.draws[7:30], job.draws[30:])
        ]
        again = [draw for part in parts for draw in draw_programs(CONTEXT, part)]
        for one, other in zip(draws, again, strict=True):
            # In another part a program may be the first of its kind.
            if one.fate is Fate.DUPLICATE:
                assert other.fate in (Fate.DUPLICATE, Fate.ACCEPTED)
                assert other.text == one.text
            else:
                assert other == one


def test_a_known_program_is_a_duplicate(results):
    job, draws = results[0]
    texts = accepted(draws)
    known = array("Q", map(fingerprint, texts[::2])).tobytes()
    again = draw_programs(CONTEXT, dataclasses.replace(job, known=known))
    assert accepted(again) == texts[1::2]
    for one, other in zip(draws, again, strict=True):
        assert other == one or (one.text in texts[::2] and other.fate is Fate.DUPLICATE)


def test_seed_number_and_parent_decide(jobs):
    job = jobs[0]
    texts = accepted(draw_programs(CONTEXT, job))
    assert accepted(draw_programs(CONTEXT, dataclasses.replace(job, seed=1))) != texts
    moved = dataclasses.replace(job, draws=tuple((number + 1000, 0) for number, _ in job.draws))
    assert accepted(draw_programs(CONTEXT, moved)) != texts
    # Which place a parent has among others does not matter.
    second = dataclasses.replace(
        job, parents=("O = identity(I)", *job.parents), draws=tuple((number, 1) for number, _ in job.draws)
    )
    assert accepted(draw_programs(CONTEXT, second)) == texts


def test_random_programs_are_run_on_the_inputs(jobs):
    job = dataclasses.replace(jobs[0], parents=(), draws=tuple((number, None) for number in range(200)))
    draws = draw_programs(CONTEXT, job)
    assert {draw.kind for draw in draws} == {RANDOM}
    evaluator, texts = Evaluator(), accepted(draws)
    assert len(texts) > 10
    for text in texts:
        assert all(evaluator.run(parse_program(text), grid).output for grid in job.inputs)


def test_mutants_come_with_what_they_give_where_that_is_asked_for(results):
    evaluator = Evaluator()
    for job, draws in results[:5]:
        found = draw_programs(CONTEXT, dataclasses.replace(job, keeps_outputs=True))
        assert [dataclasses.replace(draw, outputs=()) for draw in found] == draws
        for draw in found:
            program = parse_program(draw.text) if draw.fate is Fate.ACCEPTED else None
            assert draw.outputs == (
                tuple(evaluator.run(program, grid).output for grid in job.inputs) if program else ()
            )


def test_no_mutant_that_makes_a_task_is_left_out():
    # Here the only mutants are a handful, and it is known which of them are of use.
    draws = tuple((number, 0) for number in range(2000))
    job = DrawingJob("a", (((5,),), ((1,),)), ("O = canvas(ONE, UNITY)",), draws, 0, Mutator(1, 0))
    colours = ("ZERO", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE")
    sizes = ("TWO_BY_TWO", "THREE_BY_THREE")
    expected = {f"O = canvas({colour}, UNITY)" for colour in colours}
    assert set(accepted(draw_programs(CONTEXT, job))) == expected | {
        f"O = canvas(ONE, {size})" for size in sizes
    }


def test_fingerprints_differ():
    texts = [f"O = f({number})" for number in range(10_000)]
    prints = {fingerprint(text) for text in texts}
    assert len(prints) == len(texts)
    assert max(prints) < 2**64


def test_a_parent_that_fails_is_a_fault(jobs):
    job = dataclasses.replace(jobs[0], parents=("O = first(ZERO)",))
    with pytest.raises(ValueError, match="a parent fails on an input of"):
        draw_programs(CONTEXT, job)


# For the program that does not end within these limits, see the tests of the host.
LARGE = 10**15
NO_LIMITS = Budget(max_work=LARGE, max_items=LARGE, max_weight=LARGE, max_magnitude=LARGE)
LONG = "x1 = multiply(TEN, TEN)\nx2 = multiply(x1, x1)\nx3 = multiply(x2, x2)\nx4 = multiply(x3, x1)\n"


def test_a_parent_that_does_not_end_is_given_up_with_a_warning(jobs, caplog):
    endless = dataclasses.replace(jobs[1], parents=(LONG + "x5 = power(identity, x4)\nO = x5(I)",))
    with (
        caplog.at_level(logging.WARNING),
        start_pool([], ExecutionConfig(num_workers=1, timeout_seconds=1.5, budget=NO_LIMITS)) as pool,
    ):
        found = list(run_jobs(pool, draw_programs, [endless, jobs[0]], DRAWING_RECOVERY))
    assert found[0] == (1, [(jobs[0], draw_programs(CONTEXT, jobs[0]))])
    ((job, result),) = found[1][1]
    assert job == endless
    assert isinstance(result, Failed)
    assert caplog.messages == [
        f"programs drawn for {endless.task_id} ({len(endless.draws)}): given up, took more than 1.5 s"
    ]


def test_a_draw_that_does_not_end_is_given_up_alone(caplog):
    parent = "x1 = identity(TEN)\nx2 = power(vmirror, x1)\nO = x2(I)"
    draws = tuple((number, 0) for number in range(24))
    job = DrawingJob("a", (((1, 2),),), (parent,), draws, 0, Mutator(1, 0))
    with (
        caplog.at_level(logging.WARNING),
        start_pool([], ExecutionConfig(num_workers=1, timeout_seconds=1.0, budget=Budget())) as pool,
    ):
        stream = run_jobs(pool, draw_but_hang_on_five, [job], DRAWING_RECOVERY)
        parts = [part for _, pieces in stream for _, part in pieces]
        found = [draw for part in parts if not isinstance(part, Failed) for draw in part]
    assert {draw.number for draw in found} == set(range(24)) - {5}
    assert caplog.messages == ["programs drawn for a (1): given up, took more than 1.0 s"]


HEAVY = "x1 = asindices(I)\nx2 = product(x1, x1)\nx3 = product(x1, x2)\nx4 = size(x3)\nO = canvas(x4, UNITY)"


@pytest.mark.parametrize(
    ("text", "budget", "expected"),
    [
        ("O = vmirror(I)", Budget(), MUTANT_WORK),
        ("O = vmirror(I)", Budget(max_work=100), 100),
        (HEAVY, Budget(), 2 * run(parse_program(HEAVY), (tuple(range(30)),)).cost),
        (HEAVY, Budget(max_work=40_000), 40_000),
    ],
)
def test_a_mutant_may_take_twice_the_work_of_its_parent(text, budget, expected):
    job = DrawingJob("a", (((0,),), (tuple(range(30)),)), (text,), ((0, 0),), 0, Mutator())
    assert _evaluator_of(HostContext((), budget), job).budget == dataclasses.replace(
        budget, max_work=expected
    )
