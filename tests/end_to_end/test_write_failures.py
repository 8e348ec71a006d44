"""Each write of a command may fail: that is one line, and the same command goes on from what was there."""

import collections
import dataclasses
import errno
import json
import os
import shutil
import types
from pathlib import Path

import jax
import numpy as np
import pytest
from flax import nnx

from codeit_jax.arc import load_tasks
from codeit_jax.benchmarks import suites
from codeit_jax.config import Config, EvolutionConfig
from codeit_jax.errors import UserError
from codeit_jax.evolution import stock
from codeit_jax.evolution.command import EvolveConfig, run_evolution
from codeit_jax.evolution.jobs import Breeding
from codeit_jax.experiment import run_experiment
from codeit_jax.learner.weight_exchange import export_weights, import_weights
from codeit_jax.mutation.growth.command import GrowthConfig, grow_file
from codeit_jax.policy.presets import T5Config
from codeit_jax.policy.t5 import T5
from codeit_jax.policy.weights import load_params, save_params
from codeit_jax.replay import states
from codeit_jax.search.command import run_search
from codeit_jax.solving import SolveConfig, solve

from .small_run import assert_same_run

TASK = {
    "train": [{"input": [[1, 2]], "output": [[2, 1]]}, {"input": [[3, 4]], "output": [[4, 3]]}],
    "test": [{"input": [[5, 6]], "output": [[6, 5]]}],
}
SHAPE = T5Config(11, 8, 4, 8, 1, 1, 2)
BREEDING = Breeding(num_mended=0, states_work=0)


class Disk:
    """A disk on which one write fails; of each file that is written safely a call is counted here."""

    def __init__(self):
        self.num_writes = 0
        self.failing = None
        self.fails = self.is_failing
        self._fsync = os.fsync

    def is_failing(self, _):
        return self.num_writes == self.failing

    def fsync(self, descriptor):
        self.num_writes += 1
        if self.fails(descriptor):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._fsync(descriptor)


@pytest.fixture
def disk(monkeypatch):
    disk = Disk()
    monkeypatch.setattr(os, "fsync", disk.fsync)
    return disk


@pytest.fixture
def place(tmp_path, monkeypatch):
    (tmp_path / "task.json").write_text(json.dumps(TASK))
    (tmp_path / "programs.jsonl").write_text('{"program": "O = vmirror(I)"}\n{"program": "O = rot90(I)"}\n')
    (tmp_path / "solvers.py").write_text("def solve_task(I):\n    O = vmirror(I)\n    return O\n")
    save_params(tmp_path / "source", SHAPE, nnx.split(T5(SHAPE, rngs=nnx.Rngs(0)))[1])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # Not the 400 that an evolution knows, which take a second to read.
    monkeypatch.setattr(stock, "load_tasks", lambda _: load_tasks(tmp_path / "task.json"))
    return tmp_path


def mutated(place, output):
    grow_file(
        GrowthConfig(
            output / "m.jsonl",
            5,
            tasks=str(place / "task.json"),
            training_programs=str(place / "solvers.py"),
            parents_included=True,
            num_workers=1,
        )
    )
    return (output / "m.jsonl").read_text()


def searched(place, output):
    programs = [place / "programs.jsonl"]
    run_search(programs, str(place / "task.json"), str(output), num_workers=1)
    return (output / "solutions.json").read_text(), (output / "candidates.json").read_text()


def evolved(place, output):
    run_evolution(
        EvolveConfig(
            output=str(output / "e"),
            tasks=str(place / "task.json"),
            work=1,
            programs=(place / "programs.jsonl",),
            parents=None,
            num_workers=1,
            turn_work=1000,
            breeding=BREEDING,
        )
    )
    return (output / "e" / "solutions.json").read_text(), (output / "e" / "candidates.json").read_text()


def solved(place, output):
    config = SolveConfig(
        output=str(output),
        programs=(place / "programs.jsonl",),
        parents=None,
        work=1,
        num_populations=1,
        num_workers=1,
        turn_work=1000,
        breeding=BREEDING,
    )
    solve(load_tasks(place / "task.json"), config)
    return (output / "submission.json").read_text(), len(list((output / "pictures").iterdir()))


def imported(place, output):
    import_weights(str(place / "source"), str(output))
    params = load_params(output, SHAPE)
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(params)]


def timed(_, output):
    suites.run_suite("none", suites.Options(), output / "timed.json")
    return len(json.loads((output / "timed.json").read_text())["measurements"])


def fail_each_write(command, place, disk):
    """Runs a command as often as it writes, and lets another write fail each time."""
    disk.num_writes = 0
    (place / "whole").mkdir()
    expected = command(place, place / "whole")
    num_writes = disk.num_writes
    assert num_writes
    for number in range(1, num_writes + 1):
        output = place / str(number)
        output.mkdir()
        disk.num_writes, disk.failing = 0, number
        with pytest.raises(UserError, match="No space left on device") as caught:
            command(place, output)
        assert_one_line(caught.value, place)
        assert not list(output.rglob("*.unfinished"))
        disk.failing = None
        assert command(place, output) == expected


def assert_one_line(error, place):
    assert "\n" not in str(error)
    assert str(place) in str(error) or "TMPDIR" in str(error) or "/tmp" in str(error)


@pytest.mark.parametrize("command", [mutated, searched, evolved, solved, imported, timed])
def test_any_write_may_fail(place: Path, disk, monkeypatch, command):
    suite = types.SimpleNamespace(measure=lambda options: iter(()))
    monkeypatch.setitem(suites.SUITES, "none", "none")
    if command is timed:
        monkeypatch.setattr(suites.importlib, "import_module", lambda _: suite)
    fail_each_write(command, place, disk)


def refused(config, workdir):
    """Starts a run, and returns what it cannot do; None where it comes to its end."""
    try:
        run_experiment(config, str(workdir))
    except UserError as error:
        return str(error)
    return None


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux's /proc")
def test_any_write_of_training_and_of_its_export_may_fail(
    config: Config, abstract_state, tmp_path: Path, disk, monkeypatch
):
    (tmp_path / "search").mkdir()
    shutil.copy(Path(config.data.search_tasks, "mirror.json"), tmp_path / "search")
    config = dataclasses.replace(
        config,
        data=dataclasses.replace(config.data, search_tasks=str(tmp_path / "search")),
        num_meta_iterations=1,
        warmup_experiences=0,
        mutation=dataclasses.replace(config.mutation, num_programs=0),
        evolution=EvolutionConfig(turn_work=10_000, views_work=0, num_mended=0, max_turns=2),
    )
    monkeypatch.setattr(states, "SEGMENT_ROWS", 4)
    run_experiment(config, str(tmp_path / "whole"))
    workdir = tmp_path / "run"
    failed = set()
    written = collections.Counter()  # by this start

    def fails(descriptor):
        """Whether it is the first time that a start comes to the n-th write of this file."""
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        name = path.relative_to(workdir).as_posix().partition(".out.")[0].removesuffix(".unfinished")
        written[name] += 1
        write = (name, written[name])
        is_new = write not in failed
        failed.add(write)
        return is_new

    disk.fails = fails
    while line := refused(config, workdir):
        assert line.count(str(workdir)) == 1
        assert line.endswith("No space left on device")
        assert "\n" not in line
        assert not list(workdir.rglob("*.unfinished"))
        written.clear()
    assert_same_run(workdir, tmp_path / "whole", abstract_state)
    assert {name.split("/")[0] for name, _ in failed} == {
        *("config.json", "distilled_programs.json", "performance.csv", "solutions.json"),
        *("checkpoints", "progress", "replay", "report.html", "samples", "tensorboard"),
    }

    def exported(_, output):
        step = export_weights(str(workdir), str(output))
        return step, (output / "model.safetensors").read_bytes(), (output / "config.json").read_bytes()

    disk.fails = disk.is_failing
    (tmp_path / "exports").mkdir()
    fail_each_write(exported, tmp_path / "exports", disk)
