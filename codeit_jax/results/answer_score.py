"""What answers are worth, for tasks whose test outputs are known after all."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from codeit_jax.arc import Task
from codeit_jax.results.answered import Answered
from codeit_jax.results.scoring import prize_score
from codeit_jax.search.verification import Outputs


@dataclasses.dataclass(frozen=True)
class AnsweredTaskScore:
    """A task's answers by the rules that people use.

    Attributes:
        task_id: the task's.
        concept: the task's.
        prize_score: share of test inputs that one of two attempts answers (ARC Prize).
        is_solved_by_candidates: whether one of the three candidates gives every test output (the paper).
    """

    task_id: str
    concept: str
    prize_score: float
    is_solved_by_candidates: bool


@dataclasses.dataclass(frozen=True)
class AnswerScore:
    """Answers to tasks whose test outputs are known.

    Attributes:
        tasks: each of them.
    """

    tasks: tuple[AnsweredTaskScore, ...]

    @property
    def num_tasks(self) -> int:
        """How many there are."""
        return len(self.tasks)

    @property
    def prize_score(self) -> float:
        """The mean of their scores by the rule of the ARC Prize."""
        return math.fsum(each.prize_score for each in self.tasks) / len(self.tasks)

    @property
    def solved_by_attempts(self) -> int:
        """Those of which every test input is answered by one of two attempts."""
        return sum(each.prize_score == 1 for each in self.tasks)

    @property
    def solved_by_candidates(self) -> int:
        """Those that are solved by the paper's three candidates."""
        return sum(each.is_solved_by_candidates for each in self.tasks)

    def by_concept(self) -> dict[str, "AnswerScore"]:
        """Returns the score of each concept; nothing where no task has one."""
        concepts = sorted({each.concept for each in self.tasks} - {""})
        return {
            concept: AnswerScore(tuple(each for each in self.tasks if each.concept == concept))
            for concept in concepts
        }

    def to_json(self) -> dict[str, Any]:
        """Returns all of it as JSON-able data."""
        concepts = {concept: score.summary() for concept, score in self.by_concept().items()}
        tasks = {each.task_id: dataclasses.asdict(each) for each in self.tasks}
        for task in tasks.values():
            del task["task_id"]
        return self.summary() | {"concepts": concepts, "tasks": tasks}

    def summary(self) -> dict[str, Any]:
        """Returns what the tasks come to together as JSON-able data."""
        return {
            "num_tasks": self.num_tasks,
            "prize_score": self.prize_score,
            "solved_by_attempts": self.solved_by_attempts,
            "solved_by_candidates": self.solved_by_candidates,
        }


def score_answers(
    tasks: Sequence[Task], found: Sequence[Answered], outputs: Sequence[Mapping[str, Outputs]]
) -> AnswerScore | None:
    """Scores answers.

    Args:
        tasks: the tasks, with the test outputs that are known.
        found: what each is answered with.
        outputs: what the programs of each give for its test inputs.

    Returns:
        The score of those whose test outputs are known; None where there are none.
    """
    scores = [
        AnsweredTaskScore(
            task.id,
            task.concept,
            prize_score(task, [[guess.output for guess in given] for given in each.attempts]),
            any(of_task[one.program] == task.test_outputs for one in each.candidates),
        )
        for task, each, of_task in zip(tasks, found, outputs, strict=True)
        if task.has_test_outputs
    ]
    return AnswerScore(tuple(scores)) if scores else None
