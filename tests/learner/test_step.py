import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from codeit_jax.config import LearnerConfig
from codeit_jax.learner.batching import Batch
from codeit_jax.learner.step import LearnerState, loss_fn, make_optimizer, make_step
from codeit_jax.policy.presets import T5Config
from codeit_jax.policy.t5 import T5

SHAPE = T5Config(
    vocab_size=20, d_model=16, d_kv=8, d_ff=32, num_encoder_layers=1, num_decoder_layers=1, num_heads=2
)


class Bigram(nnx.Module):
    """A policy of one table: the logits are the row of the token before, less what dropout takes away."""

    def __init__(self, table):
        self.table = nnx.Param(jnp.asarray(table))

    def __call__(self, prompt_ids, decoder_ids, *, prompt_mask, dropout_key=None):
        logits = self.table[...][decoder_ids]
        if dropout_key is None:
            return logits
        return logits * jax.random.bernoulli(dropout_key, 0.8, logits.shape)


@pytest.fixture(scope="module")
def bigram():
    table = np.random.default_rng(0).normal(size=(20, 20)).astype(np.float32)
    return nnx.split(Bigram(table))


@pytest.fixture(scope="module")
def policy():
    return nnx.split(T5(SHAPE, rngs=nnx.Rngs(0)))


value_and_gradient = jax.jit(jax.value_and_grad(loss_fn, has_aux=True), static_argnums=1)


def random_batch(seed=0, lengths=((7, 4), (5, 6), (7, 1)), source=7, target=6):
    """Padded with random tokens: what lies under a mask must not matter."""
    rng = np.random.default_rng(seed)
    masks = [
        np.arange(size) < np.array(column)[:, None]
        for size, column in zip((source, target), zip(*lengths, strict=True), strict=True)
    ]
    prompt_ids, program_ids = (rng.integers(1, 20, mask.shape, dtype=np.int32) for mask in masks)
    return Batch(prompt_ids, masks[0], program_ids, masks[1])


def padded(batch, rows, source, target):
    """The same examples in a larger batch, with 9 as the padding."""
    shapes = ((rows, source), (rows, source), (rows, target), (rows, target))
    fields = []
    for array, shape in zip(jax.tree.leaves(batch), shapes, strict=True):
        larger = np.full(shape, 0 if array.dtype == bool else 9, array.dtype)
        larger[: array.shape[0], : array.shape[1]] = array
        fields.append(larger)
    return Batch(*fields)


def initial_state(params, optimizer, step=0):
    return LearnerState(
        jax.tree.map(jnp.array, params),
        optimizer.init(params),
        jnp.asarray(step, jnp.int32),
        jax.random.key_data(jax.random.key(3)),
    )


def assert_trees_close(first, second, tolerance):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=tolerance), first, second)


def test_the_loss_is_the_cross_entropy_worked_out_by_hand():
    # Rows of natural logarithms of probabilities: after 0 (the start), 1 and 2.
    table = np.log(np.array([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7], [0.3, 0.6, 0.1]], np.float32))
    graphdef, params = nnx.split(Bigram(table))
    programs = np.array([[1, 2, 1], [2, 0, 0]], np.int32)
    batch = Batch(np.ones((2, 1), np.int32), np.ones((2, 1), bool), programs, programs > 0)
    loss, (num_correct, num_tokens) = loss_fn(params, graphdef, batch, None)
    # Start -> 1, 1 -> 2, 2 -> 1 in the first program, start -> 2 in the second; likeliest are 0, 2, 1 and 0.
    assert loss == pytest.approx(-(np.log(0.25) + np.log(0.7) + np.log(0.6) + np.log(0.25)) / 4, abs=1e-6)
    assert (num_correct, num_tokens) == (2, 4)


def test_the_loss_is_that_of_the_policys_own_logits(policy):
    graphdef, params = policy
    batch = random_batch()
    decoder_ids = np.concatenate([np.zeros((3, 1), np.int32), batch.program_ids[:, :-1]], axis=1)
    model = nnx.merge(graphdef, params)
    logits = jax.jit(lambda ids: model(batch.prompt_ids, ids, prompt_mask=batch.prompt_mask))(decoder_ids)
    logits = np.asarray(logits, np.float64)
    losses = [
        np.log(np.exp(logits[row, column]).sum()) - logits[row, column, batch.program_ids[row, column]]
        for row, column in zip(*np.nonzero(batch.program_mask), strict=True)
    ]
    (loss, (_, num_tokens)), _ = value_and_gradient(params, graphdef, batch, None)
    assert loss == pytest.approx(np.mean(losses), abs=1e-5)
    assert num_tokens == 11


def test_padding_changes_neither_loss_nor_gradient(policy):
    graphdef, params = policy
    batch = random_batch()
    (loss, counts), gradient = value_and_gradient(params, graphdef, batch, None)
    larger = padded(batch, rows=5, source=12, target=9)
    (padded_loss, padded_counts), padded_gradient = value_and_gradient(params, graphdef, larger, None)
    assert padded_loss == pytest.approx(float(loss), abs=1e-6)
    assert padded_counts == counts
    assert_trees_close(padded_gradient, gradient, 1e-6)


def test_a_batch_of_padding_alone_moves_nothing_but_the_decay(bigram):
    graphdef, params = bigram
    batch = random_batch()
    batch = dataclasses.replace(batch, program_mask=np.zeros_like(batch.program_mask))
    (loss, _), gradient = jax.value_and_grad(loss_fn, has_aux=True)(params, graphdef, batch, None)
    assert loss == 0
    assert all(not leaf.any() for leaf in jax.tree.leaves(gradient))


@pytest.mark.parametrize(
    "config",
    [
        LearnerConfig(learning_rate=1e-3),
        LearnerConfig(learning_rate=1e-3, weight_decay=0.0, warmup_steps=3, max_gradient_norm=0.01),
    ],
)
def test_a_step_is_the_unjitted_update(bigram, config):
    graphdef, params = bigram
    optimizer = make_optimizer(config)
    step = make_step(graphdef, optimizer)
    state = initial_state(params, optimizer)
    expected, opt_state = params, optimizer.init(params)
    for number in range(3):
        batch = random_batch(number)
        dropout_key = jax.random.fold_in(jax.random.key(3), number)
        (loss, _), gradient = jax.value_and_grad(loss_fn, has_aux=True)(
            expected, graphdef, batch, dropout_key
        )
        updates, opt_state = optimizer.update(gradient, opt_state, expected)
        expected = optax.apply_updates(expected, updates)
        state, metrics = step(state, batch)
        assert metrics.loss == pytest.approx(float(loss), abs=1e-5)
        assert metrics.gradient_norm == pytest.approx(float(optax.tree.norm(gradient)), rel=1e-5)
        assert metrics.num_tokens == 11
    assert_trees_close(state.params, expected, 1e-5)
    assert state.step == 3


def test_dropout_depends_on_the_key_and_the_step_alone(bigram):
    graphdef, params = bigram
    optimizer = make_optimizer(LearnerConfig())
    step = make_step(graphdef, optimizer)
    batch = random_batch()

    def loss(number, seed=3):
        state = initial_state(params, optimizer, step=number)
        state = dataclasses.replace(state, key=jax.random.key_data(jax.random.key(seed)))
        return float(step(state, batch)[1].loss)

    assert loss(0) == loss(0)
    assert len({loss(0), loss(1), loss(0, seed=4)}) == 3


def test_the_state_is_donated(bigram):
    graphdef, params = bigram
    optimizer = make_optimizer(LearnerConfig())
    state = initial_state(params, optimizer)
    make_step(graphdef, optimizer)(state, random_batch())
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves(state.params))


def updates_of(config, gradients):
    """What the optimiser makes of a gradient of one number, step by step; the parameter stays at 1."""
    optimizer = make_optimizer(config)
    parameter = jnp.ones(())
    state = optimizer.init(parameter)
    found = []
    for gradient in gradients:
        update, state = optimizer.update(jnp.asarray(gradient), state, parameter)
        found.append(float(update))
    return found


def test_the_learning_rate_is_constant_after_a_linear_warmup():
    # Adam's step is the learning rate as long as the gradient is the same.
    plain = LearnerConfig(learning_rate=0.1, weight_decay=0.0)
    assert updates_of(plain, [1.0] * 4) == pytest.approx([-0.1] * 4, rel=1e-4)
    warm = dataclasses.replace(plain, warmup_steps=4)
    assert updates_of(warm, [1.0] * 6) == pytest.approx([-0.025, -0.05, -0.075, -0.1, -0.1, -0.1], rel=1e-4)
    assert updates_of(dataclasses.replace(plain, warmup_steps=1), [1.0]) == pytest.approx([-0.1], rel=1e-4)


def test_weight_decay_is_decoupled_from_the_gradient():
    assert updates_of(LearnerConfig(learning_rate=0.1, weight_decay=0.5), [0.0]) == pytest.approx([-0.05])


def test_gradients_are_clipped_only_when_asked():
    # Adam forgets a gradient's scale but not how one compares with the next.
    plain = LearnerConfig(learning_rate=0.1, weight_decay=0.0)
    clipped = dataclasses.replace(plain, max_gradient_norm=1.0)
    assert updates_of(clipped, [1.0, 100.0]) == pytest.approx(updates_of(plain, [1.0, 1.0]))
    assert updates_of(plain, [1.0, 100.0])[1] != pytest.approx(updates_of(plain, [1.0, 1.0])[1], rel=0.01)
