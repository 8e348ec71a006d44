"""Cross-entropy straight from hidden states, over a vocabulary whose logits are never all held at once."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec

from codeit_jax.policy.sharding import ROW_AXES, row_shares

# Logits that a device holds at once. Large enough for products at full speed, small against a step's memory.
BLOCK_LOGITS = 1 << 22


def cross_entropy(
    hidden: jax.Array,
    head: jax.Array,
    labels: jax.Array,
    mask: jax.Array,
    *,
    mesh: jax.sharding.Mesh | None = None,
    block_logits: int | None = None,
) -> tuple[jax.Array, jax.Array]:
    """Returns the labels' summed cross-entropy under `softmax(hidden @ head.T)`, and how many are right.

    Positions are worked through in blocks, and where gradients are asked for each block leaves its own, so
    that its logits are made once and then forgotten. Products are made in the dtype of `hidden` and
    accumulated in float32, in which the softmax and the head's gradient stay.

    Args:
        hidden: `[batch, length, d_model]`.
        head: a row for each token, `[vocab, d_model]`, of any float dtype.
        labels: int `[batch, length]`.
        mask: bool `[batch, length]`, False where a position does not count.
        mesh: the devices, if the batch's rows are spread over its axes `data` and `fsdp`.
        block_logits: how many logits a device holds at once, about; `BLOCK_LOGITS` by default.

    Returns:
        float32 loss in nats, and the int32 number of positions whose label is the likeliest token (the first
        one, if several are); scalars.
    """
    shares = 1 if mesh is None else row_shares(mesh)
    rows = labels.size // shares
    num_blocks = rows // block_rows(rows, (block_logits or BLOCK_LOGITS) // head.shape[0])

    def blocks(array: jax.Array) -> jax.Array:
        # A share's blocks are made of its own rows, so that no device needs another's.
        split = array.reshape(shares, num_blocks, rows // num_blocks, *array.shape[2:]).swapaxes(0, 1)
        if mesh is None:
            return split
        return jax.lax.with_sharding_constraint(split, NamedSharding(mesh, PartitionSpec(None, ROW_AXES)))

    return _sums(blocks(hidden), head, blocks(labels), blocks(mask))


def block_rows(rows: int, wanted: int) -> int:
    """Returns the rows of a block: the divisor of `rows` that comes closest to those wanted, as a ratio."""
    wanted = min(max(wanted, 1), rows)
    smaller = next(size for size in range(wanted, 0, -1) if rows % size == 0)
    # Beyond these no larger one comes as close as the smaller one.
    closer = range(wanted, min(rows, wanted * wanted // smaller) + 1)
    larger = next((size for size in closer if rows % size == 0), smaller)
    return min(smaller, larger, key=lambda size: max(size / wanted, wanted / size))


@jax.custom_vjp
def _sums(
    hidden: jax.Array, head: jax.Array, labels: jax.Array, mask: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """See `cross_entropy`; here `hidden` is `[blocks, shares, rows, d_model]`, the others alike."""
    matrix = head.astype(hidden.dtype)

    def body(sums: Any, block: Any) -> Any:
        found, _ = _block(matrix, *block)
        return jax.tree.map(jnp.add, sums, found), None

    return jax.lax.scan(body, _nothing(), (hidden, labels, mask))[0]


def _sums_and_gradients(hidden: jax.Array, head: jax.Array, labels: jax.Array, mask: jax.Array) -> Any:
    matrix = head.astype(hidden.dtype)
    product = partial(jnp.einsum, preferred_element_type=jnp.float32)

    def body(carry: Any, block: Any) -> Any:
        sums, head_gradient = carry
        found, slope = _block(matrix, *block)
        slope = slope.astype(hidden.dtype)
        # Each share sums up by itself: what crosses devices does so once, not for every block.
        head_gradient += product("srv,srd->svd", slope, block[0])
        hidden_gradient = product("srv,vd->srd", slope, matrix).astype(hidden.dtype)
        return (jax.tree.map(jnp.add, sums, found), head_gradient), hidden_gradient

    start = _nothing(), jnp.zeros((hidden.shape[1], *head.shape), jnp.float32)
    (sums, head_gradient), hidden_gradient = jax.lax.scan(body, start, (hidden, labels, mask))
    return sums, (hidden_gradient, head_gradient.sum(axis=0).astype(head.dtype))


def _scale_gradients(gradients: tuple[jax.Array, jax.Array], cotangents: tuple[jax.Array, Any]) -> Any:
    hidden_gradient, head_gradient = gradients
    factor, _ = cotangents
    return (factor * hidden_gradient).astype(hidden_gradient.dtype), factor * head_gradient, None, None


_sums.defvjp(_sums_and_gradients, _scale_gradients)


def _nothing() -> tuple[jax.Array, jax.Array]:
    return jnp.zeros((), jnp.float32), jnp.zeros((), jnp.int32)


def _block(
    matrix: jax.Array, hidden: jax.Array, labels: jax.Array, mask: jax.Array
) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
    """Returns a block's summed loss, how many labels are right, and the loss's slope along the logits.

    Plain comparisons and reductions over the vocabulary, where look-ups would do: they fuse into one pass,
    and run on a vocabulary that is split over devices.
    """
    logits = jnp.einsum("srd,vd->srv", hidden, matrix, preferred_element_type=jnp.float32)
    tokens = jax.lax.broadcasted_iota(labels.dtype, logits.shape, logits.ndim - 1)
    is_label = tokens == labels[..., None]
    highest = logits.max(axis=-1, keepdims=True)
    powers = jnp.exp(logits - highest)
    total = powers.sum(axis=-1, keepdims=True)
    label_logit = jnp.sum(logits, axis=-1, where=is_label)
    likeliest = jnp.min(tokens, axis=-1, where=logits == highest, initial=logits.shape[-1])
    loss = jnp.sum((highest + jnp.log(total))[..., 0] - label_logit, where=mask)
    num_correct = jnp.sum(mask & (likeliest == labels), dtype=jnp.int32)
    slope = jnp.where(mask[..., None], powers / total - is_label, 0)
    return (loss, num_correct), slope
