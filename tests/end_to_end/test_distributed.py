"""Several processes come to what one comes to; where one of them is lost the others say so, and all goes on.

The processes are on this machine, with a device each, or two.
"""

import dataclasses
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np
import pytest

from codeit_jax.config import Config, MeshConfig
from codeit_jax.run.checkpoint import Checkpointer
from codeit_jax.run.workdir import read_run_config

from .run_process import full_config
from .small_run import ROOT, abstract_state_of, assert_same_run, rows, write_config

_SECONDS = 400.0


@dataclasses.dataclass(frozen=True)
class Place:
    """A config, and the environment in which its runs share what is compiled."""

    folder: Path
    environment: dict[str, str]

    def start(
        self, workdir: Path, number: int, count: int, port: int, *flags: str, num_devices: int = 1, command=()
    ):
        """Starts one of the processes of a run, or of another command about it."""
        several = [
            "--distributed",
            f"--coordinator=localhost:{port}",
            f"--num_processes={count}",
            f"--process_id={number}",
        ]
        return subprocess.Popen(
            [
                *(sys.executable, *(command or ("launch/train.py", f"--config={self.folder / 'config.py'}"))),
                *(f"--workdir={workdir}", *(several if count > 1 else ()), *flags),
            ],
            cwd=ROOT,
            env={
                **self.environment,
                "JAX_PLATFORMS": "cpu",
                "XLA_FLAGS": f"--xla_force_host_platform_device_count={num_devices}",
            },
            stdout=(self.folder / f"{workdir.name}.{number}.out").open("w"),
            stderr=(self.folder / f"{workdir.name}.{number}.err").open("w"),
        )

    def start_all(self, workdir: Path, count: int, *flags: str, **others):
        """Starts all processes of a run; see `start`."""
        port = free_port()
        return [self.start(workdir, number, count, port, *flags, **others) for number in range(count)]

    def run(self, workdir: Path, count: int, *flags: str, **others) -> None:
        """Makes a run to its end; see `start`."""
        processes = self.start_all(workdir, count, *flags, **others)
        assert ends(processes) == [0] * count, self.told(workdir, "err")

    def told(self, workdir: Path, stream: str) -> list[str]:
        """Returns what each process of a run has shown, without what libraries say on their own."""
        files = sorted(self.folder.glob(f"{workdir.name}.*.{stream}"))
        return [
            "".join(line for line in file.read_text().splitlines(True) if not line.startswith("[Gloo]"))
            for file in files
        ]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("localhost", 0))
        return int(found.getsockname()[1])


def ends(processes: Sequence[subprocess.Popen], seconds: float = _SECONDS) -> list[int]:
    """Waits for processes, and returns their exit codes."""
    deadline = time.monotonic() + seconds
    try:
        return [process.wait(max(1.0, deadline - time.monotonic())) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def until(place: Place, workdir: Path, processes: Sequence[subprocess.Popen], text: str) -> None:
    """Waits until the first process has told something."""
    file = place.folder / f"{workdir.name}.0.out"
    deadline = time.monotonic() + _SECONDS
    while text not in file.read_text():
        assert all(process.poll() is None for process in processes), place.told(workdir, "err")
        assert time.monotonic() < deadline
        time.sleep(0.01)


def distributed_config(folder: Path) -> Config:
    """Returns a small run of which all parts are on, without what only takes its time."""
    config = full_config(folder)
    return dataclasses.replace(
        config,
        warmup_experiences=64,
        report_interval=0,
        execution=dataclasses.replace(config.execution, num_workers=1),
        sampling=dataclasses.replace(config.sampling, tasks_per_batch=4),
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory, compiled_folder: str) -> Place:
    folder = tmp_path_factory.mktemp("distributed")
    (folder / "data").mkdir()
    write_config(distributed_config(folder / "data"), folder / "config.py")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "JAX_COMPILATION_CACHE_DIR": compiled_folder,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    return Place(folder, environment)


@pytest.fixture(scope="module")
def alone(place: Place) -> Path:
    """A run of one process with two devices, which are to two processes what one is to each."""
    place.run(place.folder / "alone", 1, num_devices=2)
    return place.folder / "alone"


@pytest.fixture(scope="module")
def abstract_state(alone: Path):
    return abstract_state_of(dataclasses.replace(read_run_config(str(alone)), mesh=MeshConfig()))


def test_two_processes_come_to_what_one_comes_to(place: Place, alone: Path, abstract_state) -> None:
    workdir = place.folder / "two"
    place.run(workdir, 2)
    assert_same_run(workdir, alone, abstract_state)
    first, second = place.told(workdir, "out")
    assert (
        "2 processes with 2 devices in all, cpu (cpu); mesh data 2 x fsdp 1 x tensor 1; 8 examples" in first
    )
    assert second == ""
    assert place.told(workdir, "err") == ["", ""]


def test_weights_come_out_of_devices_of_several_processes(place: Place, alone: Path) -> None:
    """Each holds a part of every tensor that can be split."""
    folders = [place.folder / f"exported_by_{count}" for count in (1, 2)]
    for count, folder in enumerate(folders, start=1):
        place.run(alone, count, f"--output={folder}", num_devices=2, command=("launch/weights.py", "export"))
    assert place.told(alone, "out") == [
        f"the policy after meta-iteration 3 written to {folders[1]}\n",
        "",
    ]
    one, two = ({file.name: file.read_bytes() for file in folder.iterdir()} for folder in folders)
    assert one == two
    assert one.keys() == {"config.json", "model.safetensors"}


def test_whatever_becomes_of_one_process_the_other_says_so_and_the_run_goes_on(
    place: Place, alone: Path, abstract_state
) -> None:
    """The first is killed, then one of two that went on is terminated, and one alone comes to the end.

    `tests/run/test_distribution.py` has others killed and stopped.
    """
    workdir = place.folder / "lost"
    processes = place.start_all(workdir, 2)
    until(place, workdir, processes, "meta-iteration 2: learning")
    processes[0].send_signal(signal.SIGKILL)
    assert ends(processes) == [-signal.SIGKILL, 1]
    told = "error: process 0 of 2 is not heard of any more; the same commands go on from here\n"
    assert place.told(workdir, "err") == ["", told]

    processes = place.start_all(workdir, 2)
    until(place, workdir, processes, "meta-iteration 3: learning")
    processes[1].send_signal(signal.SIGTERM)
    assert ends(processes) == [143, 143]
    first, second = place.told(workdir, "err")
    saved = "terminated; the same command goes on from here\n"
    assert second == saved
    # The learner may have been done by the time that the signal came.
    assert first in (saved, "error: process 1 has ended: terminated; the same commands go on from here\n")

    # Nor need the second have been at learning yet, which shares the last of what was sampled.
    is_midway = (workdir / "progress" / "checkpoints").exists()
    place.run(workdir, 1, num_devices=2)
    if is_midway:
        assert "updates of the learner since" in place.told(workdir, "out")[0]
    assert_same_run(workdir, alone, abstract_state)


def test_what_is_wrong_is_told_by_all(place: Place) -> None:
    workdir = place.folder / "wrong"
    assert ends(place.start_all(workdir, 2, "--config.mesh.tensor=3")) == [2, 2]
    assert all("error: mesh: " in told and told.count("\n") == 1 for told in place.told(workdir, "err"))


def test_one_that_is_started_alone_says_what_to_look_at(place: Place) -> None:
    workdir = place.folder / "lonely"
    lonely = place.start(workdir, 1, 2, free_port(), "--join_seconds=3")
    assert ends([lonely], 60.0) == [2]
    (told,) = place.told(workdir, "err")
    line = told.splitlines()[-1]
    assert line.startswith("error: --distributed: the processes did not find each other at localhost:")
    assert "within 3 s: look whether all of them were started" in line


def test_a_port_that_another_process_has_is_told(place: Place) -> None:
    workdir = place.folder / "taken"
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        assert ends([place.start(workdir, 0, 2, port)], 200.0) == [2]
    (told,) = place.told(workdir, "err")
    line = told.splitlines()[-1]
    assert line.startswith(f"error: --coordinator=localhost:{port}: its port cannot be opened on this host")


def test_processes_that_were_told_of_different_numbers_say_so(place: Place) -> None:
    workdir, port = place.folder / "numbers", free_port()
    assert ends([place.start(workdir, number, 2 + number, port) for number in range(2)]) == [2, 2]
    line = "error: --num_processes={}: process {} was started with {}, and this is process {}: all are to be"
    for number, told in enumerate(place.told(workdir, "err")):
        assert told.startswith(line.format(2 + number, 1 - number, 3 - number, number))
        assert told.count("\n") == 1
    assert not workdir.exists()


@pytest.mark.slow
def test_a_batch_in_four_shares_gives_the_same_but_for_rounding(place: Place) -> None:
    """What two processes add up in another order than one moves no parameter by more than 1e-5."""
    flags = (
        "--config.learner.learning_rate=2e-6",
        "--config.policy.dropout_rate=0.0",
        "--config.num_meta_iterations=1",
    )
    one, two = place.folder / "one_of_four", place.folder / "two_of_two"
    place.run(one, 1, *flags, num_devices=4)
    place.run(two, 2, *flags, num_devices=2)
    config = dataclasses.replace(read_run_config(str(one)), mesh=MeshConfig())
    abstract = abstract_state_of(config)
    (_, state, _), (_, other, _) = (
        Checkpointer(workdir / "checkpoints").restore(abstract) for workdir in (one, two)
    )
    for leaf, expected in zip(jax.tree.leaves(other.params), jax.tree.leaves(state.params), strict=True):
        np.testing.assert_allclose(leaf, expected, rtol=0, atol=1e-5)
    for name in ("solutions.json", *(f"samples/{path.name}" for path in (one / "samples").iterdir())):
        assert (two / name).read_bytes() == (one / name).read_bytes()
    exact = ("new_experiences", "policy_buffer_size", "cumulative_performance", "num_updates")
    assert [[row[name] for name in exact] for row in rows(two)] == [
        [row[name] for name in exact] for row in rows(one)
    ]
