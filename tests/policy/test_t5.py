from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from codeit_jax.policy.attention import add_bias, product
from codeit_jax.policy.presets import T5Config, preset
from codeit_jax.policy.t5 import T5

SMALL = T5Config(
    vocab_size=37, d_model=32, d_kv=8, d_ff=48, num_encoder_layers=1, num_decoder_layers=1, num_heads=3
)


@jax.jit
def logits_of(model, prompt_ids, decoder_ids, prompt_mask, dropout_key=None):
    return model(prompt_ids, decoder_ids, prompt_mask=prompt_mask, dropout_key=dropout_key)


@pytest.fixture(scope="module")
def small():
    return T5(SMALL, rngs=nnx.Rngs(3))


def random_inputs(seed, batch=3, source=13, target=9):
    generator = np.random.default_rng(seed)
    prompt_ids = generator.integers(1, SMALL.vocab_size, (batch, source))
    decoder_ids = generator.integers(1, SMALL.vocab_size, (batch, target))
    decoder_ids[:, 0] = 0
    prompt_mask = np.arange(source) < generator.integers(source // 2, source + 1, (batch, 1))
    return np.where(prompt_mask, prompt_ids, 0), decoder_ids, prompt_mask


@pytest.mark.parametrize(
    "config", [SMALL, replace(SMALL, feed_forward="gated-gelu", tie_word_embeddings=False)]
)
def test_cached_decoding_equals_uncached(config):
    model = T5(config, rngs=nnx.Rngs(3))
    prompt_ids, _, prompt_mask = random_inputs(0)
    tasks, samples, length = len(prompt_ids), 4, 9
    step = jax.jit(T5.decode_step)
    programs = np.random.default_rng(1).integers(1, config.vocab_size, (tasks, samples, length))
    programs[..., 0] = 0
    expected = logits_of(
        model,
        prompt_ids.repeat(samples, axis=0),
        programs.reshape(tasks * samples, length),
        prompt_mask.repeat(samples, axis=0),
    ).reshape(tasks, samples, length, -1)
    prompt = jax.jit(T5.read_prompts)(model, prompt_ids, prompt_mask)
    assert prompt[0].keys.shape == (tasks, config.num_heads, prompt_ids.shape[1], config.d_kv)
    context = model.decoder_context(prompt, prompt_mask, length=length + 2)
    cache = model.empty_cache(tasks * samples, length + 2)
    for position in range(length):
        logits, cache = step(model, programs[..., position], cache, context, jnp.int32(position))
        np.testing.assert_allclose(logits, expected[:, :, position], atol=1e-5, rtol=1e-5)


def test_later_tokens_change_no_earlier_logits(small):
    prompt_ids, decoder_ids, prompt_mask = random_inputs(0)
    changed = decoder_ids.copy()
    changed[:, 5:] = changed[:, 5:] % (SMALL.vocab_size - 1) + 1
    before = logits_of(small, prompt_ids, decoder_ids, prompt_mask)
    after = logits_of(small, prompt_ids, changed, prompt_mask)
    np.testing.assert_allclose(before[:, :5], after[:, :5], atol=1e-6, rtol=0)
    assert np.abs(before[:, 5:] - after[:, 5:]).max() > 0.1


def test_padding_of_the_prompt_does_not_matter(small):
    prompt_ids, decoder_ids, prompt_mask = random_inputs(0)
    longer = np.pad(prompt_ids, ((0, 0), (0, 20)), constant_values=7)
    longer = np.where(np.pad(prompt_mask, ((0, 0), (0, 20))), longer, 7)
    before = logits_of(small, prompt_ids, decoder_ids, prompt_mask)
    after = logits_of(small, longer, decoder_ids, np.pad(prompt_mask, ((0, 0), (0, 20))))
    np.testing.assert_allclose(before, after, atol=1e-5, rtol=1e-5)


def test_an_empty_prompt_gives_finite_logits_and_gradients(small):
    graphdef, params = nnx.split(small)
    prompt_ids, decoder_ids, _ = random_inputs(0)
    empty = np.zeros(prompt_ids.shape, bool)

    def total(params):
        return nnx.merge(graphdef, params)(prompt_ids, decoder_ids, prompt_mask=empty).sum()

    value, gradients = jax.jit(jax.value_and_grad(total))(params)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((value, gradients)))


def test_dropout_is_a_function_of_its_key(small):
    prompt_ids, decoder_ids, prompt_mask = random_inputs(0)

    def logits(key):
        return np.asarray(logits_of(small, prompt_ids, decoder_ids, prompt_mask, key))

    first = logits(jax.random.key(0))
    np.testing.assert_array_equal(first, logits(jax.random.key(0)))
    assert np.abs(first - logits(jax.random.key(1))).max() > 0.01
    assert np.abs(first - logits(None)).max() > 0.01
    np.testing.assert_array_equal(logits(None), logits(None))


@pytest.mark.parametrize(("inputs", "outputs"), [(3, 5), (5, 3), (4, 4)])
@pytest.mark.parametrize(("dtype", "tolerance"), [(jnp.float32, 1e-6), (jnp.bfloat16, 2**-8)])
def test_gradients_of_a_product_are_exact_but_for_rounding(inputs, outputs, dtype, tolerance):
    rng = np.random.default_rng(0)
    values, kernel, cotangent = (
        jnp.asarray(rng.standard_normal(shape), dtype)
        for shape in ((2, 6, inputs), (inputs, outputs), (2, 6, outputs))
    )
    result, gradients = jax.vjp(product, values, kernel)
    np.testing.assert_array_equal(result, values @ kernel)
    of_values, of_kernel = gradients(cotangent)
    assert of_values.dtype == of_kernel.dtype == dtype
    exact = [np.asarray(array, np.float64) for array in (values, kernel, cotangent)]
    np.testing.assert_allclose(np.float64(of_values), exact[2] @ exact[1].T, rtol=tolerance, atol=1e-6)
    expected = np.einsum("abi,abo->io", exact[0], exact[2])
    np.testing.assert_allclose(np.float64(of_kernel), expected, rtol=tolerance, atol=1e-6)


def test_gradients_of_an_added_bias_are_those_of_a_plain_sum():
    rng = np.random.default_rng(0)
    logits, bias, cotangent = (
        jnp.asarray(rng.standard_normal(shape), jnp.float32)
        for shape in ((5, 2, 3, 4), (2, 3, 4), (5, 2, 3, 4))
    )
    result, of_ours = jax.vjp(add_bias, logits, bias)
    np.testing.assert_array_equal(result, logits + bias)
    of_logits, of_bias = of_ours(cotangent)
    np.testing.assert_array_equal(of_logits, cotangent)
    np.testing.assert_allclose(of_bias, cotangent.sum(axis=0), rtol=1e-6, atol=1e-6)


def test_dropout_acts_at_each_of_its_places(small, monkeypatch):
    shapes = []

    def spy(values, rate, key):
        if key is not None:
            shapes.append(values.shape)
        return values

    monkeypatch.setattr("codeit_jax.policy.attention.dropout", spy)
    monkeypatch.setattr("codeit_jax.policy.t5.dropout", spy)
    prompt_ids, decoder_ids, prompt_mask = random_inputs(0)
    prompt = {"prompt_mask": prompt_mask, "dropout_key": jax.random.key(0)}
    jax.eval_shape(lambda: small(prompt_ids, decoder_ids, **prompt))
    batch, source, target = 3, 13, 9
    width, inner, heads = SMALL.d_model, SMALL.d_ff, SMALL.num_heads

    def sublayers(length):
        stream = (batch, length, width)
        feed_forward = [(batch, length, inner), stream]
        return stream, [(batch, heads, length, length), stream], feed_forward

    stream, attention, feed_forward = sublayers(source)
    encoder = [stream, *attention, *feed_forward, stream]
    stream, attention, feed_forward = sublayers(target)
    cross = [(batch, heads, target, source), stream]
    decoder = [stream, *attention, *cross, *feed_forward, stream]
    assert shapes == encoder + decoder


def test_the_model_holds_float32_parameters_and_nothing_else(small):
    _, params, rest = nnx.split(small, nnx.Param, ...)
    assert not jax.tree.leaves(rest)
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype("float32")}


def test_bfloat16_computes_close_to_float32_and_answers_in_float32(small):
    model = T5(SMALL, rngs=nnx.Rngs(3), dtype=jnp.bfloat16)
    prompt_ids, decoder_ids, prompt_mask = random_inputs(0)
    assert jax.eval_shape(T5.encode, model, prompt_ids, prompt_mask).dtype == jnp.bfloat16
    logits = logits_of(model, prompt_ids, decoder_ids, prompt_mask)
    assert logits.dtype == jnp.float32
    exact = logits_of(small, prompt_ids, decoder_ids, prompt_mask)
    difference = np.abs(logits - exact)
    # bfloat16 keeps 8 bits: the logits, of size 1, move by some of the last ones but are no other logits.
    assert 0 < difference.max() < 0.15
    assert difference.mean() < 0.02


def test_initial_weights_have_the_scales_of_t5():
    config = replace(
        preset("mini", 500), feed_forward="gated-gelu", initializer_factor=2.0, initial_recency=0.0
    )
    _, params = nnx.split(T5(config, rngs=nnx.Rngs(0)))
    deviation = {path: float(np.std(leaf[...])) for path, leaf in nnx.to_flat_state(params)}
    layer = ("decoder", "layers", 1)
    expected = {
        ("embedding",): 2,
        (*layer, "attention", "query", "kernel"): 2 * (128 * 32) ** -0.5,
        (*layer, "cross_attention", "key", "kernel"): 2 * 128**-0.5,
        (*layer, "attention", "value", "kernel"): 2 * 128**-0.5,
        (*layer, "attention", "output", "kernel"): 2 * 128**-0.5,
        (*layer, "feed_forward", "input", "kernel"): 2 * 128**-0.5,
        (*layer, "feed_forward", "gate", "kernel"): 2 * 128**-0.5,
        (*layer, "feed_forward", "output", "kernel"): 2 * 512**-0.5,
    }
    for path, value in expected.items():
        assert deviation[path] == pytest.approx(value, rel=0.03), path
    assert deviation["encoder", "relative_bias", "embedding"] == pytest.approx(2 * 128**-0.5, rel=0.25)


@pytest.mark.parametrize(
    ("name", "vocabulary", "millions"),
    [
        ("mini", 1000, 1.18),
        ("tiny", 1000, 7.86),
        ("codet5-small", 32100, 60.5),
        ("codet5p-220m", 32100, 222.9),
        ("codet5p-770m", 32100, 737.6),
    ],
)
def test_presets_have_the_published_sizes(name, vocabulary, millions):
    model = nnx.eval_shape(lambda: T5(preset(name, vocabulary), rngs=nnx.Rngs(0)))
    parameters = sum(leaf.size for leaf in jax.tree.leaves(nnx.split(model)[1]))
    assert parameters / 1e6 == pytest.approx(millions, rel=0.01)


def test_recency_makes_each_decoder_head_prefer_one_token_back():
    shape = replace(preset("mini", 100), initial_recency=3.0)
    with_recency = T5(shape, rngs=nnx.Rngs(0))
    without = T5(replace(shape, initial_recency=0.0), rngs=nnx.Rngs(0))
    added = with_recency.decoder.relative_bias(6, 6) - without.decoder.relative_bias(6, 6)
    distance = np.arange(6)[:, None] - np.arange(6)[None, :]
    for head in range(shape.num_heads):
        np.testing.assert_allclose(added[head], 3.0 * (distance == head + 1), atol=1e-6)
    encoders = (model.encoder.relative_bias.embedding[...] for model in (with_recency, without))
    np.testing.assert_array_equal(*encoders)


def test_an_unknown_preset_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="unknown preset 'huge'; known presets: nano, mini, tiny, "):
        preset("huge", 100)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("vocab_size", 0),
        ("d_model", -1),
        ("d_kv", 1.5),
        ("num_heads", True),
        ("relative_attention_num_buckets", 30),
        ("relative_attention_max_distance", 16),
        ("dropout_rate", 1.0),
        ("layer_norm_epsilon", 0.0),
        ("initializer_factor", float("nan")),
        ("feed_forward", "gelu"),
    ],
)
def test_a_field_out_of_range_is_named(field, value):
    with pytest.raises(ValueError, match=f"T5Config.{field} must"):
        replace(SMALL, **{field: value})
