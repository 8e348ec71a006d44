"""A tiny run of every case of the learner suite, and the counts behind its figures."""

import dataclasses
import importlib.util
import os
from types import SimpleNamespace

import jax
import pytest

from codeit_jax.benchmarks import learner, torch_peer
from codeit_jax.benchmarks.beside import learning_beside_breeding
from codeit_jax.benchmarks.learner import (
    QUICK,
    Sizes,
    Workload,
    accelerated_training,
    measure_sizes,
    padding,
    shape_of,
    training,
)
from codeit_jax.benchmarks.suites import SUITES, Options
from codeit_jax.benchmarks.table import Measurement
from codeit_jax.config import Config
from codeit_jax.config.division import with_buckets
from codeit_jax.planning.learning import learning_flops
from codeit_jax.policy.presets import T5Config
from codeit_jax.policy.t5_costs import T5Costs

HAS_TORCH = importlib.util.find_spec("torch") is not None
NANO = Workload("nano", batch_size=2, prompt_length=8, program_length=4)
TINY = Sizes(workloads=(NANO,), accelerated=(NANO,), num_steps=2, num_beside=2, tasks=16)


def test_every_case_is_measured():
    measured = {each.name: each for each in measure_sizes(TINY, Options())}
    steps = measured.pop("nano, float32, batch 2: learning")
    assert steps.ours > 0
    assert steps.more_is_better
    if HAS_TORCH:
        assert steps.peer > 0
        assert steps.peer_error > 0
        assert steps.note.startswith("peer: PyTorch ")
    else:
        assert (steps.peer, steps.peer_error) == (None, 0)
        assert steps.note == "no peer: PyTorch is not installed"
    padded = measured.pop("training tasks: padding in an epoch")
    assert 0 < padded.ours < 100
    assert padded.note.endswith("of 16 fit, batches of 8")
    if len(os.sched_getaffinity(0)) > 1:
        for kind in ("on other cores", "on the same cores"):
            beside = measured.pop(f"nano, float32, batch 2: learning beside breeding {kind}")
            assert beside.ours > 0
            assert beside.peer > 0
    assert not measured


def test_learning_beside_breeding_leaves_threads_where_they_were():
    cores = os.sched_getaffinity(0)
    bound = []
    list(learning_beside_breeding("name", 1, lambda: bound.append(os.sched_getaffinity(0)), 1, 0))
    assert os.sched_getaffinity(0) == cores
    if len(cores) > 1:
        half = set(sorted(cores)[: len(cores) // 2])
        assert bound == [half] * 3 + [cores] * 3


def test_without_torch_there_is_no_peer(monkeypatch):
    nothing = SimpleNamespace(util=SimpleNamespace(find_spec=lambda name: None))
    monkeypatch.setattr(torch_peer, "importlib", nothing)
    measured = training(dataclasses.replace(NANO, dtype="bfloat16"), num_steps=1, seed=0)
    assert measured.name == "nano, bfloat16, batch 2: learning"
    assert (measured.peer, measured.note) == (None, "no peer: PyTorch is not installed")


def test_both_sides_take_turns_and_the_first_call_does_not_count(monkeypatch):
    # When each call begins and ends, ours and the peer's in turns; the first of each takes 100 s.
    clock = iter([0, 100, 100, 200, 200, 202, 202, 206, 206, 208, 208, 216])
    calls = []
    monkeypatch.setattr(torch_peer, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr(torch_peer, "missing", lambda: "")
    monkeypatch.setattr(torch_peer, "_describe", lambda: "a peer")
    measured = torch_peer.measure_rate(
        "name", 12, lambda: calls.append("ours"), lambda: lambda: calls.append("peer"), 2
    )
    assert calls == ["ours", "peer"] * 3
    # Ours takes 2 s, the peer 4 s and 8 s: 6 s, give or take 2 s.
    assert (measured.ours, measured.peer) == (6, 2)
    assert measured.peer_error == pytest.approx(2 * 2 / 6)
    assert measured.ratio == 3


@pytest.mark.parametrize(("kind", "note"), [("Machine H100 80GB", "of 989 TFLOP/s"), ("Abacus", "")])
def test_utilisation_is_a_share_of_the_peak(monkeypatch, kind, note):
    rates = Measurement("steps", 5000.0, 2500.0, "tokens/s", 100.0, more_is_better=True, note="a peer")
    monkeypatch.setattr(learner, "training", lambda *_: rates)
    monkeypatch.setattr(jax, "devices", lambda: [SimpleNamespace(device_kind=kind)])
    steps, *rest = accelerated_training(NANO, 1, 0)
    if not note:
        assert steps == dataclasses.replace(rates, note="a peer; the peak of Abacus is unknown")
        assert not rest
        return
    assert steps == rates
    (share,) = rest
    flops = learning_flops(T5Costs(shape_of("nano"), 2, 8, 4))
    # 24 tokens a step: ours makes 5000 / 24 steps a second.
    assert share.ours == pytest.approx(100 * flops * 5000 / 24 / 989e12)
    assert share.peer == pytest.approx(share.ours / 2)
    assert share.peer_error == pytest.approx(share.ours / 50)
    assert share.note == f"{note}, {kind}"


def test_the_case_of_accelerators_is_for_them(monkeypatch):
    done = []

    def record(workload, num_steps, seed):
        done.append(workload)
        return Measurement("", 1.0, None, "tokens/s")

    monkeypatch.setattr(learner, "training", record)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    other = dataclasses.replace(NANO, batch_size=3)
    list(measure_sizes(dataclasses.replace(TINY, accelerated=(other,)), Options()))
    assert done == [NANO, other]


def test_flops_are_those_counted_by_hand():
    shape = T5Config(
        vocab_size=7, d_model=4, d_kv=3, d_ff=5, num_encoder_layers=1, num_decoder_layers=2, num_heads=2
    )
    # Products of one example with 3 tokens of prompt and 2 of program; heads are 6 wide together.
    encoder = 3 * (4 * 4 * 6 + 2 * 4 * 5) + 2 * 3 * 3 * 6
    decoder_itself = 2 * (4 * 4 * 6 + 2 * 4 * 5) + 2 * 2 * 2 * 6
    decoder_to_prompt = 2 * (2 * 4 * 6) + 3 * (2 * 4 * 6) + 2 * 2 * 3 * 6
    products = encoder + 2 * (decoder_itself + decoder_to_prompt) + 2 * 4 * 7
    assert products == 1836
    # Two operations a product; the backward pass makes two products of one.
    assert learning_flops(T5Costs(shape, 5, 3, 2)) == 5 * 6 * products
    gated = dataclasses.replace(shape, feed_forward="gated-gelu", tie_word_embeddings=False)
    assert learning_flops(T5Costs(gated, 5, 3, 2)) == 5 * 6 * (products + 3 * 20 + 2 * 2 * 20)


def test_flops_of_a_published_shape_are_about_six_a_weight_and_token():
    shape = shape_of("codet5p-220m")
    stack = 12 * (4 * 768**2 + 2 * 768 * 3072)
    exact = 6 * (512 * (stack + 12 * 2 * 768**2) + 128 * (stack + 12 * 2 * 768**2 + 768 * 32100))
    attention = 6 * 2 * 768 * 12 * (512 * 512 + 128 * 128 + 128 * 512)
    assert learning_flops(T5Costs(shape, 1, 512, 128)) == exact + attention


def test_padding_is_that_of_a_runs_buckets():
    of_a_run = with_buckets(Config()).learner
    assert Sizes().prompt_buckets == of_a_run.prompt_buckets
    assert Sizes().program_buckets == of_a_run.program_buckets
    one_each = dataclasses.replace(TINY, padded_batch_size=1, prompt_buckets=(1026,), program_buckets=(512,))
    loose, close = (padding(sizes, 0).ours for sizes in (one_each, TINY))
    assert 0 < close < loose < 100


def test_shapes_have_their_vocabulary():
    assert shape_of("codet5-small").vocab_size == 32_100
    assert shape_of("tiny").vocab_size < 1_000


def test_the_suite_is_known():
    assert SUITES["learner"] == "codeit_jax.benchmarks.learner"
    assert [workload.preset for workload in QUICK.workloads] == ["nano"]
