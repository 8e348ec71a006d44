import dataclasses
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeit_jax.arc import Pair, Task
from codeit_jax.config import ConfigError, PriorityConfig
from codeit_jax.execution import Budget
from codeit_jax.execution.attempt import Attempt, HostContext, attempt_task
from codeit_jax.replay import ReplayBuffer
from codeit_jax.replay.prioritizer import Prioritizer, distance
from codeit_jax.replay.relabel import keep_solved, relabel
from tests.replay.exact import CRITICAL, chi_square, probabilities_of_sets

GRIDS = (((1, 2), (3, 4)), ((5, 1), (1, 1)))
TASK = Task(
    "task", tuple(Pair(grid, tuple(row[::-1] for row in grid)) for grid in GRIDS), (Pair(((8, 9),), None),)
)
TERMS = ("performance", "length", "age", "distance")
NEAR = "x1 = replace(I, FIVE, NINE)\nO = vmirror(x1)"  # a cell of eight is wrong
WEIGHTS = st.floats(0, 10)


def attempt(text):
    return attempt_task(HostContext((TASK,), Budget()), (0, (text,)))[0]


def priority(text, meta_iteration=25, num_tokens=40, **weights):
    config = PriorityConfig(**({"performance": 0.0} | weights))
    return Prioritizer(config, lambda program: num_tokens)(TASK, attempt(text), meta_iteration)


def test_by_default_it_is_the_papers():
    for text in ("O = vmirror(I)", NEAR, "O = identity(I)"):
        tried = attempt(text)
        given = Prioritizer(PriorityConfig(), lambda program: 1 / 0)(TASK, tried, 3)
        assert given == tried.demonstration_performance
        assert relabel(TASK, tried, 3, Prioritizer(PriorityConfig(), len)) == relabel(TASK, tried, 3)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("O = vmirror(I)", 0.0),
        (NEAR, 1 / 8),
        ("O = hconcat(I, I)", 1.0),
        ("O = size(I)", 1.0),
        ("x1 = ofcolor(I, FIVE)\nx2 = first(x1)\nO = vmirror(I)", 0.5),
        ("O = identity(I)", (4 / 4 + 2 / 4) / 2),
    ],
)
def test_the_distance_is_the_share_of_cells_that_differ(text, expected):
    assert distance(TASK, attempt(text)) == expected
    assert priority(text, distance=1.0) == 1 - expected


def test_each_term_alone():
    assert priority(NEAR, performance=3.0) == 0.5
    assert priority(NEAR, length=2.0) == 0.6
    assert priority(NEAR, length=2.0, num_tokens=400) == 0
    assert priority(NEAR, age=2.0) == 0.25
    assert priority(NEAR, age=2.0, meta_iteration=400) == 1
    assert priority(NEAR, age=1.0, max_age=50) == 0.5
    assert priority(NEAR, length=1.0, max_length=50) == pytest.approx(0.2)


@given(st.tuples(WEIGHTS, WEIGHTS, WEIGHTS, WEIGHTS).filter(any))
def test_it_is_their_mean_by_weight(weights):
    alone = [priority(NEAR, **{term: 1.0}) for term in TERMS]
    mean = sum(w * p for w, p in zip(weights, alone, strict=True)) / sum(weights)
    assert priority(NEAR, **dict(zip(TERMS, weights, strict=True))) == pytest.approx(mean)
    assert 0 <= priority(NEAR, **dict(zip(TERMS, weights, strict=True))) <= 1


@pytest.mark.parametrize("store", [relabel, keep_solved])
def test_experiences_are_stored_with_it(store):
    experience = store(TASK, attempt(NEAR), 25, Prioritizer(PriorityConfig(age=1.0), len))
    assert experience.priority == (0.5 + 0.25) / 2
    assert store(TASK, Attempt(None), 25, Prioritizer(PriorityConfig(age=1.0), len)) is None


# By the paper's priority, which is 1, 1/2 or nothing here; and with terms that leave none without.
@pytest.mark.parametrize(
    ("config", "n", "expected"),
    [
        (PriorityConfig(), 1, [1.0, 0.5, 0.5, 0.0]),
        (PriorityConfig(), 2, [1.0, 0.5, 0.5, 0.0]),
        (PriorityConfig(age=1.0), 2, [0.625, 0.375, 0.375, 0.125]),
        (PriorityConfig(age=1.0), 3, [0.625, 0.375, 0.375, 0.125]),
    ],
)
def test_attempts_are_drawn_as_often_as_their_priorities_say(config, n, expected):
    again = "x1 = identity(I)\nx2 = replace(x1, FIVE, NINE)\nO = vmirror(x2)"
    texts = ("O = vmirror(I)", NEAR, again, "O = hconcat(I, I)")
    prioritize = Prioritizer(config, len)
    buffer = ReplayBuffer()
    for text in texts:
        buffer.add(relabel(TASK, attempt(text), 25, prioritize))
    assert [each.priority for each in buffer] == expected
    possible = {drawn: p for drawn, p in probabilities_of_sets(expected, n).items() if p}
    rng = np.random.default_rng(11)
    counts = Counter(tuple(sorted(buffer.sample(n, rng).tolist())) for _ in range(10_000))
    assert chi_square(counts, possible) < CRITICAL[len(possible) - 1]


@pytest.mark.parametrize("name", [*TERMS, "max_length", "max_age"])
def test_weights_and_scales_that_make_no_sense_are_refused(name):
    with pytest.raises(ConfigError, match=f"replay.priority.{name} must be a number of at least"):
        PriorityConfig(**{name: -1})
    with pytest.raises(ConfigError, match=r"replay\.priority must have a weight above 0"):
        dataclasses.replace(PriorityConfig(), performance=0.0)
