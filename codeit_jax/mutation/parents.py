"""The programs that mutants are made from: those of the corpus, shorter ones distilled from them, or both."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from etils import epath

from codeit_jax.arc import Task
from codeit_jax.arc.task import task_to_json
from codeit_jax.config import DISTILLATION_WORK, ParentKind
from codeit_jax.dsl.program import Program, parse_program, without_dead_lines
from codeit_jax.errors import UserError
from codeit_jax.execution.pool import ExecutionPool
from codeit_jax.mutation.distillation.distil import distil_programs
from codeit_jax.mutation.growth.mutants import Parent, find_parents
from codeit_jax.run.files import write_json


class Display(Protocol):
    """Where the gathering of parents is shown."""

    def phase(self, description: str, total: int | None = None) -> None:
        """Begins a phase of `total` steps, where that is known."""

    def advance(self) -> None:
        """Counts one step of the phase."""


class DistillationCacheError(UserError):
    """A file of distilled programs that cannot be read or written; the message names it."""


def gather_parents(
    kind: ParentKind,
    pool: ExecutionPool,
    tasks: Sequence[Task],
    programs: Mapping[str, Program],
    cache: epath.Path,
    display: Display,
    max_work: int = DISTILLATION_WORK,
) -> tuple[list[Parent], list[str]]:
    """Returns the programs to make mutants from; none has dead lines, and all solve their task.

    Args:
        kind: which they are.
        pool: workers with a `HostContext`, within whose budget a program must solve its task.
        tasks: the training tasks.
        programs: their programs, by task id.
        cache: a file for what is distilled; see `load_or_distil`.
        display: where progress is shown.
        max_work: what may be spent on distilling each.

    Returns:
        The parents, and the ids of the tasks that have none.

    Raises:
        DistillationCacheError: the file cannot be read or written.
    """
    sources: list[Mapping[str, Program]] = []
    if kind is not ParentKind.DISTILLED:
        sources.append(programs)
    if kind is not ParentKind.ORIGINAL:
        display.phase("distilling the training programs", len(programs))
        sources.append(load_or_distil(cache, pool, tasks, programs, display.advance, max_work))
    display.phase("checking the training programs")
    parents: dict[Parent, None] = {}
    for source in sources:
        alive = {task_id: without_dead_lines(program) for task_id, program in source.items()}
        parents.update(dict.fromkeys(find_parents(pool, tasks, alive)[0]))
    having = {parent.task_id for parent in parents}
    return list(parents), [task.id for task in tasks if task.id not in having]


def load_or_distil(
    path: epath.Path,
    pool: ExecutionPool,
    tasks: Sequence[Task],
    programs: Mapping[str, Program],
    advance: Callable[[], None],
    max_work: int,
) -> dict[str, Program]:
    """Distils the programs of tasks, or reads what an earlier call has left in a file.

    Args:
        path: the file; what it holds of other tasks, programs or amounts of work is replaced.
        pool: workers with a `HostContext`.
        tasks: the tasks.
        programs: their programs, by task id.
        advance: called as each task is done.
        max_work: what may be spent on each.

    Returns:
        The shortest program found, by task id, of every task whose program solves it.

    Raises:
        DistillationCacheError: the file cannot be read or written.
    """
    digest = _digest(tasks, programs, max_work)
    cached = _read(path, digest)
    if cached is not None:
        return cached
    distilled = {}
    for task_id, result in distil_programs(pool, tasks, programs, max_work):
        advance()
        if result.program is not None:
            distilled[task_id] = result.program
    texts = {task_id: str(program) for task_id, program in distilled.items()}
    try:
        write_json(path, {"digest": digest, "programs": texts})
    except OSError as error:
        raise DistillationCacheError(f"{path}: cannot be written: {error.strerror or error}") from None
    return distilled


def _read(path: epath.Path, digest: str) -> dict[str, Program] | None:
    """Returns the programs of a file, None if there is no such file or it holds others."""
    try:
        if not path.exists():
            return None
        cached = json.loads(path.read_text())
        if cached["digest"] != digest:
            return None
        return {task_id: parse_program(text) for task_id, text in cached["programs"].items()}
    except OSError as error:
        raise DistillationCacheError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DistillationCacheError(f"{path}: holds no distilled programs: {error!r}") from None


def _digest(tasks: Sequence[Task], programs: Mapping[str, Program], max_work: int) -> str:
    """Returns what tells this distillation from others."""
    content: list[Any] = [
        (task.id, task_to_json(task), str(programs[task.id])) for task in tasks if task.id in programs
    ]
    return hashlib.sha256(json.dumps([max_work, content]).encode()).hexdigest()
