"""Experiences and attempts to time a replay buffer with, of real tasks and programs."""

import pickle
import random

from codeit_jax.arc import Task, load_tasks
from codeit_jax.arc.packing import pack_grids
from codeit_jax.benchmarks.workload import draw_samples
from codeit_jax.dsl import load_training_programs
from codeit_jax.execution import Budget
from codeit_jax.execution.attempt import HostContext, attempt_task
from codeit_jax.replay import Experience

_ROWS_OF_A_WIDTH = 997
_PROGRAM_STARTS = 2048
_MAX_LINES = 30
_PER_META_ITERATION = 9_600
_REPEATED_SHARE = 0.05
_TEXTS_PER_TASK = 24
_MAX_ATTEMPTED_LINES = 12
_JUNK_SHARE = 0.1


class Stream:
    """Experiences without end: real inputs, outputs of real shapes and colours, and programs of real lines.

    The rows of a grid that are varied come from a stock of rows of its width, and a program's lines from
    training programs, so that an experience takes a few microseconds to make. Half of the outputs are equal
    to earlier ones of their task, as those of training programs' mutants are on the evaluation set; and a
    twentieth of the tasks and programs come again. The bytes of outputs are objects of their own, as if
    worker processes had sent them.
    """

    def __init__(self, seed: int) -> None:
        rng = random.Random(f"{seed}/replay")
        self._tasks = [
            (
                task.id,
                task.packed_together,
                [pack_grids((pair.output,)) for pair in task.train if pair.output],
            )
            for task in load_tasks("arc1/training")
        ]
        self._rows = {
            width: [bytes(rng.choices(range(10), k=width)) for _ in range(_ROWS_OF_A_WIDTH)]
            for width in range(1, 31)
        }
        lines = [str(program).splitlines()[:-1] for program in load_training_programs().values()]
        starts = [rng.choice(lines)[: rng.randrange(_MAX_LINES)] for _ in range(_PROGRAM_STARTS)]
        self._starts = ["".join(f"{line}\n" for line in start) for start in starts]
        self._rng = rng
        self._num_made = 0

    def take(self, count: int) -> list[Experience]:
        """Returns the next experiences."""
        return [self._next() for _ in range(count)]

    def _next(self) -> Experience:
        number = self._num_made
        self._num_made += 1
        if number and self._rng.random() < _REPEATED_SHARE:
            number = self._rng.randrange(number)
        turn, task = divmod(number, len(self._tasks))
        task_id, inputs, outputs = self._tasks[task]
        # Every second turn gives what one of the others gave.
        variant = 2 * self._rng.randrange((turn + 1) // 2) if turn % 2 else turn
        start = self._starts[number * 0x9E3779B1 % _PROGRAM_STARTS]
        return Experience(
            task_id=task_id,
            program=f"{start}O = paint(I, x{number})",
            packed_inputs=inputs,
            packed_outputs=b"".join([self._varied(grid, variant) for grid in outputs]),
            priority=number * 0x9E3779B1 % 5 / 4,
            meta_iteration=number // _PER_META_ITERATION,
        )

    def _varied(self, grid: bytes, variant: int) -> bytes:
        height, width = grid[:2]
        rows = self._rows[width]
        first, rest = variant % _ROWS_OF_A_WIDTH, variant // _ROWS_OF_A_WIDTH
        second, third = rest % _ROWS_OF_A_WIDTH, rest // _ROWS_OF_A_WIDTH % _ROWS_OF_A_WIDTH
        varied = b"".join((rows[first], rows[second], rows[third])[:height])
        return grid[:2] + varied + grid[2 + len(varied) :]


def draw_messages(num_tasks: int, seed: int) -> list[tuple[Task, bytes]]:
    """Returns what workers send of texts that were sampled for tasks: the attempts at each, pickled."""
    tasks = load_tasks("arc1/training")[:num_tasks]
    programs = [each for each in load_training_programs().values() if len(each) <= _MAX_ATTEMPTED_LINES]
    context = HostContext(tuple(tasks), Budget())
    samples = draw_samples(programs, num_tasks, _TEXTS_PER_TASK, _JUNK_SHARE, seed)
    return [
        (tasks[sample[0]], pickle.dumps(attempt_task(context, sample), pickle.HIGHEST_PROTOCOL))
        for sample in samples
    ]
