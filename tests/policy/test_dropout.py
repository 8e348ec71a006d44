"""Dropout drops its share, and its random words have no pattern that would show."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from codeit_jax.policy.dropout import dropout, random_words


def test_dropout_zeroes_its_share_and_keeps_the_mean():
    kept = np.asarray(dropout(jnp.ones((300, 333)), 0.1, jax.random.key(0)))
    assert np.unique(kept) == pytest.approx([0, 1 / 0.9], rel=1e-6)
    zeroed = kept == 0
    assert zeroed.mean() == pytest.approx(0.1, abs=0.005)
    # Neighbours are to be zeroed together no more often than any two.
    for both in (zeroed[:, :-1] & zeroed[:, 1:], zeroed[1:] & zeroed[:-1]):
        assert both.mean() == pytest.approx(0.01, abs=0.003)


@pytest.mark.parametrize("shape", [(1_000_000,), (1000, 1000), (10, 100, 1000), (2, 5, 100, 1000)])
def test_random_words_have_no_pattern(shape):
    words = np.asarray(random_words(jax.random.key(5), shape))
    assert words.shape == shape
    assert words.dtype == np.uint32
    flat = words.ravel()
    bits = np.unpackbits(flat.view(np.uint8).reshape(-1, 4), axis=1)
    number = len(flat)

    def is_fair(heads):
        return np.abs(heads.mean(axis=0) - 0.5).max() < 5.5 * 0.5 / np.sqrt(number)

    assert is_fair(bits)
    for distance in (1, 2, 64, 100, 1000, 1024, 100_000):
        assert is_fair(bits[distance:] ^ bits[:-distance]), distance
        assert is_fair(bits[distance:, :1] ^ bits[:-distance]), distance
    assert is_fair(bits ^ np.roll(bits, 1, axis=1))


def test_random_words_of_other_keys_and_rows_have_nothing_in_common():
    keys = jax.random.split(jax.random.key(0), 3)
    rows = np.concatenate([np.asarray(random_words(key, (2, 100_000))) for key in keys])
    for first, second in itertools.combinations(rows, 2):
        bits = np.unpackbits((first ^ second).view(np.uint8).reshape(-1, 4), axis=1)
        assert np.abs(bits.mean(axis=0) - 0.5).max() < 5.5 * 0.5 / np.sqrt(100_000)
        assert len(np.intersect1d(first, second)) < 15  # of independent ones 2.3 are equal


@pytest.mark.parametrize(("rate", "share"), [(0.0, 0), (1e-6, 0), (0.5, 0.5), (0.999999, 1)])
def test_dropout_takes_every_rate(rate, share):
    kept = dropout(jnp.ones((100, 100)), rate, jax.random.key(0))
    assert np.mean(kept == 0) == pytest.approx(share, abs=0.03)
    assert np.isfinite(kept).all()


def test_no_two_rows_of_a_batch_hold_the_same_words():
    # Of scrambles of `place ^ word` two rows hold the same set if their words differ in low bits only.
    words = np.asarray(random_words(jax.random.key(0), (2000, 2**14)))
    assert len(np.unique(words.sum(axis=1, dtype=np.uint32))) == 2000
