"""Another network than the policy's own behind the seam: sampled from and learned with as if it were that."""

import ast
from pathlib import Path
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import codeit_jax
from codeit_jax.config import LearnerConfig
from codeit_jax.learner.batching import Example
from codeit_jax.learner.learner import Learner
from codeit_jax.policy.network import PAD_ID
from codeit_jax.policy.sampling import Sampler, Shape, sample
from codeit_jax.policy.sharding import make_mesh

VOCABULARY, WIDTH, EOS, LENGTH = 9, 16, 1, 8
DECAY = 0.5
_MEASURES_ATTENTION = Path("benchmarks", "accelerator", "attention.py")


class Recurrent(nnx.Module):
    """Adds what it has read of a program, each token half as much as the next, to the mean of the prompt.

    Its cache is one vector a row, whatever the length.
    """

    sharding_rules: ClassVar = ((r"\btable\b", ("tensor", None)),)

    def __init__(self, *, rngs):
        self.table = nnx.Param(jax.random.normal(rngs.params(), (VOCABULARY, WIDTH)))
        self.head = nnx.Param(jax.random.normal(rngs.params(), (VOCABULARY, WIDTH)))

    def hidden_and_head(self, prompt_ids, decoder_ids, *, prompt_mask, dropout_key=None, rematerialize=False):
        def read(state, token):
            state = DECAY * state + token
            return state, state

        start = jnp.zeros((len(decoder_ids), WIDTH))
        states = jax.lax.scan(read, start, self.table[...][decoder_ids].swapaxes(0, 1))[1].swapaxes(0, 1)
        return jnp.tanh(states + self.read_prompts(prompt_ids, prompt_mask)[:, None]), self.head[...]

    def read_prompts(self, prompt_ids, prompt_mask):
        count = jnp.maximum(prompt_mask.sum(axis=1, keepdims=True), 1)
        return jnp.sum(self.table[...][prompt_ids] * prompt_mask[..., None], axis=1) / count

    def empty_cache(self, rows, length):
        return jnp.zeros((rows, WIDTH))

    def resize_cache(self, cache, length):
        return cache

    def decoder_context(self, prompt, prompt_mask, *, length, token_ids=None):
        head = self.head[...] if token_ids is None else self.head[...][token_ids]
        return prompt, head

    def decode_step(self, tokens, written, context, position):
        prompt, head = context
        state = DECAY * written.reshape(*tokens.shape, WIDTH) + self.table[...][tokens]
        hidden = jnp.tanh(state + prompt[:, None])
        return jnp.einsum("tsd,vd->tsv", hidden, head), state.reshape(written.shape)


@pytest.fixture(scope="module")
def network():
    return nnx.split(Recurrent(rngs=nnx.Rngs(0)))


@pytest.fixture(scope="module")
def tasks():
    prompt_mask = np.arange(5) < np.array([[5], [2], [3]])
    prompt_ids = np.where(prompt_mask, np.random.default_rng(0).integers(2, VOCABULARY, (3, 5)), PAD_ID)
    return prompt_ids, prompt_mask, jax.random.split(jax.random.key(0), 3)


SETTINGS = {"num_samples": 6, "max_length": LENGTH, "temperature": 1.0, "eos_id": EOS}


def test_samples_have_the_probabilities_of_the_uncached_network(network, tasks):
    drawn = sample(*network, *tasks, **SETTINGS)
    prompt_ids, prompt_mask, _ = tasks
    assert drawn.lengths.min() < LENGTH  # some programs end and are retired
    for task, programs in enumerate(drawn.tokens):
        rows = np.repeat(prompt_ids[task : task + 1], len(programs), axis=0)
        mask = np.repeat(prompt_mask[task : task + 1], len(programs), axis=0)
        decoder_ids = np.pad(programs[:, :-1], ((0, 0), (1, 0)), constant_values=PAD_ID)
        hidden, head = nnx.merge(*network).hidden_and_head(rows, decoder_ids, prompt_mask=mask)
        log_probabilities = jax.nn.log_softmax(hidden @ head.T)
        chosen = np.take_along_axis(np.asarray(log_probabilities), programs[..., None], axis=-1)[..., 0]
        is_drawn = np.arange(LENGTH) < drawn.lengths[task][:, None]
        np.testing.assert_allclose(
            (chosen * is_drawn).sum(axis=1), drawn.log_probabilities[task], atol=1e-5, rtol=1e-5
        )


def test_the_shapes_of_decoding_do_not_matter(network, tasks):
    graphdef, params = network
    whole = Sampler(graphdef, **SETTINGS, shapes=[Shape(6, LENGTH)])
    parts = Sampler(graphdef, **SETTINGS, shapes=[Shape(6, 2), Shape(2, LENGTH), Shape(6, LENGTH)])
    one, other = (dict(sampler.sample(params, *tasks)) for sampler in (whole, parts))
    for task in range(3):
        np.testing.assert_array_equal(one[task].tokens, other[task].tokens)


def test_learning_lowers_the_loss(network):
    config = LearnerConfig(batch_size=8, learning_rate=0.05, prompt_buckets=(5,), program_buckets=(4,))
    mesh = make_mesh(1, 1, 1, jax.devices()[:1])
    learner = Learner(*network, config, mesh, 0, sharding_rules=Recurrent.sharding_rules)
    examples = [Example([number % 7 + 2] * 4, [number % 7 + 2, 3, EOS]) for number in range(32)]
    losses = [learner.learn(examples, np.random.default_rng(epoch)).loss for epoch in range(12)]
    assert losses[-1] < 0.5 * losses[0]


def test_nothing_outside_the_policy_knows_its_network():
    root = Path(codeit_jax.__file__).parent
    for path in root.rglob("*.py"):
        if path.relative_to(root).parts[0] == "policy" or path == root / _MEASURES_ATTENTION:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = {
            name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for name in (node.module, *(alias.name for alias in node.names))
        }
        assert imported.isdisjoint(
            {"codeit_jax.policy.t5", "codeit_jax.policy.attention", "T5", "T5Config"}
        ), path
