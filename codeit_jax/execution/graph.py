"""Many programs as one graph, so that what they share is evaluated once a grid.

The mutants of a program, and the samples for a task, repeat most of each other's lines. Equal expressions are
one by their text, and expressions that turn out to have equal values are one from there on (observational
equivalence): what follows from either is evaluated once. Outcomes are exactly those of running each program
alone: the work of an expression is charged to every program that it is part of.
"""

from collections.abc import Sequence

from codeit_jax.arc import Grid, is_grid
from codeit_jax.dsl.program import INPUT, Program, variable
from codeit_jax.dsl.sizes import total_extent
from codeit_jax.dsl.types import Value
from codeit_jax.execution.evaluator import CallFailure, Evaluator, normalize_cells
from codeit_jax.execution.outcome import Outcome, Status, work_exceeded
from codeit_jax.execution.output_filter import Expression, OutputFilter, Reference

MAX_ITEMS_HELD = 2_000_000  # some hundreds of megabytes where they are cells, which most are not


class ProgramGraph:
    """Programs whose equal expressions are one.

    Attributes:
        expressions: every distinct call, after those it refers to.
        programs: for each program its lines, as numbers of expressions.
    """

    def __init__(self, programs: Sequence[Program] = ()) -> None:
        self.programs: list[list[int]] = []
        self.expressions: list[Expression] = []
        self._numbers: dict[Expression, int] = {}
        for program in programs:
            self.add(program)

    def add(self, program: Program) -> int:
        """Adds a program, also to the runs that are being made of the graph, and returns its index."""
        self.programs.append(_number_lines(program, self._numbers, self.expressions))
        return len(self.programs) - 1


class _Result:
    """The outcome of a call.

    Attributes:
        value: its value, or why there is none.
        work: what it took.
    """

    __slots__ = ("value", "work")

    def __init__(self, value: Value | CallFailure, work: int) -> None:
        self.value = value
        self.work = work


class GraphRun:
    """The programs of a graph on one grid, evaluated as they are asked for.

    Args:
        graph: the programs.
        evaluator: how they are run.
        grid: what they are run on.
        max_items_held: items of the values remembered; beyond, everything is forgotten and begun anew.
    """

    def __init__(
        self, graph: ProgramGraph, evaluator: Evaluator, grid: Grid, max_items_held: int = MAX_ITEMS_HELD
    ) -> None:
        self._graph = graph
        self._evaluator = evaluator
        self._names = {**evaluator.names, INPUT: grid}
        self._max_items_held = max_items_held
        self._forget()

    def _forget(self) -> None:
        self._results: list[_Result | None] = []
        self._calls: dict[tuple[int, ...], _Result] = {}  # by the identities of representatives
        self._representatives: dict[tuple[type, Value], Value] = {}  # of equal values
        for value in self._names.values():
            self._represent(value)
        self._grids: dict[int, tuple[Grid | None]] = {}  # by the identities of values that lines gave
        self._items_held = 0
        self._goal: tuple[Grid, OutputFilter] | None = None

    def outcome(self, index: int) -> Outcome:
        """Returns what `Evaluator.run` gives for the program with this index."""
        lines = self._graph.programs[index]
        value, line, work = self._run(lines)
        if isinstance(value, CallFailure):
            return self._evaluator.failed(value, line, work)
        return self._evaluator.finished(value, line, work)

    def output(self, index: int) -> Grid | None:
        """Returns the output that `outcome` has: None where that is not `ok`."""
        value, _, _ = self._run(self._graph.programs[index])
        if isinstance(value, CallFailure):
            return None
        known = self._grids.get(id(value))  # of a representative, which lives as long as what is remembered
        if known is None:
            known = self._grids[id(value)] = (normalize_cells(value) if is_grid(value) else None,)
        return known[0]

    def yields(self, index: int, output: Grid) -> bool:
        """Whether the program with this index ends in the given grid; best asked of one grid at a time."""
        self._limit_memory()
        if self._goal is None or self._goal[0] is not output:
            self._goal = output, OutputFilter(self._graph.expressions, self._value_of, output)
        lines = self._graph.programs[index]
        if self._goal[1].is_out_of_reach(lines[-1]):
            return False
        value, _, _ = self._run(lines)
        return not isinstance(value, CallFailure) and bool(value == output)

    def values(self, index: int) -> list[Value]:
        """Returns the values of a program's lines, up to the first that fails."""
        lines = self._graph.programs[index]
        value, line, _ = self._run(lines)
        succeeded = line - 1 if isinstance(value, CallFailure) else line
        return [self._resolve(number) for number in lines[:succeeded]]

    def _limit_memory(self) -> None:
        self._evaluator.limit_memory()
        if self._items_held > self._max_items_held:
            self._forget()

    def _run(self, lines: Sequence[int]) -> tuple[Value | CallFailure, int, int]:
        """Returns the last value or the first failure, the line it stands on, and the work done by then."""
        self._limit_memory()
        self._make_room()
        work = 0
        max_work = self._evaluator.budget.max_work
        value: Value = None
        for line, number in enumerate(lines, start=1):
            result = self._results[number] or self._result(number)
            work += result.work
            if work > max_work:
                return CallFailure(Status.OVER_BUDGET, work_exceeded(max_work)), line, work
            value = result.value
            if isinstance(value, CallFailure):
                return value, line, work
        return value, len(lines), work

    def _make_room(self) -> None:
        """Makes room for the results of expressions that the graph has come to have."""
        num_new = len(self._graph.expressions) - len(self._results)
        if num_new:
            self._results += [None] * num_new

    def _value_of(self, reference: Reference) -> Value | CallFailure:
        """Evaluates an expression and, before it, what it refers to; a failure among these is its own."""
        if isinstance(reference, str):
            return self._names[reference]
        self._make_room()
        expressions, results = self._graph.expressions, self._results
        needed, stack = set(), [reference]
        while stack:
            number = stack.pop()
            result = results[number]
            if result is None and number not in needed:
                needed.add(number)
                stack += [each for each in expressions[number] if isinstance(each, int)]
            elif result is not None and isinstance(result.value, CallFailure):
                return result.value
        for number in sorted(needed):
            value = self._result(number).value
            if isinstance(value, CallFailure):
                return value
        return self._resolve(reference)

    def _result(self, number: int) -> _Result:
        # What an expression refers to has its result already.
        names, results = self._names, self._results
        function, *arguments = [
            names[each] if type(each) is str else results[each].value  # type: ignore[index, union-attr]
            for each in self._graph.expressions[number]
        ]
        # Arguments are names' values or representatives, of which there is one for all equal values.
        key = (id(function), *map(id, arguments))
        result = self._calls.get(key)
        if result is None:
            result = self._calls[key] = self._evaluate(function, arguments)
        self._results[number] = result
        return result

    def _evaluate(self, function: Value, arguments: Sequence[Value]) -> _Result:
        value, work = self._evaluator.call(function, arguments)
        if isinstance(value, CallFailure):
            return _Result(value, work)
        representative = self._represent(value)
        if representative is value:
            self._items_held += total_extent(value)
        return _Result(representative, work)

    def _represent(self, value: Value) -> Value:
        # By type too: a truth value equals a number, and what a line yields should not depend on other lines.
        return self._representatives.setdefault((type(value), value), value)

    def _resolve(self, reference: Reference) -> Value:
        if isinstance(reference, str):
            return self._names[reference]
        result = self._results[reference]
        assert result is not None
        return result.value


def _number_lines(
    program: Program, numbers: dict[Expression, int], expressions: list[Expression]
) -> list[int]:
    references: dict[str, Reference] = {}
    lines = []
    for line, (function, arguments) in enumerate(program.calls, start=1):
        names = (function, *arguments)
        expression = tuple([references.get(name, name) for name in names])
        number = numbers.setdefault(expression, len(numbers))
        if number == len(expressions):
            expressions.append(expression)
        references[variable(line)] = number
        lines.append(number)
    return lines
