"""Growing the training set: mutated training tasks, each a mutant with the outputs it really gives."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from codeit_jax.arc import Grid, Task
from codeit_jax.dsl.program import Program, without_dead_lines
from codeit_jax.execution.attempt import HostContext
from codeit_jax.execution.pool import ExecutionPool
from codeit_jax.mutation.growth.drawing import DrawingJob, draw_with_outputs, run_drawing_jobs
from codeit_jax.mutation.mutate import MutationKind, Mutator


@dataclasses.dataclass(frozen=True)
class Parent:
    """A training program that solves its task, and the inputs its mutants are run on.

    Attributes:
        task_id: the task.
        program: the program.
        inputs: the task's demonstration inputs.
    """

    task_id: str
    program: Program
    inputs: tuple[Grid, ...]


@dataclasses.dataclass(frozen=True)
class Mutant:
    """A mutated training task.

    Attributes:
        program: the mutated program.
        parent: the id of the task whose program it was made from.
        kind: what was replaced.
        outputs: what it gives for each of the parent's inputs.
    """

    program: Program
    parent: str
    kind: MutationKind
    outputs: tuple[Grid, ...]


def grow(
    pool: ExecutionPool,
    parents: Sequence[Parent],
    num_programs: int,
    mutator: Mutator,
    rng: np.random.Generator,
) -> list[Mutant]:
    """Draws mutations of random parents; equal programs of different parents are kept once.

    Args:
        pool: workers with a `HostContext`.
        parents: the programs to mutate.
        num_programs: how many mutations to draw; fewer mutants remain.
        mutator: how to draw them.
        rng: where the choices come from.

    Returns:
        The mutants, those of a parent together.

    Raises:
        ValueError: there is nothing to mutate.
    """
    if num_programs and not parents:
        raise ValueError("there are no training programs to mutate that solve their task")
    counts = Counter(rng.integers(len(parents), size=num_programs).tolist()) if num_programs else Counter()
    seed = int(rng.integers(2**63))
    jobs = []
    num_drawn = 0
    for index, count in sorted(counts.items()):
        parent = parents[index]
        draws = tuple((number, 0) for number in range(num_drawn, num_drawn + count))
        text = str(without_dead_lines(parent.program))
        jobs.append(DrawingJob(parent.task_id, parent.inputs, (text,), draws, seed, mutator))
        num_drawn += count
    mutants: dict[Program, Mutant] = {}
    for index, found in run_drawing_jobs(pool, draw_with_outputs, jobs):
        for kind, program, outputs in found:
            mutants.setdefault(program, Mutant(program, jobs[index].task_id, MutationKind(kind), outputs))
    return list(mutants.values())


def find_parents(
    pool: ExecutionPool, tasks: Sequence[Task], programs: Mapping[str, Program]
) -> tuple[list[Parent], list[str]]:
    """Splits the training tasks by whether their program solves them.

    Returns:
        The parents, and the ids of the tasks whose program is missing or fails on one of their pairs.
    """
    known = [task for task in tasks if task.id in programs]
    results = pool.map_ordered(solves_task, [(task, programs[task.id]) for task in known])
    solving = {task.id for task, result in zip(known, results, strict=True) if result is True}
    parents = [
        Parent(task.id, programs[task.id], task.demonstration_inputs) for task in tasks if task.id in solving
    ]
    return parents, [task.id for task in tasks if task.id not in solving]


def solves_task(context: HostContext, payload: tuple[Task, Program]) -> bool:
    """Whether a program gives every output of a task that is known, those of its test pairs too."""
    task, program = payload
    return all(
        context.evaluator.run(program, pair.input).output == pair.output
        for pair in (*task.train, *task.test)
        if pair.output is not None
    )
