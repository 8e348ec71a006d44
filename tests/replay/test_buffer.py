import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeit_jax.replay import Experience, ReplayBuffer

INPUTS = (((1, 2), (3, 4)), ((5,),))


def experience(name, priority=0.0, *, task="task", inputs=INPUTS, meta_iteration=0):
    outputs = tuple(((len(name) % 10,) * 3,) for _ in inputs)
    return Experience.of(task, f"O = {name}(I)", inputs, outputs, priority, meta_iteration)


def programs(buffer):
    return [entry.program[4:-3] for entry in buffer]


def same_state(one, other):
    return one.keys() == other.keys() and all(
        np.array_equal(one[key], other[key])
        and getattr(one[key], "dtype", 0) == getattr(other[key], "dtype", 0)
        for key in one
    )


def test_what_is_added_comes_back():
    buffer = ReplayBuffer()
    entries = [
        experience("a", 1 / 3),
        experience("bb", 1.0, task="other", inputs=(INPUTS[1],), meta_iteration=7),
        Experience.of(
            "täsk", "x1 = ñ(I)\nO = ñ(x1)", INPUTS, (((0,) * 30,) * 30, ((9,),) * 30), 0.0, 2**31 - 1
        ),
    ]
    assert [buffer.add(entry) for entry in entries] == [True, True, True]
    assert len(buffer) == 3
    assert list(buffer) == entries
    assert buffer[-1] == entries[-1]
    assert [buffer[index] for index in np.array([2, 0, 2])] == [entries[2], entries[0], entries[2]]
    with pytest.raises(IndexError):
        buffer[3]


def test_a_task_and_a_program_are_stored_once():
    buffer = ReplayBuffer()
    assert buffer.extend([experience("a", 0.5), experience("b"), experience("a", task="other")]) == 3
    assert not buffer.add(experience("a", 0.25, meta_iteration=9))
    assert buffer[0] == experience("a", 0.5)
    assert not buffer.add(experience("a", 0.75, meta_iteration=9))
    assert buffer[0] == experience("a", 0.75)
    assert buffer.extend([experience("b"), experience("c"), experience("c")]) == 1
    assert programs(buffer) == ["a", "b", "a", "c"]


def test_keys_do_not_run_together():
    buffer = ReplayBuffer()
    one = experience("a")._replace(task_id="t", program="xO = a(I)")
    other = experience("a")._replace(task_id="tx", program="O = a(I)")
    assert buffer.extend([one, other]) == 2


def test_equal_inputs_are_stored_once():
    buffer = ReplayBuffer()
    buffer.extend(
        experience(f"f{i}", inputs=tuple(tuple(map(tuple, grid)) for grid in INPUTS)) for i in range(50)
    )
    buffer.add(experience("g", inputs=INPUTS[:1]))
    state = buffer.state()
    assert state["input_counts"].tolist() == [2, 1]
    assert state["input_arena"].tolist() == [2, 2, 1, 2, 3, 4, 1, 1, 5, 2, 2, 1, 2, 3, 4]


def test_when_full_the_half_with_the_lowest_priority_goes_the_oldest_first():
    buffer = ReplayBuffer(6)
    buffer.extend(
        experience(name, priority)
        for name, priority in [("a", 0.5), ("b", 0.0), ("c", 1.0), ("d", 0.0), ("e", 0.5), ("f", 0.5)]
    )
    assert buffer.add(experience("g", 0.0))
    assert programs(buffer) == ["c", "e", "f", "g"]
    assert [entry.priority for entry in buffer] == [1.0, 0.5, 0.5, 0.0]
    assert buffer.add(experience("b")), "an evicted key is new again"
    assert not buffer.add(experience("e"))
    assert list(buffer)[1] == experience("e", 0.5)


def test_eviction_forgets_the_tasks_and_inputs_of_what_is_gone():
    buffer = ReplayBuffer(4)
    for i, priority in enumerate((0.0, 1.0, 0.0, 1.0)):
        buffer.add(experience("a", priority, task=f"task{i}", inputs=(((i,),),)))
    buffer.add(experience("a", task="task4", inputs=(((4,),),)))
    state = buffer.state()
    assert state["task_ids"] == '["task1", "task3", "task4"]'
    assert state["input_arena"].tolist() == [1, 1, 1, 1, 1, 3, 1, 1, 4]
    assert [entry.inputs for entry in buffer] == [(((i,),),) for i in (1, 3, 4)]


@pytest.mark.parametrize(("capacity", "sizes"), [(1, [1, 1, 1, 1]), (2, [1, 2, 2, 2]), (3, [1, 2, 3, 2])])
def test_tiny_capacities(capacity, sizes):
    buffer = ReplayBuffer(capacity)
    seen = []
    for name in "abcd":
        assert buffer.add(experience(name))
        assert programs(buffer)[-1] == name
        seen.append(len(buffer))
    assert seen == sizes


def test_capacity_is_checked():
    with pytest.raises(ValueError, match="capacity must be at least 1, got 0"):
        ReplayBuffer(0)


additions = st.tuples(
    st.sampled_from(["p", "qq", "rrr", "ssss", "t", "u"]),
    st.sampled_from([0.0, 0.25, 1 / 3, 1.0]),
    st.sampled_from(["one", "two", "three"]),
    st.sampled_from([INPUTS, INPUTS[:1], (((0,),),)]),
)


@settings(deadline=None)
@given(st.integers(1, 9), st.lists(additions, max_size=60))
def test_the_buffer_does_what_a_plain_list_would(capacity, sequence):
    buffer, model = ReplayBuffer(capacity), []
    for meta_iteration, (name, priority, task, inputs) in enumerate(sequence):
        new = experience(name, priority, task=task, inputs=inputs, meta_iteration=meta_iteration)
        match = [i for i, old in enumerate(model) if (old.task_id, old.program) == (task, new.program)]
        if match:
            old = model[match[0]]
            model[match[0]] = old._replace(priority=max(old.priority, priority))
        else:
            if len(model) == capacity:
                ranked = sorted(range(capacity), key=lambda i: (model[i].priority, i))
                model = [model[i] for i in sorted(ranked[(capacity + 1) // 2 :])]
            model.append(new)
        assert buffer.add(new) == (not match)
        assert list(buffer) == model
    assert same_state(ReplayBuffer.from_state(buffer.state()).state(), buffer.state())


def test_samples_are_of_different_entries_and_follow_priority():
    buffer = ReplayBuffer()
    buffer.extend(experience(f"f{i}", 1.0 if i % 4 == 0 else 0.0) for i in range(200))
    rng = np.random.default_rng(2)
    sample = buffer.sample(50, rng)
    assert sorted(sample.tolist()) == list(range(0, 200, 4))
    beyond = buffer.sample(60, rng).tolist()
    assert len(set(beyond)) == 60
    assert set(range(0, 200, 4)) < set(beyond)
    even = buffer.sample(100, rng, prioritized=False)
    assert len(set(even.tolist())) == 100
    assert 10 <= sum(index % 4 == 0 for index in even) <= 40


def test_quantiles_of_the_priorities():
    buffer = ReplayBuffer()
    assert np.isnan(buffer.priority_quantiles((0.1, 0.9))).all()
    buffer.extend(experience("a" * (number + 1), number / 10) for number in range(11))
    assert buffer.priority_quantiles((0.1, 0.5, 0.9)) == pytest.approx([0.1, 0.5, 0.9])


def test_a_sample_of_everything_is_shuffled():
    buffer = ReplayBuffer()
    buffer.extend(experience(f"f{i}", 1.0) for i in range(40))
    for n in (40, 1000):
        sample = buffer.sample(n, np.random.default_rng(0)).tolist()
        assert sorted(sample) == list(range(40))
        assert sample != list(range(40))


def test_a_raised_priority_counts():
    buffer = ReplayBuffer()
    buffer.extend([experience("a"), experience("b"), experience("c", 1.0)])
    buffer.add(experience("b", 0.5))
    assert sorted(buffer.sample(2, np.random.default_rng(0)).tolist()) == [1, 2]


def filled(capacity=30):
    buffer = ReplayBuffer(capacity)
    rng = np.random.default_rng(11)
    for i in range(47):
        inputs = INPUTS if i % 3 else INPUTS[: 1 + i % 2]
        buffer.add(
            experience(f"f{i}", float(rng.choice([0, 1 / 3, 0.5, 1])), task=f"t{i % 5}", inputs=inputs)
        )
    return buffer


def test_a_restored_buffer_goes_on_as_the_saved_one_would():
    buffer = filled()
    state = buffer.state()
    restored = ReplayBuffer.from_state(state)
    assert same_state(restored.state(), state)
    assert restored.extend(list(buffer)) == 0
    rng, twin = np.random.default_rng(1), np.random.default_rng(1)
    for step in range(40):  # past the next eviction
        assert buffer.sample(9, rng).tolist() == restored.sample(9, twin).tolist()
        more = experience(f"g{step % 33}", step % 4 / 3, task=f"t{step % 7}")
        assert buffer.add(more) == restored.add(more)
        assert list(buffer) == list(restored)
    assert same_state(restored.state(), buffer.state())


def test_a_state_shares_nothing_with_the_buffer_and_is_made_of_what_checkpoints_hold():
    buffer = filled()
    state = buffer.state()
    before = {key: np.array(value) for key, value in state.items()}
    buffer.extend(experience(f"h{i}", 1.0) for i in range(40))
    assert all(np.array_equal(state[key], before[key]) for key in state)
    for value in state.values():
        assert type(value) in (int, str) or (
            type(value) is np.ndarray and value.dtype.kind in "iuf" and value.size
        )


def test_an_empty_buffer_is_its_capacity():
    state = ReplayBuffer(12).state()
    assert state == {"capacity": 12}
    restored = ReplayBuffer.from_state(state)
    assert (len(restored), restored.capacity) == (0, 12)
    assert restored.sample(5, np.random.default_rng(0)).tolist() == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"extra": 1}, "expected .* got"),
        ({"tasks": np.zeros(3, np.int32)}, "columns of"),
        ({"capacity": 2}, "capacity 2"),
        ({"arena": np.zeros(3, np.uint8)}, "ends do not fit the arena"),
        ({"task_ids": "[]"}, "tasks points outside"),
        ({"input_counts": np.array([2], np.int32)}, "inputs points outside"),
        ({"input_arena": np.zeros(1, np.uint8)}, "1 bytes are too few"),
    ],
)
def test_a_state_that_is_none_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        ReplayBuffer.from_state({**filled().state(), **change})
