"""Traces tell how long devices had nothing to do."""

from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from codeit_jax.run.profiling import covered, profile


@pytest.mark.parametrize(
    ("intervals", "total"),
    [
        ([], 0),
        ([(1, 3)], 2),
        ([(5, 7), (1, 3)], 4),
        ([(1, 10), (2, 3), (4, 5)], 9),
        ([(1, 4), (2, 6), (6, 7)], 6),
        ([(1, 1)], 0),
    ],
)
def test_the_union_of_intervals(intervals: list[tuple[float, float]], total: float) -> None:
    assert covered(intervals) == total


def test_devices_without_work_are_idle(tmp_path: Path) -> None:
    with profile(tmp_path / "idle") as idle_share:
        pass
    assert idle_share() == 1.0


def test_devices_at_work_are_not(tmp_path: Path) -> None:
    multiply = jax.jit(lambda matrix: matrix @ matrix)
    matrix = jnp.zeros((1000, 1000))
    multiply(matrix).block_until_ready()
    with profile(tmp_path / "busy") as idle_share:
        for _ in range(10):
            multiply(matrix).block_until_ready()
    assert 0 <= idle_share() < 1
    assert list(tmp_path.glob("busy/plugins/profile/*/*.xplane.pb"))
