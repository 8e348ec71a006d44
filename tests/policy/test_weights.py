import json
import os
import subprocess
import sys
from dataclasses import replace

import jax
import ml_dtypes
import numpy as np
import pytest
from flax import nnx
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from codeit_jax.policy.presets import T5Config
from codeit_jax.policy.t5 import T5
from codeit_jax.policy.weights import (
    WeightsError,
    hugging_face_name,
    load_params,
    read_config,
    save_params,
)

TIED = T5Config(
    vocab_size=12, d_model=8, d_kv=4, d_ff=16, num_encoder_layers=1, num_decoder_layers=2, num_heads=2
)
GATED = replace(TIED, feed_forward="gated-gelu", tie_word_embeddings=False)
CONFIGS = [
    TIED,
    GATED,
    replace(TIED, tie_word_embeddings=False),
    replace(GATED, tie_word_embeddings=True),
]
EMBEDDING_COPIES = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
UNUSED = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"


def params_of(config):
    """Parameters of which no two numbers are alike."""
    abstract = nnx.split(nnx.eval_shape(lambda: T5(config, rngs=nnx.Rngs(0))))[1]
    leaves, structure = jax.tree.flatten(abstract)
    generator = np.random.default_rng(0)
    return jax.tree.unflatten(
        structure,
        [jax.numpy.asarray(generator.normal(size=leaf.shape).astype(np.float32)) for leaf in leaves],
    )


def assert_equal(found, expected):
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for ours, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert ours.dtype == theirs.dtype == np.float32
        np.testing.assert_array_equal(ours, theirs)


def refused(call, *parts):
    with pytest.raises(WeightsError) as caught:
        call()
    assert "\n" not in str(caught.value)
    for part in parts:
        assert str(part) in str(caught.value)


@pytest.fixture
def folder(tmp_path):
    """Weights of the tied model, as saved."""
    save_params(tmp_path, TIED, params_of(TIED))
    return tmp_path


def rewrite(folder, **changes):
    """Changes tensors of the file in a folder; None takes one away."""
    file = folder / "model.safetensors"
    tensors = load_file(file) | changes
    save_file({name: values for name, values in tensors.items() if values is not None}, file)
    return file


@pytest.mark.parametrize(
    ("path", "gated", "name"),
    [
        (("embedding",), False, "shared.weight"),
        (("head", "kernel"), False, "lm_head.weight"),
        (
            ("encoder", "relative_bias", "embedding"),
            False,
            "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
        ),
        (("decoder", "norm", "scale"), False, "decoder.final_layer_norm.weight"),
        (
            ("encoder", "layers", 3, "attention", "query", "kernel"),
            False,
            "encoder.block.3.layer.0.SelfAttention.q.weight",
        ),
        (
            ("decoder", "layers", 0, "cross_attention", "output", "kernel"),
            False,
            "decoder.block.0.layer.1.EncDecAttention.o.weight",
        ),
        (
            ("decoder", "layers", 1, "cross_attention_norm", "scale"),
            False,
            "decoder.block.1.layer.1.layer_norm.weight",
        ),
        (
            ("encoder", "layers", 1, "feed_forward_norm", "scale"),
            False,
            "encoder.block.1.layer.1.layer_norm.weight",
        ),
        (
            ("decoder", "layers", 1, "feed_forward_norm", "scale"),
            True,
            "decoder.block.1.layer.2.layer_norm.weight",
        ),
        (
            ("encoder", "layers", 1, "feed_forward", "input", "kernel"),
            False,
            "encoder.block.1.layer.1.DenseReluDense.wi.weight",
        ),
        (
            ("encoder", "layers", 1, "feed_forward", "input", "kernel"),
            True,
            "encoder.block.1.layer.1.DenseReluDense.wi_1.weight",
        ),
        (
            ("decoder", "layers", 1, "feed_forward", "gate", "kernel"),
            True,
            "decoder.block.1.layer.2.DenseReluDense.wi_0.weight",
        ),
        (
            ("decoder", "layers", 1, "feed_forward", "output", "kernel"),
            True,
            "decoder.block.1.layer.2.DenseReluDense.wo.weight",
        ),
    ],
)
def test_parameters_have_the_names_of_hugging_face(path, gated, name):
    assert hugging_face_name(path, gated) == name


@pytest.mark.parametrize("config", CONFIGS)
def test_what_is_saved_is_loaded_bit_for_bit(tmp_path, config):
    params = params_of(config)
    save_params(tmp_path / "new" / "folder", config, params)
    folder = str(tmp_path / "new" / "folder")
    assert read_config(folder) == config
    assert_equal(load_params(folder, config), params)
    assert sorted(os.listdir(folder)) == ["config.json", "model.safetensors"]


def test_the_file_is_as_transformers_writes_it(tmp_path):
    params = params_of(GATED)
    save_params(tmp_path, GATED, params)
    with safe_open(tmp_path / "model.safetensors", "np") as file:
        assert file.metadata() == {"format": "pt"}
        np.testing.assert_array_equal(file.get_tensor("shared.weight"), params["embedding"][...])
        np.testing.assert_array_equal(file.get_tensor("lm_head.weight"), params["head"]["kernel"][...].T)
        gate = params["decoder"]["layers"][1]["feed_forward"]["gate"]["kernel"]
        np.testing.assert_array_equal(
            file.get_tensor("decoder.block.1.layer.2.DenseReluDense.wi_0.weight"), gate[...].T
        )
        assert not set(EMBEDDING_COPIES) & set(file.keys())
    assert (tmp_path / "model.safetensors").read_bytes()[0] % 8 == 0
    save_params(tmp_path, TIED, params_of(TIED))
    assert "lm_head.weight" not in load_file(tmp_path / "model.safetensors")


def test_the_config_file_says_what_transformers_needs(tmp_path):
    config = replace(GATED, dropout_rate=0.25, relative_attention_num_buckets=16, initial_recency=2.0)
    save_params(tmp_path, config, params_of(config), {"eos_token_id": 2, "n_positions": 512})
    assert json.loads((tmp_path / "config.json").read_text()) == {
        "architectures": ["T5ForConditionalGeneration"],
        "d_ff": 16,
        "d_kv": 4,
        "d_model": 8,
        "decoder_start_token_id": 0,
        "dense_act_fn": "gelu_new",
        "dropout_rate": 0.25,
        "eos_token_id": 2,
        "feed_forward_proj": "gated-gelu",
        "initializer_factor": 1.0,
        "is_encoder_decoder": True,
        "is_gated_act": True,
        "layer_norm_epsilon": 1e-6,
        "model_type": "t5",
        "n_positions": 512,
        "num_decoder_layers": 2,
        "num_heads": 2,
        "num_layers": 1,
        "pad_token_id": 0,
        "relative_attention_max_distance": 128,
        "relative_attention_num_buckets": 16,
        "tie_word_embeddings": False,
        "vocab_size": 12,
    }
    assert read_config(tmp_path) == replace(config, initial_recency=0.0)


def test_shards_and_other_dtypes_are_loaded(folder):
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    halves = {name: tensors[name].astype(np.float16) for name in names[::2]}
    brains = {name: tensors[name].astype(ml_dtypes.bfloat16) for name in names[1::2]}
    weight_map = {}
    for number, part in enumerate((halves, brains), start=1):
        file = f"model-0000{number}-of-00002.safetensors"
        save_file(part, folder / file)
        weight_map |= dict.fromkeys(part, file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    loaded = load_params(folder, TIED)
    save_params(folder / "again", TIED, loaded)
    again = load_file(folder / "again" / "model.safetensors")
    for name, values in (halves | brains).items():
        np.testing.assert_array_equal(again[name], values.astype(np.float32), err_msg=name)


def test_a_tied_embedding_may_lie_in_the_file_under_any_of_its_names(folder):
    embedding = load_file(folder / "model.safetensors")["shared.weight"]
    expected = params_of(TIED)
    names = ("shared.weight", *EMBEDDING_COPIES, "lm_head.weight")
    rewrite(folder, **dict.fromkeys(names, embedding), **{UNUSED: np.zeros((32, 2), np.float32)})
    assert_equal(load_params(folder, TIED), expected)
    for name in names:
        rewrite(folder, **(dict.fromkeys(names) | {name: embedding}))
        assert_equal(load_params(folder, TIED), expected)
    file = rewrite(folder, **dict.fromkeys(names))
    refused(lambda: load_params(folder, TIED), f"{file}: tensor 'shared.weight': is missing")


@pytest.mark.parametrize("name", [*EMBEDDING_COPIES, "lm_head.weight"])
def test_a_copy_of_the_embedding_must_be_equal_to_it(folder, name):
    other = load_file(folder / "model.safetensors")["shared.weight"].copy()
    other[-1, -1] += 1
    file = rewrite(folder, **{name: other})
    refused(lambda: load_params(folder, TIED), f"{file}: tensor {name!r}: differs from 'shared.weight'")


def test_an_untied_model_needs_its_head_beside_its_embedding(folder):
    untied = replace(TIED, tie_word_embeddings=False)
    refused(lambda: load_params(folder, untied), "tensor 'lm_head.weight': is missing")
    head = np.random.default_rng(1).normal(size=(12, 8)).astype(np.float32)
    embedding = load_file(folder / "model.safetensors")["shared.weight"]
    file = rewrite(folder, **{"lm_head.weight": head, EMBEDDING_COPIES[0]: embedding, "shared.weight": None})
    loaded = load_params(folder, untied)
    np.testing.assert_array_equal(loaded["head"]["kernel"][...], head.T)
    np.testing.assert_array_equal(loaded["embedding"][...], embedding)
    rewrite(folder, **{EMBEDDING_COPIES[0]: None})
    refused(lambda: load_params(folder, untied), f"{file}: tensor 'shared.weight': is missing")


def test_a_head_that_is_the_embedding_unscaled_is_read_as_its_copy(folder):
    settings = json.loads((folder / "config.json").read_text())
    settings |= {"tie_word_embeddings": True, "scale_decoder_outputs": False}
    (folder / "config.json").write_text(json.dumps(settings))
    shape = read_config(folder)
    params, tied = load_params(folder, shape), load_params(folder, TIED)
    np.testing.assert_array_equal(params["head"]["kernel"][...], tied["embedding"][...].T)

    def logits(config, params):
        model = nnx.merge(nnx.split(nnx.eval_shape(lambda: T5(config, rngs=nnx.Rngs(0))))[0], params)
        prompt, programs = np.array([[3, 4, 5, 1]]), np.array([[0, 6, 7]])
        return model(prompt, programs, prompt_mask=np.ones_like(prompt, bool))

    # A tied T5 multiplies what the decoder gives by d_model ** -0.5 before its head; this one does not.
    scale = TIED.d_model**0.5
    np.testing.assert_allclose(logits(shape, params), scale * logits(TIED, tied), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float16, ml_dtypes.bfloat16, np.float64])
def test_numbers_that_are_none_are_refused_by_their_tensor(folder, value, dtype):
    for name in ("shared.weight", "decoder.block.1.layer.1.EncDecAttention.k.weight"):
        whole = load_file(folder / "model.safetensors")[name]
        spoilt = whole.astype(dtype)
        spoilt[1, 2] = value
        file = rewrite(folder, **{name: spoilt})
        refused(lambda: load_params(folder, TIED), f"{file}: tensor '{name}': holds NaN or infinity")
        rewrite(folder, **{name: whole})


def test_numbers_too_large_for_float32_and_spoilt_copies_are_refused_as_well(folder):
    embedding = load_file(folder / "model.safetensors")["shared.weight"].astype(np.float64)
    embedding[0, 0] = 1e300
    rewrite(folder, **{"shared.weight": embedding})
    refused(lambda: load_params(folder, TIED), "tensor 'shared.weight': holds NaN or infinity")
    embedding[0, 0] = np.nan
    rewrite(folder, **{"shared.weight": embedding, "lm_head.weight": embedding})
    refused(lambda: load_params(folder, TIED), "tensor 'shared.weight': holds NaN or infinity")


def test_tensors_that_do_not_fit_are_refused_by_name(folder):
    name = "decoder.block.1.layer.1.EncDecAttention.k.weight"
    good = load_file(folder / "model.safetensors")[name]
    for bad, message in (
        (None, "is missing"),
        (good[:, :4].copy(), "has the shape [8, 4], not [8, 8]"),
        (good[0], "has the shape [8], not [8, 8]"),
        (good.astype(np.int8), "must be floating-point, not int8"),
    ):
        file = rewrite(folder, **{name: bad})
        refused(lambda: load_params(folder, TIED), f"{file}: tensor {name!r}: {message}")
    file = rewrite(folder, **{name: good, "b.lora": good, "a.lora": good})
    refused(lambda: load_params(folder, TIED), f"{file}: tensor 'a.lora': is unknown to this T5")


@pytest.mark.parametrize("size", [11, 13])
def test_a_vocabulary_of_another_size_is_refused(folder, size):
    refused(
        lambda: load_params(folder, replace(TIED, vocab_size=size)),
        f"tensor 'shared.weight': has the shape [12, 8], not [{size}, 8]",
    )


def test_weights_of_another_shape_are_refused(folder):
    refused(lambda: load_params(folder, GATED), "is missing")
    refused(lambda: load_params(folder, replace(TIED, num_decoder_layers=1)), "tensor 'decoder.block.1.")


def test_parameters_that_are_not_those_of_the_shape_are_not_saved(tmp_path):
    params = params_of(TIED)
    refused(lambda: save_params(tmp_path, GATED, params), tmp_path, "the parameters are not those of")
    wide = replace(TIED, vocab_size=13)
    refused(
        lambda: save_params(tmp_path, wide, params), "tensor 'shared.weight': ours must be float32 [13, 8]"
    )
    halved = jax.tree.map(lambda leaf: leaf.astype(np.float16), params)
    refused(lambda: save_params(tmp_path, TIED, halved), tmp_path, "must be float32", "not float16")
    refused(lambda: save_params(tmp_path, TIED, params, {"d_model": 9}), "d_model follows from the model")
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").touch()
    refused(lambda: save_params(tmp_path / "file", TIED, params), tmp_path / "file", "File exists")


def test_a_save_that_fails_leaves_the_files_as_they_were(folder, monkeypatch):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    refused(lambda: save_params(folder, TIED, params_of(TIED)), f"{folder}: No space left")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_home_may_be_named_by_its_sign(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    save_params("~/saved", TIED, params_of(TIED))
    assert (tmp_path / "saved" / "model.safetensors").exists()
    assert_equal(load_params("~/saved", read_config("~/saved")), params_of(TIED))
    refused(lambda: save_params("~nosuchuser", TIED, params_of(TIED)), "~nosuchuser: there is no such user")


MESH_SCRIPT = """
import sys
import jax
import numpy as np
from codeit_jax.policy.sharding import make_mesh, parameter_sharding
from codeit_jax.policy.t5 import T5
from codeit_jax.policy.weights import load_params, read_config, save_params
folder = sys.argv[1]
config = read_config(folder)
whole = load_params(folder, config)
shardings = parameter_sharding(whole, make_mesh(2, 2, 2), T5.sharding_rules)
split = load_params(folder, config, shardings)
assert jax.tree.structure(split) == jax.tree.structure(whole)
for ours, theirs, sharding in zip(*map(jax.tree.leaves, (split, whole, shardings)), strict=True):
    assert ours.sharding == sharding
    np.testing.assert_array_equal(ours, theirs)
assert split["embedding"][...].addressable_shards[0].data.shape == (6, 4)
save_params(folder + "/again", config, split)
print("equal")
"""


def test_a_mesh_gets_the_same_parameters_in_parts(tmp_path):
    save_params(tmp_path, GATED, params_of(GATED))
    environment = os.environ | {
        "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
        "JAX_PLATFORMS": "cpu",
    }
    command = [sys.executable, "-c", MESH_SCRIPT, str(tmp_path)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.stdout == "equal\n", ended.stderr
    names = ("model.safetensors", "config.json")
    assert all((tmp_path / name).read_bytes() == (tmp_path / "again" / name).read_bytes() for name in names)
