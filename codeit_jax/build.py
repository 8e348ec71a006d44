"""A run put together from its config: its components, and a learner with fresh parameters."""

import dataclasses
from collections.abc import Sequence

import jax
from etils import epath
from jax.sharding import NamedSharding, PartitionSpec

from codeit_jax.arc import Task
from codeit_jax.components import Components, Validation
from codeit_jax.config import Config, ConfigError
from codeit_jax.config.division import check_batch, check_tasks, with_buckets
from codeit_jax.errors import naming
from codeit_jax.execution.pool import ExecutionPool
from codeit_jax.learner.examples import ExampleMaker
from codeit_jax.learner.learner import Learner
from codeit_jax.policy.building import Policy, build_policy
from codeit_jax.policy.constraints import Constraint, Unconstrained, allowed_tokens
from codeit_jax.policy.grammar_tables import build_grammar
from codeit_jax.policy.meeting import meet
from codeit_jax.policy.program_sampler import ProgramSampler
from codeit_jax.policy.sharding import batch_sharding, make_mesh, row_shares


def build(
    config: Config,
    search_tasks: Sequence[Task],
    pool: ExecutionPool,
    *,
    validation_tasks: Sequence[Task] = (),
    reads_weights: bool = True,
    failure_folder: epath.Path | None = None,
) -> tuple[Components, Learner]:
    """Makes what a run works with, and a learner with fresh parameters.

    Args:
        config: the run.
        search_tasks: the search set.
        pool: the workers.
        validation_tasks: those that the policy is only scored on; the pool has them after the search set.
        reads_weights: whether published weights are read; a run that resumes has its own.
        failure_folder: where the batch is saved whose loss or gradient is not finite; None for nowhere.

    Raises:
        ConfigError: a setting names something that does not exist, or does not fit the devices or another
            setting.
    """
    with naming("mesh", ConfigError):
        mesh = make_mesh(config.mesh.data, config.mesh.fsdp, config.mesh.tensor)
    check_batch(config.learner, row_shares(mesh))
    check_tasks(config.sampling, row_shares(mesh))
    meet(mesh, pool.peers)
    config = with_buckets(config)
    policy = build_policy(config, mesh, reads_weights=reads_weights)
    examples = ExampleMaker(policy.tokenizer, config.policy)
    constraint = make_constraint(config, policy, mesh)
    components = Components(
        search_tasks,
        make_sampler(config, policy, mesh, constraint, search_tasks),
        pool,
        examples,
        config.replay,
        config.sampling,
        config.seed,
    )
    if validation_tasks:
        sampler = make_sampler(config, policy, mesh, constraint, validation_tasks)
        validation = Validation(validation_tasks, sampler, config.validation_interval)
        components = dataclasses.replace(components, validation=validation)
    learner = Learner(
        policy.graphdef,
        policy.params,
        config.learner,
        mesh,
        config.seed,
        sharding_rules=policy.sharding_rules,
        takes_params=True,
        failure_folder=failure_folder,
    )
    return components, learner


def make_sampler(
    config: Config, policy: Policy, mesh: jax.sharding.Mesh, constraint: Constraint, tasks: Sequence[Task]
) -> ProgramSampler:
    """Makes what samples programs for some tasks.

    Args:
        config: the run, with its buckets filled in.
        policy: what writes them.
        mesh: the devices.
        constraint: what may be written, on the devices.
        tasks: the tasks.
    """
    examples = ExampleMaker(policy.tokenizer, config.policy)
    return ProgramSampler(
        policy.graphdef,
        policy.tokenizer,
        [examples.task_prompt(task) for task in tasks],
        config.sampling,
        config.policy.max_program_length,
        constraint,
        batch_sharding(mesh),
        config.seed,
    )


def make_constraint(config: Config, policy: Policy, mesh: jax.sharding.Mesh) -> Constraint:
    """Returns what programs are sampled under, on the devices; see `SamplingConfig`.

    Raises:
        ConfigError: the grammar does not fit the tokenizer or the length of programs.
    """
    tokenizer = policy.tokenizer
    constraint: Constraint = Unconstrained()
    if config.sampling.constraint == "grammar":
        with naming("policy.max_program_length and policy.tokenizer", ConfigError):
            constraint = build_grammar(tokenizer, config.policy.max_program_length)
    elif config.sampling.constraint == "allowed":
        constraint = allowed_tokens(tokenizer.allowed_ids(), policy.shape.vocab_size, tokenizer.eos_id)
    return jax.device_put(constraint, NamedSharding(mesh, PartitionSpec()))
