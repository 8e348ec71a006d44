"""One update of the policy: cross-entropy of the programs given their prompts, and AdamW."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from codeit_jax.config import LearnerConfig
from codeit_jax.learner.batching import Batch
from codeit_jax.learner.mesh import gathered_sharding

# What the decoder reads before the first token: the padding, as in T5.
_START_ID = 0

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
    """What an update saw; scalars on the devices.

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


def loss_fn(
    params: Any, graphdef: nnx.GraphDef, batch: Batch, dropout_key: jax.Array | None
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    """Returns the batch's loss, and how many of its program tokens were predicted and how many there are.

    The loss is the mean over the tokens of the whole batch, however it is spread over devices; padding has no
    part in it.

    Args:
        params: with `graphdef`, what `nnx.split` made of the policy.
        graphdef: see `params`.
        batch: the examples.
        dropout_key: a random key, or None for no dropout.

    Returns:
        float32 loss, and int32 counts of the tokens that were the most likely one and of all; scalars.
    """
    model = nnx.merge(graphdef, params)
    labels, mask = batch.program_ids, batch.program_mask
    decoder_ids = jnp.pad(labels[:, :-1], ((0, 0), (1, 0)), constant_values=_START_ID)
    logits = model(batch.prompt_ids, decoder_ids, prompt_mask=batch.prompt_mask, dropout_key=dropout_key)
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
    num_tokens = jnp.sum(mask, dtype=jnp.int32)
    num_correct = jnp.sum(mask & (jnp.argmax(logits, axis=-1) == labels), dtype=jnp.int32)
    loss = jnp.sum(losses, where=mask) / jnp.maximum(num_tokens, 1)
    return loss, (num_correct, num_tokens)


def make_step(
    graphdef: nnx.GraphDef, optimizer: optax.GradientTransformation, state_sharding: Any = None
) -> Step:
    """Returns the jitted update `(state, batch) -> (state, metrics)`.

    It compiles once for each shape of batch, and the state it is given is donated: the arrays in it are gone
    afterwards. Dropout depends on the state's key and step alone, so an update can be repeated exactly.

    Args:
        graphdef: what `nnx.split` returned beside the parameters.
        optimizer: what turns gradients into updates.
        state_sharding: where the new state is to lie, a tree like it; None leaves it to the compiler.
    """

    def objective(params: Any, batch: Batch, dropout_key: jax.Array) -> Any:
        if state_sharding is not None:
            params = jax.lax.with_sharding_constraint(params, gathered_sharding(state_sharding.params))
        return loss_fn(params, graphdef, batch, dropout_key)

    def step(state: LearnerState, batch: Batch) -> tuple[LearnerState, StepMetrics]:
        dropout_key = jax.random.fold_in(jax.random.wrap_key_data(state.key), state.step)
        value_and_gradient = jax.value_and_grad(objective, has_aux=True)
        (loss, (num_correct, num_tokens)), gradient = value_and_gradient(state.params, batch, dropout_key)
        updates, opt_state = optimizer.update(gradient, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        metrics = StepMetrics(
            loss=loss,
            token_accuracy=num_correct / jnp.maximum(num_tokens, 1),
            gradient_norm=optax.tree.norm(gradient),
            num_tokens=num_tokens,
        )
        return LearnerState(params, opt_state, state.step + 1, state.key), metrics

    if state_sharding is None:
        return jax.jit(step, donate_argnums=0)
    return jax.jit(step, donate_argnums=0, out_shardings=(state_sharding, state_sharding.step))
