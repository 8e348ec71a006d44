"""A program under rewriting: what a rewrite would leave of it, and whether its outputs would stay right.

Tens of thousands of rewrites are tried on a program. Whether one makes it shorter is a matter of a few bits;
whether the outputs stay right shows on one grid after another, the smallest first, and only what follows from
the rewritten line is evaluated again.
"""

from collections.abc import Sequence
from typing import Any

from codeit_jax.arc import Grid, Pair, num_cells
from codeit_jax.dsl.program import INPUT, Call, Program, is_variable, variable
from codeit_jax.dsl.types import Type, Value
from codeit_jax.execution.evaluator import CallFailure, Evaluator
from codeit_jax.execution.output_filter import Expression, Reference
from codeit_jax.mutation.typing import line_types

Rewrite = tuple[int, Reference | Expression]  # a node, and what takes its place: another, or a new definition

_FAILED: Any = object()  # stands for the value of a call that failed
_WORK_OF_CALL = 20  # what looking a call up costs beside a unit of the evaluator's work
_WORK_OF_TRIAL = 50


class Draft:
    """A program as nodes, one a line, and their values on some grids.

    Nodes keep their numbers for good; those that the output no longer needs are only left out of `order`.

    Args:
        evaluator: how calls are run.
        program: the program, without dead lines.
        pairs: inputs and the outputs to be given for them, all of which are known.

    Attributes:
        order: the nodes that the output needs, each after those it refers to.
        types: the type of each node's value on the smallest grid, those of `spares` included.
        spares: nodes that the program does not need, but might be rewritten with.
    """

    def __init__(self, evaluator: Evaluator, program: Program, pairs: Sequence[Pair]) -> None:
        pairs = sorted(pairs, key=lambda pair: num_cells(pair.input))
        self._grids = [_Calls(evaluator, pair.input) for pair in pairs]
        self._targets = [calls.represent(pair.output) for calls, pair in zip(self._grids, pairs, strict=True)]
        self._nodes = [_expression(call) for call in program.calls]
        self._output = len(self._nodes) - 1
        self._num_trials = 0
        self._failed: set[Rewrite] = set()
        self.spares: list[int] = []
        self._refresh()

    def __len__(self) -> int:
        """The number of lines that the output needs."""
        return len(self.order)

    @property
    def work(self) -> int:
        """The work done so far, in the units of `Budget.max_work` and some more for every trial."""
        return sum(calls.work for calls in self._grids) + _WORK_OF_TRIAL * self._num_trials

    def is_right(self) -> bool:
        """Whether the program gives all outputs."""
        return all(self._value(grid, self._output) is target for grid, target in enumerate(self._targets))

    def definition(self, node: int) -> Expression:
        """Returns the call that a node stands for."""
        return self._nodes[node]

    def value(self, reference: Reference) -> Value:
        """Returns the value of a node or a name on the smallest grid."""
        return self._value(0, reference)

    def evaluate(self, expression: Expression) -> Value | None:
        """Returns what a call gives on the smallest grid, None if it fails; equal values are one object."""
        self._num_trials += 1
        value = self._evaluate(0, expression)
        return None if value is _FAILED else value

    def add_spare(self, expression: Expression) -> None:
        """Adds a node for a call that must not fail on the smallest grid, and which no line makes as yet."""
        self._nodes.append(expression)
        self.spares.append(len(self._nodes) - 1)
        self.types[len(self._nodes) - 1] = self._type_of(len(self._nodes) - 1)

    def cone(self, reference: Reference) -> int:
        """Returns the nodes that a reference needs, itself included, as the bits of a number."""
        if isinstance(reference, str):
            return 0
        if reference not in self._cones:
            cone = 1 << reference
            for each in self._nodes[reference]:
                cone |= self.cone(each)
            self._cones[reference] = cone
        return self._cones[reference]

    def kept_without(self, node: int) -> int:
        """Returns the nodes, as bits, that the output needs whatever a node stands for; the node is one."""
        kept = 1 << node
        if node == self._output:
            return kept
        kept |= 1 << self._output
        stack = [self._output]
        while stack:
            for each in self._nodes[stack.pop()]:
                if isinstance(each, int) and not kept >> each & 1:
                    kept |= 1 << each
                    stack.append(each)
        return kept

    def holds(self, rewrite: Rewrite) -> bool:
        """Whether all outputs are right after a rewrite, which must not make a node need itself.

        A rewrite that has failed is not tried again, though others since may have made it possible.
        """
        if rewrite in self._failed:
            return False
        self._num_trials += 1
        if self._holds(*rewrite):
            return True
        self._failed.add(rewrite)
        return False

    def apply(self, rewrite: Rewrite) -> None:
        """Rewrites; a name cannot take the place of the output."""
        node, replacement = rewrite
        if isinstance(replacement, tuple):
            self._nodes[node] = replacement
        else:
            self._nodes = [
                tuple(replacement if each == node else each for each in expression)
                for expression in self._nodes
            ]
            if node == self._output:
                self._output = int(replacement)
        self._refresh()

    def program(self) -> Program:
        """Returns the program as it is now."""
        names: dict[Reference, str] = {node: variable(line) for line, node in enumerate(self.order, start=1)}
        calls = []
        for node in self.order:
            function, *arguments = (
                names[each] if isinstance(each, int) else each for each in self._nodes[node]
            )
            calls.append(Call(function, tuple(arguments)))
        return Program(tuple(calls))

    def _refresh(self) -> None:
        self._cones: dict[int, int] = {}
        self._refuted: set[tuple[int, int]] = set()
        self._values: list[dict[int, Value]] = [{} for _ in self._grids]
        self.order = self._in_order()
        self.spares = [node for node in self.spares if node not in self.order]
        self.types: dict[int, Type] = {node: self._type_of(node) for node in (*self.order, *self.spares)}
        for grid in range(len(self._grids)):
            for node in self.order:
                self._value(grid, node)

    def _in_order(self) -> list[int]:
        order: list[int] = []
        seen = {self._output}
        stack = [(self._output, iter(self._nodes[self._output]))]
        while stack:
            node, references = stack[-1]
            for each in references:
                if isinstance(each, int) and each not in seen:
                    seen.add(each)
                    stack.append((each, iter(self._nodes[each])))
                    break
            else:
                stack.pop()
                order.append(node)
        return order

    def _type_of(self, node: int) -> Type:
        value = self._value(0, node)
        if value is _FAILED:
            return Type.ANY
        return line_types(Program((Call(str(self._nodes[node][0]), ()),)), [value])[0]

    def _value(self, grid: int, reference: Reference) -> Value:
        if isinstance(reference, str):
            return self._grids[grid].names[reference]
        values = self._values[grid]
        if reference not in values:
            values[reference] = self._evaluate(grid, self._nodes[reference])
        return values[reference]

    def _evaluate(self, grid: int, expression: Expression) -> Value:
        function, *arguments = [self._value(grid, each) for each in expression]
        return self._grids[grid].call(function, arguments)

    def _holds(self, node: int, replacement: Reference | Expression) -> bool:
        for grid in range(len(self._grids)):
            if isinstance(replacement, tuple):
                value = self._evaluate(grid, replacement)
            else:
                value = self._value(grid, replacement)
            if value is self._values[grid][node]:
                continue
            if value is _FAILED or (node, id(value)) in self._refuted:
                return False
            if not self._is_right_with(grid, node, value):
                if grid == 0:
                    self._refuted.add((node, id(value)))
                return False
        return True

    def _is_right_with(self, grid: int, node: int, value: Value) -> bool:
        """Whether the output on a grid is right where a node has another value."""
        names, values, call = self._grids[grid].names, self._values[grid], self._grids[grid].call
        changed = {node: value}
        for each in self.order[self.order.index(node) + 1 :]:
            expression = self._nodes[each]
            if changed.keys().isdisjoint(expression):
                continue
            function, *arguments = [
                names[reference]
                if isinstance(reference, str)
                else changed[reference]
                if reference in changed
                else values[reference]
                for reference in expression
            ]
            result = call(function, arguments)
            if result is _FAILED:
                return False
            if result is not values[each]:
                changed[each] = result
        return changed.get(self._output, self._targets[grid]) is self._targets[grid]


class _Calls:
    """Calls on one grid, each evaluated once; equal values are one object.

    Attributes:
        names: the value of every name.
        work: what was spent.
    """

    def __init__(self, evaluator: Evaluator, grid: Grid) -> None:
        self._evaluator = evaluator
        self._results: dict[tuple[int, ...], Value] = {}  # by the identities of callee and arguments
        self._representatives: dict[tuple[type, Value], Value] = {}
        self.names = {**evaluator.names, INPUT: grid}
        self.work = 0
        for value in self.names.values():
            self.represent(value)

    def represent(self, value: Value) -> Value:
        """Returns the one object that stands for all values equal to this one."""
        return self._representatives.setdefault((type(value), value), value)

    def call(self, function: Value, arguments: Sequence[Value]) -> Value:
        """Calls a function; it, its arguments and its value are representatives."""
        self.work += _WORK_OF_CALL
        if function is _FAILED or _FAILED in arguments:
            return _FAILED
        key = (id(function), *map(id, arguments))
        value = self._results.get(key)
        if value is None:
            value, work = self._evaluator.call(function, arguments)
            self.work += work >> 3
            value = _FAILED if isinstance(value, CallFailure) else self.represent(value)
            self._results[key] = value
        return value


def _expression(call: Call) -> Expression:
    names = (call.function, *call.arguments)
    return tuple(int(name[1:]) - 1 if is_variable(name) else name for name in names)
