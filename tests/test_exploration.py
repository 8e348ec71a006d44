"""Exploration: what is counted of a meta-iteration is what its own samples come to."""

import math
from types import SimpleNamespace

from codeit_jax import exploration
from codeit_jax.arc import Pair, Task
from codeit_jax.config import PriorityConfig
from codeit_jax.config.budget import Budget
from codeit_jax.execution.attempt import HostContext, attempt_task
from codeit_jax.execution.outcome import Status
from codeit_jax.exploration import Tally, explore
from codeit_jax.replay import ReplayBuffer
from codeit_jax.search.solutions import SolutionBook, Solutions

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


def test_samples_are_counted_by_what_they_come_to(monkeypatch):
    state = SimpleNamespace(
        meta_iteration=0,
        solutions=Solutions(),
        policy_buffer=ReplayBuffer(),
        learner=SimpleNamespace(params=0),
    )
    texts = {
        0: (
            RIGHT,
            "O=vmirror( I )",
            "no program",
            "no program",
            "O = size(I)",
            "O = identity(I)",
            RIGHT,
            "nope",
        ),
        1: ("O = hconcat(I, ZERO)", "x1 = upscale(I, TEN)\nx2 = upscale(x1, TEN)\nO = upscale(x2, TEN)"),
    }
    tally = explored(monkeypatch, state, texts)
    assert (tally.num_samples, tally.num_parsed, tally.num_executed) == (10, 7, 4)
    assert tally.num_failed == {Status.INVALID_OUTPUT: 1, Status.ERROR: 1, Status.OVER_BUDGET: 1}
    # One program in three spellings or so, and one text that is none, are there more than once.
    assert tally.num_repeated == 2 + 1
    assert tally.pass_at_1() == (3 / 8 + 0 / 2) / 2
    assert tally.pass_at_all() == 1 / 2


def test_of_nothing_there_are_no_shares():
    tally = Tally(SolutionBook())
    assert math.isnan(tally.pass_at_1())
    assert math.isnan(tally.pass_at_all())
    assert tally.num_repeated == 0
