"""Compiled functions outlive the process that compiled them."""

import os
import subprocess
import sys

import pytest

from codeit_jax.errors import UserError
from codeit_jax.run.compilation import keep_compiled

PROGRAM = """
import sys
import jax, jax.numpy as jnp
from codeit_jax.run.compilation import keep_compiled
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
keep_compiled(*sys.argv[1:])
print(jax.jit(lambda x: x * 2 + 1)(jnp.arange(3)))
print(jax.config.jax_compilation_cache_dir)
"""


def run(environment, *arguments):
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return ended.stdout.splitlines()


def test_they_are_kept_in_the_users_cache(tmp_path):
    result, folder = run({"XDG_CACHE_HOME": str(tmp_path)})
    assert result == "[1 3 5]"
    assert folder == str(tmp_path / "codeit_jax" / "compiled")
    assert list((tmp_path / "codeit_jax" / "compiled").iterdir())


def test_a_home_may_be_named_by_its_sign(tmp_path):
    _, folder = run({"HOME": str(tmp_path)}, "~/mine")
    assert folder == str(tmp_path / "mine")
    assert list((tmp_path / "mine").iterdir())
    with pytest.raises(UserError, match=r"^--compiled=~nosuchuser/x: there is no such user's home"):
        keep_compiled("~nosuchuser/x")


def test_a_folder_that_jax_was_told_of_stands(tmp_path):
    _, folder = run({"XDG_CACHE_HOME": str(tmp_path), "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "own")})
    assert folder == str(tmp_path / "own")
    assert not (tmp_path / "codeit_jax").exists()


def test_a_folder_that_cannot_be_made_is_refused_by_its_flag(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "x", tmp_path / ("x" * 300)):
        with pytest.raises(UserError, match=rf"^--compiled={folder}: ") as caught:
            keep_compiled(folder)
        assert "\n" not in str(caught.value)


def test_a_cache_that_cannot_be_written_to_is_warned_of_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "file")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.splitlines() == ["[1 3 5]", "None"]
    assert ended.stderr == (
        f"warning: {tmp_path}/file/codeit_jax: Not a directory; nothing is kept there for later commands\n"
    )


def test_without_a_home_nothing_is_kept():
    program = "import pwd\ndel pwd.getpwuid\npwd.getpwuid = {}.__getitem__\n" + PROGRAM
    environment = {
        name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_CACHE_HOME")
    }
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert ended.stdout.splitlines() == ["[1 3 5]", "None"]
