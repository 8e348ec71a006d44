"""A population: programs for one task that all behave differently, the nearer ones selected more often."""

import dataclasses
import functools
import math
import random
from collections.abc import Sequence

from codeit_jax.arc import Grid
from codeit_jax.dsl.program import Program
from codeit_jax.search.ranking import Shortness, shortness

_TOLERANCE = 0.02  # errors that are as good as equal
_SAMPLED = 30  # individuals that a selection by demonstrations looks at
_PRESSURE = 2.0  # of a selection by rank
_EXCESS = 1.5  # times the capacity, up to which nothing is removed


class Behaviour:
    """What a program gives, as a key: the many cells are hashed once, and compared where hashes agree.

    Attributes:
        outputs: the grids.
    """

    __slots__ = ("_hash", "outputs")

    def __init__(self, outputs: tuple[Grid, ...]) -> None:
        self.outputs = outputs
        self._hash = hash(outputs)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, Behaviour) and self._hash == other._hash and self.outputs == other.outputs


@dataclasses.dataclass
class Individual:
    """A program and what it gives.

    Attributes:
        program: the shortest program met that behaves so.
        outputs: what it gives for the demonstrations' inputs, and for the test inputs where all of these are
            right.
        errors: how far the former are from what is to be given.
        origin: how the program came about.
        num_programs: programs met that behave so.
    """

    program: Program
    outputs: tuple[Grid, ...]
    errors: tuple[float, ...]
    origin: str = ""
    num_programs: int = 1

    def __post_init__(self) -> None:
        self.behaviour = Behaviour(self.outputs)
        self.error = sum(self.errors)
        self.num_right = self.errors.count(0.0)

    @functools.cached_property
    def shortness(self) -> Shortness:
        """What programs that behave alike are ranked by."""
        return shortness(str(self.program))

    @property
    def test_outputs(self) -> tuple[Grid, ...]:
        """What it gives for the test inputs; nothing where a demonstration is wrong."""
        return self.outputs[len(self.errors) :]

    def meet(self, program: Program, origin: str = "") -> None:
        """Takes note of another program that behaves so."""
        self.num_programs += 1
        if len(program) <= len(self.program):
            other = shortness(str(program))
            if other < self.shortness:
                self.program, self.shortness, self.origin = program, other, origin


class Population:
    """Individuals of distinct behaviour.

    Args:
        capacity: how many are kept.
        num_demonstrations: of the task.

    Attributes:
        ranked: the individuals there were when it was last trimmed, nearest first: those to select from.
        limit: the greatest error of what was kept when some was not.
    """

    def __init__(self, capacity: int, num_demonstrations: int) -> None:
        self._capacity = capacity
        self._num_demonstrations = num_demonstrations
        self._individuals: dict[Behaviour, Individual] = {}
        self.ranked: list[Individual] = []
        self.limit = math.inf

    def __len__(self) -> int:
        return len(self._individuals)

    def find(self, behaviour: Behaviour) -> Individual | None:
        """Returns the individual that behaves so."""
        return self._individuals.get(behaviour)

    def add(self, individual: Individual) -> None:
        """Adds an individual whose behaviour is new."""
        self._individuals[individual.behaviour] = individual

    def trim(self, excess: float = _EXCESS) -> None:
        """Keeps the nearest, and in equal parts those that are nearest on one demonstration each.

        An average would lose who is good at one demonstration alone. None goes while there are no more than
        `excess` times the capacity.
        """
        self.ranked = sorted(self._individuals.values(), key=lambda each: (each.error, each.shortness))
        if len(self) <= excess * self._capacity:
            return
        kept = {each.behaviour: each for each in self.ranked[: self._capacity // 2]}
        specialists = [
            iter(sorted(self.ranked, key=lambda each: each.errors[place]))
            for place in range(self._num_demonstrations)
        ]
        turn = 0
        while len(kept) < self._capacity:
            specialist = next(specialists[turn % len(specialists)])
            kept.setdefault(specialist.behaviour, specialist)
            turn += 1
        self._individuals = kept
        self.ranked = [each for each in self.ranked if each.behaviour in kept]
        self.limit = max(each.error for each in kept.values())

    def select(self, rng: random.Random, lexicase_share: float) -> Individual:
        """Draws an individual: by demonstrations in random order, or else by rank.

        By demonstrations (lexicase selection), of some individuals those remain that are best on a first
        demonstration, of these the best on a second, and so on.
        """
        ranked = self.ranked
        if rng.random() >= lexicase_share:
            return ranked[int(len(ranked) * rng.random() ** _PRESSURE)]
        remaining = ranked if len(ranked) <= _SAMPLED else rng.sample(ranked, _SAMPLED)
        for place in rng.sample(range(self._num_demonstrations), self._num_demonstrations):
            limit = min(each.errors[place] for each in remaining) + _TOLERANCE
            remaining = [each for each in remaining if each.errors[place] <= limit]
            if len(remaining) == 1:
                break
        return rng.choice(remaining)


def best_candidates(individuals: Sequence[Individual], count: int) -> list[Individual]:
    """Returns those that give a demonstration at least, by how many they give and then shorter first."""
    giving = [each for each in individuals if each.num_right]
    return sorted(giving, key=lambda each: (-each.num_right, each.shortness))[:count]
