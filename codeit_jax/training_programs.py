"""The programs that mutants are made from: those of the corpus, shorter ones distilled from them, or both."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from etils import epath

from codeit_jax.arc import Task
from codeit_jax.arc.task import task_to_json
from codeit_jax.dsl.program import Program, parse_program, without_dead_lines
from codeit_jax.errors import UserError
from codeit_jax.execution.pool import ExecutionPool
from codeit_jax.mutation.distil import DISTILLATION_WORK, distil_programs
from codeit_jax.results.files import write_json


class ParentKind(StrEnum):
    """Which programs mutants are made from."""

    ORIGINAL = "original"  # those of the corpus
    DISTILLED = "distilled"  # the shortest found that still solve their tasks
    BOTH = "both"


class DistillationCacheError(UserError):
    """A file of distilled programs that cannot be read or written; the message names it."""


def choose_parents(
    kind: ParentKind, originals: Mapping[str, Program], distilled: Mapping[str, Program]
) -> list[tuple[str, Program]]:
    """Returns the programs of a kind, each with its task's id; equal ones of a task are one."""
    sources = {
        ParentKind.ORIGINAL: (originals,),
        ParentKind.DISTILLED: (distilled,),
        ParentKind.BOTH: (originals, distilled),
    }
    chosen = [
        (task_id, without_dead_lines(program))
        for source in sources[kind]
        for task_id, program in source.items()
    ]
    return list(dict.fromkeys(chosen))


def load_or_distil(
    path: epath.Path,
    pool: ExecutionPool,
    tasks: Sequence[Task],
    programs: Mapping[str, Program],
    advance: Callable[[], None],
    max_work: int = DISTILLATION_WORK,
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
