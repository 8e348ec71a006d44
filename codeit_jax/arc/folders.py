"""Folders of task files, as data sets come."""

import os
from collections.abc import Sequence
from pathlib import Path

from codeit_jax.arc.task import TaskError
from codeit_jax.arc.task_files import solutions_beside
from codeit_jax.errors import naming

_SUBMISSION = "sample_submission.json"  # Kaggle's
_METADATA, _TASKS = "metadata.json", "tasks"  # re-arc's


def task_files(folder: Path) -> list[tuple[Path, str]]:
    """Returns the files of a folder that hold tasks, each with its concept, in order.

    These are its `.json` files; of a file of challenges the solutions and the sample submission beside it are
    none. A folder without `.json` files is one of folders with such files, which are named after a concept
    each. What is hidden is passed over.

    Args:
        folder: a folder; re-arc's may be named for the folder `tasks` in it.

    Raises:
        TaskError: there are no files, or several of challenges; the message names the folder.
    """
    files, folders = _content(folder)
    if files == [_METADATA] and _TASKS in folders:
        return task_files(folder / _TASKS)
    if files or not folders:
        return [(file, "") for file in _of_tasks(folder, files)]
    return [(file, name) for name in folders for file in _of_tasks(folder / name, _content(folder / name)[0])]


def _content(folder: Path) -> tuple[list[str], list[str]]:
    """Returns the names of the `.json` files of a folder and of its folders, in order."""
    with naming(folder, TaskError), os.scandir(folder) as entries:
        seen = sorted((entry.name, entry.is_dir()) for entry in entries if not _is_hidden(entry.name))
    files = [name for name, is_folder in seen if name.endswith(".json") and not is_folder]
    return files, [name for name, is_folder in seen if is_folder]


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _of_tasks(folder: Path, names: Sequence[str]) -> list[Path]:
    if not names:
        raise TaskError(f"{folder}: the folder holds no .json files")
    files = [folder / name for name in names]
    challenges = [file for file in files if solutions_beside(file)]
    if len(challenges) > 1:
        several = ", ".join(file.name for file in challenges)
        raise TaskError(
            f"{folder}: the folder holds several files of challenges, {several}: name one of them"
        )
    beside = [folder / _SUBMISSION, *map(solutions_beside, challenges)] if challenges else []
    return [file for file in files if file not in beside]
