"""The shell scripts are sound, as far as programs can tell."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = [
    *sorted((ROOT / "launch").glob("*.sh")),
    *sorted((ROOT / "launch").glob("*.sbatch")),
    *sorted(path for path in (ROOT / ".ci").iterdir() if path.read_text().startswith("#!/usr/bin/env bash")),
]


def test_there_are_scripts():
    assert {path.name for path in SCRIPTS} >= {"tpu_vm.sh", "tpu_worker.sh", "slurm.sbatch", "run"}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_stops_at_what_fails(script):
    subprocess.run(["bash", "-n", str(script)], check=True)
    assert "\nset -euo pipefail\n" in script.read_text(encoding="utf-8")
    assert script.stat().st_mode & 0o111 or script.suffix == ".sbatch"


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_finds_nothing(script):
    ended = subprocess.run(["shellcheck", str(script)], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_lines_are_as_long_as_elsewhere(script):
    assert [line for line in script.read_text(encoding="utf-8").splitlines() if len(line) > 110] == []
