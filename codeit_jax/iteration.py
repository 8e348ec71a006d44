"""The method on one page: one meta-iteration of CodeIt (algorithm 1 of the paper).

It joins a run's components into a circle:

    policy ── programs ──► host pool ── realised outputs ──► hindsight relabeling ──► replay buffer
       ▲                                                                                   │
       └────────── parameters ◄──── learner ◄──── prioritised batch ◄──────────────────────┘
"""

import contextlib
import dataclasses
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from codeit_jax.components import Components, State
from codeit_jax.evolution.expert import Attempted
from codeit_jax.execution.outcome import Status
from codeit_jax.exploration import AttemptRecorder, Tally, explore, remember
from codeit_jax.learner.learner import LearnerMetrics
from codeit_jax.replay import Experience, ReplayBuffer
from codeit_jax.run.background import drawn_ahead, run_ahead
from codeit_jax.run.interruption import deferred
from codeit_jax.run.metrics import IterationMetrics
from codeit_jax.search.solutions import Solutions, Source

_READ_TOGETHER = 512


def run_meta_iteration(state: State, components: Components, record: AttemptRecorder) -> IterationMetrics:
    """Samples, executes, relabels, remembers and learns, once; changes the state.

    Args:
        state: what the run has come to.
        components: what it works with.
        record: called with each task's texts and attempts as they come in.

    Returns:
        What the meta-iteration's table row shows.
    """
    started = time.monotonic()
    state.meta_iteration += 1
    components.journal.begin(state.meta_iteration)
    num_learned_before = state.progress.num_tokens
    tally = explore(state, components, record)
    explored = time.monotonic()
    with evolving(state, components, tally.promising) as evolved:
        config = components.config
        drawn = draw(state, components, config.training_experiences, config.policy_experiences)
        learned = train_epoch(state, components, drawn)
        known = _known(state, components, drawn)
        was_learned = time.monotonic()
        remember(state, components, evolved)
    solved = note_solved(state.solutions)
    seconds = explored - started, was_learned - explored, time.monotonic() - was_learned
    return _row(state, tally, learned, num_learned_before, known | solved, *seconds)


@dataclasses.dataclass(frozen=True)
class Drawn:
    """What an epoch is to learn from.

    Attributes:
        training: where that is in the buffer of training and mutated training tasks, `[n]`.
        policy: where that is in the policy's buffer, `[m]`.
        rng: draws the order, and whatever else the epoch needs.
    """

    training: np.ndarray
    policy: np.ndarray
    rng: np.random.Generator


def draw(state: State, components: Components, num_training: int, num_policy: int, part: int = 0) -> Drawn:
    """Draws experiences from both buffers without replacement, the policy's by priority.

    Args:
        state: what the run has come to.
        components: what it works with.
        num_training: experiences of training and mutated training tasks, at most.
        num_policy: experiences of the policy, at most.
        part: tells apart the draws of one meta-iteration, from 0 on.
    """
    rng = np.random.default_rng((components.seed, state.meta_iteration, part))
    training = state.training_buffer.sample(num_training, rng, prioritized=False)
    policy = state.policy_buffer.sample(num_policy, rng, prioritized=components.config.prioritized)
    return Drawn(training, policy, rng)


def train_epoch(state: State, components: Components, drawn: Drawn, part: int = 0) -> LearnerMetrics:
    """Learns from experiences for an epoch.

    They are written as tokens while the devices learn from those before them.

    Args:
        state: what the run has come to.
        components: what it works with.
        drawn: the experiences.
        part: their number among the draws of the meta-iteration. What is done already according to the
            state's progress is not done again.
    """
    if part < len(state.progress.done):
        return state.progress.done[part]
    order = drawn.rng.permutation(len(drawn.training) + len(drawn.policy))
    examples = run_ahead(components.examples.make(_read(state, drawn, order)))
    with deferred():  # an update that is left in the middle would leave no state to go on from
        return state.learner.learn(examples, drawn.rng, state.progress, components.pause)


@contextlib.contextmanager
def evolving(
    state: State, components: Components, written: Mapping[int, Sequence[str]]
) -> Iterator[Iterator[Attempted]]:
    """Has the expert, if there is one, improve its populations beside what is done in the block.

    Args:
        state: what the run has come to; its populations change.
        components: what it works with.
        written: programs of the policy that join them, by the places of their tasks.

    Yields:
        What the expert's programs do; it ends when the expert has ended.
    """
    if components.expert is None:
        yield iter(())
        return
    with drawn_ahead(components.expert.improve(state.populations, written, components.journal)) as evolved:
        yield evolved


def note_solved(solutions: Solutions) -> dict[str, int]:
    """Notes what is solved, and returns how many tasks that are, and by whom, as a table's row has it."""
    num_first, num_shortened = solutions.note_solved()
    return {
        "first_solved": num_first,
        "shortened": num_shortened,
        "cumulative_performance": len(solutions.all.solved()),
        "policy_cumulative": solutions.num_solved(Source.POLICY),
        "mutation_performance": solutions.num_solved(Source.MUTATION),
        "evolution_performance": solutions.num_solved(Source.EVOLUTION),
        "only_policy": solutions.num_solved_only(Source.POLICY),
        "only_mutation": solutions.num_solved_only(Source.MUTATION),
        "only_evolution": solutions.num_solved_only(Source.EVOLUTION),
    }


def rate(num_tokens: int, seconds: float) -> float:
    """Returns tokens a second; NaN where there were none, all being those of an earlier start."""
    return num_tokens / seconds if num_tokens else math.nan


def _known(state: State, components: Components, drawn: Drawn) -> dict[str, float]:
    """Returns how old what was learned from is, and how likely it is to be written by now.

    It is a function of what learning has come to, so that one that was cut short says the same.
    """

    def loss(buffer: ReplayBuffer, indices: np.ndarray) -> float:
        return state.learner.score(components.examples.make(buffer.read(indices[:_READ_TOGETHER])))

    written = state.policy_buffer.meta_iterations(drawn.policy)
    return {
        "learned_age": state.meta_iteration - float(np.mean(written)) if len(written) else math.nan,
        "training_loss": loss(state.training_buffer, drawn.training),
        "policy_loss": loss(state.policy_buffer, drawn.policy),
    }


def _read(state: State, drawn: Drawn, order: np.ndarray) -> Iterator[Experience]:
    """Yields what was drawn in an order of both draws, the training buffer's first."""
    for start in range(0, len(order), _READ_TOGETHER):
        places = order[start : start + _READ_TOGETHER]
        is_policy = places >= len(drawn.training)
        from_training = iter(state.training_buffer.read(drawn.training[places[~is_policy]]))
        from_policy = iter(state.policy_buffer.read(drawn.policy[places[is_policy] - len(drawn.training)]))
        yield from (next(from_policy if each else from_training) for each in is_policy.tolist())


def _row(
    state: State,
    tally: Tally,
    learned: LearnerMetrics,
    num_learned_before: int,
    further: Mapping[str, Any],
    explore_seconds: float,
    learn_seconds: float,
    evolve_seconds: float,
) -> IterationMetrics:
    low, median, high = state.policy_buffer.priority_quantiles((0.1, 0.5, 0.9))
    return IterationMetrics(
        meta_iteration=state.meta_iteration,
        loss=learned.loss,
        token_accuracy=learned.token_accuracy,
        num_samples=tally.num_samples,
        parse_share=tally.share(tally.num_parsed),
        execute_share=tally.share(tally.num_executed),
        error_share=tally.share(tally.num_failed[Status.ERROR]),
        invalid_output_share=tally.share(tally.num_failed[Status.INVALID_OUTPUT]),
        over_budget_share=tally.share(tally.num_failed[Status.OVER_BUDGET]),
        timeout_share=tally.share(tally.num_failed[Status.TIMEOUT]),
        repeat_share=tally.share(tally.num_repeated),
        pass_at_1=tally.pass_at_1(),
        pass_at_all=tally.pass_at_all(),
        new_experiences=tally.num_new,
        policy_performance=len(tally.solutions.solved()),
        **further,
        policy_buffer_size=len(state.policy_buffer),
        num_learned=learned.num_examples,
        explore_seconds=explore_seconds,
        learn_seconds=learn_seconds,
        evolve_seconds=evolve_seconds,
        num_updates=learned.num_steps,
        gradient_norm=learned.gradient_norm,
        padding_share=learned.padding_share,
        training_buffer_size=len(state.training_buffer),
        priority_10=low,
        priority_50=median,
        priority_90=high,
        sampled_tokens=tally.num_tokens,
        learned_tokens=learned.num_tokens,
        sampled_tokens_per_second=rate(tally.num_tokens - tally.num_known_tokens, explore_seconds),
        learned_tokens_per_second=rate(learned.num_tokens - num_learned_before, learn_seconds),
    )
