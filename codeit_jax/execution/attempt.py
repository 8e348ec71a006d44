"""Attempts: programs run on a task's demonstrations and, where they get some right, on its test inputs.

The functions here are jobs of an `ExecutionPool`: they run in workers, on a context that each is sent once.
"""

import dataclasses
import functools
import pickle
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from codeit_jax.arc import Pair, Task
from codeit_jax.config.budget import Budget
from codeit_jax.dsl.program import Program, ProgramError, parse_program
from codeit_jax.execution.evaluator import Evaluator
from codeit_jax.execution.graph import GraphRun, ProgramGraph
from codeit_jax.execution.outcome import PackedOutcome, Status


@dataclasses.dataclass(frozen=True)
class HostContext:
    """The context that worker processes hold for as long as they live.

    Attributes:
        tasks: the search set; jobs name its tasks by index.
        budget: what one run of a program may spend.
    """

    tasks: tuple[Task, ...]
    budget: Budget

    @functools.cached_property
    def evaluator(self) -> Evaluator:
        return Evaluator(self.budget)

    @functools.cached_property
    def _others(self) -> dict[int, Evaluator]:
        return {}

    def evaluator_within(self, max_work: int | None) -> Evaluator:
        """Returns an evaluator whose runs may take so much work; None for as much as the budget has it.

        Only the last one is kept, for what an evaluator remembers may be large.
        """
        if max_work in (None, self.budget.max_work):
            return self.evaluator
        if max_work not in self._others:
            self._others.clear()
            self._others[max_work] = Evaluator(dataclasses.replace(self.budget, max_work=max_work))
        return self._others[max_work]

    @functools.cached_property
    def _unpickled(self) -> dict[Path, Any]:
        return {}

    def unpickled(self, path: Path) -> Any:
        """Returns what a file holds that this package wrote; the last one read is kept."""
        if path not in self._unpickled:
            self._unpickled.clear()
            self._unpickled[path] = pickle.loads(path.read_bytes())
        return self._unpickled[path]

    def __getstate__(self) -> dict[str, object]:
        return {"tasks": self.tasks, "budget": self.budget}


class Attempt(NamedTuple):
    """The result of one text as a program for a task, as it is sent from a worker.

    Attributes:
        program: the program's canonical text; None where the text does not parse.
        error: why it does not parse.
        outcomes: how it ended on each demonstration's input.
        demonstration_performance: share of demonstrations whose output it gives.
        test_performance: share of test outputs it gives; not looked at, and 0, unless the program gives some
            demonstration's output.
    """

    # A tuple of plain values, which is pickled and read back several times as fast.
    program: str | None
    error: str | None = None
    outcomes: tuple[PackedOutcome, ...] = ()
    demonstration_performance: float = 0.0
    test_performance: float = 0.0

    @property
    def executes(self) -> bool:
        """Whether the program gives a valid grid for at least one demonstration."""
        return any(outcome.status is Status.OK for outcome in self.outcomes)


def attempt_task(context: HostContext, payload: tuple[int, tuple[str, ...]]) -> list[Attempt]:
    """Runs sampled texts on a task.

    Args:
        context: the search set and the budget.
        payload: the task's index and the texts.

    Returns:
        One attempt for each text, in their order.
    """
    task_index, texts = payload
    task = context.tasks[task_index]
    parsed: dict[str, Program | ProgramError] = {text: _parse(text) for text in texts}
    programs = list(dict.fromkeys(value for value in parsed.values() if isinstance(value, Program)))
    attempts = dict(zip(programs, _attempts(context.evaluator, task, programs), strict=True))
    return [
        attempts[value] if isinstance(value, Program) else Attempt(None, error=str(value))
        for value in map(parsed.__getitem__, texts)
    ]


def timed_out(text: str, num_demonstrations: int) -> Attempt:
    """Returns the attempt of a text whose job the pool had to give up."""
    program = _parse(text)
    if isinstance(program, ProgramError):
        return Attempt(None, error=str(program))
    outcome = PackedOutcome(Status.TIMEOUT, error="the worker process was stopped")
    return Attempt(str(program), outcomes=(outcome,) * num_demonstrations)


def _attempts(evaluator: Evaluator, task: Task, programs: Sequence[Program]) -> list[Attempt]:
    graph = ProgramGraph(programs)
    runs = [GraphRun(graph, evaluator, grid) for grid in task.demonstration_inputs]
    outcomes = [tuple(run.outcome(index) for run in runs) for index in range(len(programs))]
    performances = [
        _share(end.output == output for end, output in zip(ends, task.demonstration_outputs, strict=True))
        for ends in outcomes
    ]
    candidates = [index for index, performance in enumerate(performances) if performance > 0]
    test = dict.fromkeys(range(len(programs)), 0.0)
    num_right = count_right(evaluator, graph, candidates, task.test)
    test.update(
        (index, num / max(1, len(task.test))) for index, num in zip(candidates, num_right, strict=True)
    )
    return [
        Attempt(
            str(program),
            None,
            tuple(outcome.packed() for outcome in outcomes[index]),
            performances[index],
            test[index],
        )
        for index, program in enumerate(programs)
    ]


def count_right(
    evaluator: Evaluator, graph: ProgramGraph, indices: Sequence[int], pairs: Sequence[Pair]
) -> list[int]:
    """Returns for some of a graph's programs how many pairs they give the output of."""
    right = dict.fromkeys(indices, 0)
    for pair in pairs:
        if pair.output is None or not indices:
            continue
        run = GraphRun(graph, evaluator, pair.input)
        for index in indices:
            right[index] += run.yields(index, pair.output)
    return [right[index] for index in indices]


def _share(flags: Iterable[bool]) -> float:
    values = list(flags)
    return sum(values) / len(values)


def _parse(text: str) -> Program | ProgramError:
    try:
        return parse_program(text)
    except ProgramError as error:
        return error
