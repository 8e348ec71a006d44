"""The folder of an evolution: a file for each task, where it goes on from, and the files made of that."""

import contextlib
import dataclasses
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from etils import epath

from codeit_jax.arc import Task
from codeit_jax.errors import naming
from codeit_jax.evolution.jobs import Breeding
from codeit_jax.evolution.rounds import Rounds
from codeit_jax.evolution.state import EvolutionPoint, TaskState, point_of
from codeit_jax.run.claim import ClaimError, Hold, check_claim, claim_folder, read_claim
from codeit_jax.run.files import user_path, write_json, write_text
from codeit_jax.search.curve import Curve, curve_csv, curve_svg
from codeit_jax.search.ranking import Candidate
from codeit_jax.search.solutions import candidate_to_json

_PROGRESS = "progress.json"
_TASKS = "tasks"
_RESULTS = ("performance.csv", "solutions.json", "candidates.json", "near_misses.json", "curve.svg", _TASKS)


@dataclasses.dataclass(frozen=True)
class EvolutionSettings:
    """The settings that an evolution must be resumed with.

    Attributes:
        tasks: where the tasks come from, and what tells them from others.
        parents: which training programs populations begin with; None for none.
        programs: what tells the other programs that they begin with from others.
        seed: decides what is drawn at random.
        turn_work: units of work that a task takes at a time.
        shares_finds: whether what solves a task joins the populations of others.
        breeding: how programs are bred.
        num_populations: that each task has at a time.
    """

    tasks: str
    parents: str | None
    programs: str
    seed: int
    turn_work: int
    shares_finds: bool
    breeding: Breeding
    num_populations: int = 1


@dataclasses.dataclass
class EvolutionState:
    """What an evolution has come to, and how.

    Attributes:
        rounds: what it goes on from.
        seconds: time that breeding took.
        preparing_seconds: time that it took to come to that, distilling above all, of all starts.
        points: the curve, a point a round.
    """

    rounds: Rounds
    seconds: float = 0.0
    preparing_seconds: float = 0.0
    points: list[EvolutionPoint] = dataclasses.field(default_factory=list)

    def point(self) -> EvolutionPoint:
        """Returns how many tasks are solved now."""
        return point_of(self.rounds.tasks, self.preparing_seconds + self.seconds)


class EvolutionFolder:
    """The files of an evolution, each replaced in one step.

    Attributes:
        state: what it has come to.

    Args:
        path: the folder, made if need be.
        tasks: the tasks.
        settings: what it is to be resumed with.

    Raises:
        UserError: the folder cannot be written to, holds another evolution, or holds files named as one's are
            without its record. Nothing in it is changed then.
    """

    def __init__(self, path: str, tasks: Sequence[Task], settings: EvolutionSettings) -> None:
        self._place = f"--output={path}"
        self._tasks = tasks
        self._settings = settings
        self._num_places = settings.num_populations * len(tasks)
        with naming(self._place):
            self.path = user_path(path)
            _, self._hold, found = claim_folder(path, _PROGRESS, _RESULTS, self._gone_on_with)
        self._stock, self.state = found or (None, EvolutionState(Rounds.of(self._num_places)))
        with self._hold.unless_failing():
            if found is None:
                self.save()
            with naming(self._place):
                (self.path / _TASKS).mkdir(exist_ok=True)

    def hold(self) -> Hold:
        """Returns what keeps other processes out of the folder until it is left, a context manager."""
        return self._hold

    def begin(self, stock: str) -> None:
        """Notes what tells the programs that populations begin with, training programs included, from others.

        Raises:
            UserError: the evolution was begun with other ones.
        """
        with naming(self._place):
            if self._stock not in (None, stock):
                raise ClaimError(f"was begun with other programs: {self._stock}, and now {stock}")
        self._stock = stock
        self.save()

    @contextlib.contextmanager
    def preparing(self, begun: float) -> Iterator[None]:
        """Counts the time that a start takes until the block ends, also where it is cut short.

        Args:
            begun: by `time.monotonic`, when the start began.
        """
        try:
            yield
        finally:
            self.state.preparing_seconds += time.monotonic() - begun
            self.save()

    def save_task(self, index: int) -> None:
        """Writes down what a task has come to."""
        with naming(self._place):
            write_json(self._file_of(index), self.state.rounds.tasks[index].to_json())

    def save(self) -> None:
        """Writes down all else that it takes to go on."""
        state = self.state
        values = {
            "settings": dataclasses.asdict(self._settings),
            "stock": self._stock,
            "round": state.rounds.number,
            "finds": state.rounds.finds,
            "seconds": state.seconds,
            "preparing_seconds": state.preparing_seconds,
            "points": list(map(dataclasses.asdict, state.points)),
        }
        with naming(self._place):
            write_json(self.path / _PROGRESS, values)

    def publish(self) -> None:
        """Writes the results, of an evolution with one population a task."""
        points = self.state.points
        now = self.state.point()
        if not points or now.work > points[-1].work:  # in the midst of a round
            points = [*points, now]
        states = {task.id: state for task, state in zip(self._tasks, self.state.rounds.tasks, strict=True)}
        solutions = {
            task_id: _candidate_json(solution)
            | {"strict": solution.performance.is_strict, "found_by": state.origins[solution.program]}
            for task_id, state in sorted(states.items())
            if (solution := state.solution) is not None
        }
        candidates = {task.id: self._answers_json(task, states[task.id]) for task in self._tasks}
        near_misses = {
            task_id: dataclasses.asdict(state.near_miss)
            for task_id, state in sorted(states.items())
            if state.near_miss is not None and state.error != 0
        }
        with naming(self._place):
            write_text(self.path / "performance.csv", curve_csv(points, EvolutionPoint))
            write_json(self.path / "solutions.json", solutions)
            write_json(self.path / "candidates.json", candidates)
            write_json(self.path / "near_misses.json", near_misses)
            write_text(self.path / "curve.svg", self._picture(points, "num_programs", "programs"))
            write_text(self.path / "curve_by_work.svg", self._picture(points, "work", "units of work"))

    def _picture(self, points: Sequence[EvolutionPoint], field: str, unit: str) -> str:
        def curve(name: str) -> Curve:
            return [
                (getattr(point, field), getattr(point, name) / max(1, len(self._tasks))) for point in points
            ]

        curves = {
            "best three candidates": curve("solved"),
            "and all demonstrations": curve("solved_strict"),
            "three different answers": curve("solved_by_three_answers"),
            "two different answers": curve("solved_by_two_answers"),
        }
        return curve_svg(curves, unit=unit)

    def _answers_json(self, task: Task, state: TaskState) -> dict[str, Any]:
        known = {} if task.has_test_outputs else {"test_performance": None}
        return {
            "candidates": [_candidate_json(each) | known for each in state.candidates],
            "different_answers": [
                _candidate_json(answer.candidate)
                | known
                | {"num_programs": answer.num_programs, "outputs": answer.outputs}
                for answer in state.answers
            ],
        }

    def _file_of(self, index: int) -> epath.Path:
        population, place = divmod(index, len(self._tasks))
        number = f"~{population + 1}" if population else ""  # no task is named with it
        return self.path / _TASKS / f"{self._tasks[place].id}{number}.json"

    def _gone_on_with(self, values: Mapping[str, Any]) -> tuple[str | None, EvolutionState]:
        points = [EvolutionPoint(**point) for point in values["points"]]
        rounds = Rounds(int(values["round"]), list(values["finds"]), [])
        check_claim(values["settings"], json.loads(json.dumps(dataclasses.asdict(self._settings))))
        for index in range(self._num_places):
            file = self._file_of(index)
            task = read_claim(file, (), TaskState.from_json)
            if task is None and rounds.number:  # in the first every task has its turn
                raise ClaimError(f"{_TASKS}/{file.name} is gone")
            rounds.tasks.append(task or TaskState())
        seconds = values["seconds"], values.get("preparing_seconds", 0.0)  # of earlier versions none
        return values["stock"], EvolutionState(rounds, *seconds, points)


def _candidate_json(candidate: Candidate) -> dict[str, Any]:
    values: Mapping[str, Any] = candidate_to_json(candidate)
    return {name: value for name, value in values.items() if name != "meta_iteration"}
