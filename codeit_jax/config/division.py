"""Lengths to which prompts and programs are padded, and batches that are shared out over devices."""

import dataclasses

from codeit_jax.config.checks import ConfigError
from codeit_jax.config.settings import Config, LearnerConfig, SamplingConfig


def with_buckets(config: Config) -> Config:
    """Returns the config with the lengths filled in to which prompts and programs are padded.

    By default a sampler and a learner are compiled for at most eight shapes each in a whole run.

    Raises:
        ConfigError: a prompt or a program may be longer than the longest of its lengths.
    """
    section, program = config.policy.section_length, config.policy.max_program_length
    longest_prompt = 2 * section + 2  # two sections, the newline between them and the end
    sampled_prompts = config.sampling.prompt_buckets or (section, longest_prompt)
    eighth = section // 8
    prompts = config.learner.prompt_buckets or (3 * eighth, 6 * eighth, 10 * eighth, longest_prompt)
    programs = config.learner.program_buckets or (program // 4, program)
    for name, buckets in (("sampling", sampled_prompts), ("learner", prompts)):
        if buckets[-1] < longest_prompt:
            raise ConfigError(
                f"{name}.prompt_buckets must reach {longest_prompt} for policy.section_length, not {buckets}"
            )
    if programs[-1] < program:
        raise ConfigError(
            f"learner.program_buckets must reach policy.max_program_length, {program}, not {programs}"
        )
    return dataclasses.replace(
        config,
        sampling=dataclasses.replace(config.sampling, prompt_buckets=_distinct(sampled_prompts)),
        learner=dataclasses.replace(
            config.learner, prompt_buckets=_distinct(prompts), program_buckets=_distinct(programs)
        ),
    )


def check_batch(config: LearnerConfig, shares: int) -> None:
    """Checks that each micro-batch can be shared out evenly.

    Args:
        config: the learner's.
        shares: into how many parts the mesh divides rows.

    Raises:
        ConfigError: it cannot; the message names the settings.
    """
    number = config.num_micro_batches
    if config.batch_size % (shares * number):
        multiple = f"mesh.data x mesh.fsdp = {shares}"
        if number > 1:
            multiple = (
                f"learner.num_micro_batches x mesh.data x mesh.fsdp = {number} x {shares} = {number * shares}"
            )
        raise ConfigError(f"learner.batch_size must be a multiple of {multiple}, not {config.batch_size}")


def check_tasks(config: SamplingConfig, shares: int) -> None:
    """Checks that the tasks that are sampled together can be shared out evenly.

    Args:
        config: the sampler's.
        shares: into how many parts the mesh divides rows.

    Raises:
        ConfigError: they cannot.
    """
    if config.tasks_per_batch % shares:
        raise ConfigError(
            f"sampling.tasks_per_batch must be a multiple of mesh.data x mesh.fsdp = {shares}, not"
            f" {config.tasks_per_batch}"
        )


def _distinct(lengths: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(set(lengths) - {0}))
