"""What a run has come to, and the parts that it works with."""

import dataclasses
from collections.abc import Sequence

from codeit_jax.arc import Task
from codeit_jax.config import ReplayConfig, SamplingConfig
from codeit_jax.evolution.expert import Expert
from codeit_jax.evolution.rounds import Rounds
from codeit_jax.execution.pool import ExecutionPool
from codeit_jax.learner.examples import ExampleMaker
from codeit_jax.learner.learner import Learner, Pause, Progress
from codeit_jax.policy.program_sampler import ProgramSampler
from codeit_jax.replay import ReplayBuffer
from codeit_jax.run.journal import Journal
from codeit_jax.search.solutions import Solutions


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
        progress: how far the learner has come with what is to be done next: the meta-iteration after those
            that are done, or the warm-up before the first.
    """

    meta_iteration: int
    training_buffer: ReplayBuffer
    policy_buffer: ReplayBuffer
    solutions: Solutions
    learner: Learner
    populations: Rounds
    progress: Progress = dataclasses.field(default_factory=Progress)


@dataclasses.dataclass(frozen=True)
class Validation:
    """Tasks that the policy is scored on and learns nothing from.

    Attributes:
        tasks: the validation set.
        sampler: samples programs for it.
        interval: meta-iterations from one validation to the next.
    """

    tasks: Sequence[Task]
    sampler: ProgramSampler
    interval: int


@dataclasses.dataclass(frozen=True)
class Components:
    """The parts that a meta-iteration works with, which never change.

    Attributes:
        search_tasks: the search set.
        sampler: samples programs from the policy.
        pool: runs them on the host; it has the tasks of the validation after the search set.
        examples: turns experiences into token sequences.
        config: what is remembered and learned from.
        sampling: how programs are sampled.
        seed: the root of the run's random choices.
        expert: breeds programs while the policy learns; None, as in the paper, for none.
        journal: what a meta-iteration that is cut short goes on from.
        validation: what else the policy is scored on; None for nothing.
        pause: what may happen between two updates of the learner; None for nothing.
    """

    search_tasks: Sequence[Task]
    sampler: ProgramSampler
    pool: ExecutionPool
    examples: ExampleMaker
    config: ReplayConfig
    sampling: SamplingConfig
    seed: int
    expert: Expert | None = None
    journal: Journal = dataclasses.field(default_factory=Journal)
    validation: Validation | None = None
    pause: Pause | None = None
