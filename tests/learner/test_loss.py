"""The fused cross-entropy is the plain one, without its memory."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from codeit_jax.learner.loss import block_rows, cross_entropy

VOCABULARY, WIDTH = 50, 16


def plain(hidden, head, labels, mask):
    """The same from logits that are all held."""
    logits = jnp.einsum("bld,vd->blv", hidden, head, preferred_element_type=jnp.float32)
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
    num_correct = jnp.sum(mask & (jnp.argmax(logits, axis=-1) == labels), dtype=jnp.int32)
    return jnp.sum(losses, where=mask), num_correct


def problem(batch, length, seed=0):
    """Some of the labels are the likeliest token, and some positions do not count."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(batch, length, WIDTH)).astype(np.float32)
    head = rng.normal(size=(VOCABULARY, WIDTH)).astype(np.float32)
    labels = rng.integers(0, VOCABULARY, (batch, length), dtype=np.int32)
    labels = np.where(rng.random(labels.shape) < 0.5, (hidden @ head.T).argmax(axis=-1), labels)
    return hidden, head, labels.astype(np.int32), rng.random(labels.shape) < 0.7


def with_gradients(function):
    return jax.jit(jax.value_and_grad(function, argnums=(0, 1), has_aux=True))


@pytest.mark.parametrize("size", [1, 5, 10_000])
@pytest.mark.parametrize(("batch", "length"), [(4, 6), (1, 11)])
def test_loss_counts_and_gradients_are_those_of_all_the_logits(batch, length, size):
    arguments = problem(batch, length)

    def fused(*arguments):
        return cross_entropy(*arguments, block_logits=size * VOCABULARY)

    (loss, num_correct), gradients = with_gradients(fused)(*arguments)
    (expected, expected_correct), expected_gradients = with_gradients(plain)(*arguments)
    assert loss == pytest.approx(float(expected), rel=1e-6)
    assert 0 < num_correct == expected_correct
    for found, wanted in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)
    # Without a gradient it takes another way.
    np.testing.assert_allclose(fused(*arguments), (loss, num_correct), rtol=1e-6)


def test_a_gradient_is_scaled_by_what_the_loss_is_used_for():
    arguments = problem(2, 5)

    def third(*arguments):
        return cross_entropy(*arguments)[0] / 3

    found = jax.grad(third, argnums=(0, 1))(*arguments)
    _, whole = with_gradients(cross_entropy)(*arguments)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b / 3, rtol=0, atol=1e-6), found, whole)


def test_the_first_of_equally_likely_tokens_counts():
    hidden, head = np.ones((1, 3, 2), np.float32), np.array([[0, 0], [1, 1], [1, 1]], np.float32)
    labels, mask = np.array([[0, 1, 2]], np.int32), np.ones((1, 3), bool)
    assert cross_entropy(hidden, head, labels, mask)[1] == 1
    assert cross_entropy(hidden, head, labels, mask & (labels != 1))[1] == 0


def test_huge_logits_are_no_trouble():
    hidden, head, labels, mask = problem(2, 5)
    (loss, _), gradients = with_gradients(cross_entropy)(1e4 * hidden, head, labels, mask)
    assert loss == pytest.approx(float(plain(1e4 * hidden, head, labels, mask)[0]), rel=1e-6)
    assert all(np.isfinite(leaf).all() for leaf in gradients)


def test_bfloat16_products_are_accumulated_in_float32():
    hidden, head, labels, mask = problem(4, 6)
    narrow = jnp.asarray(hidden, jnp.bfloat16)
    rounded = narrow.astype(jnp.float32), jnp.asarray(head, jnp.bfloat16).astype(jnp.float32)
    (loss, num_correct), gradients = with_gradients(cross_entropy)(narrow, head, labels, mask)
    (expected, expected_correct), expected_gradients = with_gradients(plain)(*rounded, labels, mask)
    assert [leaf.dtype for leaf in gradients] == [jnp.bfloat16, jnp.float32]
    assert loss == pytest.approx(float(expected), rel=1e-6)
    assert num_correct == expected_correct
    # The slope of each of 24 positions, at most 1, is rounded to 8 bits before it is multiplied.
    for found, wanted in zip(gradients, expected_gradients, strict=True):
        difference = np.abs(np.asarray(found, np.float32) - wanted)
        assert difference.max() < 2**-8 * np.abs(wanted).max()


def test_the_logits_of_a_large_vocabulary_are_never_all_held():
    vocabulary, rows = 32_100, (8, 512)
    shapes = (
        jax.ShapeDtypeStruct((*rows, WIDTH), jnp.float32),
        jax.ShapeDtypeStruct((vocabulary, WIDTH), jnp.float32),
        jax.ShapeDtypeStruct(rows, jnp.int32),
        jax.ShapeDtypeStruct(rows, jnp.bool),
    )

    def memory(function):
        return with_gradients(function).lower(*shapes).compile().memory_analysis().temp_size_in_bytes

    one_set = 4 * vocabulary * rows[0] * rows[1]
    assert memory(plain) > one_set
    assert memory(cross_entropy) < one_set / 8


def test_blocks_are_the_divisors_that_come_closest_to_those_wanted():
    for rows in range(1, 61):
        divisors = [size for size in range(1, rows + 1) if rows % size == 0]
        for wanted in range(1, 71):
            closest = min(divisors, key=lambda size: max(size / wanted, wanted / size))
            assert block_rows(rows, wanted) == closest
    assert block_rows(8, 0) == 1


def test_blocks_are_found_among_any_number_of_rows():
    assert block_rows(10**18 * 512, 7000) == 6400
