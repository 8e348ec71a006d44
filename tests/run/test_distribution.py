"""Processes that have joined: whatever becomes of one of them, the others say so in one line, and end."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from codeit_jax.run.coordinator import found
from codeit_jax.run.shared_flags import Rendezvous

from ..end_to_end.small_run import ROOT
from ..end_to_end.test_distributed import free_port

# Silence is noticed in two seconds.
_RUN = """
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from codeit_jax.run import distribution, relay
from codeit_jax.errors import UserError
from codeit_jax.run.interruption import begin_keeping, deferred, handled
from codeit_jax.run.shared_flags import Rendezvous
distribution._BEAT_SECONDS = relay._INTERVAL_SECONDS = 0.1
distribution._GRACE_SECONDS = 0.5
number, count, port, ending = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
with handled("go on"), distribution.joined(Rendezvous(f"localhost:{port}", count, number)) as peers:
    assert peers.gather(number) == list(range(count))
    if ending != "anew":
        begin_keeping()
    print("joined", flush=True)
    if ending == "late" and number == 0:
        time.sleep(2)
    if ending == "cut" and number == 0:
        with deferred():
            os.kill(os.getpid(), signal.SIGTERM)
            try:
                raise distribution.JaxRuntimeError("connection closed")
            except RuntimeError as error:
                raise UserError("the checkpoint cannot be written") from error
    if ending == "wrong" and number == 0:
        raise UserError("--tasks=nope: no such file")
    while ending in ("wrong", "never", "anew", "cut"):
        time.sleep(0.01)
"""
_SECONDS = 120.0


class Joined:
    """Some processes that have joined, and do nothing."""

    def __init__(self, count: int, ending: str = "never", **environment: str) -> None:
        port = str(free_port())
        self.count = count
        self.processes = [
            subprocess.Popen(
                [sys.executable, "-c", _RUN, str(number), str(count), port, ending],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", **environment},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for number in range(count)
        ]

    def wait(self) -> None:
        """Waits until all have joined."""
        for process in self.processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "joined\n", self.ended()

    def ended(self) -> list[tuple[int, str]]:
        """Returns the exit code of each, and what it has told but for libraries."""
        told = []
        for process in self.processes:
            _, errors = process.communicate(timeout=_SECONDS)
            lines = [line for line in errors.splitlines(True) if not line.startswith("[Gloo]")]
            told.append((process.returncode, "".join(lines)))
        return told

    def kill(self) -> None:
        for process in self.processes:
            process.kill()
            process.communicate()


@pytest.fixture
def start() -> Iterator:
    started: list[Joined] = []

    def begin(*arguments, **environment) -> Joined:
        started.append(Joined(*arguments, **environment))
        started[-1].wait()
        return started[-1]

    yield begin
    for each in started:
        each.kill()


def lost(number: int, count: int) -> tuple[int, str]:
    line = f"error: process {number} of {count} is not heard of any more; the same commands go on from here\n"
    return 1, line


def test_what_has_nothing_to_go_on_from_does_not_say_so(start) -> None:
    joined = start(2, "anew")
    joined.processes[1].send_signal(signal.SIGKILL)
    assert joined.ended()[0] == (1, "error: process 1 of 2 is not heard of any more\n")


def test_what_would_be_refused_again_does_not_say_that_it_goes_on(start) -> None:
    assert start(2, "wrong").ended()[1] == (2, "error: process 0 has ended: --tasks=nope: no such file\n")


@pytest.mark.parametrize("number", [0, 2])
def test_one_that_is_killed_is_named_by_all_others(start, number: int) -> None:
    joined = start(3)
    joined.processes[number].send_signal(signal.SIGKILL)
    expected = [lost(number, 3)] * 3
    expected[number] = (-signal.SIGKILL, "")
    assert joined.ended() == expected


@pytest.mark.parametrize("number", [0, 1])
def test_one_that_was_stopped_until_the_other_had_ended_names_it(start, number: int) -> None:
    joined = start(2)
    joined.processes[number].send_signal(signal.SIGSTOP)
    joined.processes[1 - number].wait(_SECONDS)
    joined.processes[number].send_signal(signal.SIGCONT)
    assert joined.ended() == [lost(1, 2), lost(0, 2)]


@pytest.mark.parametrize("number", [0, 1])
def test_ctrl_c_at_one_ends_all(start, number: int) -> None:
    joined = start(2)
    joined.processes[number].send_signal(signal.SIGINT)
    assert joined.ended() == [(130, "interrupted; go on\n")] * 2


def test_one_that_is_asked_to_end_while_others_do_tells_that_alone(start) -> None:
    """And not what came of it that the others ended first."""
    assert start(2, "cut").ended() == [(143, "terminated; go on\n")] * 2


def test_all_end_when_the_last_has_come_to_its_end(start) -> None:
    """Also where there is a proxy, of which JAX warns."""
    joined = start(2, "late", http_proxy="http://127.0.0.1:1", no_proxy="localhost")
    assert [code for code, _ in joined.ended()] == [0, 0]


def test_where_the_coordinator_is_may_be_given_or_found(monkeypatch) -> None:
    """By names of JAX's that are not public."""
    for name in os.environ:
        if name.startswith(("SLURM_", "OMPI_", "JAX_COORDINATOR")):
            monkeypatch.delenv(name)
    given = Rendezvous("host:1234", 2, 1, 60)
    assert found(given) == given
    assert found(Rendezvous(seconds=60)) == Rendezvous(seconds=60)
    monkeypatch.setenv("JAX_COORDINATOR_ADDRESS", "there:99")
    assert found(Rendezvous(None, 2, 1)).coordinator == "there:99"
    monkeypatch.delenv("JAX_COORDINATOR_ADDRESS")
    slurm = {"JOB_ID": "7", "STEP_NODELIST": "node[3-4]", "NTASKS": "2", "PROCID": "1", "LOCALID": "0"}
    for name, value in slurm.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    detected = found(Rendezvous())
    assert (detected.num_processes, detected.process_id) == (2, 1)
    assert str(detected.coordinator).startswith("node3:")
