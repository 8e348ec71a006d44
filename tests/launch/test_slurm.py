"""`launch/slurm.sbatch` with a Slurm of two programs."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "launch" / "slurm.sbatch"

# Runs what it is given, as srun does, and passes SIGTERM on.
SRUN = """#!/usr/bin/env bash
echo "$JAX_LOCAL_DEVICE_IDS" > "$FAKE/devices"
printf '%s\\n' "$@" > "$FAKE/arguments"
trap 'echo told >> "$FAKE/signals"; [ -e "$FAKE/deaf" ] || exit 143' TERM
echo begun > "$FAKE/begun"
while [ ! -e "$FAKE/code" ]; do sleep 0.02; done
exit "$(cat "$FAKE/code")"
"""
SCONTROL = """#!/usr/bin/env bash
echo "$*" >> "$FAKE/requeued"
"""


class Job:
    """A job of Slurm's."""

    def __init__(self, folder, *arguments):
        self.folder = folder
        for name, text in (("srun", SRUN), ("scontrol", SCONTROL)):
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        environment = {
            "PATH": f"{folder}:/usr/bin:/bin",
            "FAKE": str(folder),
            "SLURM_JOB_ID": "42",
            "SLURM_GPUS_ON_NODE": "4",
        }
        self.process = subprocess.Popen(
            ["bash", str(SCRIPT), *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for(self, name):
        for _ in range(500):
            if (self.folder / name).exists():
                return
            time.sleep(0.02)
        raise AssertionError(f"there is no {name}")

    def lines(self, name):
        file = self.folder / name
        return file.read_text().splitlines() if file.exists() else []

    def ended(self):
        output, errors = self.process.communicate(timeout=30)
        return self.process.returncode, output, errors


@pytest.fixture
def job(tmp_path):
    job = Job(tmp_path, "--config=configs/codeit.py:220m", "--workdir=a folder")
    job.wait_for("begun")
    yield job
    if job.process.poll() is None:
        (tmp_path / "code").write_text("0")
        job.process.communicate(timeout=30)


def test_a_run_has_all_gpus_of_a_node_and_its_flags(job):
    (job.folder / "code").write_text("0")
    assert job.ended() == (0, "", "")
    assert job.lines("devices") == ["0,1,2,3"]
    assert job.lines("arguments")[1:] == [
        *["python", "launch/train.py", "--distributed"],
        *["--config=configs/codeit.py:220m", "--workdir=a folder"],
    ]
    assert job.lines("requeued") == []


def test_before_its_time_is_up_a_run_is_told_once_and_the_job_queued_again(job):
    job.process.send_signal(signal.SIGUSR1)
    assert job.ended()[0] == 143
    assert job.lines("signals") == ["told"]
    assert job.lines("requeued") == ["requeue 42"]


def test_what_slurm_tells_of_itself_is_not_passed_on(job):
    job.process.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    assert job.process.poll() is None
    (job.folder / "code").write_text("143")
    assert job.ended()[0] == 143
    assert job.lines("signals") == []
    assert job.lines("requeued") == ["requeue 42"]


def test_a_run_that_slurm_ended_by_itself_is_queued_again(job):
    (job.folder / "code").write_text("143")
    assert job.ended()[0] == 143
    assert job.lines("requeued") == ["requeue 42"]


@pytest.mark.parametrize("code", [1, 2])
def test_a_run_that_failed_is_not_queued_again(job, code):
    (job.folder / "code").write_text(str(code))
    assert job.ended()[0] == code
    assert job.lines("requeued") == []


def test_a_run_that_was_done_as_the_signal_came_is_not_queued_again(job):
    (job.folder / "deaf").touch()
    job.process.send_signal(signal.SIGUSR1)
    job.wait_for("signals")
    (job.folder / "code").write_text("0")
    assert job.ended()[0] == 0
    assert job.lines("requeued") == []


def test_flags_are_required(tmp_path):
    environment = {"PATH": os.environ["PATH"]}
    ended = subprocess.run(
        ["bash", str(SCRIPT)], env=environment, capture_output=True, text=True, check=False
    )
    line = "error: flags of launch/train.py are required, such as --config=... --workdir=...\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", line)
