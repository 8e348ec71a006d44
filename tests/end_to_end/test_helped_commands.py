"""Commands that another process helps with come to what they come to alone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from codeit_jax.config import DataConfig

from .small_run import ROOT
from .test_distributed import ends, free_port

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}


def start(command: str, *flags: str, folder: Path, count: int):
    port = free_port()
    several = [f"--coordinator=localhost:{port}", f"--num_processes={count}", "--distributed"]
    return [
        subprocess.Popen(
            [
                *(sys.executable, f"launch/{command}.py", "--num_workers=1", *flags),
                *([*several, f"--process_id={number}"] if count > 1 else []),
            ],
            cwd=ROOT,
            env={**ENVIRONMENT, "XDG_CACHE_HOME": str(folder / "cache")},
            stdout=subprocess.DEVNULL,
            stderr=(folder / f"{number}.err").open("w"),
        )
        for number in range(count)
    ]


@pytest.mark.parametrize("depth", ["1", "inf"])
def test_two_processes_grow_the_file_that_one_grows(data: DataConfig, tmp_path: Path, depth: str) -> None:
    flags = [f"--tasks={data.training_tasks}", f"--training_programs={data.training_programs}"]
    for count in (1, 2):
        output = f"--output={tmp_path / f'{count}.jsonl'}"
        growing = start(
            "mutate", *flags, f"--depth={depth}", "--num_programs=60", output, folder=tmp_path, count=count
        )
        assert ends(growing) == [0] * count
        assert (tmp_path / f"{count - 1}.err").read_text() == ""
    assert (tmp_path / "1.jsonl").read_bytes() == (tmp_path / "2.jsonl").read_bytes()


def test_two_processes_breed_what_one_breeds(data: DataConfig, tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_text('{"program": "O = hmirror(I)"}\n')
    flags = [f"--tasks={data.search_tasks}", "--parents=none", f"--programs={tmp_path / 'mine.jsonl'}"]
    for count in (1, 2):
        output = f"--output={tmp_path / str(count)}"
        breeding = start(
            "evolve", *flags, "--work=300000", "--turn_work=100000", output, folder=tmp_path, count=count
        )
        assert ends(breeding) == [0] * count
    assert (tmp_path / "2" / "report.html").exists()
    for name in ("solutions.json", "near_misses.json"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_whoever_is_terminated_ends_both(data: DataConfig, tmp_path: Path) -> None:
    flags = [f"--tasks={data.training_tasks}", f"--training_programs={data.training_programs}"]
    file = tmp_path / "many.jsonl"
    growing = start(
        "mutate",
        *flags,
        "--depth=inf",
        "--num_programs=1000000",
        f"--output={file}",
        folder=tmp_path,
        count=2,
    )
    while not (file.exists() and file.stat().st_size):
        assert all(process.poll() is None for process in growing), (tmp_path / "0.err").read_text()
        time.sleep(0.05)
    growing[1].send_signal(signal.SIGTERM)
    assert ends(growing, 30.0) == [143, 143]
    assert (tmp_path / "0.err").read_text() == "terminated; the same command goes on from here\n"
