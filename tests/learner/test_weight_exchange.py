"""Weights into a run and out of it again, by the command and bit for bit."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from flax import nnx

from codeit_jax.config import Config, ConfigError, LearnerConfig, PolicyConfig
from codeit_jax.config.ablations import ablated
from codeit_jax.errors import UserError
from codeit_jax.learner.learner import Learner
from codeit_jax.learner.weight_exchange import export_weights, import_weights
from codeit_jax.policy.building import build_policy, tokenizer_and_shape
from codeit_jax.policy.presets import T5Config
from codeit_jax.policy.sharding import make_mesh
from codeit_jax.policy.symbolic import SymbolicTokenizer
from codeit_jax.policy.t5 import T5
from codeit_jax.policy.weights import load_params, read_config, save_params
from codeit_jax.run.checkpoint import Checkpointer
from codeit_jax.run.workdir import open_workdir

VOCABULARY = SymbolicTokenizer().vocabulary_size
SHAPE = T5Config(VOCABULARY, 16, 8, 32, 1, 2, 2, tie_word_embeddings=False)


@pytest.fixture
def published(tmp_path):
    """A folder of weights as others publish them."""
    params = nnx.split(T5(SHAPE, rngs=nnx.Rngs(5)))[1]
    save_params(tmp_path / "published", SHAPE, params)
    return str(tmp_path / "published")


def policy_config(published, **changes):
    return PolicyConfig(preset=published, weights=published, **changes)


def mesh():
    return make_mesh(1, 1, 1, jax.devices()[:1])


def assert_equal(left, right):
    jax.tree.map(np.testing.assert_array_equal, left, right)


def test_a_policy_starts_from_published_weights(published):
    policy = build_policy(Config(policy=policy_config(published)), mesh())
    assert policy.shape == dataclasses.replace(SHAPE, dropout_rate=0.1)
    assert_equal(policy.params, load_params(published, SHAPE))
    expected = nnx.split(T5(policy.shape, rngs=nnx.Rngs(0)))[0]
    assert policy.graphdef == expected  # or a sampler would be compiled twice


def test_without_weights_it_is_as_ever():
    policy = build_policy(Config(seed=3), mesh())
    assert policy.shape.vocab_size == VOCABULARY
    assert_equal(policy.params, nnx.split(T5(policy.shape, rngs=nnx.Rngs(3)))[1])


def test_random_weights_are_not_the_published_ones(published):
    config = ablated(Config(seed=3, policy=policy_config(published)), ["random_weights"])
    policy = build_policy(config, mesh())
    assert policy.shape == dataclasses.replace(SHAPE, dropout_rate=0.1)
    assert_equal(policy.params, nnx.split(T5(policy.shape, rngs=nnx.Rngs(3)))[1])


def test_a_run_that_resumes_needs_no_weights(published):
    config = Config(policy=policy_config(published))
    (Path(published) / "model.safetensors").unlink()
    assert build_policy(config, mesh(), reads_weights=False).shape.d_model == SHAPE.d_model
    with pytest.raises(UserError, match="holds no weights"):
        build_policy(config, mesh())


def test_weights_of_another_shape_are_refused_by_name(published):
    with pytest.raises(UserError, match=r"model\.safetensors: .*tensor"):
        build_policy(Config(policy=PolicyConfig(preset="nano", weights=published)), mesh())


def test_a_tokenizer_of_more_tokens_is_refused(tmp_path):
    shape = dataclasses.replace(SHAPE, vocab_size=50)
    save_params(tmp_path / "small", shape, nnx.split(T5(shape, rngs=nnx.Rngs(0)))[1])
    message = f"policy.tokenizer: 'symbolic' knows {VOCABULARY} tokens, but the network only 50"
    with pytest.raises(ConfigError, match=message):
        tokenizer_and_shape(policy_config(str(tmp_path / "small")))


def test_an_unknown_preset_is_named():
    with pytest.raises(ConfigError, match=r"policy\.preset: unknown preset 'huge'; known presets: nano"):
        tokenizer_and_shape(PolicyConfig(preset="huge"))


def test_import_is_bit_for_bit(published, tmp_path):
    count = import_weights(published, str(tmp_path / "imported"))
    params = load_params(published, SHAPE)
    assert count == sum(leaf.size for leaf in jax.tree.leaves(params))
    assert read_config(tmp_path / "imported") == SHAPE
    assert_equal(load_params(tmp_path / "imported", SHAPE), params)


def save_run(workdir, policy_settings, **host_state):
    config = Config(policy=policy_settings, learner=LearnerConfig(batch_size=2))
    with open_workdir(str(workdir), config):
        pass
    policy = build_policy(config, mesh())
    learner = Learner(policy.graphdef, policy.params, config.learner, mesh(), 0)
    with Checkpointer(workdir / "checkpoints") as checkpointer:
        checkpointer.save(7, learner_state=learner.state, host_state={"nothing": 0, **host_state})
    return policy


def test_export_gives_a_runs_policy_back(published, tmp_path):
    policy = save_run(tmp_path / "run", policy_config(published))
    assert export_weights(str(tmp_path / "run"), str(tmp_path / "exported")) == 7
    assert_equal(load_params(tmp_path / "exported", SHAPE), policy.params)
    settings = json.loads((tmp_path / "exported/config.json").read_text())
    assert (settings["eos_token_id"], settings["pad_token_id"]) == (1, 0)
    again = build_policy(Config(policy=policy_config(str(tmp_path / "exported"))), mesh())
    assert_equal(again.params, policy.params)


def test_a_home_may_be_named_by_its_sign(published, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    policy = save_run(tmp_path / "run", policy_config("~/published"))
    export_weights("~/run", "~/exported")
    import_weights("~/exported", "~/imported")
    assert_equal(load_params(tmp_path / "imported", SHAPE), policy.params)


def test_a_run_of_another_vocabulary_is_not_exported(published, tmp_path):
    save_run(tmp_path / "run", policy_config(published), tokenizer="that of another")
    with pytest.raises(UserError, match=r"policy\.tokenizer has another vocabulary"):
        export_weights(str(tmp_path / "run"), str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_what_is_wrong_is_one_line(published, tmp_path):
    with pytest.raises(UserError, match="holds no run"):
        export_weights(str(tmp_path), str(tmp_path / "out"))
    with open_workdir(str(tmp_path / "new"), Config(policy=policy_config(published))):
        pass
    with pytest.raises(UserError, match="no complete checkpoint"):
        export_weights(str(tmp_path / "new"), str(tmp_path / "out"))
    before = (tmp_path / "new" / "config.json").read_text()
    (tmp_path / "new" / "checkpoints").mkdir(exist_ok=True)
    with pytest.raises(UserError, match=r"--output=.*/new: holds checkpoints, and weights are for"):
        export_weights(str(tmp_path / "new"), str(tmp_path / "new"))
    assert (tmp_path / "new" / "config.json").read_text() == before
    with pytest.raises(UserError, match=r"--output=.*/new: holds checkpoints, and weights are for"):
        import_weights(published, str(tmp_path / "new"))
    assert (tmp_path / "new" / "config.json").read_text() == before
    with pytest.raises(UserError, match="--source=~nosuchuser: there is no such user's home"):
        import_weights("~nosuchuser", str(tmp_path / "out"))
    with pytest.raises(UserError, match="is the source itself"):
        import_weights(published, f"{published}/../published")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "say import or export, not nothing"),
        (["convert"], "say import or export, not convert"),
        (["import", "--source=x"], "--output is required"),
        (["import", "--output=x"], "--source is required"),
        (["export", "--output=x", "--source=y", "--workdir=z"], "--source has no part in export"),
        (["import", "more", "--output=x"], "unexpected argument 'more'"),
        (["import", "--source=nowhere/at_all/here", "--output=x"], "nowhere/at_all/here"),
    ],
)
def test_the_command_ends_with_2_on_bad_input(arguments, message, tmp_path):
    script = Path(__file__).parents[2] / "launch" / "weights.py"
    ended = subprocess.run(
        [sys.executable, script, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert message in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "x").exists()
