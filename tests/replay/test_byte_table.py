import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeit_jax.replay import byte_table
from codeit_jax.replay.byte_table import ByteTable

SEGMENT_STRINGS, SEGMENT_BYTES = 4, 20
strings = st.lists(
    st.sampled_from([b"", b"a", b"bb", b"ab", b"c" * 7, b"d" * 19, b"e" * 50]) | st.binary(max_size=6)
)


@pytest.fixture(autouse=True, scope="module")
def small_segments():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(byte_table, "SEGMENT_STRINGS", SEGMENT_STRINGS)
        patch.setattr(byte_table, "SEGMENT_BYTES", SEGMENT_BYTES)
        yield


def all_of(table):
    return table.read(np.arange(len(table)))


def segments_of(table):
    return [table.segment(index) for index in range(table.num_sealed + 1)]


def same_segments(one, other):
    return [{name: array.tolist() for name, array in segment.items()} for segment in one] == [
        {name: array.tolist() for name, array in segment.items()} for segment in other
    ]


@settings(deadline=None)
@given(st.lists(strings, max_size=6), st.booleans())
def test_strings_get_the_numbers_that_a_dict_would_give_them(batches, collide):
    with pytest.MonkeyPatch.context() as patch:
        if collide:
            patch.setattr(byte_table, "_hashes", lambda found: np.zeros(len(found), np.uint32))
        table, one_by_one, expected = ByteTable(), ByteTable(), {}
        for batch in batches:
            assert table.find(batch).tolist() == [expected.get(string, -1) for string in batch]
            numbers = [expected.setdefault(string, len(expected)) for string in batch]
            assert table.number(batch).tolist() == numbers
            assert [one_by_one.number([string]).tolist() for string in batch] == [
                [number] for number in numbers
            ]
            assert all_of(table) == list(expected)
        assert len(table) == len(expected)
        assert same_segments(segments_of(table), segments_of(one_by_one))


def test_strings_with_one_hash_are_two(monkeypatch):
    monkeypatch.setattr(byte_table, "_hashes", lambda found: np.full(len(found), 7, np.uint32))
    one, other = b"plumless", b"buckeroo"
    table = ByteTable()
    assert table.number([one]).tolist() == [0]
    assert table.find([other]).tolist() == [-1]
    assert table.number([other, one, other]).tolist() == [1, 0, 1]
    assert all_of(table) == [one, other]


def test_segments_are_sealed_by_strings_or_bytes_and_never_change():
    table = ByteTable()
    sealed = []
    for number in range(30):
        table.number([b"%d" % number * (1 + number % 5 * 4)])
        segments = segments_of(table)[:-1]
        assert same_segments(segments[: len(sealed)], sealed)
        sealed = segments
    assert len(sealed) > 6
    for segment in sealed:
        ends = segment["ends"].tolist()
        assert len(ends) == SEGMENT_STRINGS or ends[-1] >= SEGMENT_BYTES
        assert len(ends) <= SEGMENT_STRINGS
        assert len(ends) == 1 or ends[-2] < SEGMENT_BYTES
        assert ends[-1] == len(segment["data"])
    assert same_segments([table.segment(-1)], [segments_of(table)[-1]])


@settings(deadline=None)
@given(strings, st.data())
def test_a_table_of_some_strings_is_that_of_these_alone(given_strings, data):
    table, other = ByteTable(), ByteTable()
    table.number(given_strings)
    kept = sorted(data.draw(st.sets(st.integers(0, len(table) - 1)))) if len(table) else []
    few = table.kept(np.array(kept, np.int64))
    other.number([all_of(table)[number] for number in kept])
    assert all_of(few) == all_of(other)
    assert same_segments(segments_of(few), segments_of(other))
    assert few.number(given_strings).tolist() == other.number(given_strings).tolist()


@settings(deadline=None)
@given(strings, strings)
def test_a_table_made_of_segments_goes_on_as_the_other(first, second):
    table, other = ByteTable(), ByteTable()
    table.number(first)
    *sealed, last = segments_of(table)
    with pytest.MonkeyPatch.context() as patch:
        # As in another process, whose hashes are others.
        patch.setattr(
            byte_table, "_hashes", lambda found: np.array([len(each) % 3 for each in found], np.uint32)
        )
        for segment in sealed:
            other.add_segment(segment, is_sealed=True)
        other.add_segment(last, is_sealed=False)
        assert all_of(other) == all_of(table)
        numbers = other.number(second).tolist()
    assert numbers == table.number(second).tolist()
    assert same_segments(segments_of(other), segments_of(table))


@pytest.mark.parametrize(
    "change",
    [
        {"ends": np.array([1, 4], np.uint32)},
        {"ends": np.array([2, 1, 3], np.uint32)},
        {"data": np.zeros(2, np.uint8)},
        {"more": np.zeros(2, np.uint8)},
    ],
)
def test_what_is_no_segment_is_refused(change):
    table = ByteTable()
    table.number([b"a", b"", b"bb"])
    with pytest.raises(ValueError, match="replay buffer state: "):
        ByteTable().add_segment({**table.segment(-1), **change}, is_sealed=False)


def test_segments_of_earlier_versions_had_hashes():
    table, other = ByteTable(), ByteTable()
    table.number([b"a", b"", b"bb"])
    other.add_segment({**table.segment(-1), "hashes": np.zeros(3, np.uint32)}, is_sealed=False)
    assert other.number([b"bb", b"c", b"a"]).tolist() == [2, 3, 0]
    assert all_of(other) == [b"a", b"", b"bb", b"c"]


def test_the_memory_is_little_more_than_the_strings():
    table = ByteTable()
    table.number([b"%0300d" % number for number in range(20_000)])
    assert 300 <= table.nbytes / len(table) <= 330
