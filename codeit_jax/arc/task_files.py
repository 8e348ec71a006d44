"""Files of tasks: one task, many by their ids as Kaggle's, or a list of examples as re-arc's."""

import dataclasses
import re
from pathlib import Path
from typing import Any

from codeit_jax.arc.grid import to_grid
from codeit_jax.arc.task import Pair, Task, TaskError, task_from_json
from codeit_jax.errors import naming
from codeit_jax.reading.documents import read_json

# Of a list of examples the first are shown, and the next is the test pair.
NUM_DEMONSTRATIONS = 4
NUM_EXAMPLES = NUM_DEMONSTRATIONS + 1

_TASK_ID = re.compile(r"\w[\w.+ ()-]{0,99}")


def read_tasks(path: Path) -> list[Task]:
    """Returns the tasks of a file, in its order.

    Args:
        path: a JSON file of one task, which is named after the file; of many tasks by their ids, with their
            test outputs in the file of solutions beside it if there is one; or of a list of at least five
            examples of one task: the first four are its demonstrations, the fifth is its test pair, and what
            follows is not looked at.

    Raises:
        TaskError: the file is malformed; the message names it.
    """
    content = _read_json(path)
    if isinstance(content, dict) and not {"train", "test"} & content.keys():
        return _tasks_by_id(path, content)
    with naming(path, TaskError):
        task_id = _checked_id(path.stem)
        return [task_from_json(task_id, _from_examples(content) if isinstance(content, list) else content)]


def solutions_beside(path: Path) -> Path | None:
    """Returns where the outputs to a file of challenges may lie; None for a file that is named otherwise."""
    name = path.name.replace("challenges", "solutions")
    return None if name == path.name else path.with_name(name)


def _tasks_by_id(path: Path, values: dict[str, Any]) -> list[Task]:
    if not values:
        raise TaskError(f"{path}: the file holds no tasks")
    with naming(path, TaskError):
        tasks = [_named_task(task_id, value) for task_id, value in values.items()]
    solutions_path = solutions_beside(path)
    if solutions_path is None or not solutions_path.is_file():
        return tasks
    solutions = _read_json(solutions_path)
    with naming(solutions_path, TaskError):
        return _with_solutions(tasks, solutions)


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


def _from_examples(examples: list[Any]) -> dict[str, Any]:
    """Returns a task's JSON."""
    if len(examples) < NUM_EXAMPLES:
        raise TaskError(
            f"a list of examples must hold {NUM_EXAMPLES}, {NUM_DEMONSTRATIONS} demonstrations and a test"
            f" pair, and this one holds {len(examples)}"
        )
    return {"train": examples[:NUM_DEMONSTRATIONS], "test": examples[NUM_DEMONSTRATIONS:NUM_EXAMPLES]}


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
        return read_json(path, _number)


def _number(text: str) -> int | float:
    """Returns a number that other tools wrote, such as 3.0 for the colour 3."""
    value = float(text)
    return int(value) if value.is_integer() else value
