"""A run goes on from its newest whole snapshot, and its folder then agrees with that."""

import gzip
import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from etils import epath

from codeit_jax.components import State
from codeit_jax.config import Config
from codeit_jax.errors import UserError
from codeit_jax.evolution.rounds import Rounds
from codeit_jax.learner.learner import LearnerMetrics, Progress, Update
from codeit_jax.replay import Experience, ReplayBuffer, states
from codeit_jax.run.metrics import IterationMetrics
from codeit_jax.search.ranking import Candidate, Performance
from codeit_jax.search.solutions import Solutions, Source
from codeit_jax.snapshots import Snapshots, latest_snapshot


class Learner:
    """Stands for the policy's learner: one number is all it knows."""

    def __init__(self):
        self.state = {"number": jnp.zeros(3)}

    @property
    def abstract_state(self):
        leaf = self.state["number"]
        return {"number": jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding)}

    def restore(self, state):
        self.state = state


def experience(number):
    grid = ((number % 10, number // 10 % 10),)
    return Experience.of(f"task{number % 7}", f"O = f{number}(I)", (grid,), (grid,), number / 1000, number)


def advanced(state):
    """Makes a meta-iteration of what a state holds, and returns its row."""
    state.meta_iteration += 1
    number = state.meta_iteration
    state.learner.state = {"number": state.learner.state["number"] + number}
    state.policy_buffer.extend(map(experience, range(10 * number, 10 * number + 10)))
    candidate = Candidate(f"O = f{number}(I)", Performance(1.0, 1.0), number)
    state.solutions.add(f"task{number}", candidate, Source.POLICY)
    return IterationMetrics(number, loss=1 / number)


def begun():
    buffers = ReplayBuffer(), ReplayBuffer()
    buffers[0].extend(map(experience, range(500, 520)))
    return State(0, *buffers, Solutions(), Learner(), Rounds.of(2))


def same(one, other):
    assert one.meta_iteration == other.meta_iteration
    np.testing.assert_array_equal(one.learner.state["number"], other.learner.state["number"])
    for name in ("training_buffer", "policy_buffer"):
        buffers = getattr(one, name), getattr(other, name)
        assert list(buffers[0]) == list(buffers[1])
        draws = [buffer.sample(9, np.random.default_rng(0)).tolist() for buffer in buffers]
        assert draws[0] == draws[1]
    assert one.solutions.state() == other.solutions.state()


@pytest.fixture(autouse=True)
def short_segments(monkeypatch):
    monkeypatch.setattr(states, "SEGMENT_ROWS", 8)


def run(folder, num_iterations, config=None):
    """Runs and saves until so many are done; returns the state, the rows, and what was told."""
    told = []
    with Snapshots(epath.Path(folder), config or Config(), "tokens") as snapshots:
        state, rows = snapshots.restore(Learner(), told.append) or (begun(), [IterationMetrics(0)])
        while state.meta_iteration < num_iterations:
            rows.append(advanced(state))
            snapshots.mark(state, rows)
            snapshots.save()
    return state, rows, told


def segments(folder):
    return sorted(path.name for path in (folder / "replay").iterdir())


def test_it_goes_on_as_if_never_stopped(tmp_path):
    whole, rows, _ = run(tmp_path / "whole", 6)
    for number in (1, 3, 6):
        stopped, stopped_rows, told = run(tmp_path / "stopped", number)
        assert told == []
    same(stopped, whole)
    assert list(map(repr, stopped_rows)) == list(map(repr, rows))
    assert segments(tmp_path / "stopped") == segments(tmp_path / "whole")


def test_only_what_is_new_is_written_and_what_nobody_names_goes(tmp_path):
    run(tmp_path, 4)
    before = set(segments(tmp_path))
    (tmp_path / "replay" / f"{'0' * 64}.segment").write_bytes(b"")
    times = {name: (tmp_path / "replay" / name).stat().st_mtime_ns for name in before}
    run(tmp_path, 5)
    assert before < set(segments(tmp_path))  # nothing is evicted, so that all stay
    assert f"{'0' * 64}.segment" not in segments(tmp_path)
    assert all((tmp_path / "replay" / name).stat().st_mtime_ns == time for name, time in times.items())


def newest(folder):
    return max(
        (path for path in (folder / "checkpoints").iterdir() if path.name.isdigit()),
        key=lambda path: int(path.name),
    )


def test_a_damaged_checkpoint_costs_what_came_after_the_one_before(tmp_path):
    whole, rows, _ = run(tmp_path / "whole", 5)
    folder = tmp_path / "damaged"
    run(folder, 5)
    (folder / "samples").mkdir()
    for number in (4, 5):
        (folder / "samples" / f"{number:04d}.jsonl.gz").write_bytes(gzip.compress(b""))
    (newest(folder) / "host" / "_METADATA").unlink()
    (folder / "performance.csv").write_text("garbled")
    told = []
    with Snapshots(epath.Path(folder), Config(), "tokens") as snapshots:
        state, restored_rows = snapshots.restore(Learner(), told.append)
    assert (state.meta_iteration, len(restored_rows)) == (4, 5)
    assert len(told) == 1
    assert "checkpoint 5 is left out and kept as damaged_5_1" in told[0]
    assert "_METADATA is gone" in told[0]
    assert sorted(json.loads((folder / "solutions.json").read_text())) == [f"task{n}" for n in range(1, 5)]
    assert [path.name for path in (folder / "samples").iterdir()] == ["0004.jsonl.gz"]
    again, again_rows, _ = run(folder, 5)
    same(again, whole)
    assert list(map(repr, again_rows)) == list(map(repr, rows))


def test_a_damaged_segment_costs_the_checkpoints_that_name_it(tmp_path):
    run(tmp_path, 4)
    before = set(segments(tmp_path))
    run(tmp_path, 5)
    (new, *_) = set(segments(tmp_path)) - before
    (tmp_path / "replay" / new).write_bytes(b"cut")
    state, _, told = run(tmp_path, 4)
    assert state.meta_iteration == 4
    assert f"{new}: is damaged" in told[0]
    whole, _, _ = run(tmp_path / "whole", 6)
    same(run(tmp_path, 6)[0], whole)


def test_where_all_checkpoints_are_gone_it_is_told_that_the_run_begins_anew(tmp_path):
    run(tmp_path, 2)
    (tmp_path / "performance.csv").write_text("rows")
    shutil.rmtree(tmp_path / "checkpoints")
    assert run(tmp_path, 2)[2] == ["there is no checkpoint to go on from: it is begun anew"]


def test_a_segment_that_all_name_is_told(tmp_path):
    run(tmp_path, 5)
    for path in (tmp_path / "replay").iterdir():
        path.write_bytes(b"")
    for _ in range(2):  # not even the second time it is begun anew
        with pytest.raises(UserError, match=r"none of 2 checkpoints is whole: .*\.segment: is damaged"):
            run(tmp_path, 5)


def test_some_checkpoints_are_kept_for_good_with_their_segments(tmp_path):
    config = Config(kept_checkpoints=1, kept_checkpoint_interval=3)
    run(tmp_path, 8, config)
    kept = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert kept == ["3", "6", "8"]


def test_another_tokenizer_is_told_and_nothing_set_aside(tmp_path):
    run(tmp_path, 2)
    with (
        pytest.raises(UserError, match=r"policy.tokenizer: has another vocabulary"),
        Snapshots(epath.Path(tmp_path), Config(), "others") as snapshots,
    ):
        snapshots.restore(Learner(), print)
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["1", "2"]


def midway(folder, num_updates, config=None):
    """Begins another meta-iteration, and pauses after each of some updates; returns the learner's number."""
    with Snapshots(epath.Path(folder), config or Config(), "tokens") as snapshots:
        state, _ = snapshots.restore(Learner(), print)
        state.policy_buffer.extend(map(experience, range(700, 710)))  # which the journal has
        for _ in range(num_updates):
            state.learner.state = {"number": state.learner.state["number"] + 0.5}
            state.progress.updates.append(Update(1.0, 0.5, 0.25, 7))
            snapshots.keep()
        return float(state.learner.state["number"][0])


def restored(folder):
    told = []
    with Snapshots(epath.Path(folder), Config(), "tokens") as snapshots:
        state, rows = snapshots.restore(Learner(), told.append)
    return state, rows, told


def test_it_goes_on_from_the_midst_of_a_meta_iteration(tmp_path):
    begun, _, _ = run(tmp_path, 3)
    number = midway(tmp_path, 2)
    state, rows, told = restored(tmp_path)
    assert (state.meta_iteration, len(rows), told) == (3, 4, [])
    assert state.progress == Progress([], [Update(1.0, 0.5, 0.25, 7)] * 2)
    assert float(state.learner.state["number"][0]) == number
    assert list(state.policy_buffer) == list(begun.policy_buffer)
    # Again, from there.
    midway(tmp_path, 1)
    state, _, _ = restored(tmp_path)
    assert len(state.progress.updates) == 3
    assert len(list((tmp_path / "progress" / "checkpoints").iterdir())) == 1


def test_what_was_midway_is_no_more_after_the_next_checkpoint(tmp_path):
    run(tmp_path, 3)
    midway(tmp_path, 2)
    whole, _, _ = run(tmp_path / "whole", 5)
    with Snapshots(epath.Path(tmp_path), Config(), "tokens") as snapshots:
        state, rows = snapshots.restore(Learner(), print)
        state.learner.state = {"number": state.learner.state["number"] - 1.0}  # as if learned otherwise
        state.progress = Progress()
        while state.meta_iteration < 5:
            rows.append(advanced(state))
            snapshots.mark(state, rows)
            snapshots.save()
        snapshots.wait()
    assert not list((tmp_path / "progress").iterdir())
    same(restored(tmp_path)[0], whole)


@pytest.mark.parametrize("is_readable", [True, False])
def test_where_it_is_damaged_midway_the_meta_iteration_is_begun_again(tmp_path, is_readable):
    begun, _, _ = run(tmp_path, 3)
    midway(tmp_path, 2)
    (step,) = (tmp_path / "progress" / "checkpoints").iterdir()
    for file in (step / ("learner" if is_readable else "host")).rglob("*"):
        if file.is_file():
            file.write_bytes(b"")
    state, rows, told = restored(tmp_path)
    same(state, begun)
    assert (len(rows), state.progress) == (4, Progress())
    assert len(told) == 1
    assert f"checkpoint {step.name} is left out and kept as damaged_{step.name}_1" in told[0]


def test_a_damaged_checkpoint_costs_less_where_something_was_kept_midway(tmp_path):
    run(tmp_path, 3)
    number = midway(tmp_path, 2)
    run(tmp_path, 4)
    (newest(tmp_path) / "host" / "_METADATA").unlink()
    state, _, told = restored(tmp_path)
    assert "checkpoint 4 is left out" in told[0]
    assert (state.meta_iteration, float(state.learner.state["number"][0])) == (3, number)


def test_meta_iterations_between_checkpoints_are_kept_where_a_run_is_to_end(tmp_path):
    with Snapshots(epath.Path(tmp_path), Config(), "tokens") as snapshots:
        state, rows = begun(), [IterationMetrics(0)]
        for is_saved in (True, False, False):
            rows.append(advanced(state))
            snapshots.mark(state, rows)
            if is_saved:
                snapshots.save()
        snapshots.keep()
    expected, _, _ = run(tmp_path / "whole", 3)
    state, rows, _ = restored(tmp_path)
    same(state, expected)
    assert len(rows) == 4
    # It is on the disk, and not written twice.
    (step,) = (tmp_path / "progress" / "checkpoints").iterdir()
    with Snapshots(epath.Path(tmp_path), Config(), "tokens") as snapshots:
        snapshots.restore(Learner(), print)
        snapshots.keep()
    assert list((tmp_path / "progress" / "checkpoints").iterdir()) == [step]


def test_the_warm_up_is_kept_before_there_is_a_checkpoint(tmp_path):
    with Snapshots(epath.Path(tmp_path), Config(), "tokens") as snapshots:
        state = begun()
        snapshots.mark(state, [])
        state.progress.done.append(LearnerMetrics(1.0, 0.5, 0.25, 9, 3, 8, 0.0))
        snapshots.keep()
    assert latest_snapshot(epath.Path(tmp_path)) is None
    again, rows, _ = restored(tmp_path)
    same(again, begun())
    assert (rows, again.progress) == ([], state.progress)
    # Once it is over, the checkpoint before the first meta-iteration counts.
    with Snapshots(epath.Path(tmp_path / "over"), Config(), "tokens") as snapshots:
        state = begun()
        snapshots.mark(state, [])
        snapshots.keep()
        snapshots.mark(state, [IterationMetrics(0)])
        snapshots.save()
    assert len(restored(tmp_path / "over")[1]) == 1
    # Damaged, it is begun anew: published weights are read again.
    for file in (tmp_path / "progress" / "checkpoints").rglob("*"):
        if file.is_file():
            file.write_bytes(b"")
    with Snapshots(epath.Path(tmp_path), Config(), "tokens") as snapshots:
        assert snapshots.restore(Learner(), print) is None


@pytest.mark.parametrize(("minutes", "is_due"), [(0.0, False), (1e-9, True), (60.0, False)])
def test_a_pause_is_due_after_some_time(tmp_path, minutes, is_due):
    config = Config(checkpoint_minutes=minutes)
    with Snapshots(epath.Path(tmp_path), config, "tokens") as snapshots:
        assert snapshots.is_due() == is_due
