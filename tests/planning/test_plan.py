"""Plans of whole runs, and the settings that are named where they do not fit."""

import dataclasses
import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from codeit_jax.config import Config, ConfigError, LearnerConfig, MeshConfig, PolicyConfig, SamplingConfig
from codeit_jax.config.conversion import from_dict
from codeit_jax.planning.advice import settings_that_fit, with_changes
from codeit_jax.planning.command import plan_run
from codeit_jax.planning.devices import DEVICES, Machine, parse_machine
from codeit_jax.planning.layout import abstract_policy
from codeit_jax.planning.plan import USABLE, Planner
from codeit_jax.planning.table import table
from codeit_jax.policy.symbolic import SymbolicTokenizer

ROOT = Path(__file__).parents[2]
get_config = runpy.run_path(str(ROOT / "configs" / "codeit.py"))["get_config"]
SMALL = Config(
    policy=PolicyConfig(preset="nano"),
    learner=LearnerConfig(batch_size=64),
    sampling=SamplingConfig(tasks_per_batch=16),
)


@pytest.fixture(scope="module")
def policy():
    return abstract_policy(SMALL.policy)


def machine_of(memory, count=1):
    return Machine(f"{count} of {memory}", dataclasses.replace(DEVICES["v5e"], memory=memory), count)


def changed(**groups):
    return dataclasses.replace(
        SMALL,
        **{name: dataclasses.replace(getattr(SMALL, name), **fields) for name, fields in groups.items()},
    )


def test_a_preset_needs_neither_weights_nor_a_tokenizer(policy):
    assert policy.shape.vocab_size == SymbolicTokenizer().vocabulary_size
    config = from_dict(Config, get_config("60m"))
    assert abstract_policy(config.policy).shape.vocab_size == 32100
    with pytest.raises(ConfigError, match=r"^policy\.preset: "):
        abstract_policy(PolicyConfig(preset="no/such/folder"))


def test_more_devices_and_smaller_parts_take_less(policy):
    one, four = (Planner(policy, machine_of(10**9, count), 400, 0.4) for count in (1, 4))
    whole, shared = one.plan(SMALL), four.plan(SMALL)
    assert shared.learning.seconds == pytest.approx(whole.learning.seconds / 4)
    assert shared.sampling.memory.programs == whole.sampling.memory.programs // 4
    assert shared.learning.memory.state == whole.learning.memory.state
    split = four.plan(changed(mesh={"fsdp": 4}))
    assert split.mesh == (1, 4, 1)
    assert split.learning.memory.state < 0.3 * shared.learning.memory.state
    assert split.learning.memory.weights > 0
    for settings in ({"num_micro_batches": 4}, {"rematerialize": True}):
        smaller = one.plan(changed(learner=settings)).learning.memory
        assert smaller.activations < 0.5 * whole.learning.memory.activations
    again = one.plan(changed(learner={"rematerialize": True}))
    assert again.learning.flops > 1.1 * whole.learning.flops
    narrow = one.plan(changed(policy={"dtype": "bfloat16"}))
    assert narrow.sampling.memory.programs == whole.sampling.memory.programs // 2


def test_time_goes_with_what_is_to_do(policy):
    machine = machine_of(10**9)
    plan = Planner(policy, machine, 400, 0.4).plan(SMALL)
    assert plan.learning.seconds == pytest.approx(plan.learning.flops / (0.4 * machine.device.float32))
    # A step takes as long as its operations or its bytes, and the bytes of so small a policy count.
    assert plan.sampling.seconds >= plan.sampling.bytes / (0.4 * machine.device.bandwidth)
    assert Planner(policy, machine, 400, 0.8).plan(SMALL).learning.seconds == plan.learning.seconds / 2
    twice = Planner(policy, machine, 800, 0.4).plan(changed(learner={"num_epochs": 2}))
    assert twice.learning.flops == 2 * plan.learning.flops
    assert twice.sampling.flops == 2 * plan.sampling.flops


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mesh": {"fsdp": 3}}, r"mesh: axes data=1, fsdp=3, tensor=1 take 3 devices, but there are 4"),
        (
            {"learner": {"batch_size": 6}},
            r"learner.batch_size must be a multiple of mesh.data x mesh.fsdp = 4",
        ),
        ({"sampling": {"tasks_per_batch": 6}}, r"sampling.tasks_per_batch must be a multiple of .* = 4"),
    ],
)
def test_a_config_that_does_not_suit_the_devices_is_refused_as_a_run_is(policy, settings, message):
    with pytest.raises(ConfigError, match=message):
        Planner(policy, machine_of(10**9, 4), 400, 0.4).plan(changed(**settings))


def test_the_fewest_settings_are_named_with_which_it_fits(policy):
    needed = Planner(policy, machine_of(10**12), 400, 0.4).plan(SMALL)
    learning, sampling = needed.learning.memory.total, needed.sampling.memory.total
    assert learning > 1.5 * sampling
    planner = Planner(policy, machine_of(round((learning + sampling) / 2 / USABLE)), 400, 0.4)
    assert not planner.plan(SMALL).is_fitting
    found = settings_that_fit(SMALL, planner.plan)
    assert ("learner.num_micro_batches=2",) in found
    assert ("learner.rematerialize=True",) in found
    assert all(
        len(changes) == 1 and planner.plan(with_changes(SMALL, changes)).is_fitting for changes in found
    )

    planner = Planner(policy, machine_of(round(0.9 * sampling / USABLE)), 400, 0.4)
    found = settings_that_fit(SMALL, planner.plan)
    assert {len(changes) for changes in found} == {2}
    for changes in found:
        assert planner.plan(with_changes(SMALL, changes)).is_fitting
        assert not any(planner.plan(with_changes(SMALL, (each,))).is_fitting for each in changes)


def test_where_nothing_helps_no_setting_is_named(policy):
    planner = Planner(policy, machine_of(10**6), 400, 0.4)
    assert settings_that_fit(SMALL, planner.plan) == []
    assert "no setting would change that" in table("small", planner.plan(SMALL), [], 0.4)


@pytest.mark.parametrize("device", ["v4-8", "8xh100"])
def test_one_change_or_another_is_told_and_what_jax_is_to_take_of_a_gpu(device, capsys):
    plan_run("codeit:220m", from_dict(Config, get_config("220m")), device, utilisation=0.4)
    lines = capsys.readouterr().out.splitlines()
    place = next(number for number, line in enumerate(lines) if line.endswith("it would with"))
    advice = lines[place + 1 : lines.index("", place)]
    told = [line for line in advice if line.startswith("  ")]
    assert told[0].startswith("  --config.")
    assert all(line.startswith("  or --config.") for line in told[1:])
    assert len(told) > 1 or device == "v4-8"
    assert advice[len(told) :] == (
        ["JAX takes 75 % of a GPU by itself: set XLA_PYTHON_CLIENT_MEM_FRACTION=0.95"]
        if device == "8xh100"
        else []
    )


@pytest.mark.parametrize("device", ["v4-8", "8xh100", "rtx4090"])
def test_a_plan_is_a_table_of_80_columns_and_json(device, tmp_path, capsys):
    config = from_dict(Config, get_config("tiny"))
    config = dataclasses.replace(config, mesh=MeshConfig())
    plan_run("codeit:tiny", config, device, utilisation=0.4, json_path=tmp_path / "plan.json")
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("fits in ") for line in lines)
    written = json.loads((tmp_path / "plan.json").read_text())
    assert written["is_fitting"]
    assert written["machine"]["count"] == parse_machine(device).count
    assert written["learning"]["memory"].keys() == {"state", "weights", "gradients", "activations", "work"}
    assert f"{written['learning']['updates']:,}" in "\n".join(lines)


def test_the_page_on_capacity_is_of_the_source_as_it_is():
    command = [sys.executable, str(ROOT / "docs" / "write_capacity.py"), "--check"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
