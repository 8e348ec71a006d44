"""The folder of answers: a submission, the programs behind it, and a picture of every task."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from codeit_jax.arc import Task
from codeit_jax.dsl.program_files import ProgramRow
from codeit_jax.errors import naming
from codeit_jax.results.answer_score import AnswerScore
from codeit_jax.results.answered import Answered
from codeit_jax.results.rendering import task_picture
from codeit_jax.results.submission import Guess, by_attempt, submission
from codeit_jax.run.claim import Hold, check_claim, claim_folder, read_claim
from codeit_jax.run.files import write_json, write_text
from codeit_jax.run.journal import Journal

_RECORD = "settings.json"
_UNDISTILLED = "undistilled"
_SUBMISSION = "submission.json"
_ANSWERS = "answers.json"
_PROGRAMS = "programs.jsonl"
_PICTURES = "pictures"
_WRITTEN = "written.json"
_WRITING = "writing"
_EVOLUTION = "evolution"
_SCORE = "score.json"
_RESULTS = (_SUBMISSION, _ANSWERS, _PROGRAMS, _PICTURES, _WRITTEN, _WRITING, _EVOLUTION, _SCORE)

MAX_PICTURES = 500  # of more tasks than anyone looks at, drawing takes longer than all else


@dataclasses.dataclass(frozen=True)
class AnswerSettings:
    """The settings that answering must be resumed with; those of its evolution lie with that.

    Attributes:
        tasks: where the tasks come from, and what tells them from others.
        workdir: the run whose policy writes for them; "" for none.
        num_samples: programs that it writes for each task; 0 without one.
        seed: decides what is drawn at random.
    """

    tasks: str
    workdir: str
    num_samples: int
    seed: int


class AnswerFolder:
    """The files of answers, each replaced in one step.

    Attributes:
        path: the folder.
        is_undistilled: whether populations began with training programs as they are, for want of time.

    Args:
        path: the folder, made if need be.
        settings: what answering is to be resumed with.

    Raises:
        UserError: the folder cannot be written to, holds answers of other settings, or holds files named as
            these without the record of whose they are. Nothing in it is changed then.
    """

    def __init__(self, path: str, settings: AnswerSettings) -> None:
        self._place = f"--output={path}"
        values = dataclasses.asdict(settings)
        with naming(self._place):
            self.path, self._hold, found = claim_folder(path, _RECORD, _RESULTS, dict)
            self.is_undistilled = False
            with self._hold.unless_failing():
                if found is not None and any((self.path / name).exists() for name in _RESULTS):
                    self.is_undistilled = found.pop(_UNDISTILLED, False)
                    check_claim(found, values)
                self._values = values
                self._write_record()

    def begin_undistilled(self) -> None:
        """Notes that populations begin with training programs as they are, for want of time."""
        self.is_undistilled = True
        with naming(self._place):
            self._write_record()

    def _write_record(self) -> None:
        write_json(self.path / _RECORD, self._values | ({_UNDISTILLED: True} if self.is_undistilled else {}))

    @property
    def evolution(self) -> str:
        """The folder for the populations."""
        return str(self.path / _EVOLUTION)

    def hold(self) -> Hold:
        """Returns what keeps other processes out of the folder until it is left, a context manager."""
        return self._hold

    def written(self) -> dict[str, list[str]] | None:
        """Returns what a policy wrote for tasks, by their ids; None where that is not written down yet."""
        with naming(self._place):
            return read_claim(self.path / _WRITTEN, (), dict)

    def writing(self, meta_iteration: int) -> Journal:
        """Returns the journal of what the policy of a meta-iteration writes, to go on from."""
        journal = Journal(self.path / _WRITING)
        journal.begin(meta_iteration)
        return journal

    def save_written(self, texts: Mapping[str, Sequence[str]]) -> None:
        """Writes down what a policy wrote for tasks."""
        with naming(self._place):
            write_json(self.path / _WRITTEN, texts)
            if (self.path / _WRITING).exists():
                (self.path / _WRITING).rmtree()

    def publish(self, found: Sequence[Answered]) -> None:
        """Writes the submission, the answers and their programs."""
        tasks = [each.task for each in found]
        rows = [ProgramRow(text, each.task.id) for each in found for text in each.programs]
        with naming(self._place):
            write_json(self.path / _SUBMISSION, submission(tasks, [each.attempts for each in found]))
            write_json(self.path / _ANSWERS, {each.task.id: _answer_json(each) for each in found})
            write_text(self.path / _PROGRAMS, "".join(row.to_line() for row in rows))

    def save_score(self, score: AnswerScore | None) -> None:
        """Writes down what the answers are worth, if that is known."""
        with naming(self._place):
            if score is None:
                (self.path / _SCORE).unlink(missing_ok=True)
            else:
                write_json(self.path / _SCORE, score.to_json())

    def draw(self, found: Sequence[Answered]) -> None:
        """Draws tasks with the attempts at them, the first `MAX_PICTURES` of them."""
        with naming(self._place):
            (self.path / _PICTURES).mkdir(exist_ok=True)
            for each in found[:MAX_PICTURES]:
                labelled = [
                    [
                        ([f"attempt {number}", *_told(guess, each.task)], guess.output)
                        for number, guess in enumerate(given, start=1)
                    ]
                    for given in each.attempts
                ]
                write_text(self.path / _PICTURES / f"{each.task.id}.svg", task_picture(each.task, labelled))


def _answer_json(found: Answered) -> dict[str, Any]:
    return {
        "num_demonstrations": len(found.task.train),
        "is_given": found.is_given,
        "test": [by_attempt([_guess_json(guess, found.task) for guess in given]) for given in found.attempts],
        "candidates": [
            {
                "program": each.program,
                "demonstrations_given": _num_given(each.performance.demonstration, found.task),
            }
            for each in found.candidates
        ],
    }


def _guess_json(guess: Guess, task: Task) -> Mapping[str, Any]:
    return {
        "output": guess.output,
        "program": guess.program,
        "demonstrations_given": _num_given(guess.demonstration_performance, task),
        "programs_that_agree": guess.num_programs,
        "near_miss_error": guess.error or None,
    }


def _told(guess: Guess, task: Task) -> tuple[str, str]:
    """Returns in two lines how sure a guess is."""
    if guess.program is None:
        return "no program:", "a likely size"
    if guess.error:
        return "a near miss:", f"error {guess.error:.2f}"
    given = _num_given(guess.demonstration_performance, task)
    agreeing = f"{guess.num_programs:,} programs agree" if guess.num_programs > 1 else "1 program"
    return f"{given} of {len(task.train)} demonstrations", agreeing


def _num_given(performance: float, task: Task) -> int:
    return round(performance * len(task.train))
