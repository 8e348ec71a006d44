"""The folder of a search: what it has found so far, where it goes on from, and the files made of that."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from codeit_jax.arc import Task
from codeit_jax.config.budget import Budget
from codeit_jax.errors import naming
from codeit_jax.run.claim import Hold, check_claim, claim_folder
from codeit_jax.run.files import write_json, write_text
from codeit_jax.search.curve import Curve, CurvePoint, curve_csv, curve_svg
from codeit_jax.search.ranking import Candidate
from codeit_jax.search.solutions import SolutionBook

BEST_THREE, STRICTLY = "best three", "and all demonstrations"  # curves
_PROGRESS = "progress.json"
_RESULTS = ("performance.csv", "solutions.json", "candidates.json", "curve.svg")


@dataclasses.dataclass(frozen=True)
class SearchSettings:
    """The settings that a search must be resumed with.

    Attributes:
        tasks: where the tasks come from, and what tells them from others.
        curve_step: programs between the points of the curve.
        programs_per_job: programs that are run together.
        budget: what one run of a program may spend.
    """

    tasks: str
    curve_step: int
    programs_per_job: int
    budget: Budget


@dataclasses.dataclass
class SearchState:
    """The findings of a search, and where it goes on from.

    Programs are read in batches; one is run in chunks, sorted, and a chunk on task after task.

    Attributes:
        num_rows: rows of the files that were read.
        num_programs: distinct programs among them, up to the end of the batch at hand.
        digest: what tells these programs from others.
        batch_start: distinct programs before the batch at hand.
        num_chunks_done: chunks of the batch that were run on all tasks.
        tasks_done: indices of the tasks that the chunk at hand was run on.
        num_runs: runs on a demonstration that had to be made.
        num_runs_saved: runs on a demonstration that there was no need for.
        num_left_out: pairs of a program and a task that a worker was stopped on.
        seconds: time that the search took.
        curve: its points so far.
        book: the best candidates of each task.
        numbers: the row, from 0, of each program that is a candidate.
    """

    num_rows: int = 0
    num_programs: int = 0
    digest: str = ""
    batch_start: int = 0
    num_chunks_done: int = 0
    tasks_done: list[int] = dataclasses.field(default_factory=list)
    num_runs: int = 0
    num_runs_saved: int = 0
    num_left_out: int = 0
    seconds: float = 0.0
    curve: list[CurvePoint] = dataclasses.field(default_factory=list)
    book: SolutionBook = dataclasses.field(default_factory=SolutionBook)
    numbers: dict[str, int] = dataclasses.field(default_factory=dict)

    def count_solved(self) -> tuple[int, int]:
        """Returns how many tasks are solved, and how many of them by a program giving all demonstrations."""
        solved = self.book.solved().values()
        # Of the three, the first that gives every test output gives as many demonstrations as any that does.
        return len(solved), sum(candidate.performance.is_strict for candidate in solved)

    def add_point(self, num_tasks: int, curve_step: int) -> None:
        """Puts the curve's next point; one that was put between two steps, at the end of the files, goes."""
        if self.num_programs and not any(point.num_programs == self.num_programs for point in self.curve):
            self.curve = [point for point in self.curve if point.num_programs % curve_step == 0]
            solved, strict = self.count_solved()
            share = solved / num_tasks
            self.curve.append(CurvePoint(self.num_programs, solved, strict, share, self.seconds))

    def forget_numbers(self) -> None:
        """Drops the numbers of programs that are candidates no more."""
        kept = self.book.programs()
        self.numbers = {program: self.numbers[program] for program in sorted(kept)}

    def to_json(self) -> dict[str, Any]:
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        curve = list(map(dataclasses.asdict, self.curve))
        return values | {"curve": curve, "book": self.book.state()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "SearchState":
        curve = [CurvePoint(**point) for point in values["curve"]]
        return cls(**{**values, "curve": curve, "book": SolutionBook.from_state(values["book"])})


class SearchFolder:
    """The files of a search. Each is replaced in one step, so that it is there as it was or as it is to be.

    Args:
        path: the folder, made if need be.
        settings: what the search is to be resumed with.

    Raises:
        UserError: the folder cannot be written to, holds another search, or holds files named as a
            search's are without its state. Nothing in it is changed then.
    """

    def __init__(self, path: str, settings: SearchSettings) -> None:
        self._place = f"--output={path}"
        self._settings = settings
        with naming(self._place):
            self._folder, self._hold, found = claim_folder(path, _PROGRESS, _RESULTS, self._gone_on_with)
        self.state = found or SearchState()
        with self._hold.unless_failing():
            if found is None:
                self.save()

    def hold(self) -> Hold:
        """Returns what keeps other processes out of the folder until it is left, a context manager."""
        return self._hold

    def save(self) -> None:
        """Writes down all that it takes to go on."""
        values = {"settings": dataclasses.asdict(self._settings), "state": self.state.to_json()}
        with naming(self._place):
            write_json(self._folder / _PROGRESS, values)

    def publish(self, tasks: Sequence[Task], compared: Mapping[str, Curve]) -> None:
        """Writes the results: the curve as a table and beside others as a picture, solutions, candidates."""
        points = self.state.curve
        curves: dict[str, Curve] = {
            BEST_THREE: [(point.num_programs, point.share) for point in points],
            STRICTLY: [(point.num_programs, point.solved_strict / len(tasks)) for point in points],
        }
        solutions = {
            task_id: {**self._candidate_json(candidate), "strict": candidate.performance.is_strict}
            for task_id, candidate in self.state.book.solved().items()
        }
        candidates = {}
        for task in tasks:
            found = map(self._candidate_json, self.state.book.candidates(task.id))
            known = {} if task.has_test_outputs else {"test_performance": None}
            candidates[task.id] = [each | known for each in found]
        picture = curve_svg({**curves, **compared}, points[-1].num_programs if points else None)
        with naming(self._place):
            write_text(self._folder / "performance.csv", curve_csv(points))
            write_json(self._folder / "solutions.json", solutions)
            write_json(self._folder / "candidates.json", candidates)
            write_text(self._folder / "curve.svg", picture)

    def _gone_on_with(self, values: Mapping[str, Any]) -> SearchState:
        state = SearchState.from_json(values["state"])
        check_claim(values["settings"], dataclasses.asdict(self._settings))
        return state

    def _candidate_json(self, candidate: Candidate) -> dict[str, Any]:
        return {
            "program": candidate.program,
            "demonstration_performance": candidate.performance.demonstration,
            "test_performance": candidate.performance.test,
            "number": self.state.numbers[candidate.program],
        }
