"""The accelerator's suite: a dry run of all of it, and what its parts decide."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import jax
import pytest

from codeit_jax.benchmarks.accelerator import device, exactness, learning, suite, testing
from codeit_jax.benchmarks.accelerator.device import Timing, peak_memory, repeated, timed
from codeit_jax.benchmarks.accelerator.sampling import _bytes_written
from codeit_jax.benchmarks.accelerator.suite import FULL, NO_ACCELERATOR, QUICK
from codeit_jax.benchmarks.generation import Sizes
from codeit_jax.benchmarks.learner import Workload
from codeit_jax.benchmarks.suites import SUITES, Options
from codeit_jax.benchmarks.table import Ended, Measurement
from codeit_jax.benchmarks.workload import Mean
from codeit_jax.errors import UserError
from codeit_jax.planning.devices import DEVICES
from codeit_jax.policy.presets import preset
from codeit_jax.policy.t5_costs import T5Costs

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_dry_run_has_every_part(tmp_path):
    file = tmp_path / "measured.json"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    environment["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    command = [sys.executable, "launch/benchmark.py", "--suite=accelerator", "--quick", "--num_workers=1"]
    command += [f"--json={file}", "--seconds=3600"]
    ended = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    report = json.loads(file.read_text())
    assert report["is_complete"]
    ends = {each["name"]: each["why"] for each in report["parts"]}
    # What a CPU has not is told; and all parts were done.
    assert ends.pop(NO_ACCELERATOR) == "there is none, and so this is a dry run"
    told = {name: ends.pop(name) for name in list(ends) if name.endswith((": peak memory", "beside cuDNN"))}
    assert len(told) == 6
    assert all(told.values())
    ends.pop("beside PyTorch", None)
    assert ends == dict.fromkeys(["device", *(part.name for part in QUICK)], "")
    names = [each["name"] for each in report["measurements"]]
    for name in (
        "product of 256 x 256, bfloat16",
        "nano: gradient, float32, beside a CPU",
        "nano, bfloat16, batch 4: learning",
        "nano, bfloat16, batch 8, rematerialized: learning",
        "nano, bfloat16: sampling 2 x 24: prompts read",
        "attention 2 x 2 x 16 x 32, forward and back: beside XLA",
        "quickstart: the second meta-iteration",
        "quickstart: the device idles",
        "tests/policy/test_sharding.py: passed",
    ):
        assert names.count(name) == 1, name
        assert name in ended.stdout


def test_the_process_that_starts_the_parts_never_starts_jax():
    script = f"import sys\nfrom {SUITES['accelerator']} import measure\nassert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)


@pytest.fixture
def started(monkeypatch):
    """The parts that the suite runs; where there is no accelerator the first one tells."""
    parts = []

    def run(asked, options):
        for part in asked:
            parts.append(part)
            if part.name == "device" and started.is_cpu:
                yield Ended(NO_ACCELERATOR, 0.0, "there is none")
            yield Ended(part.name, 1.0)

    started = SimpleNamespace(parts=parts, is_cpu=False)
    monkeypatch.setattr(suite, "run_parts", run)
    return started


def test_an_accelerator_gets_all_parts(started):
    list(suite.measure(Options()))
    assert [part.name for part in started.parts] == ["device", *(part.name for part in FULL)]
    assert started.parts[1:] == list(FULL)
    for size in ("codet5-small", "codet5p-220m", "codet5p-770m"):
        assert {f"learner_{size}", f"sampling_{size}"} <= {part.name for part in FULL}


@pytest.mark.parametrize("is_quick", [True, False])
def test_without_an_accelerator_it_is_a_dry_run(started, is_quick):
    started.is_cpu = True
    list(suite.measure(Options(quick=is_quick)))
    assert [part.name for part in started.parts[1:]] == [part.name for part in QUICK]
    assert all(part.environment["JAX_DISABLE_MOST_OPTIMIZATIONS"] == "1" for part in started.parts[1:])


def test_parts_can_be_chosen(started):
    list(suite.measure(Options(parts=("tests", "attention"))))
    assert [part.name for part in started.parts] == ["device", "attention", "tests"]
    with pytest.raises(UserError, match=r"^--parts: there is no nothing, but device, exactness, "):
        list(suite.measure(Options(parts=("tests", "nothing"))))


def test_the_first_time_does_not_count(monkeypatch):
    clock = iter([0, 100, 100, 104, 104, 108, 108, 118])
    monkeypatch.setattr(device, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    calls = []
    timing = timed(calls.append, 2)
    assert calls == [1, 2, 2, 2]
    assert timing == Timing(100, Mean.of([2, 2, 5]))


def test_calls_are_repeated():
    calls = []
    repeated(lambda: calls.append(1))(3)
    assert len(calls) == 3


def test_memory_is_told_beside_the_plan(monkeypatch):
    statistics = {"peak_bytes_in_use": 3e9, "bytes_limit": 8e9}
    known = SimpleNamespace(memory_stats=lambda: statistics, device_kind="NVIDIA H200")
    monkeypatch.setattr(jax, "devices", lambda: [known])
    measured = peak_memory("updates", 2_000_000_000)
    assert (measured.ours, measured.peer, measured.unit) == (3, 2, "GB")
    assert device.planned_device() == dataclasses.replace(DEVICES["h200"], name="this", memory=8e9)
    statistics.clear()
    assert peak_memory("updates", 2_000_000_000) == Ended(
        "updates: peak memory", 0.0, "not told by the device; planned 2 GB"
    )


def test_a_batch_that_does_not_fit_is_told_and_halved(monkeypatch):
    monkeypatch.setattr(learning, "begin", lambda options: True)
    monkeypatch.setattr(learning, "planned_device", lambda: DEVICES["h100"])
    tried = []

    def measured(workload, plan, seed):
        tried.append(workload.batch_size)
        if workload.batch_size > 2:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate")
        yield Measurement(workload.name, 1.0, None, "tokens/s")

    monkeypatch.setattr(learning, "_measured", measured)
    first, second, made = learning.measure_largest(Options(), "nano")
    assert tried == [8, 4, 2]
    assert first.name == "nano, bfloat16, batch 8"
    assert first.why.startswith("out of memory, with 0.00")
    assert second.name == "nano, bfloat16, batch 4"
    assert made.name == "nano, bfloat16, batch 2"


def test_other_errors_are_not_taken_for_a_lack_of_memory(monkeypatch):
    def measured(workload, plan, seed):
        raise jax.errors.JaxRuntimeError("INTERNAL: it broke")
        yield

    monkeypatch.setattr(learning, "begin", lambda options: True)
    monkeypatch.setattr(learning, "_measured", measured)
    with pytest.raises(jax.errors.JaxRuntimeError, match="it broke"):
        list(learning.measure_largest(Options(), "nano"))


def test_the_cost_model_decides_what_is_learned_at_once(monkeypatch):
    workloads = []
    monkeypatch.setattr(learning, "begin", lambda options: False)
    monkeypatch.setattr(learning, "_measured", lambda workload, plan, seed: workloads.append(workload) or ())
    monkeypatch.setattr(learning, "planned_device", lambda: DEVICES["h100"])
    list(learning.measure_largest(Options(), "codet5p-220m"))
    list(learning.measure_paper_batch(Options(), "codet5p-220m"))
    whole, divided = workloads
    assert whole == Workload("codet5p-220m", batch_size=64, dtype="bfloat16")
    assert divided == dataclasses.replace(whole, batch_size=512, num_micro_batches=8)


def test_what_differs_from_a_cpu_is_an_error(monkeypatch):
    monkeypatch.setattr(exactness, "_LOSS", -1.0)
    monkeypatch.setattr(exactness, "_sampled", lambda *_: SAMPLES)
    measured = exactness.measure(Options(quick=True))
    loss = next(measured)
    assert loss.name == "nano: loss, float32, beside a CPU"
    assert loss.note == "tolerated: -1, and so this is WRONG"
    assert len([next(measured) for _ in range(4)]) == 4
    with pytest.raises(exactness.InexactError, match=r"too far: loss, float32$"):
        next(measured)


SAMPLES = SimpleNamespace(
    tokens=jax.numpy.zeros((1, 1, 1), int), log_probabilities=jax.numpy.zeros((1, 1), float)
)


def test_the_bytes_of_writing_are_those_of_each_cache():
    costs = T5Costs(preset("nano", 50), rows=2, source=8, target=16, width=2)
    short = dataclasses.replace(costs, target=4).step_bytes(8)
    sizes = Sizes(num_samples=8, num_tokens=16)
    assert _bytes_written(costs, sizes) == 4 * short + 12 * costs.step_bytes(8)


def test_tests_are_counted_and_those_that_fail_are_named(monkeypatch, tmp_path):
    file = tmp_path / "tests" / "test_some.py"
    file.parent.mkdir()
    file.write_text("def test_good(): pass\ndef test_bad():\n    assert 1 == 2\n")
    (tmp_path / "tests" / "test_broken.py").write_text("import nowhere_at_all\n")
    monkeypatch.setattr(testing, "begin", lambda options: False)
    monkeypatch.setattr(testing, "codeit_jax", SimpleNamespace(__file__=str(tmp_path / "package" / "x.py")))
    monkeypatch.setattr(testing, "_FILES", ("tests/test_some.py", "tests/test_broken.py"))
    monkeypatch.setattr(jax.config, "update", lambda *_: None)
    counted, broken = testing.measure(Options())
    assert (counted.name, counted.ours, counted.peer) == ("tests/test_some.py: passed", 1, 2)
    assert "test_bad: assert 1 == 2" in counted.note
    assert broken.name == "tests/test_broken.py"
    assert "No module named 'nowhere_at_all'" in broken.why
    monkeypatch.setattr(testing, "_FILES", ("tests/test_none.py",))
    (none,) = testing.measure(Options())
    assert none.why == f"there are none: {tmp_path} is no checkout"
