"""Layers that compute their activations a second time for the gradient, rather than keep them."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx


def rematerialized(layer: nnx.Module) -> Callable[..., jax.Array]:
    """Returns the layer's call such that nothing but its inputs is kept for its gradient.

    `jax.checkpoint` would do on accelerators. On a CPU the compiler drops the barrier by which it puts the
    second computation off, makes it right away, and keeps what it was not to keep; so here the second
    computation's inputs depend on the gradient that it is for.

    Args:
        layer: takes arrays, and a `dropout_key` or None, and returns one array of three dimensions.
    """
    graphdef, params = nnx.split(layer)

    def plain(params: Any, inputs: tuple[jax.Array, ...], dropout_key: jax.Array | None) -> jax.Array:
        return nnx.merge(graphdef, params)(*inputs, dropout_key=dropout_key)

    def forward(*arguments: Any) -> tuple[jax.Array, Any]:
        return plain(*arguments), arguments

    def backward(arguments: Any, cotangent: jax.Array) -> Any:
        params, *rest = arguments
        # Zero, unless the gradient is of no use anyway; but no compiler knows that.
        zero = jnp.isnan(cotangent[0, 0, 0])
        late = jax.tree.map(lambda leaf: _plus(leaf, zero), rest)
        return jax.vjp(plain, params, *late)[1](cotangent)

    call = jax.custom_vjp(plain)
    call.defvjp(forward, backward)
    return lambda *inputs, dropout_key=None: call(params, inputs, dropout_key)


def _plus(leaf: jax.Array, zero: jax.Array) -> jax.Array:
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        data = jax.random.key_data(leaf)
        return jax.random.wrap_key_data(data + zero.astype(data.dtype), impl=jax.random.key_impl(leaf))
    return leaf + zero.astype(leaf.dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf
