"""Rounds: the turns that tasks have at breeding, one after another and on all workers at once.

A round's turns follow from what there was before it, so that it does not matter in which order they end and
how often an evolution is cut short.
"""

import dataclasses
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from codeit_jax.arc import Task
from codeit_jax.evolution.breeding import breed
from codeit_jax.evolution.jobs import Bred, Breeding, BreedingJob, Origin
from codeit_jax.evolution.state import MAX_SHORT, TaskState
from codeit_jax.execution.pool import ExecutionPool, Failed
from codeit_jax.execution.recovery import Recovery, run_jobs

MAX_FINDS = 50  # that join a population at a time
_SEEDS = 1 << 32  # that an evolution may be given


@dataclasses.dataclass
class Rounds:
    """What an evolution has come to.

    Attributes:
        number: of the round at hand, from 0.
        finds: programs that gave all demonstrations of some task before it.
        tasks: the state of each task, in their order; where they have several populations, of these.
        max_short: lines of programs that are short enough for a task to be done with.
    """

    number: int
    finds: list[str]
    tasks: list[TaskState]
    max_short: int = MAX_SHORT

    @classmethod
    def of(cls, num_tasks: int) -> "Rounds":
        """Returns those of an evolution that is to begin."""
        return cls(0, [], [TaskState() for _ in range(num_tasks)])

    def state(self) -> np.ndarray:
        """Returns all of it for a checkpoint: JSON text, compressed, uint8 `[size]`."""
        tasks = [task.to_json() for task in self.tasks]
        text = json.dumps({"number": self.number, "finds": self.finds, "tasks": tasks})
        return np.frombuffer(zlib.compress(text.encode()), np.uint8)

    @classmethod
    def from_state(cls, state: np.ndarray) -> "Rounds":
        """Restores what `state` returned."""
        values = json.loads(zlib.decompress(np.asarray(state, np.uint8).tobytes()))
        return cls(values["number"], values["finds"], list(map(TaskState.from_json, values["tasks"])))

    def is_done(self) -> bool:
        """Whether no task will have another turn."""
        return all(task.is_done(self.max_short) for task in self.tasks)

    def due(self) -> list[int]:
        """Returns the places of the tasks that take part in the round at hand, those among them that did."""
        return [
            place
            for place, task in enumerate(self.tasks)
            if task.round == self.number or task.is_due(self.number, place, self.max_short)
        ]

    def end(self, *, shares_finds: bool) -> None:
        """Ends the round at hand; what it found may join the populations of other tasks from now on."""
        if shares_finds:
            known = set(self.finds)
            finds = [task.find for task in self.tasks if task.round == self.number]
            self.finds += [find for find in dict.fromkeys(finds) if find is not None and find not in known]
        self.number += 1


@dataclasses.dataclass(frozen=True)
class Evolver:
    """Gives tasks their turns.

    A task may have several populations, which know nothing of each other but finds. The first of each task
    come first, in the order of the tasks, then the second ones.

    Attributes:
        pool: workers that hold the tasks.
        tasks: the tasks.
        stock: a pickled `Stock`, for populations to begin with.
        breeding: how programs are bred.
        turn_work: units of work of a turn.
        seed: decides what is drawn at random.
    """

    pool: ExecutionPool
    tasks: Sequence[Task]
    stock: Path
    breeding: Breeding
    turn_work: int
    seed: int

    def give_turns(
        self,
        rounds: Rounds,
        places: Sequence[int],
        joining: Mapping[int, Sequence[str]] = MappingProxyType({}),
    ) -> Iterator[int]:
        """Gives tasks their turn in the round at hand, but those that have had it.

        Args:
            rounds: what the evolution has come to; a task's state changes when its turn ends.
            places: the tasks' places.
            joining: programs that the policy wrote for tasks, by their places; they join the populations.

        Yields:
            The place of each task whose turn has ended.
        """
        waiting = [place for place in places if rounds.tasks[place].round < rounds.number]
        jobs = [self._job_of(rounds, place, joining.get(place, ())) for place in waiting]
        recovery = Recovery[BreedingJob](
            num_items=lambda job: 1,
            part=lambda job, start, stop: job,
            describe=lambda job: f"the evolution of {self.tasks[job.task_index].id}",
        )
        for number, pieces in run_jobs(self.pool, breed, jobs, recovery, chunk_size=1):
            _enter(rounds, waiting[number], pieces[0][1])
            yield waiting[number]

    def _job_of(self, rounds: Rounds, place: int, joining: Sequence[str]) -> BreedingJob:
        task = rounds.tasks[place]
        task.prepare(has_states=self.breeding.states_work > 0)
        population, task_index = divmod(place, len(self.tasks))
        return BreedingJob(
            task_index=task_index,
            stock=self.stock,
            age=task.turn - task.begun if task.beginning else 0,
            is_seeded=task.is_seeded,
            members=task.members,
            newcomers=(
                *((text, Origin.POLICY) for text in joining),
                *((text, Origin.FIND) for text in rounds.finds[task.num_finds :][-MAX_FINDS:]),
            ),
            turn=task.turn,
            seed=self.seed + _SEEDS * population,
            max_work=self.turn_work,
            breeding=self.breeding,
        )


def _enter(rounds: Rounds, place: int, bred: Bred | Failed) -> None:
    task = rounds.tasks[place]
    if isinstance(bred, Failed):
        task.skip(rounds.number)
    else:
        task.take(bred, rounds.number, len(rounds.finds))
