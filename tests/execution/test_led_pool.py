"""Jobs that one process hands out to several give what they give it alone."""

import sys
from pathlib import Path

import pytest

from codeit_jax.execution.led_pool import LedPool, lead
from codeit_jax.execution.pool import Failed

from ..peers_of_threads import together

sys.path.insert(0, str(Path(__file__).parent))  # workers import job functions by name, from the same path

import jobs


def led(count, command):
    """Runs a command in the first of some processes, and returns what it gave."""
    given = []

    def run(peers):
        lead(peers, 1, lambda leader: given.append(command(leader)))

    assert together(count, run) == [None] * count
    return given[0]


@pytest.mark.parametrize("count", [2, 3])
def test_results_come_in_order_and_from_all(count, tmp_path):
    def command(leader):
        with LedPool(leader, 1, 100, timeout_seconds=60.0) as pool:
            assert list(pool.map_ordered(jobs.plus_context, [])) == []
            assert list(pool.map_ordered(jobs.plus_context, range(50))) == list(range(100, 150))
            places = [(tmp_path, number, count) for number in range(count)]
            return set(pool.map_ordered(jobs.meet, places))

    assert len(led(count, command)) == count


def test_several_pools_may_be_at_work_one_within_the_other():
    def command(leader):
        with LedPool(leader, 1, 1) as outer:
            first = next(results := outer.map_ordered(jobs.plus_context, range(3)))
            with LedPool(leader, 1, 10) as inner:
                inside = list(inner.map_ordered(jobs.plus_context, range(3)))
            return [first, *results], inside

    assert led(2, command) == ([1, 2, 3], [10, 11, 12])


def test_what_a_worker_was_stopped_on_failed_wherever_it_was():
    def command(leader):
        with LedPool(leader, 1, timeout_seconds=1.0) as pool:
            return [isinstance(each, Failed) for each in pool.map_ordered(jobs.spin, [0.0, 60.0, 0.0])]

    assert led(2, command) == [False, True, False]


def test_a_file_is_where_jobs_look_for_it(tmp_path):
    file = tmp_path / "folder" / "file"
    file.parent.mkdir()
    file.write_bytes(b"content")

    def command(leader):
        with LedPool(leader, 1) as pool:
            pool.share_file(file)
            return list(pool.map_ordered(jobs.read_bytes, [file] * 4))

    assert led(2, command) == [b"content"] * 4
    assert file.exists()


def test_one_process_has_nobody_to_lead():
    assert led(1, lambda leader: leader) is None
