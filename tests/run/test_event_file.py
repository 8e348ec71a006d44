"""TensorBoard's file of a run: what it shows, and a disk that is full."""

import errno
import os
from pathlib import Path

import pytest
from etils import epath
from tensorboardX.proto.event_pb2 import Event, SessionLog

from codeit_jax.errors import UserError
from codeit_jax.run.event_file import EventFile


def events(folder: Path) -> list[Event]:
    """The records of a file: eight bytes that tell the size, four of a sum, the event, and four of a sum."""
    (file,) = folder.iterdir()
    content, found = file.read_bytes(), []
    while content:
        size = int.from_bytes(content[:8], "little")
        found.append(Event.FromString(content[12 : 12 + size]))
        content = content[16 + size :]
    return found


def test_what_is_added_is_on_the_disk(tmp_path: Path) -> None:
    file = EventFile(epath.Path(tmp_path / "shown"), 4)
    file.add(4, {"loss": 0.5, "num_samples": 3})
    version, _, start, row = events(tmp_path / "shown")
    assert version.file_version == "brain.Event:2"
    assert (start.step, start.session_log.status) == (4, SessionLog.START)
    assert {value.tag: value.simple_value for value in row.summary.value} == {"loss": 0.5, "num_samples": 3}
    assert row.step == 4
    file.close()


def test_a_full_disk_is_told_and_nobody_waits(tmp_path: Path, monkeypatch) -> None:
    file = EventFile(epath.Path(tmp_path), 0)

    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    for step in range(50):
        with pytest.raises(UserError, match=f"{tmp_path}: No space left on device"):
            file.add(step, {"loss": 0.5})
    file.close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(UserError, match="taken"):
        EventFile(epath.Path(tmp_path / "taken"), 0)
