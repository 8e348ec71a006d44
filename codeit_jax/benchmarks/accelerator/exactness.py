"""Whether the device computes what a CPU does: loss, gradient and samples of a small policy.

The same weights, batch and keys go to both in one process, with float32 products at the highest precision,
and so only the order of sums differs. In bfloat16 the loss is held against the CPU's in float32.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from codeit_jax.benchmarks.accelerator.device import begin
from codeit_jax.benchmarks.generation import Sizes, draw_programs
from codeit_jax.benchmarks.learner import shape_of
from codeit_jax.benchmarks.suites import Options
from codeit_jax.benchmarks.table import Measurement
from codeit_jax.learner.batching import Batch
from codeit_jax.learner.step import summed_loss
from codeit_jax.policy.building import make_network
from codeit_jax.policy.sampling import Samples

_LOSS, _GRADIENT, _BFLOAT16_LOSS = 1e-5, 1e-4, 1e-2  # relative
# A draw may fall between two tokens' shares so closely that the last digits decide, and the rest follows.
_SAMES_PERCENT, _LOG_PROBABILITY = 98.0, 1e-3


class InexactError(RuntimeError):
    """The device does not compute what a CPU does, within what is tolerated."""


@dataclass(frozen=True)
class _Found:
    """What a device computes; arrays of the host.

    Attributes:
        loss: mean loss of the batch, in nats.
        gradient: its gradient.
        samples: programs.
    """

    loss: float
    gradient: Any
    samples: Samples


def measure(options: Options) -> Iterator[Measurement]:
    """Yields how far the device is from the CPU.

    Raises:
        InexactError: further than is tolerated; all was measured by then.
    """
    is_quick = begin(options)
    preset = "nano" if is_quick else "tiny"
    sizes = Sizes(prompt_length=64, num_tokens=32)
    device, cpu = jax.devices()[0], jax.devices("cpu")[0]
    ours, theirs = (_found(preset, sizes, each, "float32", options.seed) for each in (device, cpu))
    rough = _found(preset, sizes, device, "bfloat16", options.seed)
    distance = jax.tree.map(np.subtract, ours.gradient, theirs.gradient)
    same = (ours.samples.tokens == theirs.samples.tokens).all(axis=-1)
    apart = np.abs(ours.samples.log_probabilities - theirs.samples.log_probabilities)[same]
    wrong = []
    for name, value, tolerance, unit in (
        ("loss, float32", _relative(ours.loss, theirs.loss), _LOSS, "relative"),
        ("gradient, float32", _norm(distance) / _norm(theirs.gradient), _GRADIENT, "relative"),
        ("samples' log-probability", float(apart.max(initial=0.0)), _LOG_PROBABILITY, "nats"),
        ("other samples", 100 * (1 - float(same.mean())), 100 - _SAMES_PERCENT, "%"),
        ("loss, bfloat16", _relative(rough.loss, theirs.loss), _BFLOAT16_LOSS, "relative"),
    ):
        is_within = value <= tolerance  # which NaN is not
        note = f"tolerated: {tolerance:g}" + ("" if is_within else ", and so this is WRONG")
        yield Measurement(f"{preset}: {name}, beside a CPU", value, None, unit, note=note)
        wrong += [] if is_within else [name]
    if wrong:
        raise InexactError(f"beside a CPU, too far: {', '.join(wrong)}")


def _relative(value: float, expected: float) -> float:
    return abs(value - expected) / abs(expected)


def _norm(tree: Any) -> float:
    return float(optax.tree.norm(tree))


def _found(preset: str, sizes: Sizes, device: jax.Device, dtype: str, seed: int) -> _Found:
    shape = shape_of(preset)
    rng = np.random.default_rng(seed)

    def drawn(length: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns tokens, and a mask of rows of many lengths."""
        rows = sizes.num_tasks
        lengths = rng.integers(length // 2, length + 1, (rows, 1))
        return rng.integers(2, shape.vocab_size, (rows, length), dtype=np.int32), np.arange(length) < lengths

    batch = Batch(*drawn(sizes.prompt_length), *drawn(sizes.num_tokens))
    with jax.default_device(jax.devices("cpu")[0]):
        graphdef, params = make_network(shape, seed, dtype)
    with jax.default_device(device), jax.default_matmul_precision("highest"):
        params = jax.device_put(params, device)
        loss_and_gradient = jax.jit(jax.value_and_grad(partial(_mean_loss, graphdef=graphdef)))
        loss, gradient = loss_and_gradient(params, jax.device_put(batch, device))
        keys = jax.random.split(jax.random.key(seed), sizes.num_tasks)
        samples = draw_programs(graphdef, params, batch.prompt_ids, batch.prompt_mask, keys, sizes)
    return _Found(float(loss), jax.device_get(gradient), samples)


def _mean_loss(params: Any, batch: Batch, *, graphdef: Any) -> jax.Array:
    loss, (_, num_tokens) = summed_loss(params, graphdef, batch, None)
    return loss / jnp.float32(num_tokens)
