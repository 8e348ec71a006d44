"""What checkpoints hold of a buffer, in both forms."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from codeit_jax.replay import Experience, ReplayBuffer, byte_table, states
from codeit_jax.replay.segments import SegmentError, SegmentStore
from codeit_jax.replay.states import segment_names
from codeit_jax.run.checkpoint import Checkpointer

INPUTS = (((1, 2), (3, 4)), ((5,),))


@pytest.fixture(autouse=True)
def small_segments(monkeypatch):
    monkeypatch.setattr(byte_table, "SEGMENT_STRINGS", 8)
    monkeypatch.setattr(byte_table, "SEGMENT_BYTES", 200)
    monkeypatch.setattr(states, "SEGMENT_ROWS", 16)


@pytest.fixture
def store(tmp_path):
    return SegmentStore(tmp_path / "segments")


def experiences(start, stop):
    rng = np.random.default_rng(start)
    for i in range(start, stop):
        inputs = INPUTS if i % 3 else INPUTS[: 1 + i % 2]
        outputs = tuple(((i % 10, i // 10 % 10),) for _ in inputs)
        priority = float(rng.choice([0, 1 / 3, 0.5, 1]))
        yield Experience.of(f"t{i % 5}", f"O = f{i - i % 2}(I)", inputs, outputs, priority, i)


def filled(stop=101, capacity=1000):
    buffer = ReplayBuffer(capacity)
    buffer.extend(experiences(0, stop))
    return buffer


def leaves(value):
    if isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    else:
        yield value


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        if isinstance(value, dict):
            assert_same(value, other[name])
        else:
            assert type(value) is type(other[name])
            assert getattr(value, "dtype", 0) == getattr(other[name], "dtype", 0)
            assert np.array_equal(value, other[name])


def test_a_buffer_restored_from_segments_goes_on_as_the_saved_one_would(store):
    buffer = filled(capacity=160)
    state = buffer.state(store)
    assert store.names() == segment_names(state)
    assert len(store.names()) > 10
    restored = ReplayBuffer.from_state(state, store)
    assert list(restored) == list(buffer)
    assert_same(restored.state(store), state)
    assert_same(restored.state(), buffer.state())
    rng, twin = np.random.default_rng(1), np.random.default_rng(1)
    for step in range(4):  # past the next eviction
        assert buffer.sample(9, rng).tolist() == restored.sample(9, twin).tolist()
        more = list(experiences(90 + 40 * step, 140 + 40 * step))
        assert buffer.extend(more) == restored.extend(more)
        assert list(buffer) == list(restored)
        assert_same(restored.state(store), buffer.state(store))
        assert list(ReplayBuffer.from_state(buffer.state(store), store)) == list(buffer)
    assert buffer.extend(experiences(0, 260)) == restored.extend(experiences(0, 260)) > 0


def test_only_what_is_new_is_written(store, monkeypatch):
    buffer = filled(96)
    before = segment_names(buffer.state(store))
    written = []
    write = store.write
    monkeypatch.setattr(store, "write", lambda arrays: written.append(write(arrays)) or written[-1])
    assert segment_names(buffer.state(store)) == before
    assert not written
    buffer.extend(experiences(0, 40))  # all are known, and some priorities rise
    assert segment_names(buffer.state(store)) == before
    assert not written
    buffer.extend(experiences(96, 160))
    after = segment_names(buffer.state(store))
    assert before < after
    assert set(written) == after - before
    assert len(written) == len(after - before)


def test_a_restored_buffer_writes_only_what_is_new(store, monkeypatch):
    buffer = filled(96)
    restored = ReplayBuffer.from_state(buffer.state(store), store)
    restored.extend(experiences(96, 130))
    before = store.names()
    written = []
    write = store.write
    monkeypatch.setattr(store, "write", lambda arrays: written.append(write(arrays)) or written[-1])
    restored.state(store)
    assert written
    assert not set(written) & before


def test_segments_that_went_are_written_again(store, tmp_path):
    buffer = filled()
    state = buffer.state(store)
    store.retain([])
    assert store.names() == set()
    assert_same(buffer.state(store), state)
    assert store.names() == segment_names(state)
    elsewhere = SegmentStore(tmp_path / "elsewhere")
    assert_same(buffer.state(elsewhere), state)
    assert list(ReplayBuffer.from_state(state, elsewhere)) == list(buffer)


def test_what_checkpoints_name_outlives_an_eviction(store):
    buffer = filled(150, capacity=100)
    first = ReplayBuffer(100)
    first.extend(experiences(0, 100))
    early = first.state(store)
    late = buffer.state(store)
    store.retain(segment_names(early) | segment_names(late))
    assert list(ReplayBuffer.from_state(early, store)) == list(first)
    assert list(ReplayBuffer.from_state(late, store)) == list(buffer)
    store.retain(segment_names(late))
    assert list(ReplayBuffer.from_state(late, store)) == list(buffer)
    with pytest.raises(SegmentError):
        ReplayBuffer.from_state(early, store)


def test_a_state_shares_nothing_with_the_buffer_and_is_made_of_what_checkpoints_hold(store, tmp_path):
    buffer = filled()
    state = buffer.state(store)
    before = json.dumps([np.array(value).tolist() for value in leaves(state)])
    for value in leaves(state):
        assert type(value) in (int, str) or (type(value) is np.ndarray and value.dtype.kind in "iuf")
    parameter = jnp.zeros(1)
    abstract = {"x": jax.ShapeDtypeStruct((1,), parameter.dtype, sharding=parameter.sharding)}
    with Checkpointer(tmp_path / "checkpoints") as checkpointer:
        for step, each in enumerate((buffer, ReplayBuffer(7))):
            checkpointer.save(step, learner_state={"x": parameter}, host_state={"buffer": each.state(store)})
            saved = checkpointer.restore(abstract)[2]["buffer"]
            assert list(ReplayBuffer.from_state(saved, store)) == list(each)
    buffer.extend(experiences(0, 101))
    assert json.dumps([np.array(value).tolist() for value in leaves(state)]) == before


def test_an_empty_buffer_is_its_capacity(store):
    assert ReplayBuffer(12).state(store) == {"capacity": 12}
    assert store.names() == set()
    assert ReplayBuffer.from_state({"capacity": 12}, store).capacity == 12
    assert segment_names({"capacity": 12}) == set()


def test_segments_of_another_size_are_read_and_cut_anew(store, monkeypatch):
    buffer = filled()
    state = buffer.state(store)
    monkeypatch.setattr(byte_table, "SEGMENT_STRINGS", 5)
    monkeypatch.setattr(states, "SEGMENT_ROWS", 32)
    restored = ReplayBuffer.from_state(state, store)
    restored.extend(experiences(90, 130))
    buffer.extend(experiences(90, 130))
    assert list(ReplayBuffer.from_state(restored.state(store), store)) == list(buffer)


def test_a_state_of_arrays_as_earlier_versions_wrote_it_is_read():
    state = {
        "capacity": 5,
        "task_ids": '["one", "two"]',
        "priorities": np.array([0.5, 0.0, 1.0]),
        "meta_iterations": np.array([0, 3, 4], np.int32),
        "tasks": np.array([0, 1, 0], np.int32),
        "inputs": np.array([0, 1, 0], np.int32),
        "ends": np.array([8, 14, 22]),
        "arena": np.array(
            [1, 1, 7, 1, 2, 8, 9, *b"a", 1, 1, 6, *b"bcd", 1, 1, 7, 1, 2, 8, 9, *b"b"], np.uint8
        ),
        "input_counts": np.array([2, 1], np.int32),
        "input_arena": np.array([1, 1, 5, 2, 1, 3, 4, 1, 1, 2], np.uint8),
    }
    inputs = (((5,),), ((3,), (4,)))
    buffer = ReplayBuffer.from_state(state)
    assert list(buffer) == [
        Experience.of("one", "a", inputs, (((7,),), ((8, 9),)), 0.5, 0),
        Experience.of("two", "bcd", (((2,),),), (((6,),),), 0.0, 3),
        Experience.of("one", "b", inputs, (((7,),), ((8, 9),)), 1.0, 4),
    ]
    assert_same(buffer.state(), state)
    assert not buffer.add(buffer[1])
    too_long = {**state, "arena": np.where(np.arange(22) == 8, 9, state["arena"]).astype(np.uint8)}
    with pytest.raises(ValueError, match="ends do not fit the arena"):
        ReplayBuffer.from_state(too_long)


def test_a_damaged_segment_is_told_by_its_file(store, tmp_path):
    state = filled().state(store)
    for name in sorted(store.names()):
        file = tmp_path / "segments" / name
        content = file.read_bytes()
        file.write_bytes(content[:-9] + bytes([content[-9] ^ 4]) + content[-8:])
        with pytest.raises(SegmentError, match=str(file)):
            ReplayBuffer.from_state(state, store)
        file.write_bytes(content)
    ReplayBuffer.from_state(state, store)


def changed(state, kind, name, value):
    return {**state, kind: {**state[kind], name: value}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: {**state, "extra": 1}, "expected .* got"),
        (lambda state: {name: state[name] for name in state if name != "rows"}, "expected .* got"),
        (lambda state: {**state, "segments": '{"rows": []}'}, "expected .* got"),
        (lambda state: {**state, "capacity": 2}, "101 entries, capacity 2"),
        (lambda state: {**state, "task_ids": "[]"}, "tasks points outside"),
        (lambda state: {**state, "priorities": np.zeros(3)}, "columns of"),
        (lambda state: changed(state, "rows", "inputs", np.full(5, 9, np.int32)), "inputs points outside"),
        (lambda state: changed(state, "rows", "outputs", np.full(5, -1, np.int32)), "outputs points outside"),
        (lambda state: changed(state, "rows", "programs", np.full(2, 0, np.int32)), "columns of"),
        (lambda state: changed(state, "programs", "data", np.zeros(1, np.uint8)), "ends do not fit"),
        (lambda state: {name: state[name] for name in state if name != "capacity"}, "expected a capacity"),
    ],
)
def test_a_state_that_is_none_is_refused(store, change, message):
    with pytest.raises(ValueError, match=message):
        ReplayBuffer.from_state(change(filled().state(store)), store)


def test_without_a_store_a_state_that_names_segments_is_refused(store):
    with pytest.raises(ValueError, match="there is no store"):
        ReplayBuffer.from_state(filled().state(store))
