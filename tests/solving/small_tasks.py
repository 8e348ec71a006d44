"""Small tasks, how they are answered, and what that leaves."""

import dataclasses
from io import StringIO

from rich.console import Console

from codeit_jax.arc import Pair
from codeit_jax.dsl import parse_program
from codeit_jax.execution import run
from codeit_jax.solving import solve

INPUTS = (
    ((1, 2, 0), (0, 0, 3)),
    ((5, 5, 0, 0), (0, 6, 0, 7), (0, 0, 8, 8)),
    ((0, 1), (2, 2), (3, 0)),
    ((0, 4, 4), (9, 0, 0), (0, 0, 1)),
    ((7, 0), (0, 3)),
)
PROGRAMS = {
    "mirrored": "x1 = vmirror(I)\nO = replace(x1, ZERO, FIVE)",
    "doubled": "x1 = hmirror(I)\nO = upscale(x1, TWO)",
    "recoloured": "x1 = switch(I, ZERO, THREE)\nx2 = rot180(x1)\nO = hconcat(x2, x2)",
}


def output_of(text, grid):
    output = run(parse_program(text), grid).output
    assert output is not None
    return output


def answer(tasks, config):
    console = Console(file=StringIO(), width=100)
    solved = solve(tasks, config, console=console)
    return solved, console.file.getvalue()


def results(folder):
    names = ("submission.json", "answers.json", "programs.jsonl")
    pictures = {path.name: path.read_text() for path in (folder / "pictures").iterdir()}
    return pictures | {name: (folder / name).read_text() for name in names}


def hidden(tasks):
    return [
        dataclasses.replace(task, test=tuple(Pair(pair.input, None) for pair in task.test)) for task in tasks
    ]
