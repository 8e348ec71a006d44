"""What a breeding job is given, and what it comes to."""

import dataclasses
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from codeit_jax.arc import Grid
from codeit_jax.dsl.program import Program
from codeit_jax.evolution.colours import Ranked
from codeit_jax.evolution.edges import Edge
from codeit_jax.search.ranking import AnswerRank, Candidate, answer_rank

Newcomer = tuple[str, str]  # a program that joins a population, and how it came about
Member = tuple[str, int, str]  # a program of a population, how many behave so, and how it came about
Seed = tuple[str, Program]  # the training task that a program is from, or "", and the program


class Origin(StrEnum):
    """How a program came about."""

    SEED = "seed"
    STATE = "state"
    FIND = "find of another task"
    POLICY = "policy"
    MUTATION = "mutation"
    COMPOSITION = "composition"
    GRAFT = "graft"
    RECOLOURING = "recolouring"
    VIEW = "view"
    FINISHER = "finisher"
    OVERLAY = "overlay"
    MENDING = "mending"


@dataclasses.dataclass(frozen=True)
class Breeding:
    """How programs are bred.

    Attributes:
        capacity: individuals in a population.
        lexicase_share: how often a parent is selected by demonstrations and not by rank.
        new_line_share: how often a mutation puts in a line.
        composition_share: how often a program is run on the output of another.
        graft_share: how often a program lends another a line.
        recolour_share: how often a colour is replaced by another throughout.
        views_work: units of work for programs of other tasks in this one's colours and transposed, with which
            a population begins, too; 0 for none.
        max_lines: of a program.
        run_work: what one run of a program may take.
        states_work: units of work for the states that every second population of a task begins with, in place
            of programs; 0 for no such populations.
        num_mended: near misses that are mended and cropped, when a population begins and in every third turn
            of it; 0 for none.
    """

    capacity: int = 150
    lexicase_share: float = 0.5
    new_line_share: float = 0.33
    composition_share: float = 0.15
    graft_share: float = 0.05
    recolour_share: float = 0.1
    views_work: int = 10_000_000
    max_lines: int = 40
    run_work: int = 6_000
    states_work: int = 10_000_000
    num_mended: int = 100


@dataclasses.dataclass(frozen=True)
class Stock:
    """What populations begin with.

    Attributes:
        seeds: programs; they are composed with later, too.
        edges: the steps of training programs, by which states are reached.
        colours: of the tasks that seeds are from, as far as they are known.
    """

    seeds: tuple[Seed, ...]
    edges: tuple[Edge, ...] = ()
    colours: Mapping[str, Ranked] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class BreedingJob:
    """A population to be bred further.

    Attributes:
        task_index: the task's place among those of the pool.
        stock: a pickled `Stock`.
        age: the turns that the population had before. One without any begins with the stock.
        is_seeded: whether it has to do with the stock's programs; with the states of its edges otherwise.
        members: the population so far.
        newcomers: programs that join it.
        turn: how many jobs the task had before; with the seed it decides all that is random.
        seed: see `turn`.
        max_work: units of work to end after.
        breeding: how programs are bred.
    """

    task_index: int
    stock: Path
    age: int
    is_seeded: bool
    members: tuple[Member, ...]
    newcomers: tuple[Newcomer, ...]
    turn: int
    seed: int
    max_work: int
    breeding: Breeding


@dataclasses.dataclass(frozen=True)
class Answer:
    """Outputs that a task may be answered with.

    Attributes:
        outputs: one for each test input; None where the program gives no valid grid.
        candidate: the best program that gives them.
        num_programs: programs met that give them.
        error: the mean of `error_of` over the demonstrations, where the program is a near miss, which gives
            none of them; 0 otherwise.
    """

    outputs: tuple[Grid | None, ...]
    candidate: Candidate
    num_programs: int
    error: float = 0.0

    @property
    def rank(self) -> tuple[float, AnswerRank]:
        """What answers are sorted by: near misses come last, nearer ones first."""
        candidate = self.candidate
        performance = candidate.performance.demonstration
        return self.error, answer_rank(performance, self.num_programs, candidate.program)


@dataclasses.dataclass(frozen=True)
class NearMiss:
    """The individual of a population that is nearest.

    Attributes:
        program: its program.
        outputs: what that gives for the demonstrations, in their order in the task.
        errors: how far these are off.
        verdict: in a word, what is wrong.
    """

    program: str
    outputs: tuple[Grid, ...]
    errors: tuple[float, ...]
    verdict: str


@dataclasses.dataclass(frozen=True)
class Bred:
    """A population after a job.

    Attributes:
        task_index: the task's place.
        beginning: the population before any were bred, if it began with the stock.
        members: the population, nearest first.
        candidates: the best three by the paper's rule, of those met in this job.
        origins: how each of these came about.
        answers: outputs for all test inputs that differ, of programs that give a demonstration, best first.
        near_miss: the nearest; None if the population is empty.
        num_programs: distinct programs that were run.
        work: what all of it took.
        others: outputs for some of the test inputs, and those of near misses, best first.
    """

    task_index: int
    beginning: tuple[Member, ...]
    members: tuple[Member, ...]
    candidates: tuple[Candidate, ...]
    origins: tuple[str, ...]
    answers: tuple[Answer, ...]
    near_miss: NearMiss | None
    num_programs: int
    work: int
    others: tuple[Answer, ...] = ()
