"""A small run as a process of its own: started, watched, ended from outside, and what is left then."""

import contextlib
import dataclasses
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from codeit_jax.config import AugmentationConfig, Config, EvolutionConfig, ReplayConfig, SyntheticConfig

from .small_run import ROOT, small_config, write_config, write_data

# Buffers are saved in segments of a few entries, so that a small run has some.
# What is started in the background may have been told to ignore Ctrl-C.
_START = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from launch.train import run  # which catches signals before it imports
from codeit_jax.replay import byte_table, states
states.SEGMENT_ROWS = byte_table.SEGMENT_STRINGS = 64
run()
"""
_MARKER = "CODEIT_TEST_RUN"
_PHASES = (  # the first that a line tells of is what the run is at
    (r"starting the host pool|resumed after", "starting"),
    (r"\] row \d+ ", "saving"),
    (r"learning from programs that are made", "pretraining"),
    (r"warming the policy up", "warming up"),
    (r"meta-iteration \d+: learning", "learning"),
    (r"meta-iteration \d+$", "sampling"),
    (r"waiting for the expert", "breeding"),
    (r"writing the last checkpoint", "saving"),
    (r".", "initializing"),
)
PHASES = (
    "starting",
    "initializing",
    "pretraining",
    "warming up",
    "sampling",
    "learning",
    "breeding",
    "saving",
    "ending",
)
_POLL_SECONDS = 0.001
_GRACE_SECONDS = 30.0  # in which workers whose run was killed are to end
_START_SECONDS = 2.0  # in which one that was just being started finds that its run has ended


def full_config(folder: Path) -> Config:
    """Returns a small run of which all parts are on; its data are written to a folder."""
    config = small_config(write_data(folder))
    return dataclasses.replace(
        config,
        num_meta_iterations=3,
        warmup_experiences=200,
        execution=dataclasses.replace(config.execution, num_workers=2),
        mutation=dataclasses.replace(config.mutation, parents="both", distillation_work=100_000),
        augmentation=AugmentationConfig(num_copies=2),
        synthetic=SyntheticConfig(num_parts=2, part_size=96),
        evolution=EvolutionConfig(turn_work=1_000_000, views_work=0, capacity=20, num_experiences=3),
        replay=ReplayConfig(training_experiences=80, policy_experiences=80),
        learner=dataclasses.replace(config.learner, num_epochs=3),
    )


class Place:
    """A folder with all that runs of one config need, and the runs in it.

    Args:
        folder: the folder, which is empty; what is compiled stays in it for all runs.
        settings: flags of the command that change the config.
        environment: what is set for the command, beside what is set here.
    """

    def __init__(
        self, folder: Path, settings: tuple[str, ...] = (), environment: dict[str, str] | None = None
    ):
        self.folder = folder
        (folder / "data").mkdir(parents=True)
        write_config(full_config(folder / "data"), folder / "config.py")
        self.command = [sys.executable, "-c", _START, f"--config={folder / 'config.py'}", *settings]
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
            **(environment or {}),
        }


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a run ended.

    Attributes:
        code: its exit code; that of a signal is negative.
        errors: its standard error.
        seconds: from when it was asked to end.
        num_left: processes of it that were left `_START_SECONDS` later, and `_GRACE_SECONDS` later at most.
    """

    code: int
    errors: str
    seconds: float
    num_left: tuple[int, int]


class RunProcess:
    """A run that goes on in a folder, in a session of its own as that of a terminal.

    Attributes:
        workdir: the folder.
        temporary: the folder of its temporary files.
        phase: what it was at when it was last asked to end.
        seconds: from its start until then.
    """

    def __init__(self, place: Place, workdir: Path) -> None:
        self.workdir = workdir
        self.temporary = workdir.with_name(f"{workdir.name}_temporary")
        self.temporary.mkdir(exist_ok=True)
        self.phase, self.seconds = "", 0.0
        self._started = self._asked = time.monotonic()
        self._marker = f"{_MARKER}={workdir}\0".encode()
        self._lines: list[str] = []
        self._errors: list[str] = []
        self._process = subprocess.Popen(
            [*place.command, f"--workdir={workdir}"],
            env={**place.environment, _MARKER: str(workdir), "TMPDIR": str(self.temporary)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._readers = [
            threading.Thread(target=_read, args=each, daemon=True)
            for each in ((self._process.stdout, self._lines), (self._process.stderr, self._errors))
        ]
        for reader in self._readers:
            reader.start()

    def age(self) -> float:
        """Returns the seconds since its start."""
        return time.monotonic() - self._started

    def until(self, seconds: float) -> bool:
        """Waits until so long after its start; returns whether it is still at work then."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, self._started + seconds - time.monotonic()))
        return self._process.poll() is None

    def until_it(self, does: str, seconds: float = 600.0) -> bool:
        """Waits until it does something; returns whether it is still at work then.

        Args:
            does: "catches" signals, "saves" a checkpoint, or has told what is given here.
            seconds: after which it is waited for no longer.
        """
        conditions = {"catches": self._catches, "saves": self._saves}
        happens = conditions.get(does, lambda: does in "".join(self._lines))
        deadline = time.monotonic() + seconds
        while self._process.poll() is None and not happens() and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        return self._process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Sends a signal, Ctrl-C to the whole group of processes as a terminal does."""
        self._ask()
        if number is signal.SIGINT:
            os.killpg(self._process.pid, number)
        else:
            self._process.send_signal(number)

    def limit_files(self, num_bytes: int) -> None:
        """Lets it write no file beyond a size from now on."""
        self._ask()
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (num_bytes, resource.RLIM_INFINITY))

    def fill(self, disk: "Disk", num_free: int) -> None:
        """Leaves so many bytes on its disk."""
        self._ask()
        disk.fill(num_free)

    def end(self, seconds: float) -> Ended:
        """Waits until it has ended, by force if it has not in time."""
        if not self.seconds:
            self._asked = self._started
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        took = time.monotonic() - self._asked
        in_time = self._process.poll() is not None
        self._process.kill()
        code = self._process.wait()
        num_left = len(self._left_after(_START_SECONDS))
        left = self._left_after(_GRACE_SECONDS)
        for number in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        for reader in self._readers:
            reader.join()
        errors = "".join(self._errors) + ("" if in_time else f"did not end within {seconds:.0f} seconds\n")
        return Ended(code, errors, took, (num_left, len(left)))

    def left(self) -> list[int]:
        """Returns the processes that are still there, of which it may have been the parent."""
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):  # it has just ended
                if self._marker in path.read_bytes() + b"\0":
                    found.append(int(path.parent.name))
        return found

    def _left_after(self, seconds: float) -> list[int]:
        deadline = time.monotonic() + seconds
        while (left := self.left()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return left

    def told(self) -> list[str]:
        """Returns the lines it has shown."""
        return list(self._lines)

    def _ask(self) -> None:
        self._asked = time.monotonic()
        self.seconds = self._asked - self._started
        self.phase = self._current_phase()

    def _current_phase(self) -> str:
        lines = [line.rstrip() for line in self._lines]
        if any("tasks solved of" in line for line in lines):
            return "ending"
        phase = next((_phase_of(line) for line in reversed(lines) if line.startswith("[")), "starting")
        return f"{phase}, saving" if self._saves() and phase != "saving" else phase

    def _catches(self) -> bool:
        with contextlib.suppress(OSError):
            status = Path(f"/proc/{self._process.pid}/status").read_text()
            caught = re.search(r"^SigCgt:\s+(\w+)$", status, re.MULTILINE)
            wanted = 1 << signal.SIGINT - 1 | 1 << signal.SIGTERM - 1
            return caught is not None and int(caught[1], 16) & wanted == wanted
        return False

    def _saves(self) -> bool:
        folder = self.workdir / "checkpoints"
        with contextlib.suppress(OSError):
            return any(
                not each.is_dir() or not (each / "manifest.json").exists()
                for each in folder.iterdir()
                if not each.name.startswith("damaged_")
            )
        return False


def _phase_of(line: str) -> str:
    """Returns what a run is at that has shown a line last."""
    return next(phase for pattern, phase in _PHASES if re.search(pattern, line))


class Disk:
    """A small disk of its own, in memory.

    Args:
        folder: where it is mounted, which is made.
        num_bytes: its size.
    """

    def __init__(self, folder: Path, num_bytes: int = 64 << 20) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"
        folder.mkdir(parents=True)
        size = f"size={num_bytes}"
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)], check=True, capture_output=True
        )

    def fill(self, num_free: int) -> None:
        """Fills all but so many bytes."""
        with self._ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            for size in (1 << 20, 1 << 12):
                with contextlib.suppress(OSError):
                    while file.write(bytes(size)) == size:
                        pass
        os.truncate(self._ballast, max(0, self._ballast.stat().st_size - num_free))

    def empty(self) -> None:
        """Makes room again."""
        self._ballast.unlink(missing_ok=True)

    def close(self) -> None:
        subprocess.run(["umount", str(self.folder)], check=True)


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Disk | None]:
    """Mounts a small disk for the block, where that is allowed."""
    try:
        disk = Disk(folder)
    except (OSError, subprocess.CalledProcessError):
        yield None
        return
    try:
        yield disk
    finally:
        disk.close()


def _read(stream: IO[str], lines: list[str]) -> None:
    with stream:
        for line in stream:
            lines.append(line)  # noqa: PERF402 - it is read meanwhile
