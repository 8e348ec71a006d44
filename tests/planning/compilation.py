"""Compiles what a run does without a single array, and tells what the compiler says of it.

python -m tests.planning.compilation step '{"preset": "tiny", "rows": 32, "source": 130, "target": 64}'

prints a JSON object. `XLA_FLAGS=--xla_force_host_platform_device_count=8` gives a CPU eight devices.
"""

import dataclasses
import functools
import json
import re
import sys

import jax
import jax.numpy as jnp

from codeit_jax.config import LearnerConfig
from codeit_jax.learner.batching import Batch
from codeit_jax.learner.step import LearnerState, make_optimizer, make_step
from codeit_jax.policy import sampling
from codeit_jax.policy.building import SHARDING_RULES, abstract_network
from codeit_jax.policy.constraints import Unconstrained
from codeit_jax.policy.presets import PRESETS
from codeit_jax.policy.sharding import batch_sharding, gathered_sharding, make_mesh, parameter_sharding

_GATHER = re.compile(r"= (.+?) all-gather(?:-start)?\(")
_SHAPE = re.compile(r"\w+\[([\d,]*)\]")


def network_shape(preset, vocab_size=32100, dropout_rate=0.1):
    return dataclasses.replace(PRESETS[preset], vocab_size=vocab_size, dropout_rate=dropout_rate)


def abstract(tree, shardings):
    return jax.tree.map(
        lambda leaf, sharding: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding),
        tree,
        shardings,
    )


def told(compiled):
    """What the compiler says of a device: bytes, operations, and the shapes that it gathers."""
    memory = compiled.memory_analysis()
    return {
        "bytes": memory.argument_size_in_bytes
        + memory.output_size_in_bytes
        - memory.alias_size_in_bytes
        + memory.temp_size_in_bytes,
        "flops": compiled.cost_analysis()["flops"],
        "gathered": [
            [int(size) for size in shape.split(",") if size]
            for result in _GATHER.findall(compiled.as_text())
            for shape in _SHAPE.findall(result)
        ],
    }


def compiled_step(shape, rows, source, target, mesh=(1, 1, 1), **settings):
    """An update, compiled; of the optimiser's and the step's settings `settings` has some."""
    config = LearnerConfig(**settings)
    graphdef, params = abstract_network(shape)
    optimizer, mesh = make_optimizer(config), make_mesh(*mesh)
    state = jax.eval_shape(
        lambda params: LearnerState(
            params, optimizer.init(params), jnp.int32(0), jax.random.key_data(jax.random.key(0))
        ),
        params,
    )
    shardings = parameter_sharding(state, mesh, SHARDING_RULES)
    kinds = (source, jnp.int32), (source, bool), (target, jnp.int32), (target, bool)
    batch = Batch(*(jax.ShapeDtypeStruct((rows, length), dtype) for length, dtype in kinds))
    step = make_step(
        graphdef,
        optimizer,
        shardings,
        num_micro_batches=config.num_micro_batches,
        rematerialize=config.rematerialize,
    )
    rows_sharding = jax.tree.map(lambda _: batch_sharding(mesh), batch)
    return step.lower(abstract(state, shardings), abstract(batch, rows_sharding)).compile()


def compiled_sampler(shape, tasks, samples, source, target, mesh=(1, 1, 1)):
    """Reading prompts and writing programs, compiled; with all parameters, which are there in any case."""
    graphdef, params = abstract_network(shape)
    read, write = (
        jax.jit(functools.partial(function.__wrapped__, graphdef), keep_unused=True, **settings)
        for function, settings in (
            (sampling._prefill, {"static_argnames": "whole"}),
            (
                sampling._decode,
                {"static_argnames": ("length", "max_length", "eos_id"), "donate_argnames": "state"},
            ),
        )
    )
    mesh = make_mesh(*mesh)
    rows = batch_sharding(mesh)
    params = abstract(params, gathered_sharding(parameter_sharding(params, mesh, SHARDING_RULES)))
    ids, mask = (jax.ShapeDtypeStruct((tasks, source), dtype, sharding=rows) for dtype in (jnp.int32, bool))
    keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), tasks))
    keys = jax.ShapeDtypeStruct(keys.shape, keys.dtype, sharding=rows)
    arguments = params, ids, mask, keys, Unconstrained()
    whole = sampling.Shape(samples, target)
    reading = read.lower(*arguments, whole=whole).compile()
    prompt, state = abstract(
        jax.eval_shape(lambda *given: read(*given, whole=whole), *arguments), reading.output_shardings
    )
    writing = write.lower(
        *(params, prompt, mask, state),
        constraint=Unconstrained(),
        temperature=jax.ShapeDtypeStruct((), jnp.float32),
        num_narrower=jax.ShapeDtypeStruct((), jnp.int32),
        length=target,
        max_length=target,
        eos_id=1,
    )
    return reading, writing.compile()


def main():
    kind, settings = sys.argv[1], json.loads(sys.argv[2])
    shape = network_shape(
        settings.pop("preset"), settings.pop("vocab_size", 32100), settings.pop("dropout_rate", 0.1)
    )
    if kind == "step":
        print(json.dumps(told(compiled_step(shape, **settings))))
    else:
        print(json.dumps([told(compiled) for compiled in compiled_sampler(shape, **settings)]))


if __name__ == "__main__":
    main()
