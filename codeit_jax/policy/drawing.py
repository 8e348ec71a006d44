"""Drawing a token from its distribution, and the uniform numbers to draw with."""

import jax
import jax.numpy as jnp

# Tokens a block of the two-level search in `draw`: near the square root of the vocabularies in use.
_BLOCK = 64


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


def row_uniforms(keys: jax.Array, num_samples: int, length: int) -> jax.Array:
    """Returns what tokens are drawn with: float32 `[tasks, samples, length]` in [0, 1).

    Each is a function of its task's key, its sample's number and its position alone.
    """

    def of_row(key: jax.Array, index: jax.Array) -> jax.Array:
        row = jax.random.fold_in(key, index)
        return jax.vmap(lambda position: jax.random.uniform(jax.random.fold_in(row, position)))(
            jnp.arange(length)
        )

    of_task = jax.vmap(of_row, in_axes=(None, 0))
    return jax.vmap(of_task, in_axes=(0, None))(keys, jnp.arange(num_samples))
