"""A tiny run of every case of the replay suite."""

import pickle

import pytest

from codeit_jax.benchmarks.experiences import Stream, draw_messages
from codeit_jax.benchmarks.replay import Sizes, measure_sizes
from codeit_jax.benchmarks.suites import SUITES, Options
from codeit_jax.replay import Experience


def test_every_case_is_measured():
    sizes = Sizes(sizes=(50, 300), batch=40, num_drawn=100, num_more=20, max_peer=50, num_tasks=2)
    measured = {each.name: each for each in measure_sizes(sizes, Options())}
    for size, num_drawn in ((50, 50), (300, 100)):
        assert measured[f"{size}: adding"].ours > 0
        assert measured[f"{size}: memory"].peer > 0
        assert measured[f"{size}: {num_drawn} drawn and read"].ours > 0
        assert measured[f"{size}: grids of {num_drawn} unpacked"].ours > 0
        for case in ("checkpoint, 20 new", "restored"):
            assert measured[f"{size}: {case}"].ours > 0
            assert (measured[f"{size}: {case}"].peer is None) == (size == 300)
    assert measured["340: half evicted"].ours > 0
    assert measured["attempts of workers: unpickled, relabeled, added"].ours > 0
    assert len(measured) == 14
    assert all(each.ours_by_cpu is not None for each in measured.values() if each.unit != "MB")


def test_experiences_are_valid_and_as_the_suite_says():
    made = Stream(3).take(4000)
    assert made[:500] == Stream(3).take(500)
    for each in made[::7]:
        assert Experience.of(*each._replace(packed_inputs=each.inputs, packed_outputs=each.outputs)) == each
    assert len({(each.task_id, each.program) for each in made}) == pytest.approx(0.95 * 4000, rel=0.02)
    assert len({(each.task_id, each.outputs) for each in made}) == pytest.approx(0.5 * 4000, rel=0.05)
    lines = [each.program.count("\n") + 1 for each in made]
    assert (min(lines), max(lines)) == (1, 30)


def test_messages_are_what_workers_send_of_their_tasks():
    ((task, message),) = draw_messages(1, seed=0)
    attempts = pickle.loads(message)
    assert len(attempts) == 24
    assert {each.program is None for each in attempts} == {True, False}
    assert {len(each.outcomes) for each in attempts if each.program} == {len(task.train)}


def test_the_suite_is_known():
    assert SUITES["replay"] == "codeit_jax.benchmarks.replay"
