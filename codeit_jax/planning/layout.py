"""A policy's parameters, and what a device of a mesh has of them."""

import math
import re
from dataclasses import dataclass
from typing import Any

import jax
from jax.sharding import AbstractMesh

from codeit_jax.config import ConfigError, MeshConfig, PolicyConfig
from codeit_jax.errors import naming
from codeit_jax.policy.building import SHARDING_RULES, abstract_network, named_shape
from codeit_jax.policy.presets import CODET5_VOCAB_SIZE, NetworkConfig
from codeit_jax.policy.sharding import AXES, gathered_sharding, parameter_sharding
from codeit_jax.policy.symbolic import SymbolicTokenizer
from codeit_jax.policy.t5_costs import DECODER, ENCODER, FLOAT32, table_pattern


@dataclass(frozen=True)
class Layout:
    """Numbers of parameters.

    Attributes:
        total: of the policy.
        stored: those that a device keeps.
        used: those that a device computes with: whole over the axis `fsdp`.
        encoder: of those used, the encoder's.
        decoder: of those used, the decoder's.
        table: of those used, what scores the next token.
        is_gathered: whether a device computes with more than it keeps.
    """

    total: int
    stored: int
    used: int
    encoder: int
    decoder: int
    table: int
    is_gathered: bool

    @property
    def state_bytes(self) -> int:
        """Bytes that a device keeps throughout: parameters, and the optimiser's two moments of each."""
        return 3 * self.stored * FLOAT32

    def weight_bytes(self, width: int) -> int:
        """Returns the bytes of parameters that are gathered, or brought to another dtype.

        Args:
            width: bytes of a number in the dtype of the network.
        """
        gathered = self.used * FLOAT32 if self.is_gathered else 0
        return gathered + (self.used * width if width != FLOAT32 else 0)


def device_mesh(config: MeshConfig, num_devices: int) -> AbstractMesh:
    """Returns the mesh of so many devices.

    Raises:
        ConfigError: the axes do not use exactly these devices.
    """
    data = config.data if config.data > 0 else max(num_devices // (config.fsdp * config.tensor), 1)
    number = data * config.fsdp * config.tensor
    if number != num_devices:
        raise ConfigError(
            f"mesh: axes {data=}, fsdp={config.fsdp}, tensor={config.tensor} take {number} devices, but"
            f" there are {num_devices}"
        )
    return AbstractMesh((data, config.fsdp, config.tensor), AXES)


@dataclass(frozen=True)
class AbstractPolicy:
    """A policy that is not there.

    Attributes:
        shape: the network's.
        params: its parameters, which have a shape and a dtype only.
    """

    shape: NetworkConfig
    params: Any


def abstract_policy(config: PolicyConfig) -> AbstractPolicy:
    """Returns the policy of a config; of a preset without a look at its weights and its tokenizer.

    Raises:
        ConfigError: there is no such preset, or what describes it is damaged.
    """
    is_symbolic = config.tokenizer == "symbolic" and not config.weights
    with naming("policy.preset", ConfigError):
        shape = named_shape(
            config.preset, SymbolicTokenizer().vocabulary_size if is_symbolic else CODET5_VOCAB_SIZE
        )
    return AbstractPolicy(shape, abstract_network(shape)[1])


def lay_out(policy: AbstractPolicy, mesh: AbstractMesh) -> Layout:
    """Counts a policy's parameters on a mesh."""
    shape, params = policy.shape, policy.params
    stored = parameter_sharding(params, mesh, SHARDING_RULES)
    used = _sizes(params, gathered_sharding(stored))

    def part(pattern: str) -> int:
        return sum(size for path, size in used.items() if re.search(pattern, path))

    return Layout(
        total=sum(leaf.size for leaf in jax.tree.leaves(params)),
        stored=sum(_sizes(params, stored).values()),
        used=sum(used.values()),
        encoder=part(ENCODER),
        decoder=part(DECODER),
        table=part(table_pattern(shape)),
        is_gathered=mesh.shape["fsdp"] > 1,
    )


def _sizes(params: Any, shardings: Any) -> dict[str, int]:
    """Returns how many numbers a device has of each parameter, by its path."""
    numbers = jax.tree.map(
        lambda leaf, sharding: math.prod(sharding.shard_shape(leaf.shape)), params, shardings
    )
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): number
        for path, number in jax.tree_util.tree_leaves_with_path(numbers)
    }
