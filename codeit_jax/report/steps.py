"""A program step by step: what each of its lines gives for each pair of its task."""

import dataclasses
from typing import Any

from codeit_jax.arc import Pair, Task
from codeit_jax.dsl.program import Program, ProgramError, parse_program
from codeit_jax.evolution.fitness import num_wrong_cells
from codeit_jax.execution.evaluator import Evaluator
from codeit_jax.execution.graph import GraphRun, ProgramGraph
from codeit_jax.execution.outcome import Outcome, Status
from codeit_jax.report.pictures import encode, grid_text


@dataclasses.dataclass(frozen=True)
class PairRun:
    """A program on one pair.

    Attributes:
        steps: the value of each line, encoded, up to the first that fails.
        outcome: how the run ended.
        is_right: whether it gives the output; None where that is unknown.
        num_wrong: cells that differ from the output's; None where the shapes do.
    """

    steps: tuple[dict[str, Any], ...]
    outcome: Outcome
    is_right: bool | None
    num_wrong: int | None

    def to_json(self) -> dict[str, Any]:
        """Returns it as the page's script reads it."""
        values: dict[str, Any] = {"steps": self.steps, "right": self.is_right}
        if self.outcome.output is not None:
            values["out"] = grid_text(self.outcome.output)
        else:
            values["error"] = self.outcome.error
        return values


@dataclasses.dataclass(frozen=True)
class ProgramRun:
    """A program on all pairs of its task.

    Attributes:
        lines: its lines.
        train: the runs on the demonstrations.
        test: the runs on the test pairs.
    """

    lines: tuple[str, ...]
    train: tuple[PairRun, ...]
    test: tuple[PairRun, ...]

    @property
    def num_right(self) -> int:
        """Demonstrations that the program gives."""
        return sum(bool(each.is_right) for each in self.train)

    def to_json(self) -> dict[str, Any]:
        """Returns it as the page's script reads it."""
        return {
            "lines": self.lines,
            "train": [each.to_json() for each in self.train],
            "test": [each.to_json() for each in self.test],
        }


def run_steps(evaluator: Evaluator, text: str, task: Task) -> ProgramRun | None:
    """Runs a program on every pair of a task, within the evaluator's budget.

    Returns:
        What its lines give; None where the text is no program.
    """
    try:
        program = parse_program(text)
    except ProgramError:
        return None
    return ProgramRun(
        tuple(str(program).splitlines()),
        tuple(_on_pair(evaluator, program, pair) for pair in task.train),
        tuple(_on_pair(evaluator, program, pair) for pair in task.test),
    )


def _on_pair(evaluator: Evaluator, program: Program, pair: Pair) -> PairRun:
    run = GraphRun(ProgramGraph([program]), evaluator, pair.input)
    frame = len(pair.input), len(pair.input[0])
    outcome = run.outcome(0)
    steps = tuple(encode(value, frame) for value in run.values(0))
    return PairRun(steps, outcome, *_compared(outcome, pair))


def _compared(outcome: Outcome, pair: Pair) -> tuple[bool | None, int | None]:
    if pair.output is None:
        return None, None
    output, goal = outcome.output, pair.output
    if outcome.status is not Status.OK or output is None:
        return False, None
    if (len(output), len(output[0])) != (len(goal), len(goal[0])):
        return False, None
    return output == goal, num_wrong_cells(output, goal)
