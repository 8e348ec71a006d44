"""A small run: its tasks, its config, and what is compiled for it."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
import pytest
from jax.experimental.compilation_cache import compilation_cache

from codeit_jax.arc import load_tasks
from codeit_jax.build import build
from codeit_jax.config import (
    Config,
    DataConfig,
    ExecutionConfig,
    LearnerConfig,
    MutationConfig,
    PolicyConfig,
    ReplayConfig,
    SamplingConfig,
)
from codeit_jax.execution.host import start_pool

from .small_run import ROOT

# The training tasks, by the lines of the program that solves each.
SOLVERS = {
    "flipped": ["O = vmirror(I)"],
    "upturned": ["O = hmirror(I)"],
    "turned": ["O = rot180(I)"],
    "transposed": ["O = dmirror(I)"],
    "beside": ["x1 = vmirror(I)", "O = hconcat(I, x1)"],
    "below": ["x1 = hmirror(I)", "O = vconcat(I, x1)"],
}


def grid(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 4, (3, 3))


def write_task(path: Path, first: int, solve) -> None:
    pairs = [{"input": grid(n).tolist(), "output": solve(grid(n)).tolist()} for n in range(first, first + 3)]
    path.write_text(json.dumps({"train": pairs[:2], "test": pairs[2:]}))


@pytest.fixture(scope="module")
def compiled(tmp_path_factory) -> Iterator[dict[str, str]]:
    """Lets all runs share what the first one compiles; returns the environment of those outside."""
    settings = {
        "jax_compilation_cache_dir": str(tmp_path_factory.mktemp("compiled")),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    before = {name: getattr(jax.config, name) for name in settings}
    for name, value in settings.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()
    yield {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        **{name.upper(): str(value) for name, value in settings.items()},
    }
    for name, value in before.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> DataConfig:
    folder = tmp_path_factory.mktemp("data")
    outputs = {
        "flipped": np.fliplr,
        "upturned": np.flipud,
        "turned": lambda g: np.rot90(g, 2),
        "transposed": np.transpose,
        "beside": lambda g: np.hstack([g, np.fliplr(g)]),
        "below": lambda g: np.vstack([g, np.flipud(g)]),
    }
    (folder / "training").mkdir()
    (folder / "search").mkdir()
    for number, (name, solve) in enumerate(outputs.items()):
        write_task(folder / "training" / f"{name}.json", 10 * number, solve)
    write_task(folder / "search" / "mirror.json", 100, np.fliplr)
    for number in range(3):  # nothing small solves these
        write_task(folder / "search" / f"hard{number}.json", 110 + 10 * number, lambda g: (g * g + g.T) % 7)
    functions = [
        "\n    ".join([f"def solve_{name}(I):", *lines, "return O"]) for name, lines in SOLVERS.items()
    ]
    (folder / "solvers.py").write_text("\n\n".join(functions) + "\n")
    return DataConfig(str(folder / "training"), str(folder / "solvers.py"), str(folder / "search"))


@pytest.fixture(scope="module")
def config(data: DataConfig, compiled: dict[str, str]) -> Config:
    return Config(
        seed=3,
        num_meta_iterations=2,
        warmup_experiences=400,
        data=data,
        execution=ExecutionConfig(num_workers=1),
        mutation=MutationConfig(num_programs=40),
        replay=ReplayConfig(training_experiences=8, policy_experiences=8),
        policy=PolicyConfig(preset="nano", section_length=16, max_program_length=24),
        sampling=SamplingConfig(num_samples=4, temperature=0.5, tasks_per_batch=2),
        learner=LearnerConfig(batch_size=8, learning_rate=3e-3, prompt_buckets=(34,), program_buckets=(24,)),
    )


@pytest.fixture(scope="module")
def abstract_state(config: Config):
    tasks = load_tasks(config.data.search_tasks)
    with start_pool(tasks, config.execution) as pool:
        return build(config, tasks, pool)[1].abstract_state
