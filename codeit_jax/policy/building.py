"""The policy that a config asks for: its tokenizer, its shape, and its first parameters on the mesh."""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from codeit_jax.config import Config, ConfigError, PolicyConfig
from codeit_jax.errors import naming
from codeit_jax.policy.network import AnyNetwork
from codeit_jax.policy.presets import PRESETS, NetworkConfig, preset
from codeit_jax.policy.sharding import ShardingRules, parameter_sharding
from codeit_jax.policy.t5 import T5
from codeit_jax.policy.tokenizers import Tokenizer, make_tokenizer
from codeit_jax.policy.weights import load_params, read_config

SHARDING_RULES = T5.sharding_rules  # how its parameters are split over a mesh


@dataclasses.dataclass(frozen=True)
class Policy:
    """A policy.

    Attributes:
        tokenizer: what it reads and writes with.
        shape: the network's.
        graphdef: what `nnx.split` of a `Network` returned beside the parameters.
        params: the parameters.
        sharding_rules: how they are split over a mesh.
    """

    tokenizer: Tokenizer
    shape: NetworkConfig
    graphdef: nnx.GraphDef[AnyNetwork]
    params: Any
    sharding_rules: ShardingRules


def build_policy(config: Config, mesh: jax.sharding.Mesh, *, reads_weights: bool = True) -> Policy:
    """Makes a policy with random weights, or with published ones, which go straight to where they lie.

    Args:
        config: the run.
        mesh: the devices.
        reads_weights: whether published weights are read; a run that resumes has its own.

    Raises:
        ConfigError: a setting names what does not exist, the tokenizer knows more tokens than the network, or
            the weights are damaged or not of the shape.
    """
    tokenizer, shape = tokenizer_and_shape(config.policy)
    if config.policy.weights and reads_weights:
        graphdef, params = abstract_network(shape, config.policy.dtype)
        with naming("policy.weights", ConfigError):
            shardings = parameter_sharding(params, mesh, SHARDING_RULES)
            params = load_params(config.policy.weights, shape, shardings)
    else:
        graphdef, params = make_network(shape, config.seed, config.policy.dtype)
    return Policy(tokenizer, shape, graphdef, params, SHARDING_RULES)


def make_network(
    shape: NetworkConfig, seed: int, dtype: str = "float32"
) -> tuple[nnx.GraphDef[AnyNetwork], Any]:
    """Returns what `nnx.split` makes of a network of a shape with random weights."""
    return nnx.split(T5(shape, rngs=nnx.Rngs(seed), dtype=jnp.dtype(dtype)))


def abstract_network(shape: NetworkConfig, dtype: str = "float32") -> tuple[nnx.GraphDef[AnyNetwork], Any]:
    """Returns what `make_network` does, with parameters that have a shape and a dtype only."""
    return nnx.split(nnx.eval_shape(lambda: T5(shape, rngs=nnx.Rngs(0), dtype=jnp.dtype(dtype))))


def tokenizer_and_shape(config: PolicyConfig) -> tuple[Tokenizer, NetworkConfig]:
    """Returns the tokenizer and the network's shape.

    A preset that learns from random weights has a row for each of the tokenizer's tokens; published weights
    may have more.

    Raises:
        ConfigError: a setting names what does not exist, the tokenizer knows more tokens than the network, or
            what describes the published weights is damaged.
    """
    with naming("policy.tokenizer", ConfigError):
        tokenizer = make_tokenizer(config.tokenizer)
    with naming("policy.weights", ConfigError):
        size = read_config(config.weights).vocab_size if config.weights else tokenizer.vocabulary_size
    with naming("policy.preset", ConfigError):
        shape = named_shape(config.preset, size)
    if tokenizer.vocabulary_size > shape.vocab_size:
        raise ConfigError(
            f"policy.tokenizer: {config.tokenizer!r} knows {tokenizer.vocabulary_size} tokens, but the"
            f" network only {shape.vocab_size}"
        )
    return tokenizer, dataclasses.replace(shape, dropout_rate=config.dropout_rate)


def named_shape(name: str, vocab_size: int) -> NetworkConfig:
    """Returns the shape that `policy.preset` names.

    Args:
        name: a preset's, or the folder or hub name of published weights.
        vocab_size: tokens that a preset is to know.

    Raises:
        ValueError: there is neither, or what describes the weights is damaged.
    """
    is_source = name not in PRESETS and ("/" in name or Path(name).is_dir())
    return read_config(name) if is_source else preset(name, vocab_size)
