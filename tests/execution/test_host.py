import logging

import pytest

from codeit_jax.arc import Pair, Task, load_tasks, num_cells
from codeit_jax.config import ExecutionConfig
from codeit_jax.dsl import load_training_programs, parse_program
from codeit_jax.execution import Budget, Status
from codeit_jax.execution.attempt import HostContext, attempt_task
from codeit_jax.execution.host import attempt_tasks, start_pool

LARGE = 10**15
NO_BUDGET = Budget(max_work=LARGE, max_items=LARGE, max_weight=LARGE, max_magnitude=LARGE)
# A program that the budget above would let run for hours.
ENDLESS = "x1 = multiply(TEN, TEN)\nx2 = multiply(x1, x1)\nx3 = multiply(x2, x2)\nx4 = multiply(x3, x1)\n"
ENDLESS += "x5 = power(identity, x4)\nO = x5(I)"
VMIRROR, IDENTITY, GARBAGE = "O = vmirror(I)", "O = identity(I)", "O = garbage"

GIBIBYTE = 1 << 30


@pytest.fixture(scope="module")
def tasks():
    """The tasks of the smallest grids."""
    return sorted(load_tasks("arc1/training"), key=_num_cells)[:25]


def _num_cells(task):
    return sum(map(num_cells, task.demonstration_inputs))


@pytest.fixture(scope="module")
def programs():
    return sorted(set(load_training_programs().values()), key=lambda program: (len(program), str(program)))[
        :205
    ]


@pytest.fixture(scope="module", params=[1, 2])
def pool(request, tasks):
    with start_pool(tasks, ExecutionConfig(num_workers=request.param, budget=Budget())) as pool:
        yield pool


@pytest.fixture(scope="module")
def samples(tasks, programs):
    """For each task its own program and others, and texts that are none."""
    own = load_training_programs()
    return [
        (index, (str(own[task.id]), str(programs[index]), GARBAGE, IDENTITY, "", str(own[task.id])))
        for index, task in enumerate(tasks)
    ]


@pytest.fixture(scope="module")
def expected_attempts(tasks, samples):
    context = HostContext(tuple(tasks), Budget())
    return [(*sample, attempt_task(context, sample)) for sample in samples]


def test_attempts_are_those_of_this_process_in_the_order_of_the_samples(
    pool, tasks, samples, expected_attempts
):
    assert list(attempt_tasks(pool, tasks, iter(samples))) == expected_attempts


def test_no_samples(pool, tasks):
    assert list(attempt_tasks(pool, tasks, [])) == []


def test_a_pool_serves_one_stream_after_another(pool, tasks, samples, expected_attempts):
    unfinished = attempt_tasks(pool, tasks, iter(samples))
    assert next(unfinished) == expected_attempts[0]
    unfinished.close()
    assert list(attempt_tasks(pool, tasks, samples[:5])) == expected_attempts[:5]


def test_samples_are_taken_as_workers_get_free(pool, tasks):
    taken = []

    def samples():
        for number in range(100_000):
            taken.append(number)
            yield 0, (IDENTITY,)

    stream = attempt_tasks(pool, tasks, samples())
    next(stream)
    assert len(taken) < 100_000
    stream.close()


def small_tasks(count):
    grid = ((1, 2), (3, 4))
    return [
        Task(f"task{index}", (Pair(grid, ((2, 1), (4, 3))),) * (index + 1), (Pair(grid, grid),))
        for index in range(count)
    ]


@pytest.mark.parametrize("num_workers", [1, 2])
def test_a_program_that_does_not_end_takes_no_other_with_it(num_workers, caplog):
    tasks = small_tasks(3)
    samples = [(0, (VMIRROR,)), (1, (VMIRROR, ENDLESS, GARBAGE, IDENTITY)), (2, (IDENTITY, VMIRROR))]
    with (
        caplog.at_level(logging.WARNING),
        start_pool(
            tasks, ExecutionConfig(num_workers=num_workers, timeout_seconds=1.0, budget=NO_BUDGET)
        ) as pool,
    ):
        results = list(attempt_tasks(pool, tasks, samples))
    assert [result[:2] for result in results] == [samples[0], samples[2], samples[1]]
    ordinary, endless, garbage, identity = results[2][2]
    assert ordinary.demonstration_performance == 1
    assert [outcome.status for outcome in endless.outcomes] == [Status.TIMEOUT] * 2
    assert endless.program == str(parse_program(ENDLESS))
    assert not endless.executes
    assert garbage.program is None
    assert identity.executes
    context = HostContext(tuple(tasks), NO_BUDGET)
    for index, texts, attempts in results[:2]:
        assert attempts == attempt_task(context, (index, texts))
    assert [record.getMessage() for record in caplog.records] == [
        "a program sampled for task1: given up, took more than 1.0 s"
    ]
