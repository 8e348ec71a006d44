"""Whether the device computes what a CPU does: loss, gradient and samples of a small policy.

The same weights, batch and keys go to both in one process, with float32 products at the highest precision,
and so only the order of sums differs. In bfloat16 the loss is held against the CPU's in float32.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from codeit_jax.benchmarks.accelerator.device import begin
from codeit_jax.benchmarks.generation import Sizes, draw_programs
from codeit_jax.benchmarks.learner import shape_of
from codeit_jax.benchmarks.suites import Options
from codeit_jax.benchmarks.table import Measurement
from codeit_jax.learner.batching import Batch
from codeit_jax.learner.step import summed_loss
from codeit_jax.policy.building import make_network
from codeit_jax.policy.presets import NetworkConfig
from codeit_jax.policy.sampling import Samples

_PRESET = "nano"  # a CPU has to compile and run it, too
_LOSS, _GRADIENT, _BFLOAT16_LOSS = 1e-5, 1e-4, 1e-2  # relative
# A draw may fall between two tokens' shares so closely that the last digits decide, and the rest follows.
_SAMES_PERCENT, _LOG_PROBABILITY = 98.0, 1e-3


class InexactError(RuntimeError):
    """The device does not compute what a CPU does, within what is tolerated."""


def measure(options: Options) -> Iterator[Measurement]:
    """Yields how far the device is from the CPU.

    Raises:
        InexactError: further than is tolerated; all was measured by then.
    """
    is_quick = begin(options)
    sizes = Sizes(num_samples=4, prompt_length=16, num_tokens=8) if is_quick else Sizes(num_tokens=64)
    device, cpu = jax.devices()[0], jax.devices("cpu")[0]
    batch = _draw_batch(shape_of(_PRESET), sizes, options.seed)
    with jax.default_matmul_precision("highest"):
        (loss, gradient, samples), (its_loss, its_gradient, its_samples) = (
            (*_learned(batch, each, options.seed), _sampled(batch, sizes, each, options.seed))
            for each in (device, cpu)
        )
        graphdef, params = _network(device, options.seed, "bfloat16")
        rough = float(_mean_loss(params, jax.device_put(batch, device), graphdef))
    distance = jax.tree.map(np.subtract, gradient, its_gradient)
    same = (samples.tokens == its_samples.tokens).all(axis=-1)
    apart = np.abs(samples.log_probabilities - its_samples.log_probabilities)[same]
    wrong = []
    for name, value, tolerance, unit in (
        ("loss, float32", _relative(loss, its_loss), _LOSS, "relative"),
        ("gradient, float32", _norm(distance) / _norm(its_gradient), _GRADIENT, "relative"),
        ("samples' log-probability", float(apart.max(initial=0.0)), _LOG_PROBABILITY, "nats"),
        ("other samples", 100 * (1 - float(same.mean())), 100 - _SAMES_PERCENT, "%"),
        ("loss, bfloat16", _relative(rough, its_loss), _BFLOAT16_LOSS, "relative"),
    ):
        is_within = value <= tolerance  # which NaN is not
        note = f"tolerated: {tolerance:g}" + ("" if is_within else ", and so this is WRONG")
        yield Measurement(f"{_PRESET}: {name}, beside a CPU", value, None, unit, note=note)
        wrong += [] if is_within else [name]
    if wrong:
        raise InexactError(f"beside a CPU, too far: {', '.join(wrong)}")


def _relative(value: float, expected: float) -> float:
    return abs(value - expected) / abs(expected)


def _norm(tree: Any) -> float:
    return float(optax.tree.norm(tree))


def _draw_batch(shape: NetworkConfig, sizes: Sizes, seed: int) -> Batch:
    """Returns random prompts and programs of many lengths."""
    rng = np.random.default_rng(seed)

    def drawn(length: int) -> tuple[np.ndarray, np.ndarray]:
        lengths = rng.integers(length // 2, length + 1, (sizes.num_tasks, 1))
        ids = rng.integers(2, shape.vocab_size, (sizes.num_tasks, length), dtype=np.int32)
        return ids, np.arange(length) < lengths

    return Batch(*drawn(sizes.prompt_length), *drawn(sizes.num_tokens))


def _network(device: jax.Device, seed: int, dtype: str = "float32") -> tuple[Any, Any]:
    """Returns what `make_network` does, with the parameters on a device, which are the same on all."""
    with jax.default_device(jax.devices("cpu")[0]):
        graphdef, params = make_network(shape_of(_PRESET), seed, dtype)
    return graphdef, jax.device_put(params, device)


def _learned(batch: Batch, device: jax.Device, seed: int) -> tuple[float, Any]:
    graphdef, params = _network(device, seed)
    loss, gradient = _loss_and_gradient(params, jax.device_put(batch, device), graphdef)
    return float(loss), jax.device_get(gradient)


def _sampled(batch: Batch, sizes: Sizes, device: jax.Device, seed: int) -> Samples:
    graphdef, params = _network(device, seed)
    with jax.default_device(device):
        keys = jax.random.split(jax.random.key(seed), sizes.num_tasks)
        return draw_programs(graphdef, params, batch.prompt_ids, batch.prompt_mask, keys, sizes)


@partial(jax.jit, static_argnames="graphdef")
def _mean_loss(params: Any, batch: Batch, graphdef: nnx.GraphDef) -> jax.Array:
    loss, (_, num_tokens) = summed_loss(params, graphdef, batch, None)
    return loss / num_tokens.astype(jnp.float32)


@partial(jax.jit, static_argnames="graphdef")
def _loss_and_gradient(params: Any, batch: Batch, graphdef: nnx.GraphDef) -> Any:
    return jax.value_and_grad(_mean_loss)(params, batch, graphdef)
