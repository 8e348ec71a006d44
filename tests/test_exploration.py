"""Exploration: what is counted of a meta-iteration is what its own samples come to."""

from types import SimpleNamespace

from codeit_jax import exploration
from codeit_jax.arc import Pair, Task
from codeit_jax.config import PriorityConfig
from codeit_jax.config.budget import Budget
from codeit_jax.execution.attempt import HostContext, attempt_task
from codeit_jax.exploration import explore
from codeit_jax.replay import ReplayBuffer
from codeit_jax.search.solutions import Solutions

ROW, MIRRORED = ((1, 2, 3),), ((3, 2, 1),)
TASKS = (
    Task("mirror", (Pair(ROW, MIRRORED),), (Pair(MIRRORED, ROW),)),
    Task("turn", (Pair(ROW, ((1,), (2,), (3,))),), (Pair(MIRRORED, ((3,), (2,), (1,))),)),
)
RIGHT = "O = vmirror(I)"


def explored(monkeypatch, state, texts):
    """What a meta-iteration comes to in which these texts are sampled, by the places of their tasks."""
    context = HostContext(TASKS, Budget())
    attempted = [(place, each, attempt_task(context, (place, each))) for place, each in texts.items()]
    monkeypatch.setattr(exploration, "attempt_tasks", lambda *_: attempted)
    components = SimpleNamespace(
        sampling=SimpleNamespace(allocation="even"),
        search_tasks=TASKS,
        pool=None,
        expert=None,
        sampler=SimpleNamespace(sample=lambda *_: ()),
        journal=SimpleNamespace(entries=lambda _: ()),
        config=SimpleNamespace(relabeling=True, priority=PriorityConfig()),
        examples=SimpleNamespace(num_tokens=len, fits=lambda program: True),
    )
    state.meta_iteration += 1
    return explore(state, components, lambda *_: None)


def test_policy_performance_is_of_one_meta_iteration_and_cumulative_performance_of_all(monkeypatch):
    state = SimpleNamespace(
        meta_iteration=0,
        solutions=Solutions(),
        policy_buffer=ReplayBuffer(),
        learner=SimpleNamespace(params=0),
    )
    first = explored(monkeypatch, state, {0: (RIGHT, "O = identity(I)"), 1: ("no program",)})
    assert set(first.solutions.solved()) == {"mirror"}
    assert (first.num_samples, first.num_parsed, first.num_executed, first.num_new) == (3, 2, 2, 2)
    second = explored(monkeypatch, state, {0: ("O = identity(I)",), 1: ("O = dmirror(I)",)})
    assert set(second.solutions.solved()) == {"turn"}
    assert set(state.solutions.all.solved()) == {"mirror", "turn"}
    assert second.num_new == 1
