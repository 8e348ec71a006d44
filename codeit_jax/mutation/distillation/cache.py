"""Programs distilled once and kept in a file."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from etils import epath

from codeit_jax.arc import Task
from codeit_jax.arc.task import task_to_json
from codeit_jax.dsl.program import Program, parse_program
from codeit_jax.errors import UserError, naming
from codeit_jax.execution.pool import ExecutionPool
from codeit_jax.mutation.distillation.distil import distil_programs
from codeit_jax.run.files import write_json
from codeit_jax.run.interruption import begin_keeping
from codeit_jax.run.peers import by_first

DISTILLED = "distilled_programs.json"  # the file, in a run's folder or beside what is made of the programs
_SAVED_EVERY = 20  # tasks


class DistillationCacheError(UserError):
    """A file of distilled programs that cannot be read or written; the message names it."""


def load_or_distil(
    path: epath.Path,
    pool: ExecutionPool,
    tasks: Sequence[Task],
    programs: Mapping[str, Program],
    advance: Callable[[], None],
    max_work: int,
) -> dict[str, Program]:
    """Distils the programs of tasks, but for those that an earlier call has left in a file.

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
    distilled = by_first(pool.peers, lambda: _read(path, digest))
    left = [task for task in tasks if task.id in programs and task.id not in distilled]
    if left:
        for _ in distilled:
            advance()
    for number, (task_id, result) in enumerate(distil_programs(pool, left, programs, max_work), start=1):
        advance()
        distilled[task_id] = result.program
        if pool.peers.number == 0 and (number % _SAVED_EVERY == 0 or number == len(left)):
            # What another process that distils the same has come to meanwhile stays.
            known = _read(path, digest) | distilled
            texts = {each: program and str(program) for each, program in known.items()}
            with naming(path, DistillationCacheError):
                write_json(path, {"digest": digest, "programs": texts})
            begin_keeping()
    return {task_id: program for task_id, program in distilled.items() if program is not None}


def _read(path: epath.Path, digest: str) -> dict[str, Program | None]:
    """Returns what a file holds of this distillation: for each task that is done its program, if any."""
    with naming(path, DistillationCacheError):
        if not path.exists():
            return {}
        content = path.read_bytes()
    try:
        cached = json.loads(content)
        if cached["digest"] != digest:
            return {}
        return {
            task_id: None if text is None else parse_program(text)
            for task_id, text in cached["programs"].items()
        }
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DistillationCacheError(f"{path}: holds no distilled programs: {error!r}") from None


def _digest(tasks: Sequence[Task], programs: Mapping[str, Program], max_work: int) -> str:
    """Returns what tells this distillation from others."""
    content: list[Any] = [
        (task.id, task_to_json(task), str(programs[task.id])) for task in tasks if task.id in programs
    ]
    return hashlib.sha256(json.dumps([max_work, content]).encode()).hexdigest()
