"""What is planned beside what a compiler makes of it, on a CPU: memory within 15 %, operations within 5 %."""

import collections
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest
from jax.sharding import AbstractMesh

from codeit_jax.learner.loss import BLOCK_LOGITS, block_rows
from codeit_jax.planning.layout import AbstractPolicy, lay_out
from codeit_jax.planning.learning import learning_flops, learning_memory
from codeit_jax.policy.building import SHARDING_RULES, abstract_network
from codeit_jax.policy.sharding import AXES, gathered_sharding, parameter_sharding
from codeit_jax.policy.symbolic import SymbolicTokenizer
from codeit_jax.policy.t5_costs import T5Costs
from tests.planning.compilation import compiled_sampler, compiled_step, network_shape, told

ROOT = Path(__file__).parents[2]
TINY = {"preset": "tiny", "vocab_size": SymbolicTokenizer().vocabulary_size, "dropout_rate": 0.0}


def planned_step(
    shape, rows, source, target, mesh=(1, 1, 1), num_micro_batches=1, rematerialize=False, **settings
):
    """Bytes and operations of a device in an update, as the compiler counts them."""
    layout = lay_out(AbstractPolicy(shape, abstract_network(shape)[1]), AbstractMesh(mesh, AXES))
    rows //= num_micro_batches * mesh[0] * mesh[1]
    costs = T5Costs(shape, rows, source, target, tensor=mesh[2])
    memory = learning_memory(
        costs,
        layout,
        is_rematerialized=rematerialize,
        num_micro_batches=num_micro_batches,
        is_clipped="max_gradient_norm" in settings,
    )
    # Of a loop, here the blocks of the loss and the micro-batches, it counts one turn.
    blocks = rows * target // block_rows(rows * target, BLOCK_LOGITS // shape.vocab_size)
    repeated = 3 * costs.logits_flops * (1 - 1 / blocks)
    return memory.total, learning_flops(costs, is_rematerialized=rematerialize) - repeated


def planned_sampler(shape, tasks, samples, source, target, mesh=(1, 1, 1)):
    layout = lay_out(AbstractPolicy(shape, abstract_network(shape)[1]), AbstractMesh(mesh, AXES))
    costs = T5Costs(shape, tasks // (mesh[0] * mesh[1]), source, target, tensor=mesh[2])
    return layout, costs


def near(value, tolerance):
    return pytest.approx(value, rel=tolerance)


def compiled_apart(kind, num_devices, **settings):
    """What the compiler says in a process of so many devices."""
    environment = {
        **os.environ,
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={num_devices}",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "tests.planning.compilation", kind, json.dumps(settings)]
    ended = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def gathered_shapes(shape, mesh):
    """How often a device may gather a shape: once for each parameter of that shape that `fsdp` splits."""
    params = abstract_network(shape)[1]
    stored = parameter_sharding(params, AbstractMesh(mesh, AXES), SHARDING_RULES)
    used = gathered_sharding(stored)
    shapes = (
        jax.tree.map(lambda leaf, sharding: sharding.shard_shape(leaf.shape), params, each)
        for each in (stored, used)
    )
    before, after = (jax.tree.leaves(each, is_leaf=lambda leaf: isinstance(leaf, tuple)) for each in shapes)
    return collections.Counter(
        tuple(whole) for part, whole in zip(before, after, strict=True) if part != whole
    )


def check_gathered(found, shape, mesh):
    """Checks that no more is gathered than parameters over `fsdp`, and what is as small as a bias table."""
    small = shape.relative_attention_num_buckets * shape.num_heads
    counted = collections.Counter(tuple(each) for each in found if math.prod(each) > small)
    allowed = gathered_shapes(shape, mesh)
    assert counted <= allowed
    return counted, allowed


def test_an_update_of_tiny_takes_what_is_planned():
    shape, sizes = network_shape(**TINY), {"rows": 32, "source": 130, "target": 64}
    found = told(compiled_step(shape, **sizes))
    memory, flops = planned_step(shape, **sizes)
    assert memory == near(found["bytes"], 0.15)
    assert flops == near(found["flops"], 0.05)


def test_sampling_with_tiny_takes_what_is_planned():
    shape, sizes = network_shape(**TINY), {"tasks": 16, "samples": 8, "source": 130, "target": 64}
    read, write = map(told, compiled_sampler(shape, **sizes))
    layout, costs = planned_sampler(shape, **sizes)
    assert costs.reading_flops == near(read["flops"], 0.05)
    assert costs.step_flops(8) == near(write["flops"], 0.05)
    parameters = layout.state_bytes // 3
    assert parameters + costs.reading_work == near(read["bytes"], 0.15)
    planned = parameters + costs.prompt_cache + costs.program_cache(8) + costs.logits_work(8)
    assert planned == near(write["bytes"], 0.15)


def test_what_a_mesh_gathers_is_what_fsdp_needs():
    mesh, sizes = (2, 2, 2), {"rows": 16, "source": 66, "target": 32}
    settings = {"preset": "nano", "vocab_size": 704, "dropout_rate": 0.0}
    found = compiled_apart("step", 8, **settings, **sizes, mesh=mesh)
    shape = network_shape(**settings)
    counted, allowed = check_gathered(found["gathered"], shape, mesh)
    assert counted == allowed
    memory, _ = planned_step(shape, **sizes, mesh=mesh)
    assert memory == near(found["bytes"], 0.15)


def test_sampling_on_a_mesh_gathers_no_parameter():
    mesh, sizes = (2, 2, 2), {"tasks": 8, "samples": 6, "source": 66, "target": 32}
    settings = {"preset": "nano", "vocab_size": 704, "dropout_rate": 0.0}
    read, write = compiled_apart("sampler", 8, **settings, **sizes, mesh=mesh)
    shape = network_shape(**settings)
    layouts = (gathered_shapes(shape, each) for each in (mesh, (1, 8, 1)))
    parameters = {whole for layout in layouts for whole in layout}
    assert not parameters & {tuple(each) for each in read["gathered"] + write["gathered"]}
    _, costs = planned_sampler(shape, **sizes, mesh=mesh)
    assert costs.step_flops(6) == near(write["flops"], 0.15)  # small, so that much else counts


@pytest.mark.slow
@pytest.mark.parametrize(
    ("preset", "sizes"),
    [
        ("codet5-small", {"rows": 16, "source": 386, "target": 128}),
        ("codet5-small", {"rows": 16, "source": 386, "target": 128, "num_micro_batches": 2}),
        ("codet5-small", {"rows": 8, "source": 386, "target": 128, "rematerialize": True}),
        ("codet5p-220m", {"rows": 8, "source": 1026, "target": 128}),
    ],
)
def test_an_update_takes_what_is_planned(preset, sizes):
    found = compiled_apart("step", 1, preset=preset, **sizes)
    memory, flops = planned_step(network_shape(preset), **sizes)
    assert memory == near(found["bytes"], 0.15)
    assert flops == near(found["flops"], 0.05)


@pytest.mark.slow
def test_220m_on_a_mesh_takes_and_gathers_what_is_planned():
    mesh, sizes = (2, 2, 2), {"rows": 32, "source": 386, "target": 128}
    found = compiled_apart("step", 8, preset="codet5p-220m", **sizes, mesh=mesh)
    shape = network_shape("codet5p-220m")
    memory, flops = planned_step(shape, **sizes, mesh=mesh)
    assert memory == near(found["bytes"], 0.15)
    assert flops == near(found["flops"], 0.05)
    check_gathered(found["gathered"], shape, mesh)


@pytest.mark.slow
def test_sampling_with_60m_takes_what_is_planned():
    sizes = {"tasks": 16, "samples": 24, "source": 1026, "target": 512}
    read, write = compiled_apart("sampler", 1, preset="codet5-small", **sizes)
    layout, costs = planned_sampler(network_shape("codet5-small"), **sizes)
    parameters = layout.state_bytes // 3
    assert costs.reading_flops == near(read["flops"], 0.05)
    assert costs.step_flops(24) == near(write["flops"], 0.05)
    assert parameters + costs.reading_work == near(read["bytes"], 0.15)
    planned = parameters + costs.prompt_cache + costs.program_cache(24) + costs.logits_work(24)
    assert planned == near(write["bytes"], 0.15)
