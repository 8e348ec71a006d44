"""Exploration: programs are sampled from the policy, run, relabeled in hindsight and remembered.

Programs that an expert bred are remembered in the same way.
"""

import dataclasses
import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from codeit_jax.arc import Task
from codeit_jax.components import Components, State
from codeit_jax.evolution.expert import Attempted
from codeit_jax.execution.attempt import Attempt
from codeit_jax.execution.host import attempt_tasks
from codeit_jax.execution.outcome import Status
from codeit_jax.policy.program_sampler import SampledTask, journaled, num_known_tokens
from codeit_jax.replay import Experience
from codeit_jax.replay.prioritizer import Prioritizer
from codeit_jax.replay.relabel import keep_solved, relabel
from codeit_jax.search.ranking import NUM_ANSWERS, Candidate, Performance
from codeit_jax.search.solutions import SolutionBook, Source

AttemptRecorder = Callable[[Task, Sequence[str], Sequence[Attempt]], None]


@dataclasses.dataclass
class TaskTally:
    """Counts of the samples for a task.

    Attributes:
        num_samples: how many there are.
        num_right: those that give some demonstration and every test output.
        distinct: the programs among them, and what is none.
    """

    num_samples: int = 0
    num_right: int = 0
    distinct: set[str] = dataclasses.field(default_factory=set)


@dataclasses.dataclass
class Tally:
    """Counts of a meta-iteration's exploration, and what of it the expert takes up.

    Attributes:
        solutions: the candidates among its samples.
        num_samples: programs sampled.
        num_tokens: tokens of these.
        num_known_tokens: those among them that an earlier start has sampled.
        num_parsed: those that are programs.
        num_executed: those that give a valid grid for a demonstration.
        num_failed: programs that do not, by how their run on the first demonstration ended.
        num_new: experiences that the buffer had not.
        promising: for tasks, by their places, the samples that come nearest.
        tasks: the samples for each task, by their places.
    """

    solutions: SolutionBook
    num_samples: int = 0
    num_tokens: int = 0
    num_known_tokens: int = 0
    num_parsed: int = 0
    num_executed: int = 0
    num_failed: Counter[Status] = dataclasses.field(default_factory=Counter)
    num_new: int = 0
    promising: dict[int, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    tasks: dict[int, TaskTally] = dataclasses.field(default_factory=dict)

    @property
    def num_repeated(self) -> int:
        """Samples that are what another of their task is, but for one of each."""
        return self.num_samples - sum(len(task.distinct) for task in self.tasks.values())

    def pass_at_1(self) -> float:
        """Returns the mean over the tasks of the share of samples that are right; NaN without any."""
        return _mean([task.num_right / task.num_samples for task in self.tasks.values()])

    def pass_at_all(self) -> float:
        """Returns the share of the tasks for which a sample is right; NaN without any."""
        return _mean([task.num_right > 0 for task in self.tasks.values()])

    def count(self, task_index: int, texts: Sequence[str], attempts: Sequence[Attempt]) -> None:
        """Counts samples for a task."""
        task = self.tasks.setdefault(task_index, TaskTally())
        for text, attempt in zip(texts, attempts, strict=True):
            self.num_samples += 1
            self.num_parsed += attempt.program is not None
            self.num_executed += attempt.executes
            if attempt.outcomes and not attempt.executes:
                self.num_failed[attempt.outcomes[0].status] += 1
            task.num_samples += 1
            task.num_right += attempt.test_performance == 1
            task.distinct.add(text if attempt.program is None else attempt.program)

    def share(self, number: int) -> float:
        """Returns a number as a share of the samples; NaN where there are none."""
        return number / self.num_samples if self.num_samples else math.nan


def explore(state: State, components: Components, record: AttemptRecorder) -> Tally:
    """Samples programs for every task of the search set, runs them, and remembers what they really do.

    Args:
        state: what the run has come to; its solutions and the policy's buffer change.
        components: what it works with.
        record: called with each task's texts and attempts as they come in.

    Returns:
        What was counted.
    """
    tally = Tally(SolutionBook(), num_known_tokens=num_known_tokens(components.journal))
    experiences: list[Experience] = []
    times = allocation(state, components)
    samples = _counted(_written(state, components, times), tally)
    for task_index, texts, attempts in attempt_tasks(components.pool, components.search_tasks, samples):
        task = components.search_tasks[task_index]
        record(task, texts, attempts)
        tally.count(task_index, texts, attempts)
        for candidate in candidates(attempts, state.meta_iteration):
            tally.solutions.add(task.id, candidate)
            state.solutions.add(task.id, candidate, Source.POLICY)
        experiences += _experiences(state, components, task, attempts)
        if components.expert is not None:
            promising = components.expert.promising(task, attempts)
            tally.promising[task_index] = tally.promising.get(task_index, ()) + promising
    # All at once, which takes a tenth of the time that task by task would.
    tally.num_new = state.policy_buffer.extend(experiences)
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


def remember(state: State, components: Components, evolved: Iterable[Attempted]) -> None:
    """Takes what the expert's programs do into the solutions and, as the policy's, into the buffer."""
    experiences: list[Experience] = []
    for task_index, _, attempts in evolved:
        task = components.search_tasks[task_index]
        for candidate in candidates(attempts, state.meta_iteration):
            state.solutions.add(task.id, candidate, Source.EVOLUTION)
        experiences += _experiences(state, components, task, attempts)
    state.policy_buffer.extend(experiences)


def _experiences(
    state: State, components: Components, task: Task, attempts: Sequence[Attempt]
) -> Iterator[Experience]:
    """Yields the experiences that attempts at a task are, but for those too long to learn."""
    to_experience = relabel if components.config.relabeling else keep_solved
    prioritize = Prioritizer(components.config.priority, components.examples.num_tokens)
    for attempt in attempts:
        experience = to_experience(task, attempt, state.meta_iteration, prioritize)
        if experience is not None and components.examples.fits(experience.program):
            yield experience


def _written(state: State, components: Components, times: Sequence[int]) -> Iterator[SampledTask]:
    """Returns each task's programs as they are written, first those that the journal has."""
    return journaled(
        components.journal,
        lambda known: components.sampler.sample(state.learner.params, state.meta_iteration, times, known),
    )


def _counted(written: Iterable[SampledTask], tally: Tally) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yields each task's index and its texts, and counts their tokens."""
    for sampled in written:
        tally.num_tokens += sampled.num_tokens
        yield sampled.task_index, sampled.texts


def candidates(attempts: Sequence[Attempt], meta_iteration: int) -> Iterator[Candidate]:
    """Yields the attempts that give at least one demonstration, as candidates of their task."""
    for attempt in attempts:
        if attempt.program is not None and attempt.demonstration_performance > 0:
            performance = Performance(attempt.demonstration_performance, attempt.test_performance)
            yield Candidate(attempt.program, performance, meta_iteration)


def _mean(values: Sequence[float]) -> float:
    return statistics.fmean(values) if values else math.nan
