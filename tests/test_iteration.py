"""What an epoch learns from, and in which order."""

from types import SimpleNamespace

import numpy as np
import pytest

from codeit_jax import iteration
from codeit_jax.iteration import draw, train_epoch
from codeit_jax.learner.learner import Progress
from codeit_jax.replay import Experience, ReplayBuffer

GRIDS = (((1, 2),),)


def filled(name, size):
    buffer = ReplayBuffer()
    buffer.extend(
        Experience.of("t", f"{name}{number}", GRIDS, GRIDS, number % 3 / 2, 0) for number in range(size)
    )
    return buffer


@pytest.mark.parametrize(("num_training", "num_policy"), [(20, 30), (0, 30), (7, 0), (0, 0), (100, 100)])
def test_both_draws_are_learned_from_in_one_order(monkeypatch, num_training, num_policy):
    monkeypatch.setattr(iteration, "_READ_TOGETHER", 8)
    state = SimpleNamespace(
        training_buffer=filled("training", 40),
        policy_buffer=filled("policy", 50),
        meta_iteration=3,
        progress=Progress(["learned before"]),
        learner=SimpleNamespace(learn=lambda examples, rng, progress, pause: (list(examples), rng.random())),
    )
    components = SimpleNamespace(
        seed=5,
        config=SimpleNamespace(prioritized=True),
        examples=SimpleNamespace(make=lambda drawn: drawn),
        pause=None,
    )
    first, second = (draw(state, components, num_training, num_policy, part) for part in range(2))
    assert train_epoch(state, components, first, part=0) == "learned before"
    learned, after = train_epoch(state, components, second, part=1)
    rng = np.random.default_rng((5, 3, 1))
    drawn = [
        state.training_buffer[i] for i in state.training_buffer.sample(num_training, rng, prioritized=False)
    ]
    drawn += [state.policy_buffer[i] for i in state.policy_buffer.sample(num_policy, rng)]
    assert learned == [drawn[place] for place in rng.permutation(len(drawn))]
    assert after == rng.random()
    assert len(learned) == min(num_training, 40) + min(num_policy, 50)


def test_what_is_told_of_what_was_learned_from_is_of_the_same_draws():
    policy = ReplayBuffer()
    policy.extend(Experience.of("t", f"policy{n}", GRIDS, GRIDS, n % 3 / 2, n // 10) for n in range(50))
    scored, learned = [], []
    state = SimpleNamespace(
        training_buffer=filled("training", 40),
        policy_buffer=policy,
        meta_iteration=6,
        progress=Progress(),
        learner=SimpleNamespace(
            learn=lambda examples, *_: learned.extend(examples),
            score=lambda examples: scored.append(list(examples)) or float(len(scored)),
        ),
    )
    settings = SimpleNamespace(prioritized=True, training_experiences=7, policy_experiences=9)
    components = SimpleNamespace(
        seed=5, config=settings, examples=SimpleNamespace(make=lambda drawn: drawn), pause=None
    )
    drawn = draw(state, components, 7, 9)
    train_epoch(state, components, drawn)
    told = iteration._known(state, components, drawn)
    assert told.keys() == {"learned_age", "training_loss", "policy_loss"}
    assert (told["training_loss"], told["policy_loss"]) == (1.0, 2.0)
    of_training = [each for each in learned if each.program.startswith("training")]
    of_policy = [each for each in learned if each.program.startswith("policy")]
    assert (len(of_training), len(of_policy)) == (7, 9)
    assert [sorted(each.program for each in group) for group in scored] == [
        sorted(each.program for each in group) for group in (of_training, of_policy)
    ]
    assert told["learned_age"] == pytest.approx(np.mean([6 - each.meta_iteration for each in of_policy]))


def test_of_an_empty_buffer_nothing_is_told():
    state = SimpleNamespace(
        training_buffer=filled("training", 4),
        policy_buffer=ReplayBuffer(),
        meta_iteration=1,
        learner=SimpleNamespace(score=lambda examples: np.nan if not list(examples) else 1.0),
    )
    settings = SimpleNamespace(prioritized=True, training_experiences=7, policy_experiences=9)
    components = SimpleNamespace(seed=5, config=settings, examples=SimpleNamespace(make=list))
    told = iteration._known(state, components, draw(state, components, 7, 9))
    assert told["training_loss"] == 1.0
    assert np.isnan(told["learned_age"])
    assert np.isnan(told["policy_loss"])
