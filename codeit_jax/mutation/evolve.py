"""Growing the training set: mutated training tasks, each a mutant with the outputs it really gives.

The functions here that take a context are jobs of an `ExecutionPool`.
"""

import dataclasses
import logging
import random
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from codeit_jax.arc import Grid, Task
from codeit_jax.dsl.program import Program
from codeit_jax.execution import GraphRun, ProgramGraph, Status
from codeit_jax.execution.attempt import HostContext
from codeit_jax.execution.pool import ExecutionPool, Failed
from codeit_jax.mutation.mutate import MutationKind, Mutator
from codeit_jax.mutation.typing import line_types

_MAX_TRIES = 10

_logger = logging.getLogger(__name__)


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


@dataclasses.dataclass(frozen=True)
class MutationJob:
    """Mutations to be drawn from one parent.

    Attributes:
        parent: the parent.
        count: how many mutations to draw.
        seed: what, with the parent's id, decides them.
        mutator: how to draw them.
    """

    parent: Parent
    count: int
    seed: int
    mutator: Mutator


def mutate_parent(context: HostContext, job: MutationJob) -> list[Mutant]:
    """Draws mutations of one parent and keeps the mutants that make a task.

    Every output of a mutant must be a valid grid, and not all outputs may equal their inputs (the paper's
    rule for mutated tasks). Equal mutants are kept once.
    """
    parent = job.parent
    original = GraphRun(ProgramGraph([parent.program]), context.evaluator, parent.inputs[0])
    types = line_types(parent.program, original.values(0))
    rng = random.Random(f"{job.seed}/{parent.task_id}")
    drawn: dict[Program, MutationKind] = {}
    for _ in range(job.count):
        # Where nothing fits the place that was drawn, another is drawn.
        tries = (job.mutator.mutate(parent.program, types, rng) for _ in range(_MAX_TRIES))
        kind, program = next(filter(None, tries), (None, None))
        if kind is not None and program is not None:
            drawn.setdefault(program, kind)
    programs = list(drawn)
    graph = ProgramGraph(programs)
    outputs: dict[int, list[Grid]] = {index: [] for index in range(len(programs))}
    for grid in parent.inputs:
        run = GraphRun(graph, context.evaluator, grid)
        for index in list(outputs):
            outcome = run.outcome(index)
            if outcome.status is Status.OK and outcome.output is not None:
                outputs[index].append(outcome.output)
            else:
                del outputs[index]
    return [
        Mutant(programs[index], parent.task_id, drawn[programs[index]], tuple(grids))
        for index, grids in outputs.items()
        if tuple(grids) != parent.inputs
    ]


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
        The mutants, those of a parent together, in the parents' order.

    Raises:
        ValueError: there is nothing to mutate.
    """
    if num_programs and not parents:
        raise ValueError("there are no training programs to mutate that solve their task")
    counts = Counter(rng.integers(len(parents), size=num_programs).tolist()) if num_programs else Counter()
    seed = int(rng.integers(2**63))
    jobs = [MutationJob(parents[index], count, seed, mutator) for index, count in sorted(counts.items())]
    mutants: dict[Program, Mutant] = {}
    for job, result in zip(jobs, pool.map_ordered(mutate_parent, jobs), strict=True):
        if isinstance(result, Failed):
            _logger.warning("the mutants of %s are left out: %s", job.parent.task_id, result.detail)
            continue
        for mutant in result:
            mutants.setdefault(mutant.program, mutant)
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
