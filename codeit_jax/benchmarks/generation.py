"""Sampling as a whole: tokens a second of ours beside PyTorch's, and what it gains to retire programs.

Beside PyTorch every program has the same length; both sides read the prompts and write each program token by
token, from random weights of the same shape. Programs of many lengths, as a policy writes them, are drawn
with and without retiring those that have ended.
"""

import dataclasses
import time
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
from codeit_jax.benchmarks.workload import Mean
from codeit_jax.policy.building import make_network
from codeit_jax.policy.constraints import Constraint, Unconstrained
from codeit_jax.policy.sampling import Sampler, Samples, Shape, sample

# Ends a program; no program ends before its last token, so any will do.
_EOS_ID = 1


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much each case runs.

    Attributes:
        presets: the policies' shapes, in float32.
        accelerated: those timed only where there is an accelerator, in bfloat16.
        num_tasks: tasks sampled together.
        num_samples: programs a task.
        prompt_length: tokens of a prompt.
        num_tokens: of every program.
        num_calls: times that each side is timed.
        max_length: tokens of a program at most, where they have many lengths.
    """

    presets: tuple[str, ...] = ("tiny", "codet5-small")
    accelerated: tuple[str, ...] = ("codet5p-220m",)
    num_tasks: int = 4
    num_samples: int = 24
    prompt_length: int = 1024
    num_tokens: int = 128
    num_calls: int = 3
    max_length: int = 512


QUICK = Sizes(presets=("nano",), accelerated=(), prompt_length=64, num_tokens=32, num_calls=2, max_length=128)


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


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Ending:
    """A constraint under which programs end at given lengths.

    Attributes:
        num_left: int32 `[tasks, samples]`, tokens that a program may still be given when its end is due.
        end: int32 scalar, the token that is the end.
    """

    num_left: jax.Array
    end: jax.Array
    token_ids: None = None

    def start(self, rows: tuple[int, ...]) -> jax.Array:
        return jnp.broadcast_to(self.num_left, rows)

    def restrict(self, logits: jax.Array, state: jax.Array, num_left: jax.Array) -> jax.Array:
        is_open = (jnp.arange(logits.shape[-1]) == self.end) == (state == num_left)[..., None]
        return jnp.where(is_open, logits, -jnp.inf)

    def advance(self, state: jax.Array, columns: jax.Array) -> jax.Array:
        return state


def measure_sizes(sizes: Sizes, options: Options) -> Iterator[Measurement]:
    """Yields the tokens a second of each shape, and of programs of many lengths."""
    cases = [(name, "float32") for name in sizes.presets]
    if jax.default_backend() != "cpu":
        cases += [(name, "bfloat16") for name in sizes.accelerated]
    for name, dtype in cases:
        yield generation(name, dtype, sizes, options.seed)
    yield _retiring(sizes.presets[0], sizes, options.seed)


def generation(name: str, dtype: str, sizes: Sizes, seed: int) -> Measurement:
    """Times programs of a shape with random weights, token by token."""
    shape = shape_of(name)
    rng = np.random.default_rng(seed)
    prompt_ids = rng.integers(2, shape.vocab_size, (sizes.num_tasks, sizes.prompt_length))
    prompt_mask = np.ones(prompt_ids.shape, bool)
    graphdef, params = make_network(shape, seed, dtype)
    keys = jax.random.split(jax.random.key(seed), sizes.num_tasks)

    def make_peer() -> Any:
        peer = GenerationPeer(shape, seed, dtype)
        return lambda: peer.generate(prompt_ids, prompt_mask, sizes.num_samples, sizes.num_tokens)

    return measure_rate(
        f"{name}, {dtype}: sampling {sizes.num_tasks} x {sizes.num_samples} programs",
        sizes.num_tasks * sizes.num_samples * sizes.num_tokens,
        lambda: jax.block_until_ready(draw_programs(graphdef, params, prompt_ids, prompt_mask, keys, sizes)),
        make_peer,
        sizes.num_calls,
    )


def draw_programs(
    graphdef: nnx.GraphDef,
    params: Any,
    prompt_ids: np.ndarray,
    prompt_mask: np.ndarray,
    keys: jax.Array,
    sizes: Sizes,
) -> Samples:
    """Draws programs of exactly `sizes.num_tokens` tokens.

    Args:
        graphdef: what `nnx.split` made of the policy.
        params: its parameters.
        prompt_ids: int `[tasks, source]`.
        prompt_mask: bool `[tasks, source]`.
        keys: one random key for each task, `[tasks]`.
        sizes: how many programs, of how many tokens.
    """
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


def _retiring(name: str, sizes: Sizes, seed: int) -> Measurement:
    """Draws programs of the lengths that mutated training programs have, with and without narrower shapes."""
    shape = shape_of(name)
    graphdef, params = make_network(shape, seed)
    rng = np.random.default_rng(seed)
    rows = (sizes.num_tasks, sizes.num_samples)
    # Their median is 67 symbolic tokens; 5 % are longer than 200.
    lengths = np.exp(rng.normal(np.log(67), 0.67, rows)) * sizes.max_length / 512
    lengths = np.clip(lengths.round(), 1, sizes.max_length).astype(np.int32)
    prompt_ids = rng.integers(2, shape.vocab_size, (sizes.num_tasks, sizes.prompt_length))
    inputs = jnp.asarray(prompt_ids), jnp.ones(prompt_ids.shape, bool)
    keys = jax.random.split(jax.random.key(seed), sizes.num_tasks)
    whole = Shape(sizes.num_samples, sizes.max_length)
    seconds: dict[tuple[Shape, ...] | None, list[float]] = {None: [], (whole,): []}
    for _ in range(1 + sizes.num_calls):
        for shapes, times in seconds.items():
            sampler = Sampler(
                graphdef,
                num_samples=sizes.num_samples,
                max_length=sizes.max_length,
                temperature=0.95,
                eos_id=_EOS_ID,
                constraint=Ending(jnp.asarray(1 + sizes.max_length - lengths), jnp.int32(_EOS_ID)),
                shapes=shapes,
            )
            begun = time.monotonic()
            drawn = dict(sampler.sample(params, *inputs, keys))
            times.append(time.monotonic() - begun)
            assert all((drawn[task].lengths == lengths[task]).all() for task in drawn)
    ours, peer = (Mean.of(times[1:]) for times in seconds.values())
    num_tokens = int(lengths.sum())
    return Measurement(
        f"{name}: programs of 1 to {lengths.max()} tokens",
        num_tokens / ours.value,
        num_tokens / peer.value,
        "tokens/s",
        num_tokens * peer.error / peer.value**2,
        more_is_better=True,
        note="peer: ours with none retired",
    )
