"""More to learn from one program: what it really gives on augmented inputs.

No program is taken to treat alike what looks alike: each is run on the augmented inputs, within the budget,
and is remembered with the outputs it gives there (paper, hindsight relabeling).
`augment_family` is a job of an `ExecutionPool`.
"""

import dataclasses
import random
from collections.abc import Iterable, Iterator

from codeit_jax.arc import Grid
from codeit_jax.dsl.program import Program
from codeit_jax.execution import Evaluator, ExecutionPool, GraphRun, ProgramGraph
from codeit_jax.execution.attempt import HostContext
from codeit_jax.execution.pool import Failed, in_order
from codeit_jax.execution.recovery import Recovery, run_jobs
from codeit_jax.mutation.augmentation.augment import Augmentation, AugmentedInputs, Augmenter

_RUNS_PER_JOB = 500
_DRAWS_PER_COPY = 2  # some programs give nothing of use for some of the augmented inputs


@dataclasses.dataclass(frozen=True)
class Family:
    """Programs with the same inputs, such as a training program and its mutants.

    Attributes:
        task_id: the task whose inputs they are; with the seed it decides what the augmented inputs are.
        inputs: the inputs, which programs with lines in common are run on together.
        members: the programs, each after the id of the task that it is the solution of.
    """

    task_id: str
    inputs: tuple[Grid, ...]
    members: tuple[tuple[str, Program], ...]


@dataclasses.dataclass(frozen=True)
class AugmentedTask:
    """A program with augmented inputs and what it really gives on them.

    Attributes:
        task_id: the id of the program's own task, `+`, and the number of the augmented inputs, from 1.
        program: the program.
        kinds: how the inputs were made.
        inputs: the augmented inputs that the program has a valid output for.
        outputs: its outputs on them.
    """

    task_id: str
    program: Program
    kinds: tuple[Augmentation, ...]
    inputs: tuple[Grid, ...]
    outputs: tuple[Grid, ...]


@dataclasses.dataclass(frozen=True)
class AugmentationJob:
    """Programs to be run on augmented inputs.

    Attributes:
        family: the programs.
        num_copies: how many augmented tasks are wanted for each program.
        min_inputs: how many inputs with a valid output each of them has at least.
        seed: what, with the family's task id, decides the augmented inputs.
        augmenter: how to draw them.
    """

    family: Family
    num_copies: int
    min_inputs: int
    seed: int
    augmenter: Augmenter


_RECOVERY = Recovery[AugmentationJob](
    num_items=lambda job: len(job.family.members),
    part=lambda job, start, stop: dataclasses.replace(
        job, family=dataclasses.replace(job.family, members=job.family.members[start:stop])
    ),
    describe=lambda job: f"augmented inputs for {job.family.task_id}",
)


def augment_family(context: HostContext, job: AugmentationJob) -> list[AugmentedTask]:
    """Runs the programs of a family on the same augmented inputs and keeps what is worth learning from.

    Inputs without a valid output are dropped. What is left is no task if that is fewer inputs than wanted, if
    every output equals its input, or if all outputs are equal where those on the family's own inputs are not:
    then the augmentation took away what the program is about. Equal tasks of a program are kept once.

    Returns:
        At most `num_copies` tasks for each program, in the order of the augmented inputs.
    """
    family = job.family
    rng = random.Random(f"{job.seed}/{family.task_id}")
    num_draws = _DRAWS_PER_COPY * job.num_copies
    selections = [
        _Selection(task_id, program, family.inputs, job.min_inputs) for task_id, program in family.members
    ]
    graph = ProgramGraph([selection.program for selection in selections])
    draws = job.augmenter.draw_several(family.inputs, num_draws, job.min_inputs, rng)
    for number, augmented in enumerate(draws, start=1):
        wanting = [index for index, each in enumerate(selections) if len(each.tasks) < job.num_copies]
        pairs = _run(graph, wanting, augmented.grids, context.evaluator)
        for index in wanting:
            selections[index].offer(number, augmented, pairs[index], context.evaluator)
    return [task for selection in selections for task in selection.tasks.values()]


def augment(
    pool: ExecutionPool,
    families: Iterable[Family],
    augmenter: Augmenter,
    num_copies: int,
    min_inputs: int,
    seed: int,
) -> Iterator[AugmentedTask]:
    """Runs programs on augmented inputs.

    Args:
        pool: workers with a `HostContext`.
        families: the programs.
        augmenter: how to draw the inputs.
        num_copies: how many augmented tasks are wanted for each program; there may be fewer, or none.
        min_inputs: how many inputs each of them has at least; a family that has not so many goes without.
        seed: what, with a family's task id, decides the augmented inputs.

    Yields:
        The augmented tasks, those of a program together, in the order of the families and their programs.
    """
    jobs = [
        AugmentationJob(part, num_copies, min_inputs, seed, augmenter)
        for family in families
        for part in _parts(family, num_copies)
    ]
    for pieces in in_order(run_jobs(pool, augment_family, jobs, _RECOVERY), {}):
        for _, tasks in pieces:
            if not isinstance(tasks, Failed):
                yield from tasks


class _Selection:
    """The tasks of one program that are kept."""

    def __init__(self, task_id: str, program: Program, inputs: tuple[Grid, ...], min_inputs: int) -> None:
        self.program = program
        self.tasks: dict[tuple[Grid, ...], AugmentedTask] = {}
        self._task_id = task_id
        self._own_inputs = inputs
        self._min_inputs = min_inputs
        self._is_constant: bool | None = None

    def offer(
        self,
        number: int,
        augmented: AugmentedInputs,
        pairs: list[tuple[Grid, Grid]],
        evaluator: Evaluator,
    ) -> None:
        if len(pairs) < self._min_inputs:
            return
        inputs, outputs = zip(*pairs, strict=True)
        if inputs == outputs or inputs in self.tasks:
            return
        if len(set(outputs)) == 1 < len(outputs) and not self._gives_one_grid(evaluator):
            return
        task_id = f"{self._task_id}+{number}"
        self.tasks[inputs] = AugmentedTask(task_id, self.program, augmented.kinds, inputs, outputs)

    def _gives_one_grid(self, evaluator: Evaluator) -> bool:
        if self._is_constant is None:
            outputs = {evaluator.run(self.program, grid).output for grid in self._own_inputs}
            self._is_constant = len(outputs - {None}) <= 1
        return self._is_constant


def _run(
    graph: ProgramGraph, indices: list[int], grids: tuple[Grid, ...], evaluator: Evaluator
) -> dict[int, list[tuple[Grid, Grid]]]:
    """Returns for some of a graph's programs each input with the output, where that is a valid grid."""
    pairs: dict[int, list[tuple[Grid, Grid]]] = {index: [] for index in indices}
    for grid in grids:
        run = GraphRun(graph, evaluator, grid)
        for index in indices:
            output = run.outcome(index).output
            if output is not None:
                pairs[index].append((grid, output))
    return pairs


def _parts(family: Family, num_copies: int) -> Iterator[Family]:
    """Cuts a family into parts that make jobs of bounded size; all parts get the same augmented inputs."""
    size = max(1, _RUNS_PER_JOB // max(1, num_copies * len(family.inputs)))
    for start in range(0, len(family.members), size):
        yield dataclasses.replace(family, members=family.members[start : start + size])
