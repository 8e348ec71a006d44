"""Scoring: what samples for tasks are worth, by each of the rules that people compare figures by."""

import dataclasses
import math
from collections import Counter
from collections.abc import Mapping, Sequence

from codeit_jax.arc import Grid, Task
from codeit_jax.search.ranking import NUM_ANSWERS, AnswerRank, answer_rank, rank

NUM_ATTEMPTS = 2  # for each test input, by the rule of the ARC Prize

Attempts = tuple[tuple[Grid, ...], ...]  # for each test input up to two grids, best first


@dataclasses.dataclass(frozen=True, slots=True)
class ProgramResult:
    """What a program gives for a task.

    Attributes:
        program: its canonical text.
        demonstration_performance: share of demonstrations that it gives.
        outputs: what it gives for each test input; None where that is no valid grid.
        num_samples: how many samples are this program.
    """

    program: str
    demonstration_performance: float
    outputs: tuple[Grid | None, ...]
    num_samples: int = 1

    def is_right(self, task: Task) -> bool:
        """Whether the program gives every test output; not where one is unknown."""
        return task.has_test_outputs and self.outputs == task.test_outputs


@dataclasses.dataclass(frozen=True)
class TaskResult:
    """What the samples for a task give.

    Attributes:
        task: the task.
        num_samples: samples in all, those that are no programs among them.
        programs: the distinct programs among them, in any order.
    """

    task: Task
    num_samples: int
    programs: tuple[ProgramResult, ...]


@dataclasses.dataclass(frozen=True)
class TaskScore:
    """A task by every rule.

    Attributes:
        task_id: the task's.
        concept: the task's.
        num_samples: samples in all.
        num_right: samples that give every test output.
        is_solved: whether one of the three candidates gives every test output (the paper's rule).
        prize_score: share of test inputs of which one of two attempts is right (the ARC Prize's rule).
        inputs_by_candidates: for each test input, whether one of the three candidates gives its output.
        inputs_by_attempts: for each test input, whether one of its two attempts is right.
    """

    task_id: str
    concept: str
    num_samples: int
    num_right: int
    is_solved: bool
    prize_score: float
    inputs_by_candidates: tuple[bool, ...]
    inputs_by_attempts: tuple[bool, ...]


@dataclasses.dataclass(frozen=True)
class Scores:
    """A set of tasks by every rule.

    Attributes:
        num_tasks: tasks in all.
        solved: tasks solved by one of three candidates.
        prize_score: mean over the tasks of their scores by the ARC Prize's rule.
        solved_by_attempts: tasks of which every test input is right by one of its two attempts.
        num_inputs: test inputs in all, each of which counts as a task of its own in the two that follow.
        inputs_by_candidates: test inputs right by one of three candidates.
        inputs_by_attempts: test inputs right by one of two attempts.
        pass_at: for each number of samples, the mean over the tasks of pass@k.
    """

    num_tasks: int
    solved: int
    prize_score: float
    solved_by_attempts: int
    num_inputs: int
    inputs_by_candidates: int
    inputs_by_attempts: int
    pass_at: Mapping[int, float]


def best_candidates(programs: Sequence[ProgramResult]) -> list[ProgramResult]:
    """Returns the three programs that answer a task by the paper's evaluation protocol, best first.

    Only those that give at least one demonstration are candidates; see `codeit_jax.search.ranking`.
    """
    return _ranked(programs)[:NUM_ANSWERS]


def choose_attempts(task: Task, programs: Sequence[ProgramResult]) -> Attempts:
    """Chooses what to answer each test input with: the best two grids that candidates give for it.

    A grid is as good as the best candidate that gives it; grids are sorted as `answer_rank` has it. The test
    outputs are not looked at.

    Args:
        task: the task.
        programs: distinct programs, in any order.

    Returns:
        For each test input, in order, up to two grids that differ, best first.
    """
    ranked = _ranked(programs)
    return tuple(_best_grids(ranked, place) for place in range(len(task.test)))


def prize_score(task: Task, attempts: Sequence[Sequence[Grid]]) -> float:
    """Scores a task as the ARC Prize does: the share of its test inputs that one of two attempts answers.

    Args:
        task: the task, with its test outputs.
        attempts: for each test input, in order, up to two grids.

    Raises:
        ValueError: a test output is unknown, or these are not up to two attempts for each test input.
    """
    right = _right_inputs(task, attempts)
    return sum(right) / len(right)


def pass_at_k(num_samples: int, num_right: int, k: int) -> float:
    """Returns the chance that k of the samples, drawn without replacement, hold one that is right.

    The unbiased estimator of pass@k of Chen et al. (2021), 1 - C(n - c, k) / C(n, k), in integers as far as
    the one division, whose result is the nearest number.

    Raises:
        ValueError: there are not so many samples.
    """
    if not 1 <= k <= num_samples or not 0 <= num_right <= num_samples:
        raise ValueError(f"no pass@{k} of {num_samples} samples, {num_right} of them right")
    num_draws = math.comb(num_samples, k)
    return (num_draws - math.comb(num_samples - num_right, k)) / num_draws


def numbers_of_samples(num_samples: int) -> tuple[int, ...]:
    """Returns the k of pass@k that are told of so many samples: 1, 2, 4, ..., and all of them."""
    powers = (1 << exponent for exponent in range(num_samples.bit_length()))
    return tuple(sorted({*powers, num_samples} - {0}))


def score_task(result: TaskResult) -> TaskScore:
    """Scores a task by every rule.

    Raises:
        ValueError: a test output is unknown.
    """
    task = result.task
    three = best_candidates(result.programs)
    by_attempts = _right_inputs(task, choose_attempts(task, result.programs))
    return TaskScore(
        task_id=task.id,
        concept=task.concept,
        num_samples=result.num_samples,
        num_right=sum(each.num_samples for each in result.programs if each.is_right(task)),
        is_solved=any(each.is_right(task) for each in three),
        prize_score=sum(by_attempts) / len(by_attempts),
        inputs_by_candidates=tuple(
            any(each.outputs[place] == output for each in three)
            for place, output in enumerate(task.test_outputs)
        ),
        inputs_by_attempts=by_attempts,
    )


def summarize(scores: Sequence[TaskScore]) -> Scores:
    """Returns what the scores of tasks come to.

    Raises:
        ValueError: there are none.
    """
    if not scores:
        raise ValueError("there are no tasks to score")
    ks = numbers_of_samples(min(score.num_samples for score in scores))
    by_candidates = [right for score in scores for right in score.inputs_by_candidates]
    by_attempts = [right for score in scores for right in score.inputs_by_attempts]
    return Scores(
        num_tasks=len(scores),
        solved=sum(score.is_solved for score in scores),
        prize_score=_mean([score.prize_score for score in scores]),
        solved_by_attempts=sum(all(score.inputs_by_attempts) for score in scores),
        num_inputs=len(by_attempts),
        inputs_by_candidates=sum(by_candidates),
        inputs_by_attempts=sum(by_attempts),
        pass_at={
            k: _mean([pass_at_k(score.num_samples, score.num_right, k) for score in scores]) for k in ks
        },
    )


def summarize_concepts(scores: Sequence[TaskScore]) -> dict[str, Scores]:
    """Returns what the scores of tasks come to for each concept; nothing where no task has one."""
    concepts = sorted({score.concept for score in scores} - {""})
    return {concept: summarize([each for each in scores if each.concept == concept]) for concept in concepts}


def _ranked(programs: Sequence[ProgramResult]) -> list[ProgramResult]:
    candidates = (each for each in programs if each.demonstration_performance > 0)
    return sorted(candidates, key=lambda each: rank(each.demonstration_performance, each.program))


def _best_grids(ranked: Sequence[ProgramResult], place: int) -> tuple[Grid, ...]:
    """Returns the best two grids that ranked programs give for one test input."""
    first: dict[Grid, ProgramResult] = {}
    num_programs: Counter[Grid] = Counter()
    for each in ranked:
        grid = each.outputs[place]
        if grid is not None:
            first.setdefault(grid, each)
            num_programs[grid] += 1

    def grid_rank(grid: Grid) -> AnswerRank:
        best = first[grid]
        return answer_rank(best.demonstration_performance, num_programs[grid], best.program)

    return tuple(sorted(first, key=grid_rank)[:NUM_ATTEMPTS])


def _right_inputs(task: Task, attempts: Sequence[Sequence[Grid]]) -> tuple[bool, ...]:
    """Returns for each test input whether one of its attempts is right."""
    if not task.has_test_outputs:
        raise ValueError(f"{task.id}: its test outputs are not known")
    if len(attempts) != len(task.test) or max(map(len, attempts)) > NUM_ATTEMPTS:
        raise ValueError(
            f"{task.id}: must have up to {NUM_ATTEMPTS} attempts for each of {len(task.test)} test inputs"
        )
    return tuple(output in grids for output, grids in zip(task.test_outputs, attempts, strict=True))


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
