"""A tiny run of every case of the sampling suite."""

import pytest

from codeit_jax.benchmarks.sampling import Sizes, measure_sizes
from codeit_jax.benchmarks.suites import SUITES, Options
from codeit_jax.errors import UserError

TINY = Sizes(
    preset="nano",
    num_tasks=2,
    num_samples=3,
    prompt_length=8,
    max_length=12,
    num_calls=2,
    num_parsed=10,
    tasks=5,
)


def test_every_case_is_measured():
    measured = {each.name: each for each in measure_sizes(TINY, Options())}
    free = measured["symbolic: unconstrained"].ours
    assert free > 0
    for kind in ("allowed", "grammar"):
        assert measured[f"symbolic: {kind}"].peer == free
        assert measured[f"symbolic: {kind}"].ours > 0
    parsing = measured["symbolic: samples under the grammar that parse"]
    assert (parsing.ours, parsing.note) == (100, "10 of 10")
    prompt = measured["symbolic: tokens of a prompt, sparse, median"]
    assert prompt.ours > 100
    assert "of 5 are cut at sections of 512" in prompt.note


def test_a_tokenizer_that_is_not_there_is_named():
    with pytest.raises(UserError, match="--tokenizer=/nowhere: "):
        list(measure_sizes(TINY, Options(tokenizer="/nowhere")))


def test_the_suite_is_known():
    assert SUITES["sampling"] == "codeit_jax.benchmarks.sampling"
