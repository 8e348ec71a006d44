"""A small run: its tasks and its config, what it leaves, and whether two of them are the same."""

import csv
import dataclasses
import json
from pathlib import Path

import jax
import numpy as np

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
from codeit_jax.run.checkpoint import Checkpointer

ROOT = Path(__file__).parents[2]

# The training tasks, each with the lines of the program that solves it and what these do.
_TRAINING = {
    "flipped": (["O = vmirror(I)"], np.fliplr),
    "upturned": (["O = hmirror(I)"], np.flipud),
    "turned": (["O = rot180(I)"], lambda g: np.rot90(g, 2)),
    "transposed": (["O = dmirror(I)"], np.transpose),
    "beside": (["x1 = vmirror(I)", "O = hconcat(I, x1)"], lambda g: np.hstack([g, np.fliplr(g)])),
    "below": (["x1 = hmirror(I)", "O = vconcat(I, x1)"], lambda g: np.vstack([g, np.flipud(g)])),
}


def grid(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 4, (3, 3))


def _write_task(path: Path, first: int, solve) -> None:
    pairs = [{"input": grid(n).tolist(), "output": solve(grid(n)).tolist()} for n in range(first, first + 3)]
    path.write_text(json.dumps({"train": pairs[:2], "test": pairs[2:]}))


def write_data(folder: Path) -> DataConfig:
    """Writes the training tasks with their programs, and the search set, of which one task can be solved."""
    (folder / "training").mkdir()
    (folder / "search").mkdir()
    for number, (name, (_, solve)) in enumerate(_TRAINING.items()):
        _write_task(folder / "training" / f"{name}.json", 10 * number, solve)
    _write_task(folder / "search" / "mirror.json", 100, np.fliplr)
    for number in range(3):  # nothing small solves these
        _write_task(folder / "search" / f"hard{number}.json", 110 + 10 * number, lambda g: (g * g + g.T) % 7)
    functions = [
        "\n    ".join([f"def solve_{name}(I):", *lines, "return O"]) for name, (lines, _) in _TRAINING.items()
    ]
    (folder / "solvers.py").write_text("\n\n".join(functions) + "\n")
    return DataConfig(str(folder / "training"), str(folder / "solvers.py"), str(folder / "search"))


def small_config(data: DataConfig) -> Config:
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


def write_config(config: Config, path: Path) -> None:
    """Writes a config to a file that `--config` takes."""
    values = json.dumps(dataclasses.asdict(config))
    path.write_text(
        "import json\n"
        "from codeit_jax.config import Config\n"
        "from codeit_jax.config.conversion import from_dict, to_config_dict\n"
        f"def get_config():\n    return to_config_dict(from_dict(Config, json.loads({values!r})))\n"
    )


def abstract_state_of(config: Config):
    """Returns what a checkpoint of the learner holds."""
    tasks = load_tasks(config.data.search_tasks)
    with start_pool(tasks, config.execution) as pool:
        return build(config, tasks, pool)[1].abstract_state


def untimed(row: dict[str, float]) -> dict[str, str]:
    """Returns a row of a checkpoint without what the clock says, and what is but looked at."""
    left_out = ("_seconds", "_per_second", "validation_performance")
    return {name: repr(value) for name, value in row.items() if not name.endswith(left_out)}


def rows(workdir: Path) -> list[dict[str, str]]:
    """Returns the rows of `performance.csv` without what the clock says."""
    with (workdir / "performance.csv").open() as file:
        return [
            {name: text for name, text in row.items() if not name.endswith(("_seconds", "_per_second"))}
            for row in csv.DictReader(file)
        ]


def assert_same_run(workdir: Path, expected: Path, abstract_state, but: tuple[str, ...] = ()) -> None:
    """Compares all that two runs have come to, apart from some files."""
    assert rows(workdir) == rows(expected)
    files = ["solutions.json", *(f"samples/{path.name}" for path in sorted(expected.glob("samples/*")))]
    assert len(files) == len(rows(expected))
    for name in files:
        if name not in but:
            assert (workdir / name).read_bytes() == (expected / name).read_bytes(), name
    step, learner_state, host_state = Checkpointer(workdir / "checkpoints").restore(abstract_state)
    assert step == len(rows(expected)) - 1
    _, expected_learner, expected_host = Checkpointer(expected / "checkpoints").restore(abstract_state)
    jax.tree.map(np.testing.assert_array_equal, learner_state, expected_learner)
    assert list(map(untimed, host_state.pop("rows"))) == list(map(untimed, expected_host.pop("rows")))
    jax.tree.map(np.testing.assert_array_equal, host_state, expected_host)
