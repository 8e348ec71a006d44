"""The buffer in batches, beside a dict and lists, and what it draws beside exact probabilities."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeit_jax.replay import Experience, ReplayBuffer, buffer, byte_table, states
from codeit_jax.replay.segments import SegmentStore
from tests.replay.exact import CRITICAL, chi_square, probabilities_of_sets

GRIDS = [((0,),), ((1, 2), (3, 4)), ((5,) * 30,), ((7,),) * 4, tuple((9, row % 10) for row in range(30))]


class Reference:
    """What a buffer is: a dict from a task and a program to an experience, in the order they came."""

    def __init__(self, capacity):
        self.capacity = capacity
        self.entries = {}

    def add(self, experience):
        key = (experience.task_id, experience.program)
        if key in self.entries:
            kept, priority = self.entries[key]
            self.entries[key] = (kept, max(priority, experience.priority))
            return False
        if len(self.entries) == self.capacity:
            self.evict()
        self.entries[key] = (experience, experience.priority)
        return True

    def evict(self):
        keys = list(self.entries)
        lowest = sorted(keys, key=lambda key: (self.entries[key][1], keys.index(key)))
        for key in lowest[: (len(keys) + 1) // 2]:
            del self.entries[key]

    def contents(self):
        return [
            (entry.task_id, entry.program, entry.inputs, entry.outputs, priority, entry.meta_iteration)
            for entry, priority in self.entries.values()
        ]


def contents(experiences):
    return [
        (each.task_id, each.program, each.inputs, each.outputs, each.priority, each.meta_iteration)
        for each in experiences
    ]


@st.composite
def experiences(draw):
    count = draw(st.integers(1, 2))
    grids = st.tuples(*[st.sampled_from(GRIDS)] * count)
    return Experience.of(
        draw(st.sampled_from(["one", "two", "täsk"])),
        draw(st.sampled_from(["a", "bb", "O = ñ(I)", "plumless"])),
        draw(grids),
        draw(grids),
        draw(st.sampled_from([0.0, 0.25, 1 / 3, 1.0])),
        draw(st.integers(0, 2**31 - 1)),
    )


@pytest.fixture(autouse=True, scope="module")
def small_segments():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(byte_table, "SEGMENT_STRINGS", 3)
        patch.setattr(byte_table, "SEGMENT_BYTES", 60)
        patch.setattr(states, "SEGMENT_ROWS", 4)
        yield


@settings(deadline=None)
@given(
    st.integers(1, 14),
    st.lists(st.tuples(st.sampled_from(["extend", "restore", "save"]), st.lists(experiences(), max_size=24))),
    st.sampled_from([1, 2, 5, 1000]),
    st.booleans(),
)
def test_batches_are_what_one_after_another_would_be(
    tmp_path_factory, capacity, batches, batch_size, collide
):
    store = SegmentStore(tmp_path_factory.mktemp("segments"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(buffer, "_BATCH", batch_size)
        if collide:
            patch.setattr(byte_table, "_hashes", lambda strings: np.zeros(len(strings), np.uint32))
        ours, single, reference = ReplayBuffer(capacity), ReplayBuffer(capacity), Reference(capacity)
        for action, batch in batches:
            expected = [reference.add(each) for each in batch]
            assert [single.add(each) for each in batch] == expected
            assert ours.extend(iter(batch)) == sum(expected)
            if action == "save":
                ours = ReplayBuffer.from_state(ours.state(store), store)
            elif action == "restore":
                ours = ReplayBuffer.from_state(ours.state())
            assert contents(ours) == reference.contents()
            if len(ours):
                indices = np.random.default_rng(0).integers(-len(ours), len(ours), 7)
                assert contents(ours.read(indices)) == [reference.contents()[index] for index in indices]
                priorities = np.array([entry[4] for entry in reference.contents()])
                assert ours.priority_quantiles((0.1, 0.5)) == np.quantile(priorities, (0.1, 0.5)).tolist()
        if all(action != "restore" for action, _ in batches):
            # Down to the segments, whose names tell what is in them.
            assert ours.state(store).get("segments") == single.state(store).get("segments")


def filled(size=300, capacity=1000):
    ours = ReplayBuffer(capacity)
    ours.extend(
        Experience.of(f"t{i % 7}", f"O = f{i}(I)", (GRIDS[i % 5],), (GRIDS[i % 3],), i % 4 / 3, i)
        for i in range(size)
    )
    return ours


def test_reading_is_as_one_by_one():
    ours = filled()
    indices = [5, 299, -1, 5, 0]
    assert ours.read(indices) == [ours[index] for index in indices]
    read = ours.read(np.arange(len(ours)))
    assert read == list(ours)
    assert all(type(each.priority) is float and type(each.meta_iteration) is int for each in read)
    assert ours.read([]) == []
    assert ReplayBuffer().read([]) == []
    for outside in ([300], [-301], [0, 1000]):
        with pytest.raises(IndexError, match="of 300 entries"):
            ours.read(outside)
    with pytest.raises(IndexError):
        ReplayBuffer().read([0])


def test_many_inputs_come_back():
    ours = ReplayBuffer()
    each_its_own = [
        Experience.of("t", f"f{i}", (((i % 10, i // 10),),), (GRIDS[0],), 0.0, 0) for i in range(90)
    ]
    ours.extend(each_its_own)
    rng = np.random.default_rng(0)
    for size in (1, 5, 30, 2, 90, 3):
        indices = rng.integers(0, 90, size)
        assert ours.read(indices) == [each_its_own[index] for index in indices]


def test_the_memory_is_near_that_of_the_content():
    grid = tuple(tuple(np.random.default_rng(0).integers(0, 10, 20).tolist()) for _ in range(19))
    ours = ReplayBuffer()
    ours.extend(
        Experience.of("t", f"O = f{i}(I)", (grid,), ((*grid, tuple(map(int, f"{i:020}"))),), 0.5, 0)
        for i in range(20_000)
    )
    assert ours.nbytes < 1.3 * 20_000 * (2 + 400 + 12 + 28)


def test_what_cannot_be_encoded_changes_nothing():
    ours = filled(10)
    bad = Experience.of("t", "O = \ud800(I)", (GRIDS[0],), (GRIDS[0],), 1.0, 0)
    with pytest.raises(UnicodeEncodeError):
        ours.extend([Experience.of("new", "O = g(I)", (GRIDS[0],), (GRIDS[0],), 1.0, 0), bad])
    assert contents(ours) == contents(filled(10))
    assert ours.state()["task_ids"] == filled(10).state()["task_ids"]


@pytest.mark.parametrize(
    ("priorities", "n", "prioritized"),
    [
        ([0.25, 0.5, 0.75, 1.0], 1, True),
        ([0.25, 0.5, 0.75, 1.0], 3, True),
        ([1 / 3, 1 / 3, 1.0, 2 / 3, 1.0], 2, True),
        ([0.1, 1.0, 1.0, 0.1, 0.6, 0.3], 4, True),
        ([0.0, 1.0, 0.5, 0.0, 0.25], 2, False),
    ],
)
def test_every_set_is_drawn_as_often_as_it_should_be(priorities, n, prioritized):
    ours = ReplayBuffer()
    ours.extend(
        Experience.of("t", f"f{i}", (GRIDS[0],), (GRIDS[0],), p / 2, 0) for i, p in enumerate(priorities)
    )
    ours.extend(Experience.of("t", f"f{i}", (GRIDS[0],), (GRIDS[0],), p, 0) for i, p in enumerate(priorities))
    expected = probabilities_of_sets(priorities if prioritized else [1.0] * len(priorities), n)
    rng = np.random.default_rng(17)
    drawn = [ours.sample(n, rng, prioritized).tolist() for _ in range(8_000)]
    assert chi_square(Counter(tuple(sorted(each)) for each in drawn), expected) < CRITICAL[len(expected) - 1]
    # The order is random: whichever is drawn is as likely to come first.
    first = {i: sum(p for each, p in expected.items() if i in each) / n for i in range(len(priorities))}
    assert chi_square(Counter(each[0] for each in drawn), first) < CRITICAL[len(priorities) - 1]


def test_entries_without_priority_share_what_the_others_leave_evenly():
    ours = ReplayBuffer()
    priorities = [0.0, 1.0, 0.0, 0.0, 0.5, 0.0]
    ours.extend(Experience.of("t", f"f{i}", (GRIDS[0],), (GRIDS[0],), p, 0) for i, p in enumerate(priorities))
    rng, draws = np.random.default_rng(5), 4_000
    counts = Counter(itertools.chain.from_iterable(ours.sample(3, rng).tolist() for _ in range(draws)))
    assert (counts.pop(1), counts.pop(4)) == (draws, draws)
    assert chi_square(counts, dict.fromkeys((0, 2, 3, 5), 1 / 4)) < CRITICAL[3]
