"""The expert of a run: populations for its search set, bred while the policy learns.

What the policy wrote joins them, and what they come to is treated as if the policy had written it.
"""

import contextlib
import dataclasses
import pickle
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from codeit_jax.arc import Task
from codeit_jax.config import EvolutionConfig
from codeit_jax.evolution.colours import colours_by_task
from codeit_jax.evolution.fitness import error_of
from codeit_jax.evolution.jobs import Breeding, Stock
from codeit_jax.evolution.rounds import Evolver, Rounds
from codeit_jax.evolution.state import TaskState
from codeit_jax.execution.attempt import Attempt
from codeit_jax.execution.host import attempt_tasks
from codeit_jax.execution.pool import ExecutionPool
from codeit_jax.mutation.parents import MutationParent
from codeit_jax.run.files import scratch_folder, write_scratch
from codeit_jax.run.journal import Journal

_TURN = "turn"

Attempted = tuple[int, tuple[str, ...], list[Attempt]]  # a task's place, texts and their attempts


@dataclasses.dataclass(frozen=True)
class Expert:
    """Breeds programs for the tasks of a search set.

    Attributes:
        evolver: how tasks have their turns.
        config: how much of it there is.
    """

    evolver: Evolver
    config: EvolutionConfig

    def improve(
        self, rounds: Rounds, written: Mapping[int, Sequence[str]], journal: Journal
    ) -> Iterator[Attempted]:
        """Gives tasks a turn, and then runs the best programs of their populations.

        In the first round all have one, so that each has a population.

        Args:
            rounds: the populations, which change.
            written: what `promising` gave for tasks, by their places.
            journal: where each turn is written down, and those of an earlier start are.

        Yields:
            For each task, as soon as its turn has ended, its place and no programs; after all turns the same
            tasks with the programs and how they did.
        """
        due = rounds.due()
        if rounds.number and self.config.max_turns:
            due = sorted(due, key=lambda place: rounds.tasks[place].round)[: self.config.max_turns]
        places = []
        for place, values in journal.entries(_TURN):
            rounds.tasks[place] = TaskState.from_json(values)
            places.append(place)
            yield place, (), []
        for place in self.evolver.give_turns(rounds, due, written):
            journal.add(_TURN, [place, rounds.tasks[place].to_json()])
            places.append(place)
            yield place, (), []
        rounds.end(shares_finds=True)
        best = [(place, self._best(rounds.tasks[place])) for place in sorted(places)]
        yield from attempt_tasks(
            self.evolver.pool, self.evolver.tasks, [sample for sample in best if sample[1]]
        )

    def promising(self, task: Task, attempts: Sequence[Attempt]) -> tuple[str, ...]:
        """Returns the programs among attempts at a task that come nearest to its demonstrations."""
        errors = {}
        for attempt in attempts:
            outputs = [output for each in attempt.outcomes if (output := each.output) is not None]
            goals = [pair.output for pair in task.train if pair.output is not None]
            if attempt.program is not None and len(outputs) == len(goals):
                errors[attempt.program] = sum(map(error_of, outputs, goals))
        nearest = sorted(errors, key=lambda text: (errors[text], len(text), text))
        return tuple(nearest[: self.config.num_newcomers])

    def _best(self, task: TaskState) -> tuple[str, ...]:
        """Returns programs that give the most demonstrations, and then those that come nearest."""
        texts = [*(each.program for each in task.candidates), *(text for text, _, _ in task.members)]
        return tuple(dict.fromkeys(texts))[: self.config.num_experiences]


@contextlib.contextmanager
def started_expert(
    config: EvolutionConfig,
    seed: int,
    pool: ExecutionPool,
    tasks: Sequence[Task],
    parents: Sequence[MutationParent],
    training_tasks: Sequence[Task],
) -> Iterator[Expert]:
    """Makes an expert, which is of use until the block ends.

    Args:
        config: how programs are bred.
        seed: the root of what is drawn at random.
        pool: workers that hold the tasks.
        tasks: the search set.
        parents: the training programs that populations begin with.
        training_tasks: the tasks that these are of.
    """
    seeds = tuple((parent.task_id, parent.solution) for parent in parents)
    breeding = Breeding(
        capacity=config.capacity, views_work=config.views_work, states_work=0, num_mended=config.num_mended
    )
    with scratch_folder() as folder:
        stock = Path(folder, "stock.pickle")
        write_scratch(stock, pickle.dumps(Stock(seeds, colours=colours_by_task(training_tasks))))
        evolver = Evolver(pool, tasks, stock, breeding, config.turn_work, seed)
        yield Expert(evolver, config)
