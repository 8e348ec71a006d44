"""Drawing programs from the policy: many samples a task, decoded together with cached keys and values."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax

from codeit_jax.policy.constraints import Constraint, Unconstrained
from codeit_jax.policy.t5 import PAD_ID, T5, DecoderCache

# Tokens a block of the two-level search in `draw`: near the square root of the vocabularies in use.
_BLOCK = 64


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Samples:
    """Programs drawn from the policy.

    Attributes:
        tokens: int32 `[tasks, samples, max_length]`; after the end-of-sequence token all is `PAD_ID`. A
            program that was still going at `max_length` has no end-of-sequence token.
        log_probabilities: float32 `[tasks, samples]`: natural logarithm of the chance with which the program
            was drawn, at the temperature and under the constraint it was drawn with; 0 for greedy decoding.
        lengths: int32 `[tasks, samples]`: tokens drawn, the end-of-sequence token included.
    """

    tokens: jax.Array
    log_probabilities: jax.Array
    lengths: jax.Array


def sample(
    graphdef: nnx.GraphDef[T5],
    params: nnx.State,
    prompt_ids: jax.Array,
    prompt_mask: jax.Array,
    keys: jax.Array,
    *,
    num_samples: int,
    max_length: int,
    temperature: float,
    eos_id: int,
    constraint: Constraint | None = None,
) -> Samples:
    """Draws `num_samples` programs for each task (paper, program sampling: 24 of them at temperature 0.95).

    What is drawn for a task depends on its prompt, its key and the parameters alone: not on the tasks beside
    it, and a sample not on how many follow it. Decoding stops once every program has ended. A task whose
    prompt is masked out entirely fills up a batch: its programs are empty, of length 0.

    Compiled once for each shape and each value of `graphdef`, `num_samples`, `max_length` and `eos_id`.

    Args:
        graphdef: with `params`, what `nnx.split` made of a `T5`.
        params: the parameters.
        prompt_ids: int `[tasks, source]`.
        prompt_mask: bool `[tasks, source]`, False on padding.
        keys: one `jax.random.key` for each task, `[tasks]`.
        num_samples: programs a task.
        max_length: tokens a program at most.
        temperature: divides the logits; 0 takes the most likely token, the first of equals.
        eos_id: the token that ends a program.
        constraint: what may be written; None for anything.

    Raises:
        ValueError: a number is out of its range, or there is not one key a task.
    """
    if num_samples < 1:
        raise ValueError(f"num_samples must be at least 1, not {num_samples}")
    if max_length < 1:
        raise ValueError(f"max_length must be at least 1, not {max_length}")
    if not 0 <= temperature < float("inf"):
        raise ValueError(f"temperature must be 0 or a positive number, not {temperature}")
    if eos_id == PAD_ID:
        raise ValueError(f"eos_id must not be the padding, {PAD_ID}")
    if keys.shape != prompt_ids.shape[:1] or not jnp.issubdtype(keys.dtype, jax.dtypes.prng_key):
        raise ValueError(f"keys must be {len(prompt_ids)} random keys, one for each task, not {keys.shape}")
    return _sample(
        graphdef,
        params,
        prompt_ids,
        prompt_mask,
        keys,
        jnp.float32(temperature),
        constraint or Unconstrained(),
        num_samples=num_samples,
        max_length=max_length,
        eos_id=eos_id,
    )


def draw(logits: jax.Array, uniforms: jax.Array, temperature: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Draws one token a row by inverting the cumulative distribution.

    A token of zero probability (a logit of minus infinity, say) is never drawn; at least one logit of every
    row must be finite.

    Args:
        logits: float32 `[..., vocabulary]`.
        uniforms: float32 `[...]` in [0, 1): the share of the distribution that lies before the token drawn.
        temperature: float32 scalar; 0 takes the most likely token, the first of equals.

    Returns:
        The tokens, int32 `[...]`, and the natural logarithms of their probabilities, float32 `[...]`.
    """
    *batch, vocabulary = logits.shape
    greedy = temperature == 0
    highest = logits.max(axis=-1, keepdims=True)
    weights = jnp.where(
        greedy, logits == highest, jnp.exp((logits - highest) / jnp.where(greedy, 1, temperature))
    )
    # First the block, then the token in it: the cumulative sums are short, where one over a vocabulary of
    # 32,100 would cost more than all the rest of a decoding step.
    num_blocks = -(-vocabulary // _BLOCK)
    padding = [(0, 0)] * len(batch) + [(0, num_blocks * _BLOCK - vocabulary)]
    blocks = jnp.pad(weights, padding).reshape(*batch, num_blocks, _BLOCK)
    masses = blocks.sum(axis=-1)
    total = masses.sum(axis=-1)
    block, remainder = _invert(masses, jnp.where(greedy, 0, uniforms) * total)
    within = jnp.take_along_axis(blocks, block[..., None, None], axis=-2)[..., 0, :]
    offset, _ = _invert(within, remainder)
    weight = jnp.take_along_axis(within, offset[..., None], axis=-1)[..., 0]
    return block * _BLOCK + offset, jnp.where(greedy, 0, jnp.log(weight / total))


def _invert(weights: jax.Array, target: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns where the running sum first exceeds the target, a positive weight, and what is left for it.

    Rounding may carry the target past the whole sum; then the last positive weight is meant.
    """
    sums = jnp.cumsum(weights, axis=-1)
    positive = weights > 0
    reached = positive & (sums > target[..., None])
    indices = jnp.arange(weights.shape[-1], dtype=jnp.int32)
    first = jnp.where(reached, indices, weights.shape[-1]).min(axis=-1)
    last = jnp.where(positive, indices, 0).max(axis=-1)
    index = jnp.minimum(first, last)
    before = jnp.take_along_axis(sums - weights, index[..., None], axis=-1)[..., 0]
    return index, target - before


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _Progress:
    """Where decoding stands.

    Attributes:
        position: tokens written so far.
        last: the tokens just drawn.
        ended: the programs that are done.
        samples: the programs so far.
        cache: the policy's.
        constraint: the constraint's state.
    """

    position: jax.Array
    last: jax.Array
    ended: jax.Array
    samples: Samples
    cache: DecoderCache
    constraint: Any


@partial(jax.jit, static_argnames=("graphdef", "num_samples", "max_length", "eos_id"))
def _sample(
    graphdef: nnx.GraphDef[T5],
    params: nnx.State,
    prompt_ids: jax.Array,
    prompt_mask: jax.Array,
    keys: jax.Array,
    temperature: jax.Array,
    constraint: Constraint,
    *,
    num_samples: int,
    max_length: int,
    eos_id: int,
) -> Samples:
    model = nnx.merge(graphdef, params)
    uniforms = _uniforms(keys, num_samples, max_length)
    rows = (len(prompt_ids), num_samples)
    encoded = model.encode(prompt_ids, prompt_mask)

    def unfinished(progress: _Progress) -> jax.Array:
        return (progress.position < max_length) & ~progress.ended.all()

    def step(progress: _Progress) -> _Progress:
        position, ended, so_far = progress.position, progress.ended, progress.samples
        logits, cache = model.decode_step(progress.last, progress.cache, position)
        logits = constraint.restrict(logits, progress.constraint, max_length - position)
        columns, log_probabilities = draw(logits, uniforms[position], temperature)
        tokens = columns if constraint.token_ids is None else constraint.token_ids[columns]
        tokens = jnp.where(ended, PAD_ID, tokens)
        samples = Samples(
            tokens=lax.dynamic_update_index_in_dim(so_far.tokens, tokens, position, axis=2),
            log_probabilities=so_far.log_probabilities + jnp.where(ended, 0, log_probabilities),
            lengths=so_far.lengths + ~ended,
        )
        state = constraint.advance(progress.constraint, columns)
        return _Progress(position + 1, tokens, ended | (tokens == eos_id), samples, cache, state)

    start = _Progress(
        position=jnp.int32(0),
        last=jnp.full(rows, PAD_ID, jnp.int32),
        ended=jnp.broadcast_to(~prompt_mask.any(axis=1)[:, None], rows),
        samples=Samples(
            tokens=jnp.full((*rows, max_length), PAD_ID, jnp.int32),
            log_probabilities=jnp.zeros(rows, jnp.float32),
            lengths=jnp.zeros(rows, jnp.int32),
        ),
        cache=model.init_cache(
            encoded,
            prompt_mask,
            num_samples=num_samples,
            max_length=max_length,
            token_ids=constraint.token_ids,
        ),
        constraint=constraint.start(rows),
    )
    return lax.while_loop(unfinished, step, start).samples


def _uniforms(keys: jax.Array, num_samples: int, max_length: int) -> jax.Array:
    """Returns float32 `[max_length, tasks, samples]` in [0, 1), each a function of its key and indices."""

    def of_row(key: jax.Array, index: jax.Array) -> jax.Array:
        row = jax.random.fold_in(key, index)
        return jax.vmap(lambda position: jax.random.uniform(jax.random.fold_in(row, position)))(
            jnp.arange(max_length)
        )

    of_task = jax.vmap(of_row, in_axes=(None, 0), out_axes=1)
    return jax.vmap(of_task, in_axes=(0, None), out_axes=1)(keys, jnp.arange(num_samples))
