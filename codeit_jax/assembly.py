"""Putting a run together from its config: the rooms it works with, and a learner with fresh parameters."""

import dataclasses
import os
from collections.abc import Sequence

import jax.numpy as jnp
from flax import nnx

from codeit_jax.arc import Task
from codeit_jax.config import Config
from codeit_jax.execution.host import start_pool
from codeit_jax.execution.pool import WorkerPool
from codeit_jax.iteration import Rooms
from codeit_jax.learner.examples import ExampleMaker
from codeit_jax.learner.learner import Learner
from codeit_jax.learner.mesh import batch_sharding, make_mesh
from codeit_jax.policy.presets import preset
from codeit_jax.policy.t5 import T5
from codeit_jax.policy.tokenizers import make_tokenizer
from codeit_jax.policy.writer import ProgramWriter

_GIGABYTE = 1 << 30


def start_host_pool(config: Config, search_tasks: Sequence[Task]) -> WorkerPool:
    """Starts the worker processes that run programs."""
    return start_pool(
        search_tasks,
        config.execution.budget,
        config.execution.num_workers or os.cpu_count() or 1,
        config.execution.timeout_seconds,
        int(config.execution.memory_gigabytes * _GIGABYTE),
    )


def build(config: Config, search_tasks: Sequence[Task], pool: WorkerPool) -> tuple[Rooms, Learner]:
    """Makes what a run works with, and a learner with fresh parameters.

    Raises:
        ValueError: a setting names something that does not exist, or does not fit the devices.
    """
    mesh = make_mesh(config.mesh.data, config.mesh.fsdp, config.mesh.tensor)
    tokenizer = make_tokenizer(config.policy.tokenizer)
    model = T5(
        preset(config.policy.preset, tokenizer.vocabulary_size),
        rngs=nnx.Rngs(config.seed),
        dtype=jnp.dtype(config.policy.dtype),
    )
    graphdef, params = nnx.split(model)
    prompt_buckets, program_buckets = _buckets(config)
    examples = ExampleMaker(tokenizer, config.policy)
    writer = ProgramWriter(
        graphdef,
        tokenizer,
        [examples.task_prompt(task) for task in search_tasks],
        prompt_buckets,
        config.sampling,
        config.policy.max_program_length,
        batch_sharding(mesh),
        config.seed,
    )
    learner_config = dataclasses.replace(
        config.learner, prompt_buckets=prompt_buckets, program_buckets=program_buckets
    )
    rooms = Rooms(search_tasks, writer, pool, examples, config.replay, config.seed)
    return rooms, Learner(graphdef, params, learner_config, mesh, config.seed)


def _buckets(config: Config) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Returns the lengths to which prompts and programs are padded; see `LearnerConfig`."""
    section, program = config.policy.section_length, config.policy.max_program_length
    longest_prompt = 2 * section + 2  # two sections, the newline between them and the end
    prompts = config.learner.prompt_buckets or (section // 4, section // 2, section, longest_prompt)
    programs = config.learner.program_buckets or (program // 4, program // 2, program)
    return tuple(sorted(set(prompts) - {0})), tuple(sorted(set(programs) - {0}))
