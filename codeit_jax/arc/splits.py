"""Parts of a data set: by a file of task ids, or by a rule that needs none."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from codeit_jax.arc.task import Task, TaskError
from codeit_jax.errors import naming
from codeit_jax.reading.documents import parse_json, read_text
from codeit_jax.reading.paths import expand_home

VALIDATION, REST = "validation", "rest"
# As many as the authors held out of the training tasks.
_NUM_HELD_OUT, _NUM_OF = 89, 400
_NUM_TOLD = 5  # keys


def part_source(source: str, is_there: Callable[[str], bool]) -> tuple[str, str] | None:
    """Returns a `SOURCE@PART` as source and part; None where it names none.

    Args:
        source: what was asked for, which is no source itself; either may have an `@` in it, too.
        is_there: tells sources.
    """
    for place in reversed(range(len(source))):
        if source[place] == "@" and is_there(source[:place]):
            return source[:place], source[place + 1 :]
    return None


def select(tasks: Sequence[Task], source: str, part: str) -> list[Task]:
    """Returns the tasks of a part, in their order.

    Args:
        tasks: all tasks of the source.
        source: what it is called.
        part: `validation`, for 89 of 400 tasks, those whose ids' SHA-256 digests come first, or `rest`, for
            all others; or a file of task ids, one a line or a JSON list; or `FILE:KEY` for one of the lists
            of a JSON object.

    Raises:
        TaskError: there is no such part, or the file names what is no task of the source.
    """
    chosen = _held_out(tasks, source, part) if part in (VALIDATION, REST) else _listed(tasks, source, part)
    return [task for task in tasks if task.id in chosen]


def _held_out(tasks: Sequence[Task], source: str, part: str) -> set[str]:
    count = (len(tasks) * _NUM_HELD_OUT + _NUM_OF // 2) // _NUM_OF
    if not count:
        raise TaskError(f"{source}@{part}: {len(tasks)} of {source} are too few tasks to be parted")
    ids = sorted((task.id for task in tasks), key=lambda task_id: hashlib.sha256(task_id.encode()).digest())
    return set(ids[:count] if part == VALIDATION else ids[count:])


def _listed(tasks: Sequence[Task], source: str, part: str) -> set[str]:
    with naming(f"{source}@{part}", TaskError):
        file, key = _file_and_key(part)
    with naming(part, TaskError):
        ids = _ids(read_text(file), key)
        unknown = set(ids) - {task.id for task in tasks}
        if unknown:
            raise TaskError(f"{ascii(min(unknown))[:80]} is no task of {source}")
        chosen: set[str] = set()
        for task_id in ids:
            if task_id in chosen:
                raise TaskError(f"names {task_id} twice")
            chosen.add(task_id)
    return chosen


def _file_and_key(part: str) -> tuple[Path, str | None]:
    path = Path(expand_home(part))
    if path.is_file():
        return path, None
    file, _, key = part.rpartition(":")
    path = Path(expand_home(file))
    if not path.is_file():
        raise TaskError(f"there is no file {part!r}; parts are {VALIDATION}, {REST}, FILE and FILE:KEY")
    return path, key


def _ids(text: str, key: str | None) -> list[str]:
    is_json = text.lstrip().startswith(("[", "{"))
    ids: Any = parse_json(text) if is_json else text.split("\n")
    if isinstance(ids, dict):
        if key not in ids:
            held = ", ".join(ascii(each)[1:-1][:20] for each in list(ids)[:_NUM_TOLD])
            held += ", ..." if len(ids) > _NUM_TOLD else ""
            wish = "name one, as in FILE:KEY" if key is None else f"there is no {ascii(key)[:80]}"
            raise TaskError(f"holds the lists {held}: {wish}")
        ids = ids[key]
    elif key is not None:
        raise TaskError("is no JSON object, which alone has keys")
    if not isinstance(ids, list) or not all(isinstance(task_id, str) for task_id in ids):
        raise TaskError("must be a list of task ids")
    found = [task_id.strip() for task_id in ids if task_id.strip()]
    if not found:
        raise TaskError("holds no task ids")
    return found
