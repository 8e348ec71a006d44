"""Trying a call in place of a line: with the values that the program really made on one of its inputs.

Most calls that cannot stand there fail at once, or give what the lines after cannot use; so does a function
that is built there, once it is given what the program gives the one it replaces.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from codeit_jax.arc import Grid, is_grid
from codeit_jax.dsl.program import INPUT, Call, Program, is_variable
from codeit_jax.dsl.records import ITEMWISE
from codeit_jax.dsl.signatures import SIGNATURES
from codeit_jax.dsl.types import Function, Type, Value, canonical_min
from codeit_jax.execution.evaluator import CallFailure, Evaluator
from codeit_jax.mutation.typing import Shape, accepts, declared_result, says_little, shape_of

MAX_WORK = 50_000

Row = tuple[Value, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Use:
    """Arguments that a function which a line gives is called with, once at least.

    Attributes:
        row: the arguments.
        row_shapes: their shapes.
        result: the shape of what it returns.
    """

    row: Row
    row_shapes: tuple[Shape, ...]
    result: Shape


class Probe:
    """A program's values on one input, and calls tried with them.

    Args:
        program: the program.
        values: the value of each of its lines.
        evaluator: what tries calls.
        grid: the input.
        max_work: what a call that is tried may spend, if that is less than the evaluator's budget; what needs
            more counts as failing.
    """

    def __init__(
        self,
        program: Program,
        values: Sequence[Value],
        evaluator: Evaluator,
        grid: Grid,
        max_work: int = MAX_WORK,
    ) -> None:
        self._program = program
        self._values = values
        self._evaluator = evaluator
        self._grid = grid
        self._spent = max(0, evaluator.budget.max_work - max_work)  # as if it were, before each call
        self._uses: dict[int, Use] | None = None
        self._worked: dict[tuple[int, Call], bool] = {}
        self.shapes = [
            shape_of(value, self._declared(call)) for call, value in zip(program.calls, values, strict=True)
        ]
        self._demands: list[list[Type]] = [[] for _ in program.calls]
        for call in program.calls:
            signature = SIGNATURES.get(call.function)
            for position, name in enumerate(call.arguments):
                if is_variable(name):
                    parameter = Type.ANY if signature is None else signature.parameters[position]
                    self._demands[int(name[1:]) - 1].append(parameter)

    def value_of(self, name: str) -> Value:
        """Returns what a name stands for."""
        if is_variable(name):
            return self._values[int(name[1:]) - 1]
        return self._grid if name == INPUT else self._evaluator.names[name]

    def works(self, line: int, call: Call) -> bool:
        """Whether a call succeeds in place of a line and gives what the lines after it can use."""
        key = line, call
        known = self._worked.get(key)
        if known is None:
            value = self._call(self.value_of(call.function), tuple(map(self.value_of, call.arguments)))
            known = self._worked[key] = self._does(line, self._declared(call), value)
        return known

    def works_with(self, line: int, place: int, new: Call) -> bool:
        """Whether a line's call does so when one of its arguments is what another call gives."""
        argument = self._call(self.value_of(new.function), tuple(map(self.value_of, new.arguments)))
        if isinstance(argument, CallFailure):
            return False
        call = self._program.calls[line]
        row = list(map(self.value_of, call.arguments))
        row[place] = argument
        value = self._call(self.value_of(call.function), tuple(row))
        return self._does(line, self._declared(call), value)

    def _does(self, line: int, declared: Type, value: Value | CallFailure) -> bool:
        """Whether a value may stand for that of a line."""
        if isinstance(value, CallFailure):
            return False
        if line == len(self._values) - 1:
            return is_grid(value)
        wanted = self.shapes[line]
        if isinstance(self._values[line], Function):
            use = self.use_of(line)
            if shape_of(value) != wanted:
                return False
            return use is None or self._result_shape(value, use.row) == use.result
        shape = shape_of(value, declared)
        return shape == wanted or all(
            not says_little(parameter) and accepts(parameter, shape[0]) for parameter in self._demands[line]
        )

    def use_of(self, line: int) -> Use | None:
        """Returns how the function that a line gives is used; None if it is not known."""
        if self._uses is None:
            self._uses = {}
            for each in range(len(self._values) - 1, -1, -1):  # uses come after what is used
                for name, row in self._calls_within(each):
                    self._learn(name, row)
        return self._uses.get(line)

    def _learn(self, name: str, row: Row | None) -> None:
        assert self._uses is not None
        if row is None or not is_variable(name):
            return
        line = int(name[1:]) - 1
        if line not in self._uses:
            result = self._result_shape(self._values[line], row)
            if result is not None:
                self._uses[line] = Use(row, tuple(map(shape_of, row)), result)

    def _calls_within(self, line: int) -> Iterator[tuple[str, Row | None]]:
        """Yields the functions that a line names, each with arguments that it is called with."""
        call = self._program.calls[line]
        names = call.arguments
        values = tuple(map(self.value_of, names))
        if is_variable(call.function):
            yield call.function, values
        elif call.function in ITEMWISE:
            loop = ITEMWISE[call.function]
            yield names[loop.function], _first_row([values[each] for each in loop.containers])
        assert self._uses is not None
        use = self._uses.get(line)
        if use is None:
            return
        match call.function:
            case "compose" | "chain":
                row: Row | None = use.row
                for name, function in zip(names[::-1], values[::-1], strict=True):
                    yield name, row
                    row = self._passed_on(function, row)
            case "fork":
                yield names[1], use.row
                yield names[2], use.row
                left, right = (self._passed_on(function, use.row) for function in values[1:])
                yield names[0], None if left is None or right is None else left + right
            case "power" | "matcher":
                yield names[0], use.row
            case "rbind":
                yield names[0], (*use.row, values[1])
            case "lbind":
                yield names[0], (values[1], *use.row)

    def _passed_on(self, function: Value, row: Row | None) -> Row | None:
        """Returns what a function gives, as the arguments of the next one."""
        if row is None:
            return None
        value = self._call(function, row)
        return None if isinstance(value, CallFailure) else (value,)

    def _result_shape(self, function: Value, row: Row) -> Shape | None:
        value = self._call(function, row)
        return None if isinstance(value, CallFailure) else shape_of(value, declared_result(function))

    def _call(self, function: Value, row: Row) -> Any:
        return self._evaluator.call(function, row, self._spent)[0]

    def _declared(self, call: Call) -> Type:
        signature = SIGNATURES.get(call.function)
        return declared_result(self.value_of(call.function)) if signature is None else signature.result


def _first_row(containers: Sequence[Value]) -> Row | None:
    """Returns the first item of each container; None if there is none."""
    row = []
    for container in containers:
        if not isinstance(container, tuple | frozenset) or not container:
            return None
        row.append(canonical_min(container) if isinstance(container, frozenset) else container[0])
    return tuple(row)
