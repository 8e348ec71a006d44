"""Programs grown in memory: round after round, or as many as are wanted with what they give."""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

from codeit_jax.arc import Grid
from codeit_jax.dsl.program import Program, parse_program
from codeit_jax.dsl.program_files import fingerprint
from codeit_jax.execution.pool import ExecutionPool
from codeit_jax.mutation.growth.drawing import Fate
from codeit_jax.mutation.growth.rounds import MAX_BARREN_DRAWS, Grown, Population, Recipe, draw_round


@dataclasses.dataclass(frozen=True)
class Mutant:
    """A mutated training task.

    Attributes:
        program: the mutated program.
        task_id: the task whose program it was made from.
        kind: of the mutation.
        outputs: what it gives for each of the task's demonstration inputs.
    """

    program: Program
    task_id: str
    kind: str
    outputs: tuple[Grid, ...]


def grow(pool: ExecutionPool, recipe: Recipe, num_programs: int) -> list[Mutant]:
    """Grows the first programs of a recipe's sequence: those that `launch/mutate.py` writes to a file.

    Args:
        pool: workers with a `HostContext`.
        recipe: what decides the sequence.
        num_programs: how many are wanted, no two of them equal; where nothing new comes up, there are fewer.
    """
    rounds = grow_rounds(pool, recipe, keeps_outputs=True)
    mutants: list[Mutant] = []
    num_barren = 0
    while len(mutants) < num_programs and num_barren < MAX_BARREN_DRAWS:
        drawn = next(rounds)
        new = [_mutant(recipe, each) for each in drawn if each.draw.fate is Fate.ACCEPTED]
        num_barren = 0 if new else num_barren + len(drawn)
        mutants += new
    return mutants[:num_programs]


def grow_rounds(pool: ExecutionPool, recipe: Recipe, *, keeps_outputs: bool = False) -> Iterator[list[Grown]]:
    """Yields the draws of each round, without end; for the arguments see `draw_round`."""
    population = Population(recipe)
    texts: list[str] = []

    def read_programs(indices: Sequence[int]) -> list[str]:
        return [texts[index] for index in indices]

    for number in itertools.count():
        drawn = draw_round(pool, recipe, population, read_programs, number, keeps_outputs=keeps_outputs)
        accepted = [each for each in drawn if each.draw.fate is Fate.ACCEPTED]
        texts += [each.draw.text for each in accepted]
        population.add([fingerprint(each.draw.text) for each in accepted], [each.family for each in accepted])
        yield drawn


def _mutant(recipe: Recipe, grown: Grown) -> Mutant:
    task_id = recipe.parents[grown.family].task_id
    return Mutant(parse_program(grown.draw.text), task_id, grown.draw.kind, grown.draw.outputs)
