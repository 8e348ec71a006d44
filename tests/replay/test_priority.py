from collections import Counter
from itertools import permutations

import numpy as np
import pytest

from codeit_jax.replay.priority import (
    sample_without_replacement,
    sampling_weights,
)
from tests.replay.exact import CRITICAL, chi_square, probabilities_of_sets

A, B = ((1,),), ((2,),)


def test_weights_are_the_priorities_unless_uniform():
    priorities = np.array([0.0, 0.1, 1.0])
    weights = sampling_weights(priorities, uniform=False)
    assert weights.dtype == np.float64
    assert weights[1:].tolist() == [0.1, 1.0]
    assert 0 < weights[0] < 1e-18
    assert sampling_weights(priorities, uniform=True).tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_subsets_come_as_often_as_they_should(n):
    weights = np.array([0.1, 0.3, 0.6, 1.0])
    expected = probabilities_of_sets(weights, n)
    rng = np.random.default_rng(7)
    counts = Counter(
        tuple(sorted(sample_without_replacement(weights, n, rng).tolist())) for _ in range(20_000)
    )
    assert chi_square(counts, expected) < CRITICAL[len(expected) - 1]


def test_a_sample_is_that_of_the_smallest_keys():
    weights = np.random.default_rng(0).random(500)
    sample = sample_without_replacement(weights, 120, np.random.default_rng(1))
    rng = np.random.default_rng(1)
    keys = rng.standard_exponential(500) / weights
    # In an order that does not depend on how a processor partitions.
    assert sample.tolist() == rng.permutation(sorted(np.argsort(keys)[:120])).tolist()
    assert sample.dtype == np.int64


def test_every_order_is_as_likely():
    rng = np.random.default_rng(3)
    first = [sample_without_replacement(np.array([1.0, 1e-9, 1.0]), 2, rng)[0] for _ in range(2000)]
    assert abs(first.count(0) - 1000) < 150
    everything = [tuple(sample_without_replacement(np.ones(3), 5, rng).tolist()) for _ in range(600)]
    assert set(everything) == set(permutations(range(3)))


def test_entries_without_priority_come_only_once_the_others_are_used_up():
    priorities = np.zeros(1000)
    priorities[::10] = np.linspace(0.05, 1, 100)
    weights = sampling_weights(priorities, uniform=False)
    positive = set(range(0, 1000, 10))
    rng = np.random.default_rng(5)
    for n in (1, 50, 99, 100):
        assert set(sample_without_replacement(weights, n, rng).tolist()) <= positive
    more = sample_without_replacement(weights, 160, rng).tolist()
    assert positive < set(more)
    assert len(set(more)) == 160


def test_sizes_at_the_edges():
    rng = np.random.default_rng(0)
    assert sample_without_replacement(np.ones(4), 0, rng).tolist() == []
    assert sample_without_replacement(np.ones(0), 3, rng).tolist() == []
    with pytest.raises(ValueError, match="cannot sample -1 entries"):
        sample_without_replacement(np.ones(4), -1, rng)
