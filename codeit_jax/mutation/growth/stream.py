"""A stream of programs, each few of them with inputs of their own; it has no end.

Mutants are grown for the inputs of their tasks, and who learns from these for long knows them by heart. Here
inputs are augmented anew for every few mutants, or random programs, and what these give is what counts.
`draw_streamed` is a job of an `ExecutionPool`.
"""

import dataclasses
import random
from collections.abc import Iterator

from codeit_jax.arc import Grid
from codeit_jax.dsl.program import parse_program
from codeit_jax.execution.attempt import HostContext
from codeit_jax.execution.pool import ExecutionPool, Failed, in_order
from codeit_jax.execution.recovery import Recovery, run_jobs
from codeit_jax.mutation.augmentation.augment import Augmenter
from codeit_jax.mutation.growth.drawing import DrawingJob, Fate, draw_programs
from codeit_jax.mutation.mutate import Mutator
from codeit_jax.mutation.parents import MutationParent

DRAWS_PER_JOB = 16  # programs that share inputs
_FIRST_DRAW = 1 << 40  # so that none is that of a mutated training task


@dataclasses.dataclass(frozen=True)
class Streamed:
    """A program with inputs made for it and a few others, and what it gives for them.

    Attributes:
        task_id: the task that the inputs were made of, `~`, and the number of the draw.
        program: the program's canonical text.
        inputs: the inputs.
        outputs: its outputs, all of them valid grids and not all equal to their inputs.
    """

    task_id: str
    program: str
    inputs: tuple[Grid, ...]
    outputs: tuple[Grid, ...]


@dataclasses.dataclass(frozen=True)
class StreamJob:
    """Programs to be drawn that have the same inputs.

    Attributes:
        task_id: the task whose inputs are augmented.
        inputs: these.
        parent: the text of the program whose mutants are drawn; "" for random programs.
        number: the job's place among all of the stream, which with the seed decides what is drawn.
        num_draws: programs that are drawn.
        min_inputs: how many inputs they have at least.
        seed: the root of every choice.
        augmenter: how inputs are augmented.
        mutator: how mutants are drawn.
    """

    task_id: str
    inputs: tuple[Grid, ...]
    parent: str
    number: int
    num_draws: int
    min_inputs: int
    seed: int
    augmenter: Augmenter
    mutator: Mutator


_RECOVERY = Recovery[StreamJob](
    num_items=lambda job: 1,
    part=lambda job, start, stop: job,
    describe=lambda job: f"programs on augmented inputs of {job.task_id}",
)


@dataclasses.dataclass(frozen=True)
class Stream:
    """All that decides a stream.

    Attributes:
        parents: training programs, whose mutants are drawn, and whose tasks' inputs are augmented.
        augmenter: how that is done.
        min_inputs: how many inputs a program has at least.
        random_share: how often programs are random ones, and not mutants.
        seed: the root of every choice.
        mutator: how mutants are drawn.
    """

    parents: tuple[MutationParent, ...]
    augmenter: Augmenter
    min_inputs: int = 2
    random_share: float = 0.1
    seed: int = 0
    mutator: Mutator = dataclasses.field(default_factory=Mutator)

    def part(self, pool: ExecutionPool, number: int, num_draws: int) -> Iterator[Streamed]:
        """Yields the programs of a part, fewer than are drawn, for some come to nothing.

        Args:
            pool: workers with a `HostContext`.
            number: which part, from 0.
            num_draws: programs that are drawn for a part.
        """
        num_jobs = -(-num_draws // DRAWS_PER_JOB)
        jobs = [self._job(number * num_jobs + place) for place in range(num_jobs)]
        for pieces in in_order(run_jobs(pool, draw_streamed, jobs, _RECOVERY), {}):
            for _, streamed in pieces:
                if not isinstance(streamed, Failed):
                    yield from streamed

    def _job(self, number: int) -> StreamJob:
        rng = random.Random(f"{self.seed}/stream/{number}")
        parent = rng.choice(self.parents)
        is_random = rng.random() < self.random_share
        return StreamJob(
            task_id=parent.task_id,
            inputs=parent.inputs,
            parent="" if is_random else str(parent.solution),
            number=number,
            num_draws=DRAWS_PER_JOB,
            min_inputs=self.min_inputs,
            seed=self.seed,
            augmenter=self.augmenter,
            mutator=self.mutator,
        )


def draw_streamed(context: HostContext, job: StreamJob) -> list[Streamed]:
    """Augments inputs, and draws programs that give a valid grid for each of them.

    Inputs for which the parent gives none are dropped; where too few are left, nothing is drawn.
    """
    rng = random.Random(f"{job.seed}/inputs/{job.number}")
    augmented = job.augmenter.draw_several(job.inputs, 1, job.min_inputs, rng)
    inputs = augmented[0].grids if augmented else ()
    if job.parent:
        parent = parse_program(job.parent)
        inputs = tuple(grid for grid in inputs if context.evaluator.run(parent, grid).output is not None)
    if len(inputs) < job.min_inputs:
        return []
    first = _FIRST_DRAW + job.number * job.num_draws
    drawing = DrawingJob(
        task_id=job.task_id,
        inputs=inputs,
        parents=(job.parent,) if job.parent else (),
        draws=tuple((first + place, 0 if job.parent else None) for place in range(job.num_draws)),
        seed=job.seed,
        mutator=job.mutator,
        keeps_outputs=True,
    )
    return [
        Streamed(f"{job.task_id}~{draw.number - _FIRST_DRAW}", draw.text, inputs, draw.outputs)
        for draw in draw_programs(context, drawing)
        if draw.fate is Fate.ACCEPTED
    ]
