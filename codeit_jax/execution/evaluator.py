"""The evaluator: runs programs on grids, in this process and within a budget.

Whatever a program does is an outcome: no exception of its making gets out.
"""

import dataclasses
from collections.abc import Sequence

from codeit_jax.arc import Grid, is_grid
from codeit_jax.config.budget import Budget
from codeit_jax.dsl.constants import CONSTANTS
from codeit_jax.dsl.program import INPUT, Program, variable
from codeit_jax.dsl.sizes import described
from codeit_jax.dsl.types import Function, Value
from codeit_jax.execution.calls import metered_functions
from codeit_jax.execution.meter import Meter, PrimitiveFailure
from codeit_jax.execution.outcome import BudgetExceeded, Outcome, Status, work_exceeded

MAX_ITEMS_REMEMBERED = 4_000_000  # some hundreds of megabytes at most


@dataclasses.dataclass(frozen=True, slots=True)
class CallFailure:
    """Stands for the value that a call did not yield.

    Attributes:
        status: `error` or `over_budget`.
        reason: why, in one line.
    """

    status: Status
    reason: str


class Evaluator:
    """Runs programs under one budget.

    The primitives it hands to programs charge its own meter, so an evaluator serves one thread at a time.

    Attributes:
        budget: what each run may spend.
        meter: what the primitives charge; it also remembers what they gave.
        names: the value of every primitive and constant.
        work: what all calls so far were charged, and one for each.
    """

    def __init__(self, budget: Budget | None = None) -> None:
        self.budget = budget or Budget()
        self.meter = Meter(self.budget)
        self.names: dict[str, Value] = {**CONSTANTS, **metered_functions(self.meter)}
        self.work = 0

    def run(self, program: Program, grid: Grid) -> Outcome:
        """Runs a program on a grid.

        Whatever the program does ends in an outcome; see `Outcome.status`.
        """
        self.limit_memory()
        names = {**self.names, INPUT: grid}
        work = 0
        value: Value = None
        for line, call in enumerate(program.calls, start=1):
            arguments = [names[name] for name in call.arguments]
            value, work = self.call(names[call.function], arguments, work)
            if isinstance(value, CallFailure):
                return self.failed(value, line, work)
            names[variable(line)] = value
        return self.finished(value, len(program), work)

    def call(
        self, function: Value, arguments: Sequence[Value], work: int = 0
    ) -> tuple[Value | CallFailure, int]:
        """Calls a function of the language.

        Args:
            function: what is called; anything but a `Function` is a failure.
            arguments: what it is given.
            work: units of work spent before.

        Returns:
            The value, or why there is none; and the work spent by then.
        """
        self.meter.begin(work)
        try:
            value = self._call(function, arguments)
        except Exception as error:  # primitives are duck-typed: a program can make them fail in any way
            value = self._failure(function, arguments, error)
        # How far a call gets beyond the budget before it ends depends on what is remembered.
        spent = min(self.meter.work, self.budget.max_work + 1)
        self.work += 1 + spent - work
        return value, spent

    def limit_memory(self) -> None:
        """Has what primitives gave before forgotten, if it takes too much memory."""
        if self.meter.items_remembered > MAX_ITEMS_REMEMBERED:
            self.meter.forget()

    def _call(self, function: Value, arguments: Sequence[Value]) -> Value:
        if not isinstance(function, Function):
            raise PrimitiveFailure("what is called is no function")
        value = function.call(*arguments)
        if isinstance(value, tuple | frozenset) and len(value) > self.budget.max_items:
            raise BudgetExceeded(f"{function.name}: more than {self.budget.max_items:,} items on a line")
        return value

    def _failure(self, function: Value, arguments: Sequence[Value], error: Exception) -> CallFailure:
        if self.meter.work > self.budget.max_work:
            return CallFailure(Status.OVER_BUDGET, work_exceeded(self.budget.max_work))
        if isinstance(error, BudgetExceeded):
            return CallFailure(Status.OVER_BUDGET, str(error))
        if isinstance(error, PrimitiveFailure):
            return CallFailure(Status.ERROR, str(error))
        if isinstance(error, RecursionError | MemoryError):
            return CallFailure(Status.OVER_BUDGET, f"{function.name}: {type(error).__name__}")
        return CallFailure(Status.ERROR, f"{function.name} fails on {described(arguments)}")

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
