import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import codeit_jax
from codeit_jax.config import LearnerConfig
from codeit_jax.learner import learner as learning
from codeit_jax.learner.batching import Example
from codeit_jax.learner.learner import Learner, Progress
from codeit_jax.policy.presets import T5Config
from codeit_jax.policy.sharding import make_mesh
from codeit_jax.policy.t5 import T5

VOCABULARY = 12
CONFIG = LearnerConfig(batch_size=8, learning_rate=3e-3, prompt_buckets=(4, 8), program_buckets=(4,))
EOS = 1


class Bigram(nnx.Module):
    """A policy of two tables, quick to compile: logits are the sum of the rows of prompt and last token."""

    def __init__(self, dropout_rate, *, rngs):
        self.dropout_rate = dropout_rate
        self.prompt = nnx.Param(jax.random.normal(rngs.params(), (VOCABULARY, VOCABULARY)))
        self.program = nnx.Param(jax.random.normal(rngs.params(), (VOCABULARY, VOCABULARY)))

    def hidden_and_head(self, prompt_ids, decoder_ids, *, prompt_mask, dropout_key, rematerialize):
        read = jnp.sum(self.prompt[...][prompt_ids], axis=1, where=prompt_mask[..., None])
        logits = read[:, None] + self.program[...][decoder_ids]
        if dropout_key is not None:
            logits *= jax.random.bernoulli(dropout_key, 1 - self.dropout_rate, logits.shape)
        return logits, jnp.eye(VOCABULARY)


@pytest.fixture(scope="module")
def policy():
    return nnx.split(Bigram(0.1, rngs=nnx.Rngs(0)))


def make_learner(policy, seed=0, **changes):
    mesh = make_mesh(1, 1, 1, devices=jax.devices()[:1])
    return Learner(*policy, dataclasses.replace(CONFIG, **changes), mesh, seed)


def copy_task(number, length=3, seed=0):
    """Programs that are their prompts."""
    tokens = np.random.default_rng(seed).integers(2, VOCABULARY, (number, length), dtype=np.int32)
    return [Example(prompt, np.append(prompt, np.int32(EOS))) for prompt in tokens]


def assert_trees_equal(first, second):
    jax.tree.map(np.testing.assert_array_equal, first, second)


def test_a_t5_learns_to_copy():
    shape = T5Config(
        vocab_size=VOCABULARY,
        d_model=32,
        d_kv=16,
        d_ff=64,
        num_encoder_layers=1,
        num_decoder_layers=1,
        num_heads=2,
        dropout_rate=0.0,
    )
    learner = make_learner(nnx.split(T5(shape, rngs=nnx.Rngs(0))))
    rng = np.random.default_rng(0)
    examples = copy_task(64)
    history = [learner.learn(examples, rng) for _ in range(15)]
    assert history[0].loss == pytest.approx(np.log(VOCABULARY), abs=1.0)
    assert history[-1].loss < history[4].loss < history[0].loss
    assert history[-1].loss < 0.5 * history[0].loss
    assert history[-1].token_accuracy > 0.5 > history[0].token_accuracy
    assert learner.state.step == 15 * 8


def test_metrics_are_of_all_tokens_and_epochs(policy):
    # 20 examples in 3 batches of 8, 4 rows of them empty; the longer prompts take the longer bucket.
    learner = make_learner(policy, num_epochs=2)
    metrics = learner.learn(copy_task(8, length=3) + copy_task(12, length=2), np.random.default_rng(0))
    assert metrics.num_steps == 2 * 3
    assert metrics.num_examples == 20
    assert metrics.num_tokens == 2 * (8 * 4 + 12 * 3)
    assert metrics.padding_share == pytest.approx(1 - (8 * 7 + 12 * 5) / (24 * 8))
    assert metrics.gradient_norm > 0


def test_the_loss_weighs_every_token_alike():
    # Without dropout and with next to no learning, unequal batches must average as one large batch does.
    policy = nnx.split(Bigram(0.0, rngs=nnx.Rngs(0)))
    found = []
    for size in (8, 16):
        learner = make_learner(policy, batch_size=size, learning_rate=1e-30, weight_decay=0.0)
        found.append(learner.learn(copy_task(12), np.random.default_rng(0)))
    assert found[0].loss == pytest.approx(found[1].loss, abs=1e-6)
    assert found[0].token_accuracy == pytest.approx(found[1].token_accuracy, abs=1e-6)


def test_a_score_is_the_loss_without_dropout_and_changes_nothing(policy):
    examples = copy_task(5, length=2) + copy_task(3, length=3)
    undisturbed = nnx.split(Bigram(0.0, rngs=nnx.Rngs(0)))
    expected = make_learner(undisturbed).learn(examples, np.random.default_rng(0)).loss
    learner = make_learner(policy)
    before = jax.tree.map(jnp.copy, learner.state)
    assert learner.score(examples) == pytest.approx(expected, abs=1e-6)
    assert_trees_equal(learner.state, before)


def test_a_score_is_of_as_many_examples_as_a_micro_batch_holds(policy):
    examples = iter(copy_task(20))
    learner = make_learner(policy, num_micro_batches=2)
    assert learner.score(examples) == pytest.approx(learner.score(copy_task(20)[:4]), abs=1e-6)
    assert len(list(examples)) == 16
    assert np.isnan(learner.score([]))


@pytest.mark.parametrize("num_epochs", [1, 3])
def test_examples_are_drawn_part_by_part_and_learned_from_once_an_epoch(policy, monkeypatch, num_epochs):
    monkeypatch.setattr(learning, "_UPDATES_ORDERED", 2)
    learner = make_learner(policy, num_epochs=num_epochs)
    rng = np.random.default_rng(0)
    examples = [Example(np.array([2 + number]), np.array([EOS])) for number in range(50)]
    drawn = []
    batches = learner._batches((drawn.append(number) or each for number, each in enumerate(examples)), rng)
    seen = []
    for number, batch in enumerate(batches):
        if number < 7:
            assert len(drawn) == min(50, 16 * (number // 2 + 1))
        seen += batch.prompt_ids[batch.prompt_mask].tolist()
    assert len(seen) == num_epochs * 50
    for epoch in range(num_epochs):
        assert sorted(seen[50 * epoch : 50 * (epoch + 1)]) == list(range(2, 52))


def test_it_compiles_once_a_shape(policy):
    learner = make_learner(policy)
    rng = np.random.default_rng(0)
    for number in (3, 9, 30):
        learner.learn(copy_task(number), rng)
    assert learner._step._cache_size() == 1
    learner.learn([Example(np.full(7, 2, np.int32), np.array([2, EOS], np.int32)), *copy_task(20)], rng)
    assert learner._step._cache_size() == 2


def test_the_same_seeds_give_the_same_parameters(policy):
    def learned(seed):
        learner = make_learner(policy, seed)
        learner.learn(copy_task(16), np.random.default_rng(5))
        return learner.params

    first = learned(1)
    assert_trees_equal(first, learned(1))
    same = jax.tree.map(lambda a, b: bool((a == b).all()), first, learned(2))
    assert not all(jax.tree.leaves(same))


def test_the_callers_parameters_are_left_alone(policy):
    _, params = policy
    before = jax.tree.map(np.array, params)
    learner = make_learner(policy)
    learner.learn(copy_task(8), np.random.default_rng(0))
    assert_trees_equal(params, before)
    assert jax.tree.structure(learner.params) == jax.tree.structure(params)


def test_parameters_that_are_taken_are_not_copied(policy):
    graphdef, params = policy
    given = jax.tree.map(jnp.copy, params)
    mesh = make_mesh(1, 1, 1, devices=jax.devices()[:1])
    learner = Learner(graphdef, given, CONFIG, mesh, 0, takes_params=True)
    pointers = [leaf.unsafe_buffer_pointer() for leaf in jax.tree.leaves(learner.params)]
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves(given))
    assert_trees_equal(learner.params, params)
    assert len(set(pointers)) == len(pointers)
    copied = make_learner(policy)
    for each in (learner, copied):
        each.learn(copy_task(8), np.random.default_rng(0))
    assert_trees_equal(learner.params, copied.params)


def test_a_loss_that_is_not_finite_is_an_error_that_names_the_step(policy):
    learner = make_learner(policy)
    broken = jax.tree.map(lambda leaf: leaf.at[0].set(jnp.nan), learner.params)
    learner.restore(dataclasses.replace(learner.state, params=broken, step=jnp.asarray(7, jnp.int32)))
    with pytest.raises(FloatingPointError, match="learner step 7: loss nan"):
        learner.learn(copy_task(24), np.random.default_rng(0))


@pytest.mark.parametrize("broken", [0, 2, 4])
def test_the_batch_of_an_update_that_failed_is_saved(tmp_path, broken):
    # One token's row is NaN, and one batch alone holds that token.
    model = Bigram(0.0, rngs=nnx.Rngs(0))
    model.prompt[...] = model.prompt[...].at[11].set(jnp.nan)
    examples = [Example(np.full(3, 2, np.int32), np.array([2, 3, EOS], np.int32)) for _ in range(40)]
    mesh = make_mesh(1, 1, 1, devices=jax.devices()[:1])
    learner = Learner(*nnx.split(model), CONFIG, mesh, 0, failure_folder=tmp_path / "failures")
    batches = list(learner._batches(examples, np.random.default_rng(0)))
    batches[broken].prompt_ids[5, 1] = 11
    learner._batches = lambda examples, rng: iter(batches)
    file = tmp_path / "failures" / f"batch_of_step_{broken}.npz"
    with pytest.raises(FloatingPointError, match=f"learner step {broken}: .* the batch is in {file}"):
        learner.learn(examples, np.random.default_rng(0))
    assert list(file.parent.iterdir()) == [file]
    with np.load(file) as saved:
        assert saved["step"] == broken
        for name, array in dataclasses.asdict(batches[broken]).items():
            np.testing.assert_array_equal(saved[name], array)
    # It is found out two updates later, not at the end.
    assert learner.state.step == min(broken + 3, 5)


class EveryUpdate:
    """A pause after some of a learner's updates, in which its state is copied and it may be cut short."""

    def __init__(self, learner, progress, due, last=None):
        self.states = {}
        self._learner, self._progress, self._due, self._last = learner, progress, due, last
        self._number = 0

    def is_due(self):
        self._number += 1
        return self._number in self._due

    def take(self):
        number = len(self._progress.updates)
        self.states[number] = jax.tree.map(jnp.copy, self._learner.state)
        if number == self._last:
            raise KeyboardInterrupt


@pytest.mark.parametrize("num_done", [1, 2, 5, 6])
@pytest.mark.parametrize("num_epochs", [1, 2])
def test_it_goes_on_where_it_was_cut_short(policy, num_done, num_epochs, monkeypatch):
    monkeypatch.setattr(learning, "_UPDATES_ORDERED", 2)
    examples = copy_task(21 if num_epochs == 2 else 45)  # six updates, of which not all are full
    whole = make_learner(policy, num_epochs=num_epochs)
    expected = whole.learn(examples, np.random.default_rng(3))
    assert expected.num_steps == 6
    cut, progress = make_learner(policy, num_epochs=num_epochs), Progress()
    pause = EveryUpdate(cut, progress, {1, num_done}, num_done)
    with pytest.raises(KeyboardInterrupt):
        cut.learn(iter(examples), np.random.default_rng(3), progress, pause)
    assert sorted(pause.states) == sorted({1, num_done})
    assert (len(progress.updates), progress.done) == (num_done, [])
    again = make_learner(policy, num_epochs=num_epochs, seed=1)
    again.restore(pause.states[num_done])
    resumed = Progress(updates=[dataclasses.replace(each) for each in progress.updates])
    assert again.learn(iter(examples), np.random.default_rng(3), resumed) == expected
    assert resumed == Progress([expected], [])
    assert_trees_equal(again.state, whole.state)


def test_pauses_change_nothing(policy):
    whole, paused, progress = make_learner(policy), make_learner(policy), Progress()
    expected = whole.learn(copy_task(45), np.random.default_rng(3))
    pause = EveryUpdate(paused, progress, range(9))
    assert paused.learn(copy_task(45), np.random.default_rng(3), progress, pause) == expected
    assert list(pause.states) == [1, 2, 3, 4, 5, 6]
    assert_trees_equal(paused.state, whole.state)


def test_mistakes_are_named(policy):
    learner = make_learner(policy)
    with pytest.raises(ValueError, match="no examples"):
        learner.learn([], np.random.default_rng(0))
    with pytest.raises(ValueError, match="prompt of 9 tokens"):
        learner.learn(copy_task(1, length=9), np.random.default_rng(0))


def test_the_abstract_state_describes_the_state(policy):
    learner = make_learner(policy)

    def check(leaf, abstract):
        assert (leaf.shape, leaf.dtype, leaf.sharding) == (abstract.shape, abstract.dtype, abstract.sharding)

    jax.tree.map(check, learner.state, learner.abstract_state)


SHARDED_PROGRAM = """
import dataclasses, sys
import jax, numpy as np
from flax import nnx
from codeit_jax.config import LearnerConfig
from codeit_jax.learner import loss
from codeit_jax.learner import learner as learning
from codeit_jax.learner.batching import Example
from codeit_jax.learner.learner import Learner
from codeit_jax.policy.sharding import make_mesh
from codeit_jax.policy.presets import T5Config
from codeit_jax.policy.t5 import T5

shape = T5Config(
    vocab_size=12, d_model=32, d_kv=16, d_ff=64, num_encoder_layers=1, num_decoder_layers=1, num_heads=2
)
config = LearnerConfig(
    batch_size=16, learning_rate=1e-4, num_micro_batches=2, prompt_buckets=(8,), program_buckets=(4,)
)
policy = nnx.split(T5(shape, rngs=nnx.Rngs(0)))
tokens = np.random.default_rng(0).integers(1, 12, (20 * 16 - 3, 8), dtype=np.int32)
# Two positions of a micro-batch's rows at once: the loss is worked out in blocks, on many devices and on one.
loss.BLOCK_LOGITS = 2 * 12
examples = [Example(row[: 1 + number % 8], row[: 1 + number % 4]) for number, row in enumerate(tokens)]

def learned(sizes):
    mesh = make_mesh(*sizes, devices=jax.devices()[: int(np.prod(sizes))])
    learner = Learner(*policy, config, mesh, 0, sharding_rules=T5.sharding_rules)
    metrics = learner.learn(examples, np.random.default_rng(1))
    assert metrics.num_steps == 20
    return learner, metrics

reference, expected = learned((1, 1, 1))
for sizes in ((8, 1, 1), (2, 4, 1), (2, 2, 2)):
    learner, metrics = learned(sizes)
    for field in dataclasses.fields(metrics):
        np.testing.assert_allclose(
            getattr(metrics, field.name), getattr(expected, field.name), rtol=0, atol=1e-5, err_msg=field.name
        )
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=1e-5), learner.params, reference.params
    )
    np.testing.assert_allclose(learner.score(examples), reference.score(examples), rtol=0, atol=1e-5)
    assert learner._step._cache_size() == learner._score._cache_size() == 1
    table = learner.params["embedding"][...]
    assert table.sharding.shard_shape(table.shape) == (12 // sizes[2], 32 // sizes[1])
    if sizes == (8, 1, 1):
        # Rows stay where they are, in micro-batches and blocks too: nothing but sums crosses devices.
        batch = jax.tree.map(learner._put, next(learner._batches(examples, np.random.default_rng(1))))
        text = learner._step.lower(learner.abstract_state, batch).compile().as_text()
        assert "all-reduce" in text
        assert not any(name in text for name in ("all-to-all", "all-gather", "collective-permute"))
    moment = learner.state.opt_state[0].mu["embedding"][...]
    assert moment.sharding == table.sharding
try:
    Learner(*policy, dataclasses.replace(config, batch_size=12), make_mesh(4, 2, 1), 0)
except ValueError as error:
    assert "learner.batch_size must be a multiple of learner.num_micro_batches x " in str(error)
    assert "mesh.data x mesh.fsdp = 2 x 8 = 16, not 12" in str(error)
else:
    raise AssertionError("a batch of 12 rows cannot be shared out over 8 devices")
"""


def test_sharded_equals_unsharded():
    environment = os.environ | {
        "JAX_PLATFORMS": "cpu",
        # Most of the time goes into compiling, and what is compared needs no fast code.
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
        "PYTHONPATH": str(Path(codeit_jax.__file__).parents[1]),
    }
    finished = subprocess.run(
        [sys.executable, "-c", SHARDED_PROGRAM], env=environment, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stderr
