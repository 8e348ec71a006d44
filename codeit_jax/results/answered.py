"""What a task is answered with, and why."""

import dataclasses
from collections.abc import Iterable, Sequence

from codeit_jax.arc import Task
from codeit_jax.evolution.jobs import Answer
from codeit_jax.evolution.state import TaskState, best_answers, best_others
from codeit_jax.results.submission import Guess, guesses
from codeit_jax.search.ranking import NUM_ANSWERS, Candidate


@dataclasses.dataclass(frozen=True)
class Answered:
    """A task and what it is answered with.

    Attributes:
        task: the task, without test outputs.
        answers: what the best three programs that differ answer all test inputs with, best first.
        candidates: the best three programs by the paper's rule, which may all answer alike.
        attempts: the two attempts at each test input, in their order.
    """

    task: Task
    answers: tuple[Answer, ...]
    candidates: tuple[Candidate, ...]
    attempts: tuple[tuple[Guess, ...], ...]

    @property
    def programs(self) -> tuple[str, ...]:
        """The programs of answers, candidates and attempts, without repetition."""
        told = [*(answer.candidate for answer in self.answers), *self.candidates]
        tried = [guess.program for given in self.attempts for guess in given if guess.program is not None]
        return tuple(dict.fromkeys([*(each.program for each in told), *tried]))

    @property
    def is_given(self) -> bool:
        """Whether there is a program that gives all demonstrations and every test input an output."""
        return is_given(self.answers)


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
    others = best_others([other for state in states for other in state.others])
    ranked = sorted((*answers, *others), key=lambda each: each.rank)
    return Answered(task, answers, tuple(best), guesses(task, ranked))
