"""T5's attention: unscaled dot products, a learnt bias for each class of distance, no other positions."""

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import lax

from codeit_jax.policy.dropout import dropout
from codeit_jax.policy.presets import T5Config

# Finite, so that a row in which everything is masked is uniform rather than NaN.
MASKED = -1e9


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class KeysValues:
    """Keys and values that an attention looks at, each `[batch, heads, length, d_kv]`."""

    keys: jax.Array
    values: jax.Array

    def write(self, new: "KeysValues", position: jax.Array) -> "KeysValues":
        """Returns these with the single position of `new` (`[batch, heads, 1, d_kv]`) put at `position`."""
        return KeysValues(
            lax.dynamic_update_slice_in_dim(self.keys, new.keys, position, axis=2),
            lax.dynamic_update_slice_in_dim(self.values, new.values, position, axis=2),
        )


def normal(rngs: nnx.Rngs, shape: tuple[int, ...], standard_deviation: float) -> nnx.Param[jax.Array]:
    """Returns a float32 parameter of the shape, drawn from a normal distribution around zero."""
    return nnx.Param(standard_deviation * jax.random.normal(rngs.params(), shape, jnp.float32))


@jax.custom_vjp
def product(values: jax.Array, kernel: jax.Array) -> jax.Array:
    """Returns `values @ kernel`, of `[..., inputs]` and `[inputs, outputs]`."""
    return values @ kernel


def _product_forward(values: jax.Array, kernel: jax.Array) -> Any:
    return values @ kernel, (values, kernel)


def _product_backward(factors: Any, cotangent: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns the gradients, the kernel's by a product whose first factor is the narrower one.

    A CPU's products copy that factor with its axes exchanged, which is slow if it is wide.
    """
    values, kernel = factors
    rows = tuple(range(values.ndim - 1))
    contraction = ((rows, rows), ((), ()))
    if kernel.shape[0] <= kernel.shape[1]:
        of_kernel = lax.dot_general(values, cotangent, contraction)
    else:
        of_kernel = lax.dot_general(cotangent, values, contraction).T
    return cotangent @ kernel.T, of_kernel


product.defvjp(_product_forward, _product_backward)


@jax.custom_vjp
def add_bias(logits: jax.Array, bias: jax.Array) -> jax.Array:
    """Returns `logits + bias`, of `[batch, heads, queries, keys]` and the same without the batch."""
    return logits + bias


def _add_bias_backward(_: None, cotangent: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns the gradients, the bias's sum over the batch as a product with ones.

    The compiler's own sum over a first axis takes sixty times as long on a CPU.
    """
    ones = jnp.ones(len(cotangent), cotangent.dtype)
    return cotangent, jnp.einsum("b,bhqk->hqk", ones, cotangent, precision=lax.Precision.HIGHEST)


add_bias.defvjp(lambda logits, bias: (logits + bias, None), _add_bias_backward)


class Linear(nnx.Module):
    """A matrix `kernel` of shape `[inputs, outputs]` and no bias, applied in its argument's dtype."""

    def __init__(self, inputs: int, outputs: int, standard_deviation: float, *, rngs: nnx.Rngs) -> None:
        self.kernel = normal(rngs, (inputs, outputs), standard_deviation)

    def __call__(self, values: jax.Array) -> jax.Array:
        return product(values, self.kernel[...].astype(values.dtype))


def relative_position_buckets(
    query_length: int,
    key_length: int,
    *,
    bidirectional: bool,
    num_buckets: int,
    max_distance: int,
    first_query: int = 0,
) -> np.ndarray:
    """Returns the class of each key's distance from each query: int32 `[query_length, key_length]`.

    Keys are at positions 0 and up, queries at `first_query` and up.

    Half of the buckets hold one short distance each, the others grow logarithmically up to `max_distance` and
    the last holds all beyond. With `bidirectional` the upper half of the buckets is for keys that come after
    the query; without it those share the bucket of distance zero, as they are to be masked.
    """
    # In NumPy and in float32, the precision the published weights were trained with: a last-bit difference in
    # a compiler's logarithm would move a distance on the edge of a bucket into its neighbour.
    relative = np.arange(key_length)[None, :] - (first_query + np.arange(query_length))[:, None]
    if bidirectional:
        num_buckets //= 2
        offset = np.where(relative > 0, num_buckets, 0)
        distance = np.abs(relative)
    else:
        offset = np.zeros_like(relative)
        distance = np.maximum(-relative, 0)
    exact = num_buckets // 2
    ratio = np.log(np.maximum(distance, exact).astype(np.float32) / np.float32(exact))
    growth = ratio / np.float32(math.log(max_distance / exact)) * np.float32(num_buckets - exact)
    bucket = np.where(distance < exact, distance, np.minimum(exact + growth.astype(int), num_buckets - 1))
    return (offset + bucket).astype(np.int32)


class RelativeBias(nnx.Module):
    """One learnt number for each class of distance and head: a table `[buckets, heads]` for a whole stack.

    See `T5Config.initial_recency` for how a decoder's table may start.
    """

    def __init__(self, config: T5Config, *, bidirectional: bool, rngs: nnx.Rngs) -> None:
        self.bidirectional = bidirectional
        self.max_distance = config.relative_attention_max_distance
        shape = (config.relative_attention_num_buckets, config.num_heads)
        self.embedding = normal(rngs, shape, config.initializer_factor * config.d_model**-0.5)
        if not bidirectional:
            self.embedding[...] += config.initial_recency * jnp.eye(*shape, k=-1)

    def __call__(self, query_length: int, key_length: int, first_query: int = 0) -> jax.Array:
        """Returns the float32 bias `[heads, query_length, key_length]` to be added to attention logits.

        Keys are at positions 0 and up, queries at `first_query` and up.
        """
        table = self.embedding[...]
        buckets = relative_position_buckets(
            query_length,
            key_length,
            bidirectional=self.bidirectional,
            num_buckets=table.shape[0],
            max_distance=self.max_distance,
            first_query=first_query,
        )
        # A product with one-hot rows: its gradient is a product too, where a look-up's is a scatter, which is
        # slow on accelerators. Exact at full precision.
        chosen = jax.nn.one_hot(buckets, table.shape[0], dtype=table.dtype)
        return jnp.einsum("qkb,bh->hqk", chosen, table, precision=lax.Precision.HIGHEST)


def attend(
    queries: jax.Array,
    context: KeysValues,
    mask: jax.Array,
    bias: jax.Array | None = None,
    *,
    dropout_rate: float = 0.0,
    dropout_key: jax.Array | None = None,
) -> jax.Array:
    """Returns the values that each query gathers, in its dtype: `[batch, heads, queries, d_kv]`.

    Args:
        queries: `[batch, heads, queries, d_kv]`; products with keys are not scaled.
        context: keys and values, `[batch, heads, keys, d_kv]`.
        mask: True where a query may look; broadcast against `[batch, heads, queries, keys]`.
        bias: float32 `[heads, queries, keys]`, added to the logits of every row.
        dropout_rate: share of the weights that are dropped.
        dropout_key: drops them when given.
    """
    logits = jnp.einsum("bhqd,bhkd->bhqk", queries, context.keys, preferred_element_type=jnp.float32)
    if bias is not None:
        logits = add_bias(logits, bias)
    weights = jax.nn.softmax(jnp.where(mask, logits, MASKED), axis=-1).astype(queries.dtype)
    weights = dropout(weights, dropout_rate, dropout_key)
    return jnp.einsum("bhqk,bhkd->bhqd", weights, context.values)


class Attention(nnx.Module):
    """Multi-head attention, for a sequence looking at itself or at another one.

    Parameters: `query/kernel`, `key/kernel`, `value/kernel`, each `[d_model, heads * d_kv]`, and
    `output/kernel` `[heads * d_kv, d_model]`.
    """

    def __init__(self, config: T5Config, *, rngs: nnx.Rngs) -> None:
        self.num_heads = config.num_heads
        self.dropout_rate = config.dropout_rate
        width, inner = config.d_model, config.num_heads * config.d_kv
        factor = config.initializer_factor
        # The query's smaller start stands in for the 1 / sqrt(d_kv) that T5 leaves out of the logits.
        self.query = Linear(width, inner, factor * (width * config.d_kv) ** -0.5, rngs=rngs)
        self.key = Linear(width, inner, factor * width**-0.5, rngs=rngs)
        self.value = Linear(width, inner, factor * width**-0.5, rngs=rngs)
        self.output = Linear(inner, width, factor * inner**-0.5, rngs=rngs)

    def keys_values(self, hidden: jax.Array) -> KeysValues:
        """Returns the keys and values of `hidden` `[batch, length, d_model]`."""
        return KeysValues(self._split_heads(self.key(hidden)), self._split_heads(self.value(hidden)))

    def __call__(
        self,
        hidden: jax.Array,
        context: KeysValues,
        mask: jax.Array,
        bias: jax.Array | None = None,
        *,
        dropout_key: jax.Array | None = None,
    ) -> jax.Array:
        """Returns what each query gathers from the context: `[batch, queries, d_model]`.

        Args:
            hidden: where the queries come from, `[batch, queries, d_model]`.
            context: keys and values, `[batch, heads, keys, d_kv]`.
            mask: True where a query may look; broadcast against `[batch, heads, queries, keys]`.
            bias: float32 `[heads, queries, keys]`, added to the logits of every row.
            dropout_key: drops attention weights when given.
        """
        queries = self._split_heads(self.query(hidden))
        gathered = attend(
            queries, context, mask, bias, dropout_rate=self.dropout_rate, dropout_key=dropout_key
        )
        # Put in order after the product: a product that writes `bqhd` takes three times as long on a CPU.
        gathered = gathered.swapaxes(1, 2)
        return self.output(gathered.reshape(*hidden.shape[:-1], -1))

    def _split_heads(self, projected: jax.Array) -> jax.Array:
        batch, length, _ = projected.shape
        return projected.reshape(batch, length, self.num_heads, -1).swapaxes(1, 2)
