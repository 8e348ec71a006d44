"""Many programs as one graph of distinct expressions, so that what they share is evaluated once a grid.

The mutants of a program, and the samples for a task, repeat most of each other's lines. Outcomes are exactly
those of running each program alone: an expression's work is charged to every program that it is part of.
"""

from collections.abc import Sequence

from codeit_jax.arc import Grid
from codeit_jax.dsl.program import INPUT, Program, variable
from codeit_jax.dsl.types import Value
from codeit_jax.execution.budget import work_exceeded
from codeit_jax.execution.evaluator import CallFailure, Evaluator
from codeit_jax.execution.outcome import Outcome, Status

Reference = int | str  # an expression's number, or the name of a primitive, a constant or the input
Expression = tuple[Reference, ...]  # a callee and its arguments


class ProgramGraph:
    """Programs whose equal expressions are one.

    Attributes:
        expressions: every distinct call, after those it refers to.
        programs: for each program its lines, as numbers of expressions.
    """

    def __init__(self, programs: Sequence[Program]) -> None:
        numbers: dict[Expression, int] = {}
        self.programs = [_number_lines(program, numbers) for program in programs]
        self.expressions: list[Expression] = list(numbers)


class GraphRun:
    """The programs of a graph on one grid, evaluated as they are asked for."""

    def __init__(self, graph: ProgramGraph, evaluator: Evaluator, grid: Grid) -> None:
        self._graph = graph
        self._evaluator = evaluator
        self._names = {**evaluator.names, INPUT: grid}
        self._values: list[Value | CallFailure] = [None] * len(graph.expressions)
        self._work: list[int | None] = [None] * len(graph.expressions)

    def outcome(self, index: int) -> Outcome:
        """Returns what `Evaluator.run` gives for the program with this index."""
        lines = self._graph.programs[index]
        value, line, work = self._run(lines)
        if isinstance(value, CallFailure):
            return self._evaluator.failed(value, line, work)
        return self._evaluator.finished(value, line, work)

    def yields(self, index: int, output: Grid) -> bool:
        """Whether the program with this index ends in the given grid."""
        value, _, _ = self._run(self._graph.programs[index])
        return not isinstance(value, CallFailure) and bool(value == output)

    def values(self, index: int) -> list[Value]:
        """Returns the values of a program's lines, up to the first that fails."""
        lines = self._graph.programs[index]
        value, line, _ = self._run(lines)
        succeeded = line - 1 if isinstance(value, CallFailure) else line
        return [self._values[number] for number in lines[:succeeded]]

    def _run(self, lines: Sequence[int]) -> tuple[Value | CallFailure, int, int]:
        """Returns the last value or the first failure, the line it stands on, and the work done by then."""
        work = 0
        max_work = self._evaluator.budget.max_work
        value: Value = None
        for line, number in enumerate(lines, start=1):
            spent = self._work[number]
            if spent is None:
                spent = self._evaluate(number)
            work += spent
            if work > max_work:
                return CallFailure(Status.OVER_BUDGET, work_exceeded(max_work)), line, work
            value = self._values[number]
            if isinstance(value, CallFailure):
                return value, line, work
        return value, len(lines), work

    def _evaluate(self, number: int) -> int:
        function, *arguments = map(self._resolve, self._graph.expressions[number])
        try:
            self._values[number], work = self._evaluator.call(function, arguments)
        except CallFailure as failure:
            self._values[number], work = failure, self._evaluator.work
        self._work[number] = work
        return work

    def _resolve(self, reference: Reference) -> Value:
        return self._names[reference] if isinstance(reference, str) else self._values[reference]


def _number_lines(program: Program, numbers: dict[Expression, int]) -> list[int]:
    references: dict[str, Reference] = {}
    lines = []
    for line, call in enumerate(program.calls, start=1):
        expression = tuple(references.get(name, name) for name in (call.function, *call.arguments))
        number = numbers.setdefault(expression, len(numbers))
        references[variable(line)] = number
        lines.append(number)
    return lines
