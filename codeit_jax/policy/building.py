"""The policy that a config asks for: its tokenizer, its shape, and its first parameters on the mesh."""

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from codeit_jax.config import Config, ConfigError, PolicyConfig
from codeit_jax.policy.presets import PRESETS, T5Config, preset
from codeit_jax.policy.sharding import parameter_sharding
from codeit_jax.policy.t5 import T5
from codeit_jax.policy.tokenizers import Tokenizer, make_tokenizer
from codeit_jax.policy.weights import load_params, read_config


@dataclasses.dataclass(frozen=True)
class Policy:
    """A policy.

    Attributes:
        tokenizer: what it reads and writes with.
        shape: the network's.
        graphdef: what `nnx.split` returned beside the parameters.
        params: the parameters.
    """

    tokenizer: Tokenizer
    shape: T5Config
    graphdef: nnx.GraphDef
    params: Any


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

    def make() -> T5:
        return T5(shape, rngs=nnx.Rngs(config.seed), dtype=jnp.dtype(config.policy.dtype))

    graphdef, params = nnx.split(nnx.eval_shape(make))
    if config.policy.weights and reads_weights:
        with naming("policy.weights"):
            params = load_params(config.policy.weights, shape, parameter_sharding(params, mesh))
    else:
        params = nnx.split(make())[1]
    return Policy(tokenizer, shape, graphdef, params)


def tokenizer_and_shape(config: PolicyConfig) -> tuple[Tokenizer, T5Config]:
    """Returns the tokenizer and the network's shape.

    A preset that learns from random weights has a row for each of the tokenizer's tokens; published weights
    may have more.

    Raises:
        ConfigError: a setting names what does not exist, the tokenizer knows more tokens than the network, or
            what describes the published weights is damaged.
    """
    with naming("policy.tokenizer"):
        tokenizer = make_tokenizer(config.tokenizer)
    with naming("policy.weights"):
        size = read_config(config.weights).vocab_size if config.weights else tokenizer.vocabulary_size
    is_source = config.preset not in PRESETS and ("/" in config.preset or Path(config.preset).is_dir())
    with naming("policy.preset"):
        shape = read_config(config.preset) if is_source else preset(config.preset, size)
    if tokenizer.vocabulary_size > shape.vocab_size:
        raise ConfigError(
            f"policy.tokenizer: {config.tokenizer!r} knows {tokenizer.vocabulary_size} tokens, but the"
            f" network only {shape.vocab_size}"
        )
    return tokenizer, dataclasses.replace(shape, dropout_rate=config.dropout_rate)


@contextlib.contextmanager
def naming(setting: str) -> Iterator[None]:
    """Lets what is said against a setting's value begin with the setting's name."""
    try:
        yield
    except ValueError as error:
        raise ConfigError(f"{setting}: {error}") from error
