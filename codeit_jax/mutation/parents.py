"""The programs that mutants are made from: those of the corpus, shorter ones distilled from them, or both."""

import dataclasses
import math
import time
from collections.abc import Mapping, Sequence

from etils import epath

from codeit_jax.arc import Grid, Task
from codeit_jax.config import DISTILLATION_WORK, ParentKind
from codeit_jax.dsl.program import Program, without_dead_lines
from codeit_jax.execution.attempt import HostContext
from codeit_jax.execution.pool import ExecutionPool
from codeit_jax.mutation.distillation.cache import load_or_distil
from codeit_jax.run.display import Display


@dataclasses.dataclass(frozen=True)
class MutationParent:
    """A program that mutants are made from, or a task for whose inputs random programs are drawn.

    Attributes:
        task_id: the task.
        inputs: its demonstration inputs, for which every mutant must give valid grids.
        program: the program, without dead lines; None for random programs.
    """

    task_id: str
    inputs: tuple[Grid, ...]
    program: Program | None = None

    def __post_init__(self) -> None:
        if self.program is not None and self.program != without_dead_lines(self.program):
            raise ValueError(f"the program of {self.task_id} has dead lines")

    @property
    def solution(self) -> Program:
        """The program, of a parent that has one."""
        if self.program is None:
            raise ValueError(f"there is no program of {self.task_id}")
        return self.program


class OutOfTimeError(Exception):
    """There was not enough time to distil the training programs; what was done is kept."""


def gather_parents(
    kind: ParentKind,
    pool: ExecutionPool,
    tasks: Sequence[Task],
    programs: Mapping[str, Program],
    cache: epath.Path,
    display: Display,
    max_work: int = DISTILLATION_WORK,
    deadline: float = math.inf,
) -> tuple[list[MutationParent], list[str]]:
    """Returns the programs to make mutants from; none has dead lines, and all solve their task.

    Args:
        kind: which they are.
        pool: workers with a `HostContext`, within whose budget a program must solve its task.
        tasks: the training tasks.
        programs: their programs, by task id.
        cache: a file for what is distilled; see `load_or_distil`.
        display: where progress is shown.
        max_work: what may be spent on distilling each.
        deadline: by `time.monotonic`, when distilling is given up, which goes on at the next call.

    Returns:
        The parents, and the ids of the tasks that have none.

    Raises:
        DistillationCacheError: the file cannot be read or written.
        OutOfTimeError: there was not enough time to distil.
    """

    def advance() -> None:
        if time.monotonic() > deadline:
            raise OutOfTimeError
        display.advance()

    sources: list[Mapping[str, Program]] = []
    if kind is not ParentKind.DISTILLED:
        sources.append(programs)
    if kind is not ParentKind.ORIGINAL:
        display.phase("distilling the training programs", sum(task.id in programs for task in tasks))
        sources.append(load_or_distil(cache, pool, tasks, programs, advance, max_work))
    display.phase("checking the training programs")
    parents = dict.fromkeys(parent for source in sources for parent in find_parents(pool, tasks, source))
    having = {parent.task_id for parent in parents}
    return list(parents), [task.id for task in tasks if task.id not in having]


def find_parents(
    pool: ExecutionPool, tasks: Sequence[Task], programs: Mapping[str, Program]
) -> list[MutationParent]:
    """Returns the programs that solve their task, without their dead lines, in the order of the tasks."""
    known = {task: without_dead_lines(programs[task.id]) for task in tasks if task.id in programs}
    results = pool.map_ordered(solves_task, known.items())
    return [
        MutationParent(task.id, task.demonstration_inputs, program)
        for (task, program), solves in zip(known.items(), results, strict=True)
        if solves is True  # and no `Failed`
    ]


def solves_task(context: HostContext, payload: tuple[Task, Program]) -> bool:
    """Whether a program gives every output of a task that is known, those of its test pairs too."""
    task, program = payload
    return all(
        context.evaluator.run(program, pair.input).output == pair.output
        for pair in (*task.train, *task.test)
        if pair.output is not None
    )
