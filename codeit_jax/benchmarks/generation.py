"""Sampling as a whole: tokens a second of ours beside PyTorch's, every program of the same length.

Both read the prompts and write each program token by token, from random weights of the same shape.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from codeit_jax.benchmarks.learner import shape_of
from codeit_jax.benchmarks.suites import Options
from codeit_jax.benchmarks.table import Measurement
from codeit_jax.benchmarks.torch_peer import GenerationPeer, measure_rate
from codeit_jax.policy.constraints import Constraint, Unconstrained
from codeit_jax.policy.presets import T5Config
from codeit_jax.policy.sampling import Samples, sample
from codeit_jax.policy.t5 import T5

# Ends a program; no program ends before its last token, so any will do.
_EOS_ID = 1


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much each case runs.

    Attributes:
        presets: the policies' shapes.
        num_tasks: tasks sampled together.
        num_samples: programs a task.
        prompt_length: tokens of a prompt.
        num_tokens: of every program.
        num_calls: times that each side is timed.
    """

    presets: tuple[str, ...] = ("tiny", "codet5-small")
    num_tasks: int = 4
    num_samples: int = 24
    prompt_length: int = 1024
    num_tokens: int = 128
    num_calls: int = 3


QUICK = Sizes(presets=("nano",), prompt_length=64, num_tokens=32, num_calls=2)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Endless:
    """A constraint under which no program ends, or assigns its output, before it must.

    Attributes:
        inner: what else may not be written.
        end: int32 scalar, the token that the end begins with.
        num_needed: int32 scalar, how many tokens an end may take.
    """

    inner: Constraint
    end: jax.Array
    num_needed: jax.Array

    @property
    def token_ids(self) -> jax.Array | None:
        return self.inner.token_ids

    def start(self, rows: tuple[int, ...]) -> Any:
        return self.inner.start(rows)

    def restrict(self, logits: jax.Array, state: Any, num_left: jax.Array) -> jax.Array:
        ids = jnp.arange(logits.shape[-1]) if self.token_ids is None else self.token_ids
        is_early = (ids == self.end) & (num_left > self.num_needed)
        return self.inner.restrict(jnp.where(is_early, -jnp.inf, logits), state, num_left)

    def advance(self, state: Any, columns: jax.Array) -> Any:
        return self.inner.advance(state, columns)


def measure_sizes(sizes: Sizes, options: Options) -> Iterator[Measurement]:
    """Yields the tokens a second of each shape."""
    for name in sizes.presets:
        shape = shape_of(name)
        rng = np.random.default_rng(options.seed)
        prompt_ids = rng.integers(2, shape.vocab_size, (sizes.num_tasks, sizes.prompt_length))
        yield _generation(name, shape, prompt_ids, sizes, options.seed)


def _generation(name: str, shape: T5Config, prompt_ids: np.ndarray, sizes: Sizes, seed: int) -> Measurement:
    prompt_mask = np.ones(prompt_ids.shape, bool)
    graphdef, params = nnx.split(T5(shape, rngs=nnx.Rngs(seed)))
    keys = jax.random.split(jax.random.key(seed), sizes.num_tasks)

    def make_peer() -> Any:
        peer = GenerationPeer(shape, seed)
        return lambda: peer.generate(prompt_ids, prompt_mask, sizes.num_samples, sizes.num_tokens)

    return measure_rate(
        f"{name}: sampling {sizes.num_tasks} x {sizes.num_samples} programs",
        sizes.num_tasks * sizes.num_samples * sizes.num_tokens,
        lambda: jax.block_until_ready(_ours(graphdef, params, prompt_ids, prompt_mask, keys, sizes)),
        make_peer,
        sizes.num_calls,
    )


def _ours(
    graphdef: nnx.GraphDef,
    params: Any,
    prompt_ids: np.ndarray,
    prompt_mask: np.ndarray,
    keys: jax.Array,
    sizes: Sizes,
) -> Samples:
    """Draws programs of exactly `sizes.num_tokens` tokens."""
    return sample(
        graphdef,
        params,
        jnp.asarray(prompt_ids),
        jnp.asarray(prompt_mask),
        keys,
        num_samples=sizes.num_samples,
        max_length=sizes.num_tokens,
        temperature=0.95,
        eos_id=_EOS_ID,
        constraint=Endless(Unconstrained(), jnp.int32(_EOS_ID), jnp.int32(1)),
    )
