"""The evaluator: runs programs on grids, in this process and within a budget.

Whatever a program does is an outcome: no exception of its making gets out.
"""

from collections.abc import Sequence

from codeit_jax.arc import Grid, is_grid
from codeit_jax.dsl.constants import CONSTANTS
from codeit_jax.dsl.program import INPUT, Program, variable
from codeit_jax.dsl.types import Function, Value
from codeit_jax.execution.budget import Budget, BudgetExceeded, work_exceeded
from codeit_jax.execution.meter import Meter
from codeit_jax.execution.outcome import Outcome, Status


class CallFailure(Exception):  # noqa: N818 - an end that a run may come to, not a fault
    """A call in a program yielded no value.

    Attributes:
        status: `error` or `over_budget`.
        reason: why, in one line.
    """

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Evaluator:
    """Runs programs under one budget.

    The primitives it hands to programs charge its own meter, so an evaluator serves one thread at a time.

    Attributes:
        budget: what each run may spend.
        names: the value of every primitive and constant.
    """

    def __init__(self, budget: Budget | None = None) -> None:
        self.budget = budget or Budget()
        self._meter = Meter(self.budget)
        self.names: dict[str, Value] = {**CONSTANTS, **self._meter.functions()}

    def run(self, program: Program, grid: Grid) -> Outcome:
        """Runs a program on a grid.

        Whatever the program does ends in an outcome; see `Outcome.status`.
        """
        names = {**self.names, INPUT: grid}
        work = 0
        value: Value = None
        for line, call in enumerate(program.calls, start=1):
            arguments = [names[name] for name in call.arguments]
            try:
                value, work = self.call(names[call.function], arguments, work)
            except CallFailure as failure:
                return self.failed(failure, line, self._meter.work)
            names[variable(line)] = value
        return self.finished(value, len(program), work)

    def call(self, function: Value, arguments: Sequence[Value], work: int = 0) -> tuple[Value, int]:
        """Calls a function of the language.

        Args:
            function: what is called; anything but a `Function` is a failure.
            arguments: what it is given.
            work: units of work spent before.

        Returns:
            The value, and the work spent by then.

        Raises:
            CallFailure: the call failed or the budget was spent.
        """
        self._meter.begin(work)
        if not isinstance(function, Function):
            raise CallFailure(Status.ERROR, "what is called is no function")
        try:
            value = function.call(*arguments)
            self._meter.check()
        except Exception as error:  # primitives are duck-typed: a program can make them fail in any way
            raise self._failure(function, error) from None
        return value, self._meter.work

    def _failure(self, function: Function, error: Exception) -> CallFailure:
        if self._meter.work > self.budget.max_work:
            return CallFailure(Status.OVER_BUDGET, work_exceeded(self.budget.max_work))
        if isinstance(error, BudgetExceeded | RecursionError | MemoryError):
            return CallFailure(Status.OVER_BUDGET, f"{function.name}: {str(error) or type(error).__name__}")
        return CallFailure(Status.ERROR, f"{function.name}: {type(error).__name__}: {error}")

    @property
    def work(self) -> int:
        """Units of work spent up to the end of the last call, whether it failed or not."""
        return self._meter.work

    def finished(self, value: Value, num_lines: int, work: int) -> Outcome:
        """Returns the outcome of a run whose last line yielded `value`."""
        if not is_grid(value):
            reason = f"line {num_lines}: the output is no valid grid"
            return Outcome(Status.INVALID_OUTPUT, error=reason, cost=work)
        return Outcome(Status.OK, normalize_cells(value), cost=work)

    def failed(self, failure: CallFailure, line: int, work: int) -> Outcome:
        """Returns the outcome of a run that ended at a line, counted from 1."""
        cost = min(work, self.budget.max_work)
        return Outcome(failure.status, error=f"line {line}: {failure.reason}", cost=cost)


def normalize_cells(grid: Grid) -> Grid:
    """Returns the grid with every truth value replaced by the number it equals."""
    if any(bool in map(type, row) for row in grid):
        return tuple(tuple(map(int, row)) for row in grid)
    return grid


def run(program: Program, grid: Grid, budget: Budget | None = None) -> Outcome:
    """Runs one program on one grid; to run many, keep an `Evaluator`, whose set-up is not free."""
    return Evaluator(budget).run(program, grid)
