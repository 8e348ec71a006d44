"""Attention over prompts, at the paper's shapes: ours beside JAX's own, by XLA and by cuDNN.

Each is held against ours in float32 at the highest precision. cuDNN wants the bias in the dtype of queries,
and takes the lengths of the prompts in place of a mask. What one of them does not support is told.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from codeit_jax.benchmarks.accelerator.device import begin, repeated, timed
from codeit_jax.benchmarks.parts import attempt
from codeit_jax.benchmarks.suites import Options
from codeit_jax.benchmarks.table import Ended, Measurement
from codeit_jax.policy.attention import KeysValues, attend

_Attention = Callable[["_Inputs"], jax.Array]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _Inputs:
    """What an attention looks at; of our layout, `[batch, heads, length, d_kv]`.

    Attributes:
        queries: the queries.
        context: keys and values.
        bias: float32 `[heads, length, length]`.
        lengths: int32 `[batch]`, tokens of each prompt.
    """

    queries: jax.Array
    context: KeysValues
    bias: jax.Array
    lengths: jax.Array


def measure(options: Options) -> Iterator[Measurement | Ended]:
    """Yields the time of each attention, and how far it is from what is exact."""
    is_quick = begin(options)
    batch, heads, d_kv = (2, 2, 32) if is_quick else (16, 12, 64)
    number = 2 if is_quick else 20
    for length in (16,) if is_quick else (512, 1024):
        inputs = _draw(batch, heads, length, d_kv, options.seed)
        for way, function in (("forward", _forward), ("forward and back", _forward_and_back)):
            title = f"attention {batch} x {heads} x {length} x {d_kv}, {way}"
            yield from attempt(title, partial(_compared, title, function, inputs, number))


def _compared(
    title: str, function: Callable[[_Attention, _Inputs], Any], inputs: _Inputs, number: int
) -> Iterator[Measurement | Ended]:
    with jax.default_matmul_precision("highest"):
        wide = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), inputs)
        wide = _Inputs(wide.queries, wide.context, wide.bias, inputs.lengths)
        exact = jax.device_get(jax.jit(partial(function, _ours))(wide))
    seconds, difference = _timed(partial(function, _ours), inputs, exact, number)
    note = f"differs by {difference:.2g} from float32"
    yield Measurement(f"{title}: ours", 1e3 * seconds, None, "ms", note=note)
    for name, attention in _OTHERS.items():

        def beside(name: str = name, attention: _Attention = attention) -> Iterator[Measurement]:
            others, difference = _timed(partial(function, attention), inputs, exact, number)
            note = f"the peer differs by {difference:.2g} from float32"
            yield Measurement(f"{title}: beside {name}", 1e3 * seconds, 1e3 * others, "ms", note=note)

        yield from attempt(f"{title}: beside {name}", beside)


def _timed(
    function: Callable[[_Inputs], Any], inputs: _Inputs, exact: Any, number: int
) -> tuple[float, float]:
    """Returns the seconds of a call, and the largest difference of its result from the exact one."""
    compiled = jax.jit(function)
    timing = timed(repeated(partial(compiled, inputs)), number)
    differences = jax.tree.map(
        lambda found, wanted: np.abs(found.astype(np.float32) - wanted).max(),
        jax.device_get(compiled(inputs)),
        exact,
    )
    return timing.each.value, float(max(jax.tree.leaves(differences)))


def _draw(batch: int, heads: int, length: int, d_kv: int, seed: int) -> _Inputs:
    keys = jax.random.split(jax.random.key(seed), 5)
    shape = batch, heads, length, d_kv
    # Queries are small, as they stand for the scale that T5 leaves out.
    queries, *context = (
        (scale * jax.random.normal(key, shape)).astype(jnp.bfloat16)
        for key, scale in zip(keys, (d_kv**-0.5, 1.0, 1.0), strict=False)
    )
    bias = jax.random.normal(keys[3], (heads, length, length))
    lengths = jax.random.randint(keys[4], (batch,), length // 2, length + 1)
    return _Inputs(queries, KeysValues(*context), bias, lengths)


def _ours(inputs: _Inputs) -> jax.Array:
    return attend(inputs.queries, inputs.context, _mask(inputs), inputs.bias)


def _by_xla(inputs: _Inputs) -> jax.Array:
    return _by_jax(inputs, bias=inputs.bias[None], mask=_mask(inputs), implementation="xla")


def _by_cudnn(inputs: _Inputs) -> jax.Array:
    bias = inputs.bias[None].astype(inputs.queries.dtype)
    return _by_jax(inputs, bias=bias, key_value_seq_lengths=inputs.lengths, implementation="cudnn")


def _by_jax(inputs: _Inputs, **arguments: Any) -> jax.Array:
    # There the heads come behind the length.
    queries, keys, values = (
        each.swapaxes(1, 2) for each in (inputs.queries, inputs.context.keys, inputs.context.values)
    )
    return jax.nn.dot_product_attention(queries, keys, values, scale=1.0, **arguments).swapaxes(1, 2)


def _mask(inputs: _Inputs) -> jax.Array:
    return (jnp.arange(inputs.queries.shape[2]) < inputs.lengths[:, None])[:, None, None, :]


def _forward(attention: _Attention, inputs: _Inputs) -> Any:
    return attention(inputs)


def _forward_and_back(attention: _Attention, inputs: _Inputs) -> Any:
    """Returns the gradients of a sum along queries, keys, values and bias."""

    def total(queries: jax.Array, context: KeysValues, bias: jax.Array) -> jax.Array:
        return jnp.sum(attention(_Inputs(queries, context, bias, inputs.lengths)), dtype=jnp.float32)

    return jax.grad(total, argnums=(0, 1, 2))(inputs.queries, inputs.context, inputs.bias)


_OTHERS: Mapping[str, _Attention] = {"XLA": _by_xla, "cuDNN": _by_cudnn}
