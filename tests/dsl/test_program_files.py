"""Rows of programs are read for what they are, and anything else is named with its line."""

import pytest

from codeit_jax.dsl.program_files import ProgramFileError, ProgramRow, read_rows


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
        ('"foo": 1', "there is no field 'foo'"),
        ('"parent": ' + "[" * 100_000, "is nested too deeply"),
    ],
)
def test_what_is_no_row_is_named_with_its_line(tmp_path, fields, message):
    path = tmp_path / "programs.jsonl"
    path.write_text('\n{"program": "O = rot90(I)"}\n{"program": "O = rot90(I)", ' + fields + "}\n")
    with pytest.raises(ProgramFileError, match=f"programs.jsonl: line 3: {message}"):
        list(read_rows(path))
