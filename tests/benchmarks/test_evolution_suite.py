"""A tiny run of every case of the evolution suite."""

from codeit_jax.benchmarks.evolution import Sizes, measure_sizes
from codeit_jax.benchmarks.suites import SUITES, Options
from codeit_jax.evolution.jobs import Breeding

TINY = Sizes(
    num_tasks=2,
    num_parents=12,
    turn_work=300_000,
    num_mutants=40,
    mutants_per_job=20,
    breeding=Breeding(capacity=20, views_work=0, num_mended=2),
)


def test_every_case_is_measured():
    rate, solved = measure_sizes(TINY, Options())
    assert rate.ours > 0
    assert rate.unit == "programs/s"
    assert 0 <= solved.ours <= 2
    assert 0 <= solved.peer <= 2


def test_the_suite_is_known():
    assert SUITES["evolution"] == "codeit_jax.benchmarks.evolution"
