"""The peer does what ours does: the same loss, the same update, programs of the same length."""

import dataclasses

import jax
import numpy as np
import pytest
from flax import nnx

from codeit_jax.benchmarks import torch_peer
from codeit_jax.benchmarks.torch_peer import GenerationPeer, TrainingPeer
from codeit_jax.config import LearnerConfig
from codeit_jax.learner.batching import Batch, Example
from codeit_jax.learner.learner import Learner
from codeit_jax.policy.presets import T5Config
from codeit_jax.policy.sharding import make_mesh
from codeit_jax.policy.t5 import T5
from codeit_jax.policy.weights import hugging_face_name

torch = pytest.importorskip("torch")

SHAPE = T5Config(
    vocab_size=40,
    d_model=16,
    d_kv=8,
    d_ff=32,
    num_encoder_layers=2,
    num_decoder_layers=2,
    num_heads=2,
    dropout_rate=0.0,
)
SHAPES = pytest.mark.parametrize(
    "shape",
    [
        SHAPE,
        dataclasses.replace(SHAPE, tie_word_embeddings=False, feed_forward="gated-gelu"),
    ],
    ids=["tied", "untied"],
)


def by_name(params, shape):
    """Our parameters as Hugging Face names and lays them out, copied."""
    named = {}
    for keys, leaf in jax.tree_util.tree_leaves_with_path(params):
        path = tuple(key.key for key in keys if isinstance(key, jax.tree_util.DictKey))
        name = hugging_face_name(path, shape.feed_forward == "gated-gelu")
        named[name] = np.array(leaf.T if path[-1] == "kernel" else leaf)
    return named


def give_weights(model, params, shape):
    theirs, ours = dict(model.named_parameters()), by_name(params, shape)
    assert theirs.keys() == ours.keys()
    with torch.no_grad():
        for name, parameter in theirs.items():
            parameter.copy_(torch.from_numpy(ours[name]))


def padded_batch():
    rng = np.random.default_rng(0)
    examples = [
        Example(rng.integers(2, 40, source, np.int32), rng.integers(2, 40, target, np.int32))
        for source, target in ((7, 5), (9, 2), (3, 6))
    ]
    batch = Batch(np.zeros((3, 9), np.int32), np.zeros((3, 9), bool), np.zeros((3, 6), np.int32), None)
    batch = dataclasses.replace(batch, program_mask=np.zeros((3, 6), bool))
    for row, example in enumerate(examples):
        for sequence, ids, mask in (
            (example.prompt, batch.prompt_ids, batch.prompt_mask),
            (example.program, batch.program_ids, batch.program_mask),
        ):
            ids[row, : len(sequence)] = sequence
            mask[row, : len(sequence)] = True
    return examples, batch


@SHAPES
def test_its_updates_are_the_learners(shape):
    # A large learning rate: what an update leaves out, or does twice, shows in the loss of the next.
    config = LearnerConfig(
        batch_size=3, learning_rate=1e-2, weight_decay=0.1, prompt_buckets=(9,), program_buckets=(6,)
    )
    graphdef, params = nnx.split(T5(shape, rngs=nnx.Rngs(1)))
    peer = TrainingPeer(shape, config, seed=0)
    give_weights(peer.model, params, shape)
    learner = Learner(graphdef, params, config, make_mesh(1, 1, 1, jax.devices()[:1]), seed=0)
    examples, batch = padded_batch()
    losses = []
    for _ in range(3):
        losses.append(peer.step(batch))
        np.testing.assert_allclose(
            losses[-1], learner.learn(examples, np.random.default_rng(0)).loss, rtol=1e-5, atol=1e-5
        )
    assert losses[2] < losses[0]


def test_bfloat16_is_what_it_computes_in():
    config = LearnerConfig(batch_size=3)
    _, batch = padded_batch()
    exact, rough = (TrainingPeer(SHAPE, config, 0, dtype).step(batch) for dtype in ("float32", "bfloat16"))
    assert exact != rough
    assert abs(exact - rough) < 0.01 * exact


@SHAPES
def test_it_generates_programs_of_one_length(shape):
    prompt_ids = np.random.default_rng(0).integers(2, 40, (2, 5))
    peer = GenerationPeer(shape, seed=0)
    tokens = peer.generate(prompt_ids, np.ones((2, 5), bool), num_samples=32, num_tokens=7)
    assert tokens.shape == (2, 32, 7)
    assert not np.any(tokens[..., :-1] == 1)  # the end, which one token in forty would be by chance
    assert len(np.unique(tokens[0], axis=0)) > 1


def test_weights_of_generation_are_of_the_dtype_asked_for():
    model = GenerationPeer(SHAPE, seed=0, dtype="bfloat16").model
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}


def test_an_untied_head_is_a_matrix_of_its_own():
    model = torch_peer.make_model(dataclasses.replace(SHAPE, tie_word_embeddings=False), seed=0)
    assert model.lm_head.weight is not model.shared.weight
    assert not model.config.scale_decoder_outputs


def test_a_gpu_is_not_held_against_a_cpu(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert torch_peer.missing() == "no peer: PyTorch sees no GPU"
    assert torch_peer.device_kind() == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert torch_peer.missing() == ""
    assert torch_peer.device_kind() == "cuda"
