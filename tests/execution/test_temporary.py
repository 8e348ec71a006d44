import tempfile

import pytest

from codeit_jax.errors import UserError
from codeit_jax.execution.pool import ExecutionPool
from codeit_jax.execution.temporary import temporary_file
from codeit_jax.run.files import scratch_folder


def test_a_file_holds_what_it_is_given():
    with temporary_file(b"content") as file:
        file.seek(0)
        assert file.read() == b"content"


def test_without_a_place_for_temporary_files_there_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match=r"^the folder for temporary files, of TMPDIR: No such file"):
        temporary_file(b"")
    with pytest.raises(UserError, match=r"^the folder for temporary files, of TMPDIR: No such file"):
        ExecutionPool(1)
    with (
        pytest.raises(UserError, match=r"^the folder for temporary files, of TMPDIR: No such file"),
        scratch_folder(),
    ):
        pass
