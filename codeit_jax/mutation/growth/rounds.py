"""Growing many programs, round after round, so that the sequence of programs does not depend on the machine.

Every draw has a number, and what it draws follows from that, the seed and the rounds before. A round's
programs are taken in the order of their draws, which alternate between the parents: so any beginning of the
sequence is spread evenly over them, and a longer run only goes on where a shorter one ends.
"""

import dataclasses
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from codeit_jax.config import Depth
from codeit_jax.dsl.program_files import fingerprint
from codeit_jax.execution.pool import ExecutionPool, Failed
from codeit_jax.execution.recovery import run_jobs
from codeit_jax.mutation.growth.drawing import (
    DRAWING_RECOVERY,
    RANDOM,
    Draw,
    DrawingJob,
    Fate,
    draw_programs,
    rng_of,
)
from codeit_jax.mutation.mutate import Mutator
from codeit_jax.mutation.parents import MutationParent

# Given ascending indices into the population, returns the texts of the programs.
ReadPrograms = Callable[[Sequence[int]], Sequence[str]]

FIRST_DRAWS_PER_PARENT = 16  # of a round; each round draws twice as many as the one before
MAX_DRAWS_PER_PARENT = 64
MAX_DRAWS_PER_JOB = 256
MAX_BARREN_DRAWS = 10_000  # in rounds that bring nothing new, until no more is expected


@dataclasses.dataclass(frozen=True)
class Recipe:
    """All that decides the sequence of programs.

    Attributes:
        parents: where it starts; at least one.
        depth: what programs are made from.
        seed: the root of every choice.
        mutator: how mutants are drawn.

    Raises:
        ValueError: there is nothing to start from.
    """

    parents: tuple[MutationParent, ...]
    depth: Depth = Depth.ONE
    seed: int = 0
    mutator: Mutator = dataclasses.field(default_factory=Mutator)

    def __post_init__(self) -> None:
        if not self.parents:
            raise ValueError("there is nothing to grow programs from")
        if any((parent.program is None) != (self.depth is Depth.RANDOM) for parent in self.parents):
            raise ValueError("random programs are drawn for tasks, and mutants from programs")


class Population:
    """The memory of accepted programs: 20 bytes each, and not their texts.

    Args:
        recipe: whose programs they are. Its training programs count as known from the start.
    """

    def __init__(self, recipe: Recipe) -> None:
        texts = [str(parent.program) for parent in recipe.parents if parent.program is not None]
        self._parents = np.array([fingerprint(text) for text in texts], np.uint64)
        self._sorted = np.unique(self._parents)
        self._fingerprints = np.empty(0, np.uint64)
        self._families = np.empty(0, np.int32)

    def __len__(self) -> int:
        return len(self._fingerprints)

    def add(self, fingerprints: Sequence[int], families: Sequence[int]) -> None:
        """Adds programs, each with the index of the parent whose inputs it was run on."""
        new = np.array(fingerprints, np.uint64)
        self._fingerprints = np.concatenate([self._fingerprints, new])
        self._families = np.concatenate([self._families, np.array(families, np.int32)])
        new.sort()
        self._sorted = np.insert(self._sorted, np.searchsorted(self._sorted, new), new)

    def are_new(self, fingerprints: Sequence[int]) -> np.ndarray:
        """Returns for each fingerprint whether it is the first of its kind, and no program here has it.

        Shape `[len(fingerprints)]`, of truth values.
        """
        asked = np.array(fingerprints, np.uint64)
        are_new = np.zeros(len(asked), bool)
        are_new[np.unique(asked, return_index=True)[1]] = True
        if len(self._sorted):
            places = np.minimum(np.searchsorted(self._sorted, asked), len(self._sorted) - 1)
            are_new &= self._sorted[places] != asked
        return are_new

    def family_of(self, index: int) -> int:
        return int(self._families[index])

    def known(self, family: int) -> bytes:
        """Returns the fingerprints of a family, for `DrawingJob.known`."""
        own = self._fingerprints[self._families == family]
        return np.concatenate([self._parents[family : family + 1], own]).tobytes()


@dataclasses.dataclass(frozen=True, slots=True)
class Grown:
    """A draw of a round and, if it is accepted, the program.

    Attributes:
        draw: what became of it.
        family: the index of the parent whose inputs it was run on.
        parent: the index in the population of the program it was made from; None where that is the family's
            own, or where it was made from none.
    """

    draw: Draw
    family: int
    parent: int | None


def draws_per_parent(round_number: int) -> int:
    """Returns how many draws there are in a round for each parent, on average."""
    return min(FIRST_DRAWS_PER_PARENT << min(round_number, 32), MAX_DRAWS_PER_PARENT)


def num_draws(recipe: Recipe, round_number: int) -> int:
    """Returns how many draws there are in a round."""
    return draws_per_parent(round_number) * len(recipe.parents)


def draw_round(
    pool: ExecutionPool,
    recipe: Recipe,
    population: Population,
    read_programs: ReadPrograms,
    round_number: int,
    advance: Callable[[int], None] = lambda _: None,
    keeps_outputs: bool = False,
) -> list[Grown]:
    """Draws the programs of a round.

    Args:
        pool: workers with a `HostContext`.
        recipe: what decides the sequence.
        population: the programs of all earlier rounds, of which a program of this one is no duplicate.
        read_programs: reads programs of the population, for depths that make new programs from them.
        round_number: from 0.
        advance: called with numbers of draws as these are done.
        keeps_outputs: whether accepted programs come with what they give for their inputs.

    Returns:
        All draws of the round, in their order.
    """
    first = sum(num_draws(recipe, earlier) for earlier in range(round_number))
    numbers = range(first, first + num_draws(recipe, round_number))
    plan = [_parent_of(recipe, population, number) for number in numbers]
    jobs = list(_jobs(recipe, population, read_programs, plan, first, keeps_outputs))
    done: list[Draw | None] = [None] * len(plan)
    for _, pieces in run_jobs(pool, draw_programs, jobs, DRAWING_RECOVERY):
        for job, draws in pieces:
            if not isinstance(draws, Failed):
                for draw in draws:
                    done[draw.number - first] = draw
            advance(len(job.draws))
    draws = [draw or _stopped(recipe, number) for number, draw in zip(numbers, done, strict=True)]
    return [
        Grown(draw, family, parent)
        for draw, (family, parent) in zip(_without_duplicates(draws, population), plan, strict=True)
    ]


def _stopped(recipe: Recipe, number: int) -> Draw:
    kind = RANDOM if recipe.depth is Depth.RANDOM else recipe.mutator.draw_kind(rng_of(recipe.seed, number))
    return Draw(number, kind, Fate.STOPPED)


_Plan = tuple[int, int | None]  # a family, and the index in the population of the parent, if it is from there


def _parent_of(recipe: Recipe, population: Population, number: int) -> _Plan:
    num_parents = len(recipe.parents)
    if recipe.depth is Depth.ONE:
        return number % num_parents, None
    digest = hashlib.blake2b(f"{recipe.seed}/parent/{number}".encode(), digest_size=8).digest()
    choices = num_parents + (len(population) if recipe.depth is Depth.INFINITE else 0)
    index = int.from_bytes(digest, "little") % choices
    if index < num_parents:
        return index, None
    return population.family_of(index - num_parents), index - num_parents


def _jobs(
    recipe: Recipe,
    population: Population,
    read_programs: ReadPrograms,
    plan: Sequence[_Plan],
    first: int,
    keeps_outputs: bool,
) -> Iterator[DrawingJob]:
    by_family: dict[int, list[int]] = defaultdict(list)
    for place, (family, _) in enumerate(plan):
        by_family[family].append(place)
    for family, places in sorted(by_family.items()):
        origin, known = recipe.parents[family], population.known(family)
        for start in range(0, len(places), MAX_DRAWS_PER_JOB):
            part = places[start : start + MAX_DRAWS_PER_JOB]
            parents, indices = _parents(origin, [plan[place][1] for place in part], read_programs)
            draws = tuple(zip([first + place for place in part], indices, strict=True))
            yield DrawingJob(
                origin.task_id,
                origin.inputs,
                parents,
                draws,
                recipe.seed,
                recipe.mutator,
                known,
                keeps_outputs,
            )


def _parents(
    origin: MutationParent, drawn: Sequence[int | None], read_programs: ReadPrograms
) -> tuple[tuple[str, ...], list[int | None]]:
    """Returns the distinct parents of some draws, and for each draw the index of its parent among them."""
    if origin.program is None:
        return (), [None] * len(drawn)
    rows = sorted({index for index in drawn if index is not None})
    places: dict[int | None, int | None] = {row: place for place, row in enumerate(rows, start=1)}
    places[None] = 0
    return (str(origin.program), *read_programs(rows)), [places[index] for index in drawn]


def _without_duplicates(draws: Sequence[Draw], population: Population) -> list[Draw]:
    """Returns the draws, one as a duplicate where another job or an earlier round had its program first."""
    accepted = [place for place, draw in enumerate(draws) if draw.fate is Fate.ACCEPTED]
    are_new = population.are_new([fingerprint(draws[place].text) for place in accepted])
    results = list(draws)
    for place, is_new in zip(accepted, are_new.tolist(), strict=True):
        if not is_new:
            results[place] = dataclasses.replace(draws[place], fate=Fate.DUPLICATE)
    return results
