import dataclasses
import json
import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeit_jax.dsl.program_files import ProgramRow, read_rows
from codeit_jax.errors import UserError
from codeit_jax.mutation.growth.file import GrowthFile, GrowthFileError, Mark, progress_path

SETTINGS = {"seed": 0, "depth": "inf", "budget": {"max_work": 5}}


def row(number):
    return ProgramRow(
        "O = vmirror(I)" if number % 2 else "x1 = rot90(I)\nO = rot90(x1)", f"t{number}", number, "call"
    )


def appended(path, numbers, **fields):
    with GrowthFile(path, SETTINGS) as file:
        file.append([row(number) for number in numbers], dataclasses.replace(file.mark, **fields))
        return file.mark


@pytest.fixture
def path(tmp_path):
    return tmp_path / "programs.jsonl"


def test_rows_are_found_again(path):
    appended(path, range(3), num_rounds=1, statistics={"a": 1}, seconds=1.5)
    mark = appended(path, range(3, 7))
    assert [each for each, _ in read_rows(path)] == [row(number) for number in range(7)]
    assert mark == dataclasses.replace(mark, rows=7, num_rounds=1, statistics={"a": 1}, seconds=1.5)
    assert mark.size == path.stat().st_size
    with GrowthFile(path, SETTINGS) as file:
        assert file.mark == mark
        assert list(file.rows(2, 5)) == [row(2), row(3), row(4)]
        assert file.programs([1, 6, 6]) == [row(1).program, row(6).program, row(6).program]
        assert list(file.rows(7, 7)) == []


def test_rows_just_written_can_be_read(path):
    with GrowthFile(path, SETTINGS) as file:
        for start in (0, 2, 4):
            file.append([row(start), row(start + 1)], file.mark)
            assert list(file.rows(0, start + 2)) == [row(number) for number in range(start + 2)]
            file.append([], file.mark)


def test_what_lies_beyond_the_mark_is_cut_off(path):
    appended(path, range(3))
    before = path.read_bytes()
    path.write_bytes(before + row(3).to_line().encode()[:20])
    with GrowthFile(path, SETTINGS) as file:
        assert path.read_bytes() == before
        file.append([row(3)], file.mark)
    assert path.read_bytes() == before + row(3).to_line().encode()


def test_a_file_without_rows_may_be_given_other_settings(path):
    appended(path, [])
    with GrowthFile(path, {"seed": 9}) as file:
        file.append([row(0)], file.mark)
    with pytest.raises(
        GrowthFileError, match=r"programs\.jsonl: was begun with other settings: seed was 9 and is now 0"
    ):
        GrowthFile(path, SETTINGS)


def spoil_settings(path):
    content = json.loads(progress_path(path).read_text())
    content["settings"]["budget"]["max_work"] = 6
    progress_path(path).write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_settings, "budget.max_work was 6 and is now 5"),
        (lambda path: path.unlink(), "programs.jsonl: is gone"),
        (lambda path: os.truncate(path, 30), "is not what programs.jsonl.progress.json says was written"),
        (lambda path: path.write_bytes(path.read_bytes().replace(b"rot", b"cot")), "is not what"),
        (
            lambda path: progress_path(path).unlink(),
            "there is programs.jsonl but no programs.jsonl.progress.json that says whose it is",
        ),
        (lambda path: progress_path(path).write_text("{"), "is no record of"),
        (lambda path: progress_path(path).write_text("[1]"), "is no record of"),
        (
            lambda path: progress_path(path).write_text('{"settings": {}, "no": 1}'),
            "is no record of",
        ),
        (lambda path: progress_path(path).write_bytes(b"\xff"), "is no record of"),
    ],
)
def test_a_file_that_is_not_as_it_was_left_is_refused_and_stays_so(path, spoil, message):
    appended(path, range(5))
    spoil(path)
    before = {each: each.read_bytes() for each in path.parent.iterdir()}
    with pytest.raises(GrowthFileError) as caught:
        GrowthFile(path, SETTINGS)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert {each: each.read_bytes() for each in path.parent.iterdir()} == before


@pytest.mark.parametrize("name", ["no/such/folder/x.jsonl", "file/x.jsonl"])
def test_a_place_that_cannot_be_written_to_is_refused(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=f"{name}: "):
        GrowthFile(tmp_path / name, SETTINGS)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match="Is a directory"):
        GrowthFile(tmp_path, SETTINGS)


def test_one_writer_at_a_time(path):
    with GrowthFile(path, SETTINGS) as file:
        file.append([row(0)], file.mark)
        with pytest.raises(GrowthFileError, match="another process is writing to it"):
            GrowthFile(path, SETTINGS)
    appended(path, [1])


def test_who_is_kept_out_changes_nothing(path):
    with GrowthFile(path, SETTINGS):
        before = progress_path(path).read_bytes()
        with pytest.raises(GrowthFileError, match="another process is writing to it"):
            GrowthFile(path, {"seed": 9})
        assert progress_path(path).read_bytes() == before


@pytest.mark.parametrize("numbers", [[], range(3)])
def test_lines_of_others_are_not_cut_off(path, numbers):
    appended(path, numbers)
    for line in (b'{"program": "O = rot90(I)"}\n', b"mine\n"):
        before = path.read_bytes()
        path.write_bytes(before + line)
        with pytest.raises(GrowthFileError, match="holds lines that were not written to it"):
            GrowthFile(path, SETTINGS)
        assert path.read_bytes() == before + line
        path.write_bytes(before)


def full_after(monkeypatch, num_writes):
    """Lets the disk be full after some writes; returns what makes room again."""
    writes = []

    def fsync(descriptor):
        writes.append(descriptor)
        if len(writes) > num_writes:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    return monkeypatch.undo


@pytest.mark.parametrize("num_writes", [0, 1])
def test_a_full_disk_leaves_what_counted(path, monkeypatch, num_writes):
    # The first write is that of the rows, the second that of the mark.
    mark = appended(path, range(3))
    before = {each: each.read_bytes() for each in path.parent.iterdir()}
    make_room = full_after(monkeypatch, num_writes)
    with GrowthFile(path, SETTINGS) as file:
        with pytest.raises(GrowthFileError) as caught:
            file.append([row(3), row(4)], dataclasses.replace(file.mark, num_rounds=7))
        assert str(caught.value).startswith(f"{path}: No space left on device; its 3 rows are safe")
        assert "\n" not in str(caught.value)
        assert file.mark == mark
    assert {each: each.read_bytes() for each in path.parent.iterdir()} == before
    make_room()
    appended(path, [3, 4])
    assert [each for each, _ in read_rows(path)] == [row(number) for number in range(5)]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 4), max_size=6), st.integers(0, 2**32))
def test_any_cut_beyond_the_mark_is_mended(tmp_path_factory, counts, seed):
    """Rows in several sittings, each of which ends in the middle of a row."""
    path, rng, number = tmp_path_factory.mktemp("growth") / "x.jsonl", random.Random(seed), 0
    for count in counts:
        mark = appended(path, range(number, number + count))
        number += count
        lost = "".join(row(each).to_line() for each in range(number, number + 3)).encode()
        with path.open("ab") as file:
            file.write(lost[: rng.randrange(len(lost))])
        assert mark.rows == number
    if counts:
        appended(path, [])
        assert path.read_text() == "".join(row(each).to_line() for each in range(number))


def test_marks_begin_empty():
    assert Mark().rows == Mark().size == Mark().num_rounds == 0
