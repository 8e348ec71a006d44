"""The sampler: every task once, its texts the same whatever it is sampled beside."""

from typing import Any

import jax
import numpy as np
import pytest
from flax import nnx

from codeit_jax.config import SamplingConfig
from codeit_jax.policy.constraints import Unconstrained
from codeit_jax.policy.presets import T5Config
from codeit_jax.policy.program_sampler import ProgramSampler, _plan
from codeit_jax.policy.sharding import batch_sharding, make_mesh
from codeit_jax.policy.symbolic import SymbolicTokenizer
from codeit_jax.policy.t5 import T5

TOKENIZER = SymbolicTokenizer()
LENGTHS = (9, 3, 12, 5, 4)
BUCKETS = (6, 12)


@pytest.fixture(scope="module")
def model() -> tuple[nnx.GraphDef, Any]:
    shape = T5Config(
        vocab_size=TOKENIZER.vocabulary_size,
        d_model=16,
        d_kv=8,
        d_ff=16,
        num_encoder_layers=1,
        num_decoder_layers=1,
        num_heads=2,
    )
    return nnx.split(T5(shape, rngs=nnx.Rngs(0)))


def prompts() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(2, TOKENIZER.vocabulary_size, length, np.int32) for length in LENGTHS]


def make_sampler(
    graphdef: nnx.GraphDef, tasks_per_batch: int = 2, seed: int = 0, **changes: Any
) -> ProgramSampler:
    texts, constraint = changes.pop("prompts", prompts()), changes.pop("constraint", Unconstrained())
    return ProgramSampler(
        graphdef,
        TOKENIZER,
        texts,
        SamplingConfig(num_samples=3, tasks_per_batch=tasks_per_batch, prompt_buckets=BUCKETS, **changes),
        max_program_length=5,
        constraint=constraint,
        sharding=batch_sharding(make_mesh(1, 1, 1, jax.devices()[:1])),
        seed=seed,
    )


def plan(lengths: list[int], buckets: tuple[int, ...], tasks_per_batch: int) -> list[tuple[list[int], int]]:
    return _plan(dict(enumerate(lengths)), buckets, tasks_per_batch)


def sampled(sampler, params, meta_iteration):
    """Pairs of a task's index and its texts."""
    return [(each.task_index, each.texts) for each in sampler.sample(params, meta_iteration)]


def test_batches_are_planned_by_length() -> None:
    assert plan([9, 3, 12, 5, 4], (6, 12), 2) == [([1, 4], 6), ([3, 0], 12), ([2], 12)]
    assert plan([9, 3, 12, 5, 4], (6, 12), 3) == [([1, 4, 3], 6), ([0, 2], 12)]
    assert plan([2, 2, 2], (6, 12), 2) == [([0, 1], 6), ([2], 6)]
    assert plan([6, 12], (6, 12), 1) == [([0], 6), ([1], 12)]
    assert plan([], (6,), 2) == []


def test_a_plan_holds_every_task_once_and_pads_to_no_less_than_needed() -> None:
    rng = np.random.default_rng(1)
    lengths = rng.integers(1, 33, 50).tolist()
    batches = plan(lengths, (8, 16, 32), 7)
    assert sorted(index for batch, _ in batches for index in batch) == list(range(50))
    assert all(len(batch) <= 7 for batch, _ in batches)
    for batch, length in batches:
        longest = max(lengths[index] for index in batch)
        assert length == min(bucket for bucket in (8, 16, 32) if bucket >= longest)


def test_a_prompt_longer_than_every_bucket_is_refused() -> None:
    with pytest.raises(ValueError, match="a prompt of 13 tokens exceeds the largest bucket, 12"):
        plan([3, 13], BUCKETS, 2)


def test_every_task_gets_its_samples_once(model) -> None:
    graphdef, params = model
    written = list(sampled(make_sampler(graphdef), params, 1))
    assert [index for index, _ in written] == [1, 4, 3, 0, 2]
    texts = dict(written)
    assert all(len(samples) == 3 for samples in texts.values())
    assert all(isinstance(text, str) for samples in texts.values() for text in samples)
    assert len({text for samples in texts.values() for text in samples}) > 5  # they are not all alike


@pytest.mark.parametrize("tasks_per_batch", [1, 8])
def test_texts_do_not_depend_on_the_tasks_beside(model, tasks_per_batch: int) -> None:
    graphdef, params = model
    expected = dict(sampled(make_sampler(graphdef, tasks_per_batch=2), params, 1))
    assert dict(sampled(make_sampler(graphdef, tasks_per_batch), params, 1)) == expected


def test_a_task_may_be_sampled_for_several_times_or_never(model) -> None:
    graphdef, params = model
    sampler = make_sampler(graphdef, temperature=2.0)
    once = dict(sampled(sampler, params, 3))
    found = [(each.task_index, each.texts) for each in sampler.sample(params, 3, [1, 0, 3, 1, 2])]
    assert sorted(index for index, _ in found) == [0, 2, 2, 2, 3, 4, 4]
    for index in (0, 2, 3, 4):
        texts = [texts for other, texts in found if other == index]
        assert once[index] in texts
        assert len(set(texts)) == len(texts)
    assert sampled(sampler, params, 3) == list(once.items())
    assert list(sampler.sample(params, 3, [0] * 5)) == []


def test_what_is_known_of_whole_batches_is_not_sampled_again(model, monkeypatch) -> None:
    graphdef, params = model
    times = [1, 2, 0, 1, 3]
    whole = list(make_sampler(graphdef).sample(params, 1, times))
    assert len(whole) == 7
    for num_known in range(8):
        sampler = make_sampler(graphdef)
        drawn: list[int] = []
        draw = ProgramSampler._draw

        def recorded(self, params, key, batches, drawn=drawn, draw=draw):
            drawn += [number for batch, _ in batches for number in batch]
            return draw(self, params, key, batches)

        monkeypatch.setattr(ProgramSampler, "_draw", recorded)
        assert list(sampler.sample(params, 1, times, whole[:num_known])) == whole
        monkeypatch.undo()
        assert len(drawn) == 7 - num_known // 2 * 2 if num_known < 7 else not drawn


def test_texts_depend_on_the_prompt(model) -> None:
    graphdef, params = model
    changed = prompts()
    changed[3] = changed[3][::-1].copy()
    before = dict(sampled(make_sampler(graphdef, temperature=1.0), params, 1))
    after = dict(sampled(make_sampler(graphdef, temperature=1.0, prompts=changed), params, 1))
    assert {index for index in before if before[index] != after[index]} == {3}


def test_the_seed_and_the_meta_iteration_decide(model) -> None:
    graphdef, params = model
    first = list(sampled(make_sampler(graphdef), params, 1))
    assert list(sampled(make_sampler(graphdef), params, 1)) == first
    sampler = make_sampler(graphdef)
    second = list(sampled(sampler, params, 2))
    assert second != first
    assert list(sampled(sampler, params, 1)) == first  # whatever was written before
    assert list(sampled(make_sampler(graphdef, seed=1), params, 1)) != first


def test_the_parameters_decide_at_temperature_zero(model) -> None:
    graphdef, params = model
    greedy = dict(sampled(make_sampler(graphdef, temperature=0.0), params, 1))
    assert all(len(set(samples)) == 1 for samples in greedy.values())
    assert dict(sampled(make_sampler(graphdef, temperature=0.0, seed=1), params, 2)) == greedy
    others = jax.tree.map(lambda leaf: -leaf, params)
    assert dict(sampled(make_sampler(graphdef, temperature=0.0), others, 1)) != greedy


def test_no_tasks_are_no_texts(model) -> None:
    graphdef, params = model
    assert list(sampled(make_sampler(graphdef, prompts=[]), params, 1)) == []
