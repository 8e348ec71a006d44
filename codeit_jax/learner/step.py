"""One update of the policy: cross-entropy of the programs given their prompts, and AdamW."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from codeit_jax.config import LearnerConfig
from codeit_jax.learner.batching import Batch
from codeit_jax.learner.loss import cross_entropy
from codeit_jax.policy.network import PAD_ID
from codeit_jax.policy.sharding import ROW_AXES, gathered_sharding

jax.tree_util.register_dataclass(
    Batch, data_fields=["prompt_ids", "prompt_mask", "program_ids", "program_mask"], meta_fields=[]
)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class LearnerState:
    """All that an update changes.

    Attributes:
        params: the policy's parameters.
        opt_state: the optimiser's state.
        step: updates done so far, int32 scalar.
        key: data of the random key that dropout keys are folded from, uint32; it never changes.
    """

    params: Any
    opt_state: optax.OptState
    step: jax.Array
    key: jax.Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class StepMetrics:
    """Measurements of an update; scalars on the devices.

    Attributes:
        loss: mean cross-entropy of the batch's program tokens, in nats, before the update.
        token_accuracy: share of those tokens that were the most likely one.
        gradient_norm: global norm of the gradient, before any clipping.
        num_tokens: program tokens in the batch, int32.
    """

    loss: jax.Array
    token_accuracy: jax.Array
    gradient_norm: jax.Array
    num_tokens: jax.Array


Step = Callable[[LearnerState, Batch], tuple[LearnerState, StepMetrics]]


def make_optimizer(config: LearnerConfig) -> optax.GradientTransformation:
    """Returns AdamW with a learning rate that is constant after the warm-up (paper, experiment details)."""
    rate: optax.ScalarOrSchedule = config.learning_rate
    if config.warmup_steps > 0:
        first = config.learning_rate / config.warmup_steps
        rate = optax.linear_schedule(first, config.learning_rate, config.warmup_steps - 1)
    optimizer = optax.adamw(rate, weight_decay=config.weight_decay)
    if config.max_gradient_norm is None:
        return optimizer
    return optax.chain(optax.clip_by_global_norm(config.max_gradient_norm), optimizer)


def summed_loss(
    params: Any,
    graphdef: nnx.GraphDef,
    batch: Batch,
    dropout_key: jax.Array | None,
    *,
    rematerialize: bool = False,
    mesh: Mesh | None = None,
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    """Returns the summed loss of a batch's program tokens, how many were predicted and how many there are.

    Padding has no part in it. Sums, so that parts of a batch can be added up before anything is divided.

    Args:
        params: with `graphdef`, what `nnx.split` made of the policy.
        graphdef: see `params`.
        batch: the examples.
        dropout_key: a random key, or None for no dropout.
        rematerialize: see `LearnerConfig`.
        mesh: the devices, if the batch is spread over them.

    Returns:
        float32 loss in nats, and int32 counts of the tokens that were the likeliest one and of all; scalars.
    """
    model = nnx.merge(graphdef, params)
    labels, mask = jnp.asarray(batch.program_ids), jnp.asarray(batch.program_mask)
    decoder_ids = jnp.pad(labels[:, :-1], ((0, 0), (1, 0)), constant_values=PAD_ID)
    hidden, head = model.hidden_and_head(
        batch.prompt_ids,
        decoder_ids,
        prompt_mask=batch.prompt_mask,
        dropout_key=dropout_key,
        rematerialize=rematerialize,
    )
    loss, num_correct = cross_entropy(hidden, head, labels, mask, mesh=mesh)
    return loss, (num_correct, jnp.sum(mask, dtype=jnp.int32))


def make_step(
    graphdef: nnx.GraphDef,
    optimizer: optax.GradientTransformation,
    state_sharding: Any = None,
    *,
    num_micro_batches: int = 1,
    rematerialize: bool = False,
) -> Step:
    """Returns the jitted update `(state, batch) -> (state, metrics)`.

    It compiles once for each shape of batch, and the state it is given is donated: the arrays in it are gone
    afterwards. Dropout depends on the state's key and step alone (and on the number of micro-batches), so an
    update can be repeated exactly.

    The gradient is that of the mean loss over the tokens of the whole batch, however the batch is spread over
    devices and divided into micro-batches.

    Args:
        graphdef: what `nnx.split` of a `Network` returned beside the parameters.
        optimizer: what turns gradients into updates.
        state_sharding: where the new state is to lie, a tree like it; None leaves it to the compiler.
        num_micro_batches: see `LearnerConfig`.
        rematerialize: see `LearnerConfig`.
    """
    mesh: Mesh | None = None if state_sharding is None else state_sharding.step.mesh

    def objective(params: Any, batch: Batch, dropout_key: jax.Array) -> Any:
        if state_sharding is not None:
            params = jax.lax.with_sharding_constraint(params, gathered_sharding(state_sharding.params))
        return summed_loss(params, graphdef, batch, dropout_key, rematerialize=rematerialize, mesh=mesh)

    def sums(params: Any, batch: Batch, dropout_key: jax.Array) -> Any:
        found, gradient = jax.value_and_grad(objective, has_aux=True)(params, batch, dropout_key)
        if state_sharding is not None:
            gradient = jax.lax.with_sharding_constraint(gradient, state_sharding.params)
        return found, gradient

    def accumulated_sums(params: Any, batch: Batch, dropout_key: jax.Array) -> Any:
        def add(total: Any, part: Any) -> Any:
            return jax.tree.map(jnp.add, total, sums(params, *part)), None

        keys = jax.random.split(dropout_key, num_micro_batches)
        parts = _micro_batches(batch, num_micro_batches, mesh), keys
        nothing = jnp.zeros((), jnp.float32), (jnp.zeros((), jnp.int32), jnp.zeros((), jnp.int32))
        return jax.lax.scan(add, (nothing, jax.tree.map(jnp.zeros_like, params)), parts)[0]

    def step(state: LearnerState, batch: Batch) -> tuple[LearnerState, StepMetrics]:
        dropout_key = jax.random.fold_in(jax.random.wrap_key_data(state.key), state.step)
        find = sums if num_micro_batches == 1 else accumulated_sums
        (loss, (num_correct, num_tokens)), gradient = find(state.params, batch, dropout_key)
        divisor = jnp.maximum(num_tokens, 1).astype(jnp.float32)
        gradient = jax.tree.map(lambda leaf: leaf / divisor, gradient)
        updates, opt_state = optimizer.update(gradient, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        metrics = StepMetrics(
            loss=loss / divisor,
            token_accuracy=num_correct / divisor,
            gradient_norm=optax.tree.norm(gradient),
            num_tokens=num_tokens,
        )
        return LearnerState(params, opt_state, state.step + 1, state.key), metrics

    if state_sharding is None:
        return jax.jit(step, donate_argnums=0)
    return jax.jit(step, donate_argnums=0, out_shardings=(state_sharding, state_sharding.step))


def make_score(graphdef: nnx.GraphDef, state_sharding: Any) -> Callable[[Any, Batch], jax.Array]:
    """Returns the jitted loss `(params, batch) -> float32 scalar`: the mean over the batch's program tokens.

    There is no dropout, and nothing is learned.

    Args:
        graphdef: what `nnx.split` of a `Network` returned beside the parameters.
        state_sharding: where the learner's state lies.
    """

    def score(params: Any, batch: Batch) -> jax.Array:
        params = jax.lax.with_sharding_constraint(params, gathered_sharding(state_sharding.params))
        loss, (_, num_tokens) = summed_loss(params, graphdef, batch, None, mesh=state_sharding.step.mesh)
        return loss / jnp.maximum(num_tokens, 1).astype(jnp.float32)

    return jax.jit(score, out_shardings=state_sharding.step)


def _micro_batches(batch: Batch, number: int, mesh: Mesh | None) -> Batch:
    """Returns the batch with its rows dealt out: arrays `[number, rows / number, ...]`.

    Each takes every so many-th row, so that a device finds its share of all of them among the rows it has.
    """

    def dealt(array: jax.Array) -> jax.Array:
        parts = array.reshape(-1, number, *array.shape[1:]).swapaxes(0, 1)
        if mesh is None:
            return parts
        return jax.lax.with_sharding_constraint(parts, NamedSharding(mesh, PartitionSpec(None, ROW_AXES)))

    return jax.tree.map(dealt, batch)
