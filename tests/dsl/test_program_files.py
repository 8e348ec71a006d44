"""Rows of programs are read for what they are, and anything else is named with its line."""

import contextlib
import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeit_jax.dsl.program_files import ProgramFileError, ProgramRow, count_lines, read_rows

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"


def test_rows_are_read_as_they_were_written(tmp_path):
    rows = [
        ProgramRow("O = rot90(I)"),
        ProgramRow("O = vmirror(I)", "aa", 3, "line"),
        ProgramRow("O = rot90(I)", "b"),
    ]
    path = tmp_path / "programs.jsonl"
    path.write_text("\n".join(row.to_line() for row in rows))
    assert [row for row, _ in read_rows(path)] == rows


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ('"task": null', "task must be a text, not None"),
        ('"task": [1]', r"task must be a text, not \[1\]"),
        ('"parent": true', "parent must be a text or a number or null, not True"),
        ('"kind": 1', "kind must be a text, not 1"),
        ('"task": 5', "task must be a text, not 5"),
        ('"parent": 1.0', "parent must be a text or a number or null, not 1.0"),
        ('"kind": ' + "[" * 500 + "]" * 500, r"kind must be a text, not \[\[\[\[\[\[\[\.\.\.\]"),
        ('"parent": ' + "[" * 100_000, "not JSON that can be read: it is nested too deeply"),
        ('"score": ' + "9" * 5_000, "not JSON that can be read: a number in it has too many digits"),
        ('"parent": ' + "9" * 5_000, "not JSON that can be read: a number in it has too many digits"),
        ('"task": "a", "task": "b"', "the key 'task' stands twice in an object"),
        ('"score": {"a": 1, "a": 2}', "the key 'a' stands twice in an object"),
        ('"task": ', "not JSON: Expecting value"),
    ],
)
def test_what_is_no_row_is_named_with_its_line(tmp_path, fields, message):
    path = tmp_path / "programs.jsonl"
    path.write_text('\n{"program": "O = rot90(I)"}\n{"program": "O = rot90(I)", ' + fields + "}\n")
    with pytest.raises(ProgramFileError, match=f"programs.jsonl: line 3: {message}"):
        list(read_rows(path))


def test_fields_of_other_programs_are_passed_over(tmp_path):
    path = tmp_path / "programs.jsonl"
    path.write_text('{"task_id": 7, "program": "O = rot90(I)", "score": NaN, "kind": "line", "more": [{}]}\n')
    assert [row for row, _ in read_rows(path)] == [ProgramRow("O = rot90(I)", kind="line")]


ROWS = [ProgramRow("O = rot90(I)", "aa"), ProgramRow("O = vmirror(I)", "bb", 0, "line")]
TEXT = "\n" + "\r\n  \n".join(row.to_line() for row in ROWS)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_rows_are_read_from_files_as_other_tools_leave_them(tmp_path, mark, pack):
    path = tmp_path / "programs"
    path.write_bytes(pack((mark + TEXT).encode()))
    assert [row for row, _ in read_rows(path)] == ROWS
    assert count_lines(path) == TEXT.count("\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (POINTER, "is a Git LFS pointer: fetch the file itself with git lfs pull"),
        (gzip.compress(POINTER, mtime=0), "is a Git LFS pointer: fetch the file itself with git lfs pull"),
        (b"PK\x03\x04\x14", "is a zip archive: unpack it first"),
        (TEXT.strip().encode("utf-16"), "is text in UTF-16: save it as UTF-8"),
        (TEXT.strip().encode("utf-16-be"), "is text in UTF-16: save it as UTF-8"),
        (gzip.compress(TEXT.encode(), mtime=0)[:-9], "is gzipped, and cut short or damaged: "),
        (b"\x1f\x8b\x08\0 and more", "is gzipped, and cut short or damaged: "),
        (b"\n" + ROWS[0].to_line().encode() + b"\xff\n", "line 3: is not text in UTF-8: invalid start byte"),
        (b"\n5\n", 'line 2: expected an object with a text "program"'),
        (b'{"program": "O = nope(I)"}', "line 1: its program: line 1: unknown name 'nope'"),
    ],
)
def test_what_is_no_file_of_programs_is_told_for_what_it_is(tmp_path, content, message):
    path = tmp_path / "programs.jsonl"
    path.write_bytes(content)
    with pytest.raises(ProgramFileError) as error:
        list(read_rows(path))
    assert str(error.value).startswith(f"{path}: {message}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("read", [count_lines, lambda path: list(read_rows(path))])
def test_a_file_that_is_not_there_is_named(tmp_path, read):
    with pytest.raises(ProgramFileError) as error:
        read(tmp_path / "none.jsonl")
    assert str(error.value) == f"{tmp_path / 'none.jsonl'}: No such file or directory"


@given(st.binary(max_size=60), st.sampled_from([bytes, gzip.compress]))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content, pack):
    path = tmp_path_factory.mktemp("programs") / "programs"
    path.write_bytes(pack(content))
    with contextlib.suppress(ProgramFileError):
        list(read_rows(path))
