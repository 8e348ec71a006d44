import hashlib

import numpy as np
import pytest

from codeit_jax.errors import UserError
from codeit_jax.replay.segments import SegmentError, SegmentStore
from codeit_jax.run import files

ARRAYS = {
    "numbers": np.arange(5, dtype=np.int32),
    "none": np.empty(0, np.float64),
    "data": np.array([1, 2, 255], np.uint8),
    "long": np.linspace(0, 1, 100),
}


def same(one, other):
    return one.keys() == other.keys() and all(
        one[name].dtype == other[name].dtype and one[name].tolist() == other[name].tolist() for name in one
    )


def test_a_segment_comes_back_by_the_hash_of_its_file(tmp_path):
    store = SegmentStore(tmp_path / "new" / "folder")
    assert store.names() == set()
    name = store.write(ARRAYS)
    assert same(store.read(name), ARRAYS)
    assert store.names() == {name}
    content = (tmp_path / "new" / "folder" / name).read_bytes()
    assert name == f"{hashlib.sha256(content).hexdigest()}.segment"
    assert store.write({}) != name
    assert same(SegmentStore(tmp_path / "new" / "folder").read(store.write({})), {})


def test_a_segment_is_the_same_on_any_machine(tmp_path):
    store = SegmentStore(tmp_path)
    big_endian = {name: array.astype(array.dtype.newbyteorder(">")) for name, array in ARRAYS.items()}
    assert store.write(big_endian) == store.write(ARRAYS)
    assert len(store.names()) == 1


def test_what_is_there_is_not_written_again(tmp_path, monkeypatch):
    store = SegmentStore(tmp_path)
    name = store.write(ARRAYS)
    monkeypatch.setattr("codeit_jax.replay.segments.replacing", None)
    assert store.write(ARRAYS) == name


def test_a_segment_whose_writing_fails_is_not_there(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("no room left")

    monkeypatch.setattr(files.os, "fsync", fail)
    with pytest.raises(OSError, match="no room left"):
        SegmentStore(tmp_path).write(ARRAYS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "gone"])
def test_a_damaged_segment_is_told_by_its_file(tmp_path, damage):
    store = SegmentStore(tmp_path)
    name = store.write(ARRAYS)
    file = tmp_path / name
    content = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        flipped = content[:200] + bytes([content[200] ^ 1]) + content[201:]
        file.write_bytes({"flipped": flipped, "cut": content[:-1], "empty": b""}[damage])
    with pytest.raises(SegmentError) as raised:
        store.read(name)
    assert isinstance(raised.value, UserError)
    assert str(raised.value).startswith(f"{file}: ")
    assert ("No such file" if damage == "gone" else "is damaged") in str(raised.value)


def test_what_no_checkpoint_names_is_removed_and_nothing_else(tmp_path):
    store = SegmentStore(tmp_path)
    store.retain(["any"])
    kept, gone = store.write(ARRAYS), store.write({})
    (tmp_path / "unrelated").write_text("mine")
    (tmp_path / f"{gone}.unfinished").write_text("half")
    store.retain({kept, "one that is not there"})
    assert {path.name for path in tmp_path.iterdir()} == {kept, "unrelated"}
    SegmentStore(tmp_path / "none").retain([])
    assert not (tmp_path / "none").exists()
