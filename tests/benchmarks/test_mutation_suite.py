"""A tiny run of every case of the mutation suite."""

from codeit_jax.benchmarks.mutation import Sizes, measure_sizes
from codeit_jax.benchmarks.suites import SUITES, Options

TINY = Sizes(
    parents=4,
    num_rounds=1,
    max_short_lines=60,
    distillation_work=50_000,
    plain_programs=20,
    guard_seconds=0.5,
    population=1000,
)


def test_every_case_is_measured():
    measured = {each.name: each for each in measure_sizes(TINY, Options(num_workers=2))}
    assert measured["distilling 4 programs: median length"].ratio > 1
    assert measured["distilling 4 programs, 2 workers, wall clock"].ours > 0
    for name in ("d1", "d1, parents of 60 lines at most", "d1, 25% new lines", "d-infinity"):
        whole = measured[f"{name}, one process"]
        assert whole.ours > 0
        assert whole.peer is None or whole.ratio > 0
        assert 0 < measured[f"{name}: accepted"].ours <= 100
        for kind in ("argument", "function", "call"):
            assert 0 < measured[f"{name}, {kind}: accepted"].ours <= 100
    assert "d1, 25% new lines, new_line: accepted" in measured
    assert measured["d1, 2 workers, wall clock"].peer == measured["d1, 1 worker, wall clock"].ours > 0
    assert measured["what is known of 1,000 programs"].ratio > 1


def test_the_suite_is_known():
    assert SUITES["mutation"] == "codeit_jax.benchmarks.mutation"
