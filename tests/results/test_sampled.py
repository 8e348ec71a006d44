"""Sampled texts run on demonstrations and test inputs: as each is run alone, in whatever pieces they come."""

import logging

import pytest

from codeit_jax.arc import Pair, Task
from codeit_jax.config import ExecutionConfig
from codeit_jax.dsl import parse_program
from codeit_jax.execution import Budget, run
from codeit_jax.execution.host import start_pool
from codeit_jax.results.sampled import answer_tasks, gather
from codeit_jax.results.scoring import ProgramResult

LARGE = 10**15
NO_BUDGET = Budget(max_work=LARGE, max_items=LARGE, max_weight=LARGE, max_magnitude=LARGE)
# A program that the budget above would let run for hours.
ENDLESS = "x1 = multiply(TEN, TEN)\nx2 = multiply(x1, x1)\nx3 = multiply(x2, x2)\nx4 = multiply(x3, x1)\n"
ENDLESS += "x5 = power(identity, x4)\nO = x5(I)"
VMIRROR, IDENTITY, GARBAGE, SIZE = "O = vmirror(I)", "O = identity(I)", "O = garbage", "O = size(I)"
FILL = "O = fill(I, ONE, I)"  # fails: a grid is no patch
TEXTS = (VMIRROR, GARBAGE, "O  =  vmirror( I )", SIZE, IDENTITY, FILL, VMIRROR)


def make_task(task_id, test_outputs, change=lambda row: row[::-1]):
    """A task of two demonstrations, and of a test input for each output, of which some are unknown."""
    grids = [((1, 2, colour), (colour, 0, 0)) for colour in range(3, 9)]
    train = tuple(Pair(grid, tuple(map(change, grid))) for grid in grids[:2])
    return Task(task_id, train, tuple(map(Pair, grids[2:], test_outputs)))


TASKS = [
    make_task("mirrored", [((4,),), None]),
    make_task("same", [((4,),)], change=tuple),
    make_task("never sampled for", [((4,),)]),
]


@pytest.fixture(scope="module")
def pool():
    with start_pool(TASKS, ExecutionConfig(num_workers=1)) as pool:
        yield pool


def alone(text, task):
    """What a text gives, one run after another; None where it is no program."""
    try:
        program = parse_program(text)
    except ValueError:
        return None
    right = [run(program, pair.input, Budget()).output == pair.output for pair in task.train]
    outputs = tuple(run(program, grid, Budget()).output for grid in task.test_inputs)
    return ProgramResult(str(program), sum(right) / len(right), outputs)


def test_each_text_gives_what_it_gives_alone(pool):
    found = list(answer_tasks(pool, TASKS, [(1, TEXTS), (0, TEXTS), (1, ())]))
    assert [index for index, _ in found] == [1, 0, 1]
    for index, results in found[:2]:
        assert results == [alone(text, TASKS[index]) for text in TEXTS]
    assert found[2][1] == []
    # Whether it gives a demonstration or not, a program is run on the test inputs.
    identity = found[1][1][4]
    assert (identity.demonstration_performance, None in identity.outputs) == (0, False)


def test_pieces_are_gathered_and_equal_programs_are_one(pool):
    whole = gather(TASKS, answer_tasks(pool, TASKS, [(0, TEXTS * 2), (1, TEXTS)]))
    pieces = [(0, TEXTS[:3]), (1, TEXTS), (0, TEXTS[3:]), (0, TEXTS)]
    assert gather(TASKS, answer_tasks(pool, TASKS, pieces)) == whole
    mirrored, same, never = whole
    assert (mirrored.task, mirrored.num_samples, same.num_samples) == (TASKS[0], 14, 7)
    counts = {each.program: each.num_samples for each in mirrored.programs}
    assert counts == {VMIRROR: 6, SIZE: 2, IDENTITY: 2, FILL: 2}
    assert mirrored.programs[0].program == VMIRROR
    assert same.programs[0].program == IDENTITY
    assert (never.num_samples, never.programs) == (0, ())


def test_a_program_that_stops_its_worker_gives_nothing_and_the_others_what_they_give(caplog):
    settings = ExecutionConfig(num_workers=1, timeout_seconds=0.5, budget=NO_BUDGET)
    with start_pool(TASKS, settings) as pool, caplog.at_level(logging.WARNING):
        found = list(answer_tasks(pool, TASKS, [(0, (VMIRROR, ENDLESS, GARBAGE))]))
    endless = ProgramResult(str(parse_program(ENDLESS)), 0.0, (None, None))
    assert found == [(0, [alone(VMIRROR, TASKS[0]), endless, None])]
    assert "a program sampled for mirrored: given up" in caplog.text
