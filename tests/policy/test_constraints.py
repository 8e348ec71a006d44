"""The paper's rule for allowed tokens, and that no constraint changes nothing."""

import jax
import numpy as np
import pytest
from flax import nnx

from codeit_jax.policy.constraints import Unconstrained, allowed_tokens
from codeit_jax.policy.presets import T5Config
from codeit_jax.policy.sampling import sample
from codeit_jax.policy.symbolic import SymbolicTokenizer
from codeit_jax.policy.t5 import T5

EOS = 1
ALLOWED = np.array([0, 1, 2, 5, 7])
LENGTH = 10
CONFIG = T5Config(11, 32, 8, 48, 1, 1, 2, tie_word_embeddings=False)


@pytest.fixture(scope="module")
def policy():
    return nnx.split(T5(CONFIG, rngs=nnx.Rngs(3)))


def drawn(policy, constraint):
    prompt = np.random.default_rng(0).integers(2, 11, (4, 9))
    keys = jax.random.split(jax.random.key(0), 4)
    samples = sample(
        *policy,
        prompt,
        np.ones(prompt.shape, bool),
        keys,
        num_samples=50,
        max_length=LENGTH,
        temperature=1.0,
        eos_id=EOS,
        constraint=constraint,
    )
    return jax.tree.map(lambda leaf: np.asarray(leaf).reshape(200, *leaf.shape[2:]), samples)


def test_a_program_ends_behind_the_first_token_that_is_not_allowed(policy):
    free = drawn(policy, None)
    ruled = drawn(policy, allowed_tokens(ALLOWED, CONFIG.vocab_size, EOS))
    num_cut = 0
    for before, after in zip(free.tokens, ruled.tokens, strict=True):
        # The same random numbers: nothing differs before the rule sets in.
        others = np.flatnonzero(~np.isin(before, ALLOWED))
        end = others[0] + 1 if others.size else LENGTH
        np.testing.assert_array_equal(after[:end], before[:end])
        if end < LENGTH:
            num_cut += 1
            assert after[end] == EOS
            assert not after[end + 1 :].any()
    assert 50 < num_cut < 200


def test_an_end_that_had_to_be_is_certain(policy):
    free = drawn(policy, None)
    ruled = drawn(policy, allowed_tokens(np.array([EOS]), CONFIG.vocab_size, EOS))
    single = free.tokens[:, 0] != EOS
    assert single.any()
    assert (ruled.lengths[single] == 2).all()
    probabilities = np.exp(ruled.log_probabilities[single])
    shares = [np.mean(ruled.tokens[:, 0] == token) for token in ruled.tokens[single, 0]]
    assert np.abs(probabilities - shares).max() < 0.2


def test_no_constraint_changes_nothing(policy):
    expected, found = drawn(policy, None), drawn(policy, Unconstrained())
    np.testing.assert_array_equal(found.tokens, expected.tokens)
    np.testing.assert_array_equal(found.log_probabilities, expected.log_probabilities)


def test_the_symbolic_vocabulary_allows_its_program_tokens():
    tokenizer = SymbolicTokenizer()
    allowed = tokenizer.allowed_ids()
    assert set(tokenizer.encode_program("x1 = vmirror(I)\nO = fill(x1, ONE, x1)").tolist()) <= set(allowed)
    assert len(allowed) == tokenizer.program_vocabulary_size < tokenizer.vocabulary_size
