"""A journal holds what was written down before a run was cut short, and nothing that was damaged since."""

import errno
import os

import pytest

from codeit_jax.errors import UserError
from codeit_jax.run.journal import SAMPLED, Journal

VALUES = [
    [number, ["x1 = vmirror(I)\nO = hconcat(x1, I)"] * number, 0.1 * number, None] for number in range(9)
]


def begun(folder, meta_iteration=3):
    journal = Journal(folder)
    journal.begin(meta_iteration)
    return journal


def written(folder):
    journal = begun(folder)
    for number, value in enumerate(VALUES):
        journal.add("odd" if number % 2 else "even", value)
    return folder / "0003.jsonl"


def test_what_was_written_comes_back_in_order_by_kind(tmp_path):
    written(tmp_path)
    journal = begun(tmp_path)
    assert list(journal.entries("odd")) == VALUES[1::2]
    assert list(journal.entries("even")) == VALUES[::2]
    assert list(journal.entries("even")) == VALUES[::2]
    journal.add("even", "more")
    assert [*begun(tmp_path).entries("even")][-1] == "more"


def test_what_follows_damage_is_not_there_and_is_written_anew(tmp_path):
    content = written(tmp_path / "whole").read_bytes()
    lines = content.splitlines(keepends=True)
    for place in range(0, len(content), 13):
        for spoiled in (
            content[:place],
            content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :],
        ):
            (tmp_path / "0003.jsonl").write_bytes(spoiled)
            journal = begun(tmp_path)
            num_left = sum(1 for number in range(len(lines)) if len(b"".join(lines[: number + 1])) <= place)
            entries = [*journal.entries("odd"), *journal.entries("even")]
            assert len(entries) == num_left
            for value in VALUES[num_left:]:
                journal.add("odd", value)
            assert len([*begun(tmp_path).entries("odd"), *begun(tmp_path).entries("even")]) == len(VALUES)


def test_a_meta_iteration_has_its_own_and_old_ones_go(tmp_path):
    for number in range(4):
        journal = begun(tmp_path, number)
        assert list(journal.entries("kind")) == []
        journal.add("kind", number)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0002.jsonl", "0003.jsonl"]
    assert list(begun(tmp_path, 2).entries("kind")) == [2]


@pytest.mark.parametrize("folder", [None, "gs://bucket/run/progress"])
def test_where_nothing_can_be_added_to_nothing_is_written(folder):
    journal = begun(folder)
    journal.add("kind", 1)
    assert list(begun(folder).entries("kind")) == []


@pytest.mark.parametrize("damage", [lambda file: file.unlink(), lambda file: file.write_bytes(b"")])
def test_what_was_sampled_comes_from_a_snapshot_where_the_file_is_gone(tmp_path, damage):
    journal = begun(tmp_path)
    for value in VALUES:
        journal.add(SAMPLED, value)
        journal.add("other", 1)
    samples = journal.samples()
    assert samples == VALUES
    damage(tmp_path / "0003.jsonl")
    journal = Journal(tmp_path)
    journal.restore(3, samples)
    journal.begin(3)
    assert list(journal.entries(SAMPLED)) == journal.samples() == VALUES
    assert list(journal.entries("other")) == []
    journal.begin(4)
    assert list(journal.entries(SAMPLED)) == journal.samples() == []


def test_a_full_disk_is_told_and_leaves_whole_lines(tmp_path, monkeypatch):
    journal = begun(tmp_path)
    journal.add("kind", 1)

    def fail(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(UserError, match=r"0003.jsonl: No space left on device"):
        journal.add("kind", 2)
    monkeypatch.undo()
    journal.add("kind", 3)
    assert list(begun(tmp_path).entries("kind")) == [1, 3]
