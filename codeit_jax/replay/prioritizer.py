"""Which experiences of the policy are worth the most to learn from (CodeIt, prioritized hindsight replay)."""

import dataclasses
from collections.abc import Callable

from codeit_jax.arc import Grid, Task, num_cells
from codeit_jax.config import PriorityConfig
from codeit_jax.execution.attempt import Attempt


@dataclasses.dataclass(frozen=True)
class Prioritizer:
    """Gives attempts their priority: the mean of four terms, by the weights that the config gives them.

    The paper's priority is the first term alone; the others are the released code's.

    Attributes:
        config: the weights.
        num_tokens: tells how long a program's text is.
    """

    config: PriorityConfig
    num_tokens: Callable[[str], int]

    def __call__(self, task: Task, attempt: Attempt, meta_iteration: int) -> float:
        """Returns the priority of an attempt at a task, in [0, 1]."""
        config, total = self.config, 0.0
        if config.performance:
            total += config.performance * attempt.demonstration_performance
        if config.length:
            length = self.num_tokens(attempt.program or "")
            total += config.length * (1 - min(1.0, length / config.max_length))
        if config.age:
            total += config.age * min(1.0, meta_iteration / config.max_age)
        if config.distance:
            total += config.distance * (1 - distance(task, attempt))
        return min(1.0, total / (config.performance + config.length + config.age + config.distance))


def distance(task: Task, attempt: Attempt) -> float:
    """Returns how far the outputs of an attempt are from those that are wanted, on average.

    It is the share of cells that differ, and 1 for an output of another shape and where there is none.
    """
    distances = [
        _grid_distance(outcome.output, pair.output)
        for pair, outcome in zip(task.train, attempt.outcomes, strict=True)
    ]
    return sum(distances) / len(distances)


def _grid_distance(output: Grid | None, wanted: Grid | None) -> float:
    if output is None or wanted is None or (len(output), len(output[0])) != (len(wanted), len(wanted[0])):
        return 1.0
    different = sum(
        one != other
        for row, wanted_row in zip(output, wanted, strict=True)
        for one, other in zip(row, wanted_row, strict=True)
    )
    return different / num_cells(wanted)
