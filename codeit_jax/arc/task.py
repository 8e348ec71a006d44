"""Tasks: demonstrations of a transformation, and the inputs it is to be applied to."""

import dataclasses
import functools
from typing import Any

from codeit_jax.arc.grid import Grid, GridError, to_grid
from codeit_jax.arc.packing import pack_grids
from codeit_jax.errors import UserError


class TaskError(UserError):
    """A task that cannot be read; the message says where and why."""


@dataclasses.dataclass(frozen=True)
class Pair:
    """An input grid and the output it is to become; None where a test output is withheld."""

    input: Grid
    output: Grid | None


@dataclasses.dataclass(frozen=True)
class Task:
    """An ARC task.

    Attributes:
        id: the task's name, such as `007bbfb7`.
        train: the demonstrations, at least one, all with outputs.
        test: the test pairs; their outputs are never shown to the policy and may be unknown.
        concept: what the data set files the task under; "" where it does not.
    """

    id: str
    train: tuple[Pair, ...]
    test: tuple[Pair, ...]
    # Out of the text from which the settings of a growing file are digested.
    concept: str = dataclasses.field(default="", repr=False)

    @property
    def demonstration_inputs(self) -> tuple[Grid, ...]:
        return tuple(pair.input for pair in self.train)

    @property
    def demonstration_outputs(self) -> tuple[Grid | None, ...]:
        return tuple(pair.output for pair in self.train)

    @functools.cached_property
    def packed_inputs(self) -> tuple[bytes, ...]:
        """The demonstrations' inputs, each packed: what experiences of the task are made with."""
        return tuple(pack_grids((pair.input,)) for pair in self.train)

    @functools.cached_property
    def packed_together(self) -> bytes:
        """The demonstrations' inputs, packed one after another."""
        return b"".join(self.packed_inputs)

    @property
    def test_inputs(self) -> tuple[Grid, ...]:
        return tuple(pair.input for pair in self.test)

    @property
    def test_outputs(self) -> tuple[Grid | None, ...]:
        return tuple(pair.output for pair in self.test)

    @property
    def has_test_outputs(self) -> bool:
        return bool(self.test) and all(pair.output is not None for pair in self.test)


def task_from_json(task_id: str, value: Any) -> Task:
    """Builds a task from ARC's JSON: `{"train": [{"input": ..., "output": ...}], "test": [...]}`.

    Raises:
        TaskError: a part is missing or malformed; the message names it.
    """
    if not isinstance(value, dict):
        raise TaskError('a task must be a JSON object with "train" and "test"')
    train = _pairs(value, "train", outputs_required=True)
    if not train:
        raise TaskError('"train" holds no pairs')
    return Task(task_id, train, _pairs(value, "test", outputs_required=False))


def task_to_json(task: Task) -> dict[str, Any]:
    """Returns the task in ARC's JSON form, without the outputs that are unknown."""

    def pair_to_json(pair: Pair) -> dict[str, Grid]:
        return {"input": pair.input} | ({} if pair.output is None else {"output": pair.output})

    return {
        "train": [pair_to_json(pair) for pair in task.train],
        "test": [pair_to_json(pair) for pair in task.test],
    }


def _pairs(value: dict[str, Any], part: str, *, outputs_required: bool) -> tuple[Pair, ...]:
    pairs = value.get(part)
    if not isinstance(pairs, list):
        raise TaskError(f'"{part}" is missing or is not a list of pairs')
    return tuple(_pair(pair, f"{part}[{i}]", outputs_required) for i, pair in enumerate(pairs))


def _pair(value: Any, where: str, output_required: bool) -> Pair:
    if not isinstance(value, dict) or "input" not in value:
        raise TaskError(f'{where} must be a JSON object with an "input"')
    if output_required and value.get("output") is None:
        raise TaskError(f'{where} has no "output"')
    output = value.get("output")
    return Pair(
        _grid(value["input"], f"{where}.input"),
        None if output is None else _grid(output, f"{where}.output"),
    )


def _grid(value: Any, where: str) -> Grid:
    try:
        return to_grid(value)
    except GridError as error:
        raise TaskError(f"{where}: {error}") from None
