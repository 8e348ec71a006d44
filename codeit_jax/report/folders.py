"""What a folder of results holds, whoever left it; of files that are missing or cut short what there is."""

import csv
import dataclasses
import io
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from etils import epath

from codeit_jax.arc import Task, load_tasks
from codeit_jax.config.budget import PAPER_LIMITS, Budget
from codeit_jax.errors import UserError, naming
from codeit_jax.report import shapes
from codeit_jax.report.charts import Row
from codeit_jax.report.sampled import IterationSamples, read_samples
from codeit_jax.run.files import existing_folder

_IDENTITY = re.compile(r" \((\d+) tasks, [0-9a-f]{16}\)$")
_POPULATION = re.compile(r"~\d+$")  # of a task that has more than one


class Kind(StrEnum):
    """Which command left a folder."""

    TRAIN = "train"
    SEARCH = "search"
    EVOLVE = "evolve"
    SOLVE = "solve"


@dataclasses.dataclass(frozen=True)
class Effort:
    """What was spent on a task.

    Attributes:
        work: units of work.
        num_programs: programs that were run.
        turns: turns of its populations.
    """

    work: int = 0
    num_programs: int = 0
    turns: int = 0

    def __add__(self, other: "Effort") -> "Effort":
        return Effort(
            self.work + other.work, self.num_programs + other.num_programs, self.turns + other.turns
        )


@dataclasses.dataclass(frozen=True)
class Results:
    """What a folder holds.

    Attributes:
        name: what it is called on the page.
        kind: which command left it.
        settings: those it was made with.
        rows: its table.
        solutions: the solved tasks, as `solutions.json` has them.
        near: for tasks the programs that come nearest, as `near_misses.json` and `candidates.json` have them.
        answers: what tasks are answered with, as `answers.json` has them.
        score: what that is worth, as `score.json` has it.
        efforts: what was spent on each task, where that is known.
        samples: what a policy wrote, meta-iteration by meta-iteration.
        budget: what a run of a program might spend.
        source: where the tasks come from.
        tasks: the tasks; empty where they cannot be read here.
        num_tasks: how many there are, which a folder may know nevertheless; 0 where it does not.
        notes: what is not shown, and why.
    """

    name: str
    kind: Kind
    settings: Mapping[str, Any]
    rows: tuple[Row, ...]
    solutions: Mapping[str, Mapping[str, Any]]
    near: Mapping[str, Sequence[str]]
    answers: Mapping[str, Mapping[str, Any]]
    score: Mapping[str, Any]
    efforts: Mapping[str, Effort]
    samples: tuple[IterationSamples, ...]
    budget: Budget
    source: str
    tasks: Mapping[str, Task]
    num_tasks: int
    notes: tuple[str, ...]


def read_results(path: str) -> Results:
    """Reads a folder that train, search, evolve or solve has left, or is working in.

    Raises:
        UserError: there is no such folder, or it is none of these; the message begins with `--workdir`.
    """
    with naming(f"--workdir={path}"):
        return read_folder(existing_folder(path))


def read_folder(folder: epath.Path) -> Results:
    """Reads a folder as `read_results` does.

    Raises:
        UserError: it is none of these.
        OSError: it may not be entered.
    """
    list(folder.iterdir())  # or it may not be entered
    return _Reader(folder).read()


class _Reader:
    """Reads what there is, and notes what there is not."""

    def __init__(self, folder: epath.Path) -> None:
        self._folder = folder
        self._notes: list[str] = []

    def read(self) -> Results:
        header, rows = self._table()
        settings = self._object("config.json")
        progress = self._object("progress.json")
        record = self._object("settings.json")
        kind = self._kind(header, settings, progress, record)
        if kind is None:
            raise UserError("holds no results of train, search, evolve or solve")
        populations = self._folder
        if kind is Kind.SOLVE:
            settings, populations = record, self._folder / "evolution"
        elif kind is not Kind.TRAIN:
            settings = _group(progress, "settings")
            rows = rows or tuple(_points(progress))
        source = _group(settings, "data").get("search_tasks") if kind is Kind.TRAIN else settings.get("tasks")
        source = str(source or "")
        identity = _IDENTITY.search(source)
        source = _IDENTITY.sub("", source)
        tasks = self._tasks(source)
        samples = self._samples()
        self._notes += [
            f"samples/{each.meta_iteration:04d}.jsonl.gz is cut short, damaged or closed: what can be read "
            "of it is shown"
            for each in samples
            if each.is_cut
        ]
        return Results(
            name=self._folder.resolve().name or "run",
            kind=kind,
            settings=settings,
            rows=rows,
            solutions=self._entries("solutions.json", shapes.is_solution),
            near=self._near(),
            answers=self._entries("answers.json", shapes.is_answer),
            score=self._score(),
            efforts=self._efforts(populations / "tasks"),
            samples=samples,
            budget=_budget(kind, settings),
            source=source,
            tasks=tasks,
            num_tasks=len(tasks) or (int(identity[1]) if identity else 0),
            notes=tuple(self._notes),
        )

    def _kind(
        self,
        header: Sequence[str],
        settings: Mapping[str, Any],
        progress: Mapping[str, Any],
        record: Mapping[str, Any],
    ) -> Kind | None:
        if "num_meta_iterations" in settings or "meta_iteration" in header:
            return Kind.TRAIN
        if {"tasks", "workdir", "num_samples"} <= record.keys():
            return Kind.SOLVE
        if {"settings", "round", "points"} <= progress.keys() or header[:2] == ["work", "num_programs"]:
            return Kind.EVOLVE
        if {"settings", "state"} <= progress.keys() or header[:2] == ["num_programs", "solved"]:
            return Kind.SEARCH
        return None

    def _table(self) -> tuple[list[str], tuple[Row, ...]]:
        """Returns the header and the rows of `performance.csv`; a row that is cut short is left out."""
        text = self._text("performance.csv")
        if text is None:
            return [], ()
        header, *lines = list(csv.reader(io.StringIO(text))) or [[]]
        rows = []
        for line in lines:
            try:
                rows.append({name: _figure(cell) for name, cell in zip(header, line, strict=True)})
            except ValueError:
                self._notes.append(f"performance.csv: line {len(rows) + 2} is cut short or damaged")
                break
        return header, tuple(rows)

    def _object(self, name: str) -> Mapping[str, Any]:
        text = self._text(name)
        if text is None:
            return {}
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            self._notes.append(f"{name} is cut short or damaged: {error}")
            return {}
        if not isinstance(values, dict):
            self._notes.append(f"{name} holds no object")
            return {}
        return values

    def _entries(self, name: str, shape: shapes.Shape) -> Mapping[str, Any]:
        """Returns an object's entries that have a shape."""
        values = self._object(name)
        entries = {key: value for key, value in values.items() if shape(value)}
        if others := [key for key in values if key not in entries]:
            more = f" and {len(others) - 1} more" if len(others) > 1 else ""
            self._notes.append(
                f"{name}: what it has of {others[0]!r}{more} is damaged, or of another version"
            )
        return entries

    def _score(self) -> Mapping[str, Any]:
        score = self._object("score.json")
        if shapes.is_score(score):
            return score
        self._notes.append("score.json is damaged, or of another version")
        return {}

    def _near(self) -> Mapping[str, Sequence[str]]:
        near: dict[str, list[str]] = {}
        for task_id, miss in self._entries("near_misses.json", shapes.is_near_miss).items():
            near.setdefault(task_id, []).append(miss.get("program", ""))
        for task_id, found in self._entries("candidates.json", _has_candidates).items():
            near.setdefault(task_id, []).extend(each.get("program", "") for each in _candidates(found))
        return near

    def _text(self, name: str) -> str | None:
        path = self._folder / name
        if not path.is_file():
            return None
        try:
            return path.read_text()
        except OSError as error:
            self._notes.append(f"{name} cannot be read: {error.strerror}")
        except ValueError:
            self._notes.append(f"{name} is no text in UTF-8")
        return None

    def _samples(self) -> tuple[IterationSamples, ...]:
        folder = self._folder / "samples"
        try:
            return read_samples(folder)
        except OSError as error:
            self._notes.append(f"{folder.name}/ cannot be read: {error.strerror}")
            return ()

    def _efforts(self, folder: epath.Path) -> dict[str, Effort]:
        efforts: dict[str, Effort] = {}
        try:
            files = sorted(folder.iterdir()) if folder.is_dir() else []
        except OSError as error:
            self._notes.append(f"{folder.name}/ cannot be read: {error.strerror}")
            return efforts
        for file in files:
            if not file.name.endswith(".json"):
                continue
            task_id = _POPULATION.sub("", file.name.removesuffix(".json"))
            try:
                values = json.loads(file.read_text())
                spent = [values[name] for name in ("work", "num_programs", "turn")]
                if not all(map(shapes.is_number, spent)):
                    raise ValueError("no numbers")
                effort = Effort(*spent)
                efforts[task_id] = efforts.get(task_id, Effort()) + effort
            except (OSError, ValueError, KeyError, TypeError):
                self._notes.append(f"tasks/{file.name} is cut short, damaged or closed")
        return efforts

    def _tasks(self, source: str) -> dict[str, Task]:
        """Returns the tasks; a relative path is looked for in the folders around the results, too."""
        if not source:
            return {}
        problem: UserError | None = None
        for place in (source, *(os.fspath(folder / source) for folder in self._folder.resolve().parents)):
            try:
                return {task.id: task for task in load_tasks(place)}
            except UserError as error:
                problem = problem or error
        self._notes.append(f"the tasks cannot be read here, so there are no pictures: {problem}")
        return {}


def _figure(cell: str) -> float:
    value = float(cell or "nan")
    return value if shapes.is_number(value) else math.nan


def _candidates(found: Any) -> Any:
    """Returns the candidates of an entry of `candidates.json`, an evolution's or a search's."""
    return found.get("candidates", []) if isinstance(found, dict) else found


def _has_candidates(found: Any) -> bool:
    return shapes.is_candidates(_candidates(found))


def _group(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = values.get(name)
    return found if isinstance(found, dict) else {}


def _budget(kind: Kind, settings: Mapping[str, Any]) -> Budget:
    """Returns the budget of a folder's programs; the paper's limits where the folder does not tell."""
    if kind is Kind.EVOLVE:
        values = {"max_work": _group(settings, "breeding").get("run_work", PAPER_LIMITS.max_work)}
    else:
        values = dict(_group(_group(settings, "execution") if kind is Kind.TRAIN else settings, "budget"))
    known = {field.name for field in dataclasses.fields(Budget)}
    whole = {name: value for name, value in values.items() if name in known and isinstance(value, int)}
    return dataclasses.replace(PAPER_LIMITS, **whole)


def _points(progress: Mapping[str, Any]) -> list[Row]:
    """Returns the curve that a search or an evolution goes on from."""
    points = progress.get("points", _group(progress, "state").get("curve"))
    if not isinstance(points, list):
        return []
    return [
        {name: float(value) if shapes.is_number(value) else math.nan for name, value in point.items()}
        for point in points
        if isinstance(point, dict)
    ]
