"""The method on one page: one meta-iteration of CodeIt (algorithm 1 of the paper).

It joins a run's components into a circle:

    policy ── programs ──► host pool ── realised outputs ──► hindsight relabeling ──► replay buffer
       ▲                                                                                   │
       └────────── parameters ◄──── learner ◄──── prioritised batch ◄──────────────────────┘
"""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from codeit_jax.arc import Task
from codeit_jax.config import ReplayConfig, SamplingConfig
from codeit_jax.evolution.expert import Attempted, Expert
from codeit_jax.evolution.rounds import Rounds
from codeit_jax.execution.attempt import Attempt
from codeit_jax.execution.host import attempt_tasks
from codeit_jax.execution.pool import ExecutionPool
from codeit_jax.learner.examples import ExampleMaker
from codeit_jax.learner.learner import Learner, LearnerMetrics
from codeit_jax.policy.program_sampler import ProgramSampler, SampledTask
from codeit_jax.replay import ReplayBuffer
from codeit_jax.replay.prioritizer import Prioritizer
from codeit_jax.replay.relabel import keep_solved, relabel
from codeit_jax.run.background import drawn_ahead, run_ahead
from codeit_jax.run.metrics import IterationMetrics
from codeit_jax.search.ranking import NUM_ANSWERS, Candidate, Performance
from codeit_jax.search.solutions import SolutionBook, Solutions, Source

AttemptRecorder = Callable[[Task, Sequence[str], Sequence[Attempt]], None]


@dataclasses.dataclass
class State:
    """The state of a run: everything that the next meta-iteration depends on.

    Attributes:
        meta_iteration: how many are done.
        training_buffer: experiences of training and mutated training tasks.
        policy_buffer: experiences of the policy, relabeled in hindsight.
        solutions: the best candidates of every search-set task so far.
        learner: the policy's parameters and the optimiser's state.
        populations: the expert's, for every search-set task.
    """

    meta_iteration: int
    training_buffer: ReplayBuffer
    policy_buffer: ReplayBuffer
    solutions: Solutions
    learner: Learner
    populations: Rounds


@dataclasses.dataclass(frozen=True)
class Components:
    """The parts that a meta-iteration works with, which never change.

    Attributes:
        search_tasks: the search set.
        sampler: samples programs from the policy.
        pool: runs them on the host.
        examples: turns experiences into token sequences.
        config: what is remembered and learned from.
        sampling: how programs are sampled.
        seed: the root of the run's random choices.
        expert: breeds programs while the policy learns; None, as in the paper, for none.
    """

    search_tasks: Sequence[Task]
    sampler: ProgramSampler
    pool: ExecutionPool
    examples: ExampleMaker
    config: ReplayConfig
    sampling: SamplingConfig
    seed: int
    expert: Expert | None = None


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
    tally = _explore(state, components, record)
    explored = time.monotonic()
    with evolving(state, components, tally.promising) as evolved:
        learned = train_epoch(
            state, components, components.config.training_experiences, components.config.policy_experiences
        )
        was_learned = time.monotonic()
        remember(state, components, evolved)
    explore_seconds, learn_seconds = explored - started, was_learned - explored
    low, median, high = state.policy_buffer.priority_quantiles((0.1, 0.5, 0.9))
    return IterationMetrics(
        meta_iteration=state.meta_iteration,
        loss=learned.loss,
        token_accuracy=learned.token_accuracy,
        num_samples=tally.num_samples,
        parse_share=tally.num_parsed / max(1, tally.num_samples),
        execute_share=tally.num_executed / max(1, tally.num_samples),
        new_experiences=tally.num_new,
        policy_performance=len(tally.solutions.solved()),
        **solved_by_source(state.solutions),
        policy_buffer_size=len(state.policy_buffer),
        num_learned=learned.num_examples,
        explore_seconds=explore_seconds,
        learn_seconds=learn_seconds,
        evolve_seconds=time.monotonic() - was_learned,
        num_updates=learned.num_steps,
        gradient_norm=learned.gradient_norm,
        padding_share=learned.padding_share,
        training_buffer_size=len(state.training_buffer),
        priority_10=low,
        priority_50=median,
        priority_90=high,
        sampled_tokens=tally.num_tokens,
        learned_tokens=learned.num_tokens,
        sampled_tokens_per_second=tally.num_tokens / explore_seconds,
        learned_tokens_per_second=learned.num_tokens / learn_seconds,
    )


def train_epoch(
    state: State, components: Components, num_training: int, num_policy: int, part: int = 0
) -> LearnerMetrics:
    """Draws experiences from both buffers without replacement and learns from them for an epoch.

    They are written as tokens while the devices learn from those before them.

    Args:
        state: what the run has come to.
        components: what it works with.
        num_training: experiences of training and mutated training tasks, at most.
        num_policy: experiences of the policy, at most.
        part: tells apart the draws of one meta-iteration.
    """
    rng = np.random.default_rng((components.seed, state.meta_iteration, part))
    training = state.training_buffer.sample(num_training, rng, prioritized=False)
    policy = state.policy_buffer.sample(num_policy, rng, prioritized=components.config.prioritized)
    picks = [(state.training_buffer, index) for index in training]
    picks += [(state.policy_buffer, index) for index in policy]
    order = rng.permutation(len(picks))
    experiences = (buffer[index] for buffer, index in map(picks.__getitem__, order))
    return state.learner.learn(run_ahead(components.examples.make(experiences)), rng)


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
    with drawn_ahead(components.expert.improve(state.populations, written)) as evolved:
        yield evolved


def remember(state: State, components: Components, evolved: Iterable[Attempted]) -> None:
    """Takes what the expert's programs do into the solutions and, as the policy's, into the buffer."""
    for task_index, _, attempts in evolved:
        task = components.search_tasks[task_index]
        for candidate in _candidates(attempts, state.meta_iteration):
            state.solutions.add(task.id, candidate, Source.EVOLUTION)
        _store(state, components, task, attempts)


def _store(state: State, components: Components, task: Task, attempts: Sequence[Attempt]) -> int:
    """Stores attempts at a task as experiences, and returns how many of these are new."""
    to_experience = relabel if components.config.relabeling else keep_solved
    prioritize = Prioritizer(components.config.priority, components.examples.num_tokens)
    num_new = 0
    for attempt in attempts:
        experience = to_experience(task, attempt, state.meta_iteration, prioritize)
        if experience is not None and components.examples.fits(experience.program):
            num_new += state.policy_buffer.add(experience)
    return num_new


def solved_by_source(solutions: Solutions) -> dict[str, int]:
    """Returns how many tasks are solved, in all and by whom, as a table's row has it."""
    return {
        "cumulative_performance": len(solutions.all.solved()),
        "policy_cumulative": solutions.num_solved(Source.POLICY),
        "mutation_performance": solutions.num_solved(Source.MUTATION),
        "evolution_performance": solutions.num_solved(Source.EVOLUTION),
        "only_policy": solutions.num_solved_only(Source.POLICY),
        "only_mutation": solutions.num_solved_only(Source.MUTATION),
        "only_evolution": solutions.num_solved_only(Source.EVOLUTION),
    }


@dataclasses.dataclass
class _Tally:
    """Counts of a meta-iteration's exploration, and what of it the expert takes up."""

    solutions: SolutionBook
    num_samples: int = 0
    num_tokens: int = 0
    num_parsed: int = 0
    num_executed: int = 0
    num_new: int = 0
    promising: dict[int, tuple[str, ...]] = dataclasses.field(default_factory=dict)


def _explore(state: State, components: Components, record: AttemptRecorder) -> _Tally:
    """Samples programs for every task of the search set, runs them, and remembers what they really do."""
    tally = _Tally(SolutionBook())
    times = allocation(state, components)
    written = components.sampler.sample(state.learner.params, state.meta_iteration, times)
    samples = _counted(written, tally)
    for task_index, texts, attempts in attempt_tasks(components.pool, components.search_tasks, samples):
        task = components.search_tasks[task_index]
        record(task, texts, attempts)
        for attempt in attempts:
            tally.num_samples += 1
            tally.num_parsed += attempt.program is not None
            tally.num_executed += attempt.executes
        for candidate in _candidates(attempts, state.meta_iteration):
            tally.solutions.add(task.id, candidate)
            state.solutions.add(task.id, candidate, Source.POLICY)
        tally.num_new += _store(state, components, task, attempts)
        if components.expert is not None:
            promising = components.expert.promising(task, attempts)
            tally.promising[task_index] = tally.promising.get(task_index, ()) + promising
    return tally


def allocation(state: State, components: Components) -> list[int]:
    """Returns how often each task is sampled for in a meta-iteration; see `SamplingConfig.allocation`."""
    if components.sampling.allocation == "even":
        return [1] * len(components.search_tasks)
    times = []
    for task in components.search_tasks:
        policys = state.solutions.of[Source.POLICY].candidates(task.id)
        is_known = len(policys) == NUM_ANSWERS and policys[-1].performance.demonstration == 1
        times.append(0 if is_known else 2 if state.solutions.all.candidates(task.id) else 1)
    return times


def _counted(written: Iterable[SampledTask], tally: _Tally) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yields each task's index and its texts, and counts their tokens."""
    for sampled in written:
        tally.num_tokens += sampled.num_tokens
        yield sampled.task_index, sampled.texts


def _candidates(attempts: Sequence[Attempt], meta_iteration: int) -> Iterator[Candidate]:
    for attempt in attempts:
        if attempt.demonstration_performance > 0:
            performance = Performance(attempt.demonstration_performance, attempt.test_performance)
            yield Candidate(str(attempt.program), performance, meta_iteration)
