import json

import pytest

from codeit_jax.arc import Pair, Task
from codeit_jax.arc.task import task_to_json
from codeit_jax.dsl import parse_program
from codeit_jax.dsl.program_files import ProgramRow
from codeit_jax.execution import run

INPUTS = (
    ((1, 2, 0), (0, 0, 3)),
    ((5, 5, 0, 0), (0, 6, 0, 7), (0, 0, 8, 8)),
    ((0, 1), (2, 2), (3, 0)),
    ((0, 4, 4), (9, 0, 0), (0, 0, 1)),
)
PROGRAMS = {
    "mirrored": "x1 = vmirror(I)\nO = replace(x1, ZERO, FIVE)",
    "doubled": "x1 = hmirror(I)\nO = upscale(x1, TWO)",
    "joined": "x1 = hmirror(I)\nx2 = vconcat(I, x1)\nO = replace(x2, ZERO, ONE)",
    "recoloured": "x1 = switch(I, ZERO, THREE)\nx2 = rot180(x1)\nO = hconcat(x2, x2)",
}
SEEDS = (
    "O = vmirror(I)",
    "O = rot90(I)",
    "O = upscale(I, THREE)",
    "x1 = hconcat(I, I)\nO = rot180(x1)",
    "O = replace(I, ONE, TWO)",
    "O = trim(I)",
    "x1 = dmirror(I)\nO = vconcat(x1, x1)",
    "x1 = mostcolor(I)\nx2 = shape(I)\nO = canvas(x1, x2)",
)


def pair_of(text, grid):
    output = run(parse_program(text), grid).output
    assert output is not None
    return Pair(grid, output)


@pytest.fixture(scope="session")
def tasks():
    """Tasks of two lines or three, and one that nothing solves."""
    made = [
        Task(name, tuple(pair_of(text, grid) for grid in INPUTS[:3]), (pair_of(text, INPUTS[3]),))
        for name, text in PROGRAMS.items()
    ]
    noise = (((1, 2), (3, 4)), ((9, 9, 1),), ((7,), (2,), (4,)))
    pairs = tuple(map(Pair, INPUTS[:3], noise))
    return [*made, Task("noise", pairs, (Pair(INPUTS[3], noise[0]),))]


@pytest.fixture(scope="session")
def task_folder(tasks, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tasks")
    for task in tasks:
        (folder / f"{task.id}.json").write_text(json.dumps(task_to_json(task)))
    return folder


@pytest.fixture(scope="session")
def seed_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("programs") / "seeds.jsonl"
    file.write_text("".join(ProgramRow(text).to_line() for text in SEEDS))
    return file
