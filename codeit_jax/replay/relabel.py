"""Hindsight relabeling: a program is an honest answer to the question that its own outputs ask."""

from collections.abc import Callable, Sequence

from codeit_jax.arc import Task
from codeit_jax.execution.attempt import Attempt
from codeit_jax.replay.experience import Experience

Prioritize = Callable[[Task, Attempt, int], float]


def demonstration_performance(task: Task, attempt: Attempt, meta_iteration: int) -> float:
    """Returns the share of the task's demonstrations that an attempt gets right: the paper's priority."""
    return attempt.demonstration_performance


def relabel(
    task: Task,
    attempt: Attempt,
    meta_iteration: int,
    prioritize: Prioritize = demonstration_performance,
) -> Experience | None:
    """Turns an attempt at a task into an experience.

    The program is stored with the task's demonstration inputs and the outputs it really gave; demonstrations
    without a valid output are dropped, and test examples never enter (paper, hindsight relabeling).

    Returns:
        The experience; None if the program gives no demonstration a valid output.
    """
    pairs = [
        (given, outcome.packed_output)
        for given, outcome in zip(task.packed_inputs, attempt.outcomes, strict=False)
        if outcome.packed_output is not None
    ]
    return _experience(task, attempt, pairs, meta_iteration, prioritize)


def keep_solved(
    task: Task,
    attempt: Attempt,
    meta_iteration: int,
    prioritize: Prioritize = demonstration_performance,
) -> Experience | None:
    """Turns an attempt into an experience without relabeling: the ablation "no relabeling" of the paper.

    Returns:
        The experience made of the demonstrations that the program gets right; None if there are none.
    """
    pairs = [
        (given, outcome.packed_output)
        for given, pair, outcome in zip(task.packed_inputs, task.train, attempt.outcomes, strict=False)
        if outcome.packed_output is not None and outcome.output == pair.output
    ]
    return _experience(task, attempt, pairs, meta_iteration, prioritize)


def _experience(
    task: Task,
    attempt: Attempt,
    pairs: Sequence[tuple[bytes, bytes]],
    meta_iteration: int,
    prioritize: Prioritize,
) -> Experience | None:
    """Makes an experience of pairs of packed grids, which stay as they came."""
    if not pairs or attempt.program is None:
        return None
    is_whole = len(pairs) == len(task.train)
    return Experience(
        task_id=task.id,
        program=attempt.program,
        # Mostly the same object, which a buffer then hashes once a task.
        packed_inputs=task.packed_together if is_whole else b"".join(given for given, _ in pairs),
        packed_outputs=b"".join(output for _, output in pairs),
        priority=prioritize(task, attempt, meta_iteration),
        meta_iteration=meta_iteration,
    )
