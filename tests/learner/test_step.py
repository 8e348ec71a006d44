import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from codeit_jax.config import LearnerConfig
from codeit_jax.learner.batching import Batch
from codeit_jax.learner.step import LearnerState, make_optimizer, make_step, summed_loss
from codeit_jax.policy.presets import T5Config
from codeit_jax.policy.t5 import T5

SHAPE = T5Config(
    vocab_size=20, d_model=16, d_kv=8, d_ff=32, num_encoder_layers=1, num_decoder_layers=1, num_heads=2
)


class Bigram(nnx.Module):
    """A policy of one table: the logits are the row of the token before, less what dropout takes away."""

    def __init__(self, table):
        self.table = nnx.Param(jnp.asarray(table))

    def hidden_and_head(self, prompt_ids, decoder_ids, *, prompt_mask, dropout_key=None, rematerialize=False):
        logits = self.table[...][decoder_ids]
        if dropout_key is not None:
            logits = logits * jax.random.bernoulli(dropout_key, 0.8, logits.shape)
        return logits, jnp.eye(logits.shape[-1])


@pytest.fixture(scope="module")
def bigram():
    table = np.random.default_rng(0).normal(size=(20, 20)).astype(np.float32)
    return nnx.split(Bigram(table))


@pytest.fixture(scope="module")
def policy():
    return nnx.split(T5(SHAPE, rngs=nnx.Rngs(0)))


def mean_loss(*arguments, **options):
    loss, (num_correct, num_tokens) = summed_loss(*arguments, **options)
    return loss / jnp.maximum(num_tokens, 1), (num_correct, num_tokens)


value_and_gradient = jax.jit(jax.value_and_grad(mean_loss, has_aux=True), static_argnums=1)


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
    loss, (num_correct, num_tokens) = mean_loss(params, graphdef, batch, None)
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
    (loss, _), gradient = jax.value_and_grad(mean_loss, has_aux=True)(params, graphdef, batch, None)
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
        (loss, _), gradient = jax.value_and_grad(mean_loss, has_aux=True)(
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


@pytest.mark.parametrize(
    "optimizer", [optax.sgd(0.1), make_optimizer(LearnerConfig(learning_rate=1e-4))], ids=["sgd", "adamw"]
)
def test_micro_batches_make_the_update_of_the_whole_batch(optimizer):
    # Rows of many lengths, so that the mean of the parts' means would be another number.
    lengths = [(7, 6), (5, 6), (7, 1), (3, 2), (2, 1), (7, 5)]
    graphdef, params = nnx.split(T5(dataclasses.replace(SHAPE, dropout_rate=0.0), rngs=nnx.Rngs(0)))
    states, metrics = [], []
    for number in (1, 3):
        step = make_step(graphdef, optimizer, num_micro_batches=number)
        state = initial_state(params, optimizer)
        for seed in range(3):
            state, found = step(state, random_batch(seed, lengths))
            metrics.append(found)
        states.append(state)
    assert_trees_close(states[1].params, states[0].params, 1e-5)
    for whole, divided in zip(metrics[:3], metrics[3:], strict=True):
        assert_trees_close(divided, whole, 1e-5)


def test_each_micro_batch_has_its_rows_and_a_dropout_of_its_own(bigram):
    graphdef, params = bigram
    optimizer = make_optimizer(LearnerConfig())
    batch = random_batch(lengths=((7, 4), (5, 6), (7, 1), (2, 3)))
    _, metrics = make_step(graphdef, optimizer, num_micro_batches=2)(initial_state(params, optimizer), batch)
    keys = jax.random.split(jax.random.fold_in(jax.random.key(3), 0), 2)
    parts = [jax.tree.map(lambda array, part=part: array[part::2], batch) for part in range(2)]
    losses = [summed_loss(params, graphdef, *each)[0] for each in zip(parts, keys, strict=True)]
    assert metrics.loss == pytest.approx(float(sum(losses)) / 14, abs=1e-5)
    same_key = [summed_loss(params, graphdef, part, keys[0])[0] for part in parts]
    assert metrics.loss != pytest.approx(float(sum(same_key)) / 14, abs=1e-3)


def test_rematerialization_changes_no_gradient(policy):
    graphdef, params = policy
    batch, key = random_batch(), jax.random.key(5)

    def loss_and_gradient(rematerialize):
        def loss(params):
            return mean_loss(params, graphdef, batch, key, rematerialize=rematerialize)

        return jax.jit(jax.value_and_grad(loss, has_aux=True))(params)

    assert_trees_close(loss_and_gradient(True), loss_and_gradient(False), 1e-6)


def test_rematerialization_halves_the_memory_of_a_deep_network():
    shape = dataclasses.replace(SHAPE, num_encoder_layers=8, num_decoder_layers=2)
    graphdef, params = nnx.split(nnx.eval_shape(lambda: T5(shape, rngs=nnx.Rngs(0))))
    optimizer = make_optimizer(LearnerConfig())
    state = jax.eval_shape(lambda params: initial_state(params, optimizer), params)
    batch = random_batch(lengths=((128, 128),) * 4, source=128, target=128)
    without, with_it = (
        make_step(graphdef, optimizer, rematerialize=rematerialize)
        .lower(state, batch)
        .compile()
        .memory_analysis()
        .temp_size_in_bytes
        for rematerialize in (False, True)
    )
    assert with_it < without / 2, (with_it, without)
