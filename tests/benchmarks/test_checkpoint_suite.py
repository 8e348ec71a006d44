"""A tiny run of the checkpoint suite."""

from codeit_jax.benchmarks.checkpoint import Case, checkpoints
from codeit_jax.benchmarks.suites import SUITES


def test_every_case_is_measured():
    measured = {each.name: each for each in checkpoints(Case("nano", 50, 20, 2), seed=0)}
    assert list(measured) == [
        "nano, 20 new beside 50: the run waits",
        "nano, 20 new beside 50: until complete",
        "nano, 20 new beside 50: work of processors",
    ]
    waited, written, _ = measured.values()
    assert 0 < waited.ours < written.ours


def test_the_suite_is_known():
    assert SUITES["checkpoint"] == "codeit_jax.benchmarks.checkpoint"
