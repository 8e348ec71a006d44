"""A command that is killed again and again, each time soon after it has written something down."""

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

_POLL_SECONDS = 0.005
_LONGEST_DELAY = 0.4  # seconds


def run_with_kills(command: Sequence[str], environment: dict[str, str], folder: Path, number: int) -> int:
    """Runs a command until it ends by itself, which it has to without a word of complaint.

    Args:
        command: the command.
        environment: the variables it is to see.
        folder: where it writes what it goes on from.
        number: how often it is killed at most.

    Returns:
        How often it was.
    """
    rng, num_killed = random.Random(0), 0
    while True:
        before = _written(folder)
        process = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        while num_killed < number and process.poll() is None and _written(folder) == before:
            time.sleep(_POLL_SECONDS)
        try:
            delay = rng.uniform(0.0, _LONGEST_DELAY) if num_killed < number else None
            _, errors = process.communicate(timeout=delay)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            num_killed += 1
            continue
        assert (process.returncode, errors) == (0, b"")
        return num_killed


def _written(folder: Path) -> dict[Path, tuple[int, int]]:
    """Returns which files there are, and what tells each from another that takes its place."""
    found = {}
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            with contextlib.suppress(FileNotFoundError):  # it has just taken the place of another
                status = path.stat()
                found[path] = status.st_ino, status.st_mtime_ns
    return found
