"""A tiny run of every case of the replay suite."""

import pytest

from codeit_jax.benchmarks.replay import Sizes, Stream, measure_sizes
from codeit_jax.benchmarks.suites import SUITES, Options


def test_every_case_is_measured():
    sizes = Sizes(sizes=(50, 300), batch=40, num_drawn=100, num_more=20, max_peer=50)
    measured = {each.name: each for each in measure_sizes(sizes, Options())}
    for size, num_drawn in ((50, 50), (300, 100)):
        assert measured[f"{size}: adding"].ours > 0
        assert measured[f"{size}: memory"].peer > 0
        assert measured[f"{size}: {num_drawn} drawn and read"].ours > 0
        for case in ("checkpoint, 20 new", "restored"):
            assert measured[f"{size}: {case}"].ours > 0
            assert (measured[f"{size}: {case}"].peer is None) == (size == 300)
    assert measured["340: half evicted"].ours > 0
    assert len(measured) == 11


def test_experiences_are_valid_and_as_the_suite_says():
    made = Stream(3).take(4000)
    assert made[:500] == Stream(3).take(500)
    for each in made[::7]:
        each.__post_init__()  # checks it
    assert len({(each.task_id, each.program) for each in made}) == pytest.approx(0.95 * 4000, rel=0.02)
    assert len({(each.task_id, each.outputs) for each in made}) == pytest.approx(0.5 * 4000, rel=0.05)
    lines = [each.program.count("\n") + 1 for each in made]
    assert (min(lines), max(lines)) == (1, 30)


def test_the_suite_is_known():
    assert SUITES["replay"] == "codeit_jax.benchmarks.replay"
