"""What answers are worth, for tasks whose test outputs are known after all."""

import dataclasses
from collections.abc import Mapping, Sequence

from codeit_jax.arc import Task
from codeit_jax.results.answered import Answered
from codeit_jax.results.confirmation import Outputs
from codeit_jax.results.scoring import prize_score


@dataclasses.dataclass(frozen=True)
class AnswerScore:
    """Answers by the rules that people use.

    Attributes:
        num_tasks: tasks whose test outputs are known, of which alone the others tell.
        prize_score: mean over them of the share of test inputs that one of two attempts answers (ARC Prize).
        solved_by_attempts: those of which all test inputs are answered so.
        solved: those of which one of the three candidates gives every test output (the paper's rule).
    """

    num_tasks: int
    prize_score: float
    solved_by_attempts: int
    solved: int


def score_answers(
    tasks: Sequence[Task], found: Sequence[Answered], outputs: Sequence[Mapping[str, Outputs]]
) -> AnswerScore | None:
    """Scores answers.

    Args:
        tasks: the tasks, with the test outputs that are known.
        found: what each is answered with.
        outputs: what the programs of each give for its test inputs.

    Returns:
        The score; None where no task's test outputs are known.
    """
    scores, num_solved = [], 0
    for task, each, of_task in zip(tasks, found, outputs, strict=True):
        if task.has_test_outputs:
            scores.append(prize_score(task, [[guess.output for guess in given] for given in each.attempts]))
            num_solved += any(of_task[one.program] == task.test_outputs for one in each.candidates)
    if not scores:
        return None
    return AnswerScore(
        len(scores), sum(scores) / len(scores), sum(score == 1 for score in scores), num_solved
    )
