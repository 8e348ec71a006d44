import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeit_jax.replay.hash_index import HashIndex


def lookup(index, things, wanted, hash_of):
    things, wanted = np.array(things, np.int64), np.array(wanted, np.int64)
    return index.find(hash_of(wanted), lambda rows, numbers: wanted[rows] == things[numbers]).tolist()


HASHES = {
    "all equal": lambda things: np.zeros(len(things), np.uint32),
    "few": lambda things: (things % 5).astype(np.uint32),
    "spread": lambda things: (things * 2654435761 % 2**32).astype(np.uint32),
}


@pytest.mark.parametrize("kind", HASHES)
@settings(deadline=None)
@given(sizes=st.lists(st.integers(0, 40), max_size=6), wanted=st.lists(st.integers(0, 300), max_size=30))
def test_things_are_found_whatever_their_hashes(kind, sizes, wanted):
    index, things = HashIndex(), []
    for size in sizes:
        more = [3 * (len(things) + number) for number in range(size)]
        things += more
        index.append(HASHES[kind](np.array(more, np.int64)))
        expected = [things.index(thing) if thing in things else -1 for thing in wanted]
        assert lookup(index, things, wanted, HASHES[kind]) == expected
    assert len(index) == len(things)


def test_it_grows():
    index, things = HashIndex(), np.arange(0, 200_000, 2)
    for start in range(0, len(things), 7000):
        index.append(HASHES["spread"](things[start : start + 7000]))
    found = lookup(index, things, np.arange(200_000), HASHES["spread"])
    assert found[::2] == list(range(100_000))
    assert set(found[1::2]) == {-1}
    assert index.hashes.tolist() == HASHES["spread"](things).tolist()
    assert index.nbytes <= 17 * len(things)
