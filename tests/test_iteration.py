"""What an epoch learns from, and in which order."""

from types import SimpleNamespace

import numpy as np
import pytest

from codeit_jax import iteration
from codeit_jax.iteration import train_epoch
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
    assert train_epoch(state, components, num_training, num_policy, part=0) == "learned before"
    learned, after = train_epoch(state, components, num_training, num_policy, part=1)
    rng = np.random.default_rng((5, 3, 1))
    drawn = [
        state.training_buffer[i] for i in state.training_buffer.sample(num_training, rng, prioritized=False)
    ]
    drawn += [state.policy_buffer[i] for i in state.policy_buffer.sample(num_policy, rng)]
    assert learned == [drawn[place] for place in rng.permutation(len(drawn))]
    assert after == rng.random()
    assert len(learned) == min(num_training, 40) + min(num_policy, 50)
