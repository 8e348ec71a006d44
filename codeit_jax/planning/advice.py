"""The settings that would have a run fit that does not."""

import dataclasses
import itertools
from collections.abc import Callable, Iterator

from codeit_jax.config import Config, ConfigError
from codeit_jax.planning.plan import Plan

Changes = tuple[str, ...]  # settings, each as `group.name=value`


def settings_that_fit(config: Config, plan: Callable[[Config], Plan]) -> list[Changes]:
    """Returns changes of a config under which it fits, the smallest of each kind; none if no change helps.

    What learning lacks is tried first as micro-batches, which cost least, then as activations that are not
    kept, then as a narrower dtype, which changes results, and as the parameters' division; what sampling
    lacks as fewer tasks at a time. Where no single change does, several are tried together.

    Args:
        config: a run that does not fit.
        plan: plans one.
    """
    kinds = [list(kind) for kind in (_micro_batches(config), _rematerialized(config), _tasks(config))]
    kinds += [list(kind) for kind in (_split(config, plan), _narrow(config))]
    kinds = [kind for kind in kinds if kind]
    for number in range(1, len(kinds) + 1):
        found = [
            changes
            for combined in itertools.combinations(kinds, number)
            if (changes := _smallest(config, plan, combined)) is not None
        ]
        if found:
            return found
    return []


def _smallest(config: Config, plan: Callable[[Config], Plan], kinds: tuple[list[str], ...]) -> Changes | None:
    """Returns the first change of each kind with which it fits."""
    for changes in itertools.product(*kinds):
        try:
            if plan(with_changes(config, changes)).is_fitting:
                return changes
        except ConfigError:
            continue
    return None


def with_changes(config: Config, changes: Changes) -> Config:
    """Returns a config with some settings changed."""
    for change in changes:
        name, _, value = change.partition("=")
        group, _, field = name.partition(".")
        old = getattr(config, group)
        new = {"True": True}.get(value, value) if not value.isdigit() else int(value)
        config = dataclasses.replace(config, **{group: dataclasses.replace(old, **{field: new})})
    return config


def _doubled(size: int, limit: int) -> Iterator[int]:
    size *= 2
    while size <= limit:
        yield size
        size *= 2


def _micro_batches(config: Config) -> Iterator[str]:
    for number in _doubled(config.learner.num_micro_batches, config.learner.batch_size):
        yield f"learner.num_micro_batches={number}"


def _rematerialized(config: Config) -> Iterator[str]:
    if not config.learner.rematerialize:
        yield "learner.rematerialize=True"


def _tasks(config: Config) -> Iterator[str]:
    size = config.sampling.tasks_per_batch // 2
    while size:
        yield f"sampling.tasks_per_batch={size}"
        size //= 2


def _split(config: Config, plan: Callable[[Config], Plan]) -> Iterator[str]:
    num_devices = plan(config).machine.count
    for number in _doubled(config.mesh.fsdp, num_devices // config.mesh.tensor):
        yield f"mesh.fsdp={number}"


def _narrow(config: Config) -> Iterator[str]:
    if config.policy.dtype != "bfloat16":
        yield "policy.dtype=bfloat16"
