"""A tiny run of sampling beside PyTorch, and that ours makes programs of just the length asked for."""

import dataclasses
import importlib.util

import jax
import numpy as np
from flax import nnx

from codeit_jax.benchmarks.generation import Sizes, draw_programs, measure_sizes
from codeit_jax.benchmarks.suites import Options
from codeit_jax.policy.presets import preset
from codeit_jax.policy.t5 import T5

HAS_TORCH = importlib.util.find_spec("torch") is not None
TINY = Sizes(
    presets=("nano",), num_tasks=2, num_samples=3, prompt_length=8, num_tokens=6, num_calls=2, max_length=16
)


def test_every_shape_is_measured():
    measured, retiring = measure_sizes(TINY, Options())
    assert measured.name == "nano, float32: sampling 2 x 3 programs"
    assert measured.ours > 0
    assert measured.more_is_better
    if HAS_TORCH:
        assert measured.peer > 0
        assert measured.peer_error > 0
        assert measured.note.startswith("peer: PyTorch ")
    else:
        assert measured.peer is None
        assert measured.note == "no peer: PyTorch is not installed"
    assert retiring.name.startswith("nano: programs of 1 to ")
    assert retiring.ours > 0
    assert retiring.peer > 0
    assert retiring.note == "peer: ours with none retired"


def test_an_accelerator_has_cases_of_its_own(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    sizes = dataclasses.replace(TINY, presets=("nano",), accelerated=("nano",))
    names = [measured.name for measured in measure_sizes(sizes, Options())]
    assert names[:2] == ["nano, float32: sampling 2 x 3 programs", "nano, bfloat16: sampling 2 x 3 programs"]


def test_ours_makes_programs_of_one_length():
    # Of five tokens one is the end: left to themselves nearly all programs would be shorter.
    graphdef, params = nnx.split(T5(preset("nano", 5), rngs=nnx.Rngs(0)))
    sizes = Sizes(num_tasks=2, num_samples=16, prompt_length=4, num_tokens=12)
    prompt_ids = np.full((2, 4), 3)
    drawn = draw_programs(
        graphdef,
        params,
        prompt_ids,
        np.ones((2, 4), bool),
        jax.random.split(jax.random.key(0), 2),
        sizes,
    )
    assert drawn.tokens.shape == (2, 16, 12)
    assert np.all(drawn.lengths == 12)
    assert not np.any(drawn.tokens[..., :-1] == 1)
