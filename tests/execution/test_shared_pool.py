"""Jobs that several processes share out give what one alone gets."""

import sys
from pathlib import Path

import pytest

from codeit_jax.execution import shared_pool
from codeit_jax.execution.pool import ExecutionPool, Failed
from codeit_jax.execution.shared_pool import SharedPool

from ..peers_of_threads import together

sys.path.insert(0, str(Path(__file__).parent))  # workers import job functions by name, from the same path

import jobs


def by_all(count, function, payloads, **settings):
    def run(peers):
        with SharedPool(peers, 1, 100, **settings) as pool:
            return list(pool.map_ordered(function, iter(payloads)))

    return together(count, run)


@pytest.mark.parametrize("count", [2, 3])
def test_all_have_every_result_in_order(monkeypatch, count):
    monkeypatch.setattr(shared_pool, "ROUND", 8)
    for num_jobs in (0, 1, 7, 8, 9, 24, 25):
        expected = [100 + number for number in range(num_jobs)]
        assert by_all(count, jobs.plus_context, range(num_jobs)) == [expected] * count


def test_each_job_is_run_once():
    first, second = by_all(2, jobs.spin, [0.0] * 10)
    assert first == second
    assert [first.index(pid) for pid in first] == [0, 1] * 5


def test_what_a_worker_was_stopped_on_failed_for_all():
    for results in by_all(2, jobs.spin, [0.0, 60.0, 0.0, 0.0], timeout_seconds=1.0):
        assert [isinstance(each, Failed) for each in results] == [False, True, False, False]


def test_results_that_nobody_asks_for_are_left(monkeypatch):
    monkeypatch.setattr(shared_pool, "ROUND", 4)

    def run(peers):
        with SharedPool(peers, 1, 0) as pool:
            results = pool.map_ordered(jobs.square, iter(int, 1))  # endless
            taken = [next(results) for _ in range(6)]
            results.close()
            return taken, list(pool.map_ordered(jobs.square, range(3)))

    assert together(2, run) == [([0] * 6, [0, 1, 4])] * 2


def test_one_process_has_a_pool_of_its_own():
    with ExecutionPool(1, 0) as pool:
        assert (pool.peers.number, pool.peers.count) == (0, 1)
