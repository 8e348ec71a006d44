"""Submissions: two attempts at each test input, as the ARC Prize has them."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from codeit_jax.arc import Grid, Task
from codeit_jax.evolution.jobs import Answer
from codeit_jax.results.fallback import likely_outputs
from codeit_jax.results.scoring import NUM_ATTEMPTS


@dataclasses.dataclass(frozen=True)
class Guess:
    """An output that a test input is answered with, and how sure it is.

    Attributes:
        output: the output.
        program: the program that gives it; None where none does, and it is but a grid of the likeliest size.
        demonstration_performance: share of demonstrations that the program gives.
        num_programs: programs met that answer the task alike.
        error: how far the program is from the demonstrations, where it is a near miss; see `Answer`.
    """

    output: Grid
    program: str | None = None
    demonstration_performance: float = 0.0
    num_programs: int = 0
    error: float = 0.0


def guesses(task: Task, answers: Sequence[Answer]) -> tuple[tuple[Guess, ...], ...]:
    """Returns the two attempts at each test input of a task, in the order of the inputs.

    They are the first outputs for it that differ, whatever programs give for others, and where there are none
    grids of the likeliest size. The two are equal only where nothing else is known.

    Args:
        task: the task; its test outputs are not looked at.
        answers: what programs answer, best first; near misses come last.
    """
    return tuple(_guesses(task, answers, place) for place in range(len(task.test)))


def submission(tasks: Sequence[Task], attempts: Sequence[Sequence[Sequence[Guess]]]) -> dict[str, Any]:
    """Returns what stands in `submission.json`.

    Args:
        tasks: the tasks.
        attempts: what `guesses` returned for each.

    Returns:
        For each task by its id, in the tasks' order, a list with `{"attempt_1": grid, "attempt_2": grid}` for
        each test input.
    """
    return {
        task.id: [by_attempt([guess.output for guess in given]) for given in of_task]
        for task, of_task in zip(tasks, attempts, strict=True)
    }


def by_attempt(values: Sequence[Any]) -> Mapping[str, Any]:
    """Returns what belongs to each attempt, named as in a submission."""
    return {f"attempt_{number}": value for number, value in enumerate(values, start=1)}


def _guesses(task: Task, answers: Sequence[Answer], place: int) -> tuple[Guess, ...]:
    found: dict[Grid, Guess] = {}
    for answer in answers:
        output = answer.outputs[place]
        if output is not None:
            candidate = answer.candidate
            performance = candidate.performance.demonstration
            guess = Guess(output, candidate.program, performance, answer.num_programs, answer.error)
            found.setdefault(output, guess)
    for output in likely_outputs(task, task.test[place].input):
        if len(found) >= NUM_ATTEMPTS:
            break
        found.setdefault(output, Guess(output))
    distinct = list(found.values())[:NUM_ATTEMPTS]
    return (*distinct, *distinct[-1:] * (NUM_ATTEMPTS - len(distinct)))
