"""States: the values that a task's inputs can be turned into by edges, cheapest first.

A state is a value for every demonstration's input and every test input; of two ways to equal values the
cheaper one is kept. Costs are bits: the less common a step is among training programs, the more it costs.
"""

import dataclasses
import heapq
from collections.abc import Iterator, Sequence

from codeit_jax.arc import Grid
from codeit_jax.dsl.program import INPUT, Call, Program
from codeit_jax.dsl.types import Type, Value
from codeit_jax.evolution.edges import HOLE, Library, extended
from codeit_jax.execution import Evaluator
from codeit_jax.execution.evaluator import CallFailure
from codeit_jax.mutation.typing import type_of

EDGE_WORK = 1_500  # that trying an edge takes beside its calls


@dataclasses.dataclass(frozen=True)
class _State:
    """A value for every input.

    Attributes:
        values: the values.
        type: of the first.
        cost: of the edges that lead to it.
        calls: the lines of a program that makes it.
        name: the name of its value in that program.
    """

    values: tuple[Value, ...]
    type: Type
    cost: float
    calls: tuple[Call, ...]
    name: str


class States:
    """A task's states, found as they are asked for.

    Args:
        evaluator: how calls are made.
        inputs: the demonstrations' and the test inputs, those first on which a failure is cheap.
        library: the edges.
    """

    def __init__(self, evaluator: Evaluator, inputs: Sequence[Grid], library: Library) -> None:
        self._evaluator = evaluator
        self._inputs = tuple(inputs)
        self._library = library
        self._states = [_State(self._inputs, Type.GRID, 0.0, (), INPUT)]
        self._known: set[tuple[Value, ...]] = {self._inputs}
        self._heap: list[tuple[float, int, int]] = []  # costs, and places of states and of edges
        self._push(0, 0)

    def programs(self) -> Iterator[Program]:
        """Yields a program for every state of grids, as soon as it is reached."""
        while self._heap:
            cost, place, number = heapq.heappop(self._heap)
            self._push(place, number + 1)
            state = self._states[place]
            calls = self._library[state.type][number][1]
            self._evaluator.work += EDGE_WORK
            values = self._values(calls, state)
            if values is None or values in self._known:
                continue
            self._known.add(values)
            lines, name = extended(state.calls, state.name, calls)
            reached = _State(values, type_of(values[0]), cost, lines, name)
            self._states.append(reached)
            self._push(len(self._states) - 1, 0)
            if reached.type is Type.GRID:
                yield Program(reached.calls)

    def _push(self, place: int, number: int) -> None:
        state = self._states[place]
        edges = self._library.get(state.type, ())
        if number < len(edges):
            heapq.heappush(self._heap, (state.cost + edges[number][0], place, number))

    def _values(self, calls: Sequence[Call], state: _State) -> tuple[Value, ...] | None:
        """Returns what an edge makes of a state; None if it fails on an input."""
        made = []
        for grid, given in zip(self._inputs, state.values, strict=True):
            names = {**self._evaluator.names, INPUT: grid, HOLE: given}
            for place, call in enumerate(calls):
                arguments = [names[name] for name in call.arguments]
                value, _ = self._evaluator.call(names[call.function], arguments)
                if isinstance(value, CallFailure):
                    return None
                names[f"y{place}"] = value
            made.append(value)
        self._evaluator.limit_memory()
        return tuple(made)
