"""Tasks, how they are answered, and their answers."""

import json

import pytest

from codeit_jax.arc import Pair, Task
from codeit_jax.evolution.jobs import Breeding
from codeit_jax.solving import SolveConfig

from .small_tasks import INPUTS, PROGRAMS, answer, output_of

SEEDS = ("O = vmirror(I)", "O = rot90(I)", "O = upscale(I, THREE)", "O = replace(I, ONE, TWO)", "O = trim(I)")


@pytest.fixture(scope="session")
def tasks():
    """Tasks of two lines or three with two test inputs each, and one that nothing solves."""
    made = [
        Task(
            name,
            tuple(Pair(grid, output_of(text, grid)) for grid in INPUTS[:3]),
            tuple(Pair(grid, output_of(text, grid)) for grid in INPUTS[3:]),
        )
        for name, text in PROGRAMS.items()
    ]
    noise = (((1, 2), (3, 4)), ((9, 9, 1),), ((7,), (2,), (4,)))
    return [*made, Task("noise", tuple(map(Pair, INPUTS[:3], noise)), (Pair(INPUTS[3], noise[0]),))]


@pytest.fixture(scope="session")
def seeds(tmp_path_factory):
    file = tmp_path_factory.mktemp("programs") / "seeds.jsonl"
    file.write_text("".join(json.dumps({"program": text}) + "\n" for text in SEEDS))
    return file


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def cached(cache, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", cache)


@pytest.fixture(scope="session")
def make(seeds):
    def config(folder, **changes):
        values = {"work": 2_500_000, "programs": (seeds,), "parents": None, "num_workers": 1}
        values |= {"turn_work": 600_000, "breeding": Breeding(capacity=40), **changes}
        return SolveConfig(str(folder), **values)

    return config


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory, cache, tasks, make):
    folder = tmp_path_factory.mktemp("answers") / "whole"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", cache)
        return folder, *answer(tasks, make(folder))
