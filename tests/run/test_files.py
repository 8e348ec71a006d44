"""Files are replaced in one step, and read back as what was written."""

import fcntl
import gzip
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from etils import epath
from hypothesis import given
from hypothesis import strategies as st

from codeit_jax.run.files import (
    replacing,
    writable_cache,
    write_bytes,
    write_json,
    write_json_lines,
    write_text,
)


def test_text_and_json_come_back(tmp_path: Path) -> None:
    file = epath.Path(tmp_path / "file")
    write_text(file, "grün\n")
    assert (tmp_path / "file").read_bytes() == "grün\n".encode()
    write_json(file, {"a": [1, None], "b": 0.5})
    text = (tmp_path / "file").read_text()
    assert json.loads(text) == {"a": [1, None], "b": 0.5}
    assert text.endswith("}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_json_lines_are_one_a_line_and_always_the_same_bytes(tmp_path: Path) -> None:
    values = [{"a": "two\nlines"}, [1, 2], None]
    write_json_lines(epath.Path(tmp_path / "a.jsonl.gz"), values)
    write_json_lines(epath.Path(tmp_path / "b.jsonl.gz"), iter(values))
    with gzip.open(tmp_path / "a.jsonl.gz", "rt") as file:
        assert [json.loads(line) for line in file] == values
    content = (tmp_path / "a.jsonl.gz").read_bytes()
    assert content == (tmp_path / "b.jsonl.gz").read_bytes()
    assert content[4:8] == bytes(4)  # gzip's time of writing, which would differ from run to run


def test_no_lines_are_an_empty_file(tmp_path: Path) -> None:
    write_json_lines(epath.Path(tmp_path / "a.jsonl.gz"), [])
    assert gzip.decompress((tmp_path / "a.jsonl.gz").read_bytes()) == b""


def test_writing_that_is_cut_short_leaves_the_old_content(tmp_path: Path, monkeypatch) -> None:
    file = epath.Path(tmp_path / "file")
    write_text(file, "old")

    def fail(*_: object) -> None:
        raise OSError("cut short")

    monkeypatch.setattr(type(file), "replace", fail)
    with pytest.raises(OSError, match="cut short"):
        write_bytes(file, b"new")
    assert file.read_text() == "old"


def test_values_that_are_no_json_leave_the_old_content(tmp_path: Path) -> None:
    file = epath.Path(tmp_path / "file")
    write_json(file, 1)
    with pytest.raises(TypeError):
        write_json(file, {1, 2})
    with pytest.raises(TypeError):
        write_json_lines(file, [1, {1, 2}])
    assert file.read_text() == "1\n"


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch) -> None:
    file = tmp_path / "file"
    write_text(file, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_json_lines(file, range(1000))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert file.read_text() == "old"


def test_two_that_replace_one_file_at_once_take_turns(tmp_path: Path, monkeypatch) -> None:
    file = tmp_path / "file"
    flock, is_waiting = fcntl.flock, threading.Event()

    def told(*arguments: object) -> None:
        if threading.current_thread() is not threading.main_thread():
            is_waiting.set()
        flock(*arguments)

    monkeypatch.setattr(fcntl, "flock", told)
    second = threading.Thread(target=write_bytes, args=[file, b"second"], daemon=True)
    with replacing(file) as stream:
        stream.write(b"the first")
        second.start()
        assert is_waiting.wait(60)
    second.join(60)
    assert file.read_bytes() == b"second"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


WRITER = """
import sys
from codeit_jax.run.files import write_bytes
for number in range(50):
    write_bytes(sys.argv[1], sys.argv[2].encode() * (1 + number % 7))
"""


def test_processes_that_replace_one_file_over_and_over_all_succeed(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    commands = [[sys.executable, "-c", WRITER, str(tmp_path / "file"), letter * 1000] for letter in "abc"]
    writers = [subprocess.Popen(command, env=environment) for command in commands]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    content = (tmp_path / "file").read_text()
    assert content in [letter * 1000 for letter in "abc"]  # the 50th time
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_a_killed_process_left_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "file.unfinished").write_text("half of something long")
    write_text(tmp_path / "file", "new")
    assert (tmp_path / "file").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_numbers_are_one_line_a_list(tmp_path: Path) -> None:
    value = {
        "grid": [[1, 2], [3, -4]],
        "text": "[\n  1\n]",
        "mixed": [1, "a"],
        "errors": [0.5, 1e-07],
        "none": [],
    }
    write_json(tmp_path / "file", value)
    text = (tmp_path / "file").read_text()
    assert json.loads(text) == value
    assert "[ 1, 2 ]" in text
    assert "[ 0.5, 1e-07 ]" in text


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_comes_back(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    file = tmp_path_factory.mktemp("json") / "file"
    write_json(file, value)
    text = file.read_text()
    assert json.loads(text) == value
    # As the library indents it, but for lists of numbers, whose line breaks are no part of strings.
    assert text.split() == json.dumps(value, indent=2).split()


def test_json_is_indented_and_its_names_are_what_the_library_makes_of_them(tmp_path: Path) -> None:
    write_json(tmp_path / "file", {"a": {"b": [[1], {}], 2: True, None: (), 0.5: "x"}, "c": []})
    assert (tmp_path / "file").read_text().splitlines() == [
        "{",
        '  "a": {',
        '    "b": [',
        "      [ 1 ],",
        "      {}",
        "    ],",
        '    "2": true,',
        '    "null": [],',
        '    "0.5": "x"',
        "  },",
        '  "c": []',
        "}",
    ]
    with pytest.raises(TypeError):
        write_json(tmp_path / "file", {(1, 2): 3})


def test_a_cache_that_cannot_be_written_is_told_and_not_used(tmp_path: Path, monkeypatch) -> None:
    notes: list[str] = []
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert writable_cache(notes.append) == epath.Path(tmp_path / "codeit_jax")
    assert notes == []
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert writable_cache(notes.append) is None
    assert "file/codeit_jax: Not a directory; nothing is kept there" in notes[0]
