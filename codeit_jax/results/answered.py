"""What a task is answered with, and why."""

import dataclasses
from collections.abc import Iterable, Sequence

from codeit_jax.arc import Task
from codeit_jax.evolution.jobs import Answer
from codeit_jax.evolution.state import TaskState, best_answers
from codeit_jax.results.submission import Guess, guesses
from codeit_jax.search.ranking import NUM_ANSWERS, Candidate


@dataclasses.dataclass(frozen=True)
class Answered:
    """A task and what it is answered with.

    Attributes:
        task: the task, without test outputs.
        answers: what the best programs answer, those that agree as one, best first; three at most.
        candidates: the best three programs by the paper's rule, which may all answer alike.
        attempts: the two attempts at each test input, in their order.
    """

    task: Task
    answers: tuple[Answer, ...]
    candidates: tuple[Candidate, ...]
    attempts: tuple[tuple[Guess, ...], ...]

    @property
    def programs(self) -> tuple[str, ...]:
        """The programs of answers and candidates, without repetition."""
        return tuple(dict.fromkeys(each.program for each in (*self._of_answers, *self.candidates)))

    @property
    def is_given(self) -> bool:
        """Whether there is a program that gives all demonstrations and every test input an output."""
        return is_given(self.answers)

    @property
    def _of_answers(self) -> tuple[Candidate, ...]:
        return tuple(answer.candidate for answer in self.answers)


def is_given(answers: Iterable[Answer]) -> bool:
    """Whether one of some answers to a task is that of a program which gives all demonstrations."""
    return any(answer.candidate.performance.demonstration == 1 for answer in answers)


def answered(task: Task, states: Sequence[TaskState]) -> Answered:
    """Returns what a task is answered with.

    Args:
        task: the task, without test outputs.
        states: what its populations have come to.
    """
    answers = best_answers([answer for state in states for answer in state.answers])
    candidates = {each.program: each for state in states for each in state.candidates}
    best = sorted(candidates.values(), key=lambda each: each.rank)[:NUM_ANSWERS]
    return Answered(task, answers, tuple(best), guesses(task, answers))
