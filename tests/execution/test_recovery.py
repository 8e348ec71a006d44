"""Jobs that stop a worker: only the item at fault is lost, whatever the number of workers and of faults."""

import logging
import random

import pytest

from codeit_jax.execution.pool import ExecutionPool, Failed
from codeit_jax.execution.recovery import Recovery, run_jobs
from tests.execution.recovery_jobs import DEADLY, square_or_die

RECOVERY = Recovery(num_items=len, part=lambda job, start, stop: job[start:stop], describe=repr)
SHARING = Recovery(
    num_items=lambda job: len(job) - 1,
    part=lambda job, start, stop: (job[0], *job[1 + start : 1 + stop]),
    describe=repr,
    has_shared_work=True,
)


class StandIn:
    """A pool without processes, in which negative items stop the worker."""

    def __init__(self):
        self.num_run = 0

    def map_ordered(self, function, payloads, *, chunk_size=None):
        for payload in payloads:
            self.num_run += 1
            yield Failed(None, "died") if min(payload, default=0) < 0 else function(None, payload)


def squares(_, job):
    return [item * item for item in job]


def results_of(pieces):
    return [each for job, results in pieces for each in (job if isinstance(results, Failed) else results)]


@pytest.mark.parametrize("seed", range(20))
def test_all_that_is_not_at_fault_is_kept_in_order(seed, caplog):
    rng = random.Random(seed)
    jobs = [[rng.randrange(-2, 20) for _ in range(rng.randrange(1, 9))] for _ in range(12)]
    with caplog.at_level(logging.WARNING):
        found = dict(run_jobs(StandIn(), squares, jobs, RECOVERY))
    assert sorted(found) == list(range(len(jobs)))
    for index, job in enumerate(jobs):
        assert results_of(found[index]) == [item if item < 0 else item * item for item in job]
    faults = [item for job in jobs for item in job if item < 0]
    assert sorted(caplog.messages) == sorted(f"[{item}]: given up, died" for item in faults)


def test_what_is_whole_comes_first_and_is_not_waited_for():
    jobs = iter([[1], [2, -1], [3]])
    stream = run_jobs(StandIn(), squares, jobs, RECOVERY)
    assert next(stream) == (0, [([1], [1])])
    assert [job for job, _ in next(stream)[1]] == [[3]]
    assert [job for job, _ in next(stream)[1]] == [[2], [-1]]


def test_what_items_share_is_tried_before_each_of_them(caplog):
    pool = StandIn()
    jobs = [(-1, *range(100)), (1, 2, -3, 4)]
    with caplog.at_level(logging.WARNING):
        found = dict(run_jobs(pool, squares, jobs, SHARING))
    assert [job for job, _ in found[0]] == [jobs[0]]
    assert [job for job, _ in found[1]] == [(1, 2), (1, -3), (1, 4)]
    assert pool.num_run == 8
    assert caplog.messages == [f"{jobs[0]!r}: given up, died", "(1, -3): given up, died"]


@pytest.mark.parametrize("num_workers", [1, 2])
def test_a_worker_that_is_killed_takes_only_one_item_with_it(num_workers):
    with ExecutionPool(num_workers, timeout_seconds=20.0) as pool:
        found = dict(run_jobs(pool, square_or_die, [[1, 2], [3, DEADLY, 4, 5], [6]], RECOVERY))
    assert [results_of(found[index]) for index in range(3)] == [[1, 4], [9, DEADLY, 16, 25], [36]]
