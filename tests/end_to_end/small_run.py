"""What a small run leaves, and whether two of them are the same."""

import csv
from pathlib import Path

import jax
import numpy as np

from codeit_jax.run.checkpoint import Checkpointer

ROOT = Path(__file__).parents[2]


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


def assert_same_run(workdir: Path, expected: Path, abstract_state) -> None:
    assert rows(workdir) == rows(expected)
    files = ["solutions.json", *(f"samples/{path.name}" for path in expected.glob("samples/*"))]
    assert len(files) == 3
    for name in files:
        assert (workdir / name).read_bytes() == (expected / name).read_bytes(), name
    step, learner_state, host_state = Checkpointer(workdir / "checkpoints").restore(abstract_state)
    assert step == 2
    _, expected_learner, expected_host = Checkpointer(expected / "checkpoints").restore(abstract_state)
    jax.tree.map(np.testing.assert_array_equal, learner_state, expected_learner)
    assert list(map(untimed, host_state.pop("rows"))) == list(map(untimed, expected_host.pop("rows")))
    jax.tree.map(np.testing.assert_array_equal, host_state, expected_host)
