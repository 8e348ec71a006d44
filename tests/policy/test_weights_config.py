import json
from dataclasses import replace

import pytest

from codeit_jax.policy.presets import T5Config
from codeit_jax.policy.weight_formats import WeightsError
from codeit_jax.policy.weights_config import head_is_embedding, read_config

REQUIRED = {"vocab_size": 7, "d_model": 8, "d_kv": 3, "d_ff": 9, "num_layers": 2, "num_heads": 5}
SHAPE = T5Config(
    vocab_size=7, d_model=8, d_kv=3, d_ff=9, num_encoder_layers=2, num_decoder_layers=2, num_heads=5
)


def refused(call, *parts):
    with pytest.raises(WeightsError) as caught:
        call()
    assert "\n" not in str(caught.value)
    for part in parts:
        assert str(part) in str(caught.value)


def write_config(folder, **settings):
    (folder / "config.json").write_text(json.dumps({"model_type": "t5", **REQUIRED, **settings}))


@pytest.mark.parametrize(
    ("settings", "changes"),
    [
        ({}, {}),
        ({"feed_forward_proj": "relu", "tie_word_embeddings": True, "eos_token_id": 2}, {}),
        ({"decoder_start_token_id": 0, "pad_token_id": 0, "num_decoder_layers": None}, {}),
        ({"num_decoder_layers": 3, "dropout_rate": 0}, {"num_decoder_layers": 3, "dropout_rate": 0.0}),
        (
            {"layer_norm_epsilon": 1e-5, "initializer_factor": 2},
            {"layer_norm_epsilon": 1e-5, "initializer_factor": 2.0},
        ),
        (
            {"relative_attention_num_buckets": 8, "relative_attention_max_distance": 20},
            {"relative_attention_num_buckets": 8, "relative_attention_max_distance": 20},
        ),
        ({"feed_forward_proj": "gated-gelu", "dense_act_fn": "gelu_new"}, {"feed_forward": "gated-gelu"}),
        ({"is_gated_act": True, "dense_act_fn": "gelu_new"}, {"feed_forward": "gated-gelu"}),
        ({"is_gated_act": False, "dense_act_fn": "relu"}, {}),
        ({"tie_word_embeddings": False}, {"tie_word_embeddings": False}),
        ({"tie_word_embeddings": True, "scale_decoder_outputs": True}, {}),
        ({"tie_word_embeddings": True, "scale_decoder_outputs": False}, {"tie_word_embeddings": False}),
    ],
)
def test_configs_are_read_with_the_defaults_of_t5(tmp_path, settings, changes):
    write_config(tmp_path, **settings)
    assert read_config(tmp_path) == replace(SHAPE, **changes)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model_type": "bart"}, "model_type must be 't5', not 'bart'"),
        ({"model_type": "codet5p"}, "model_type must be 't5', not 'codet5p'"),
        ({"model_type": None}, "model_type must be 't5', not None"),
        ({"pad_token_id": 1}, "pad_token_id must be 0, not 1"),
        ({"decoder_start_token_id": 2}, "decoder_start_token_id must be 0, not 2"),
        ({"d_model": None}, "d_model is missing"),
        ({"d_model": "8"}, "d_model must be of type int, not '8'"),
        ({"d_kv": True}, "d_kv must be of type int, not True"),
        ({"d_ff": 0}, "T5Config.d_ff must be a positive integer"),
        ({"relative_attention_num_buckets": "32"}, "relative_attention_num_buckets must be of type int"),
        ({"dropout_rate": 1.0}, "T5Config.dropout_rate must be in [0, 1)"),
        ({"feed_forward_proj": "gated-silu"}, "feed_forward_proj must be one of relu, gated-gelu"),
        ({"feed_forward_proj": "gelu"}, "feed_forward_proj must be one of relu, gated-gelu"),
        ({"feed_forward_proj": "gated-gelu", "dense_act_fn": "gelu"}, "dense_act_fn must be 'gelu_new'"),
        ({"feed_forward_proj": "relu", "is_gated_act": True}, "is_gated_act must be False with 'relu'"),
        ({"is_gated_act": True, "dense_act_fn": "silu"}, "dense_act_fn must be 'gelu_new'"),
        ({"tie_word_embeddings": "yes"}, "tie_word_embeddings must be of type bool, not 'yes'"),
        (
            {"tie_word_embeddings": False, "scale_decoder_outputs": True},
            "scale_decoder_outputs must be false",
        ),
    ],
)
def test_configs_of_what_ours_is_not_are_refused(tmp_path, settings, message):
    write_config(tmp_path, **settings)
    refused(lambda: read_config(tmp_path), f"{tmp_path / 'config.json'}: {message}")


def test_a_config_file_that_cannot_be_read_is_refused(tmp_path):
    file = tmp_path / "config.json"
    refused(lambda: read_config(tmp_path), f"{file}: there is no such file")
    for text in ("", "{", "[]", "\x00"):
        file.write_text(text)
        refused(lambda: read_config(tmp_path), f"{file}: ")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, False),
        ({"tie_word_embeddings": True, "scale_decoder_outputs": True}, False),
        ({"tie_word_embeddings": True, "scale_decoder_outputs": False}, True),
        ({"scale_decoder_outputs": False}, True),
        ({"tie_word_embeddings": False}, False),
        ({"tie_word_embeddings": False, "scale_decoder_outputs": False}, False),
    ],
)
def test_a_head_is_the_embedding_where_it_is_tied_and_not_scaled(tmp_path, settings, expected):
    write_config(tmp_path, **settings)
    assert head_is_embedding(tmp_path) is expected
