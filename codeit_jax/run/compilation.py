"""A cache on disk of what JAX compiles, so that a run that resumes or repeats another need not wait."""

import os
import sys
import tempfile

import jax

from codeit_jax.errors import naming
from codeit_jax.run.files import user_path, writable_cache

_COMPILED = "compiled"


def keep_compiled(folder: str | os.PathLike[str] | None = None) -> None:
    """Has JAX keep what it compiles in a folder, unless JAX was told of one already.

    What is slow to compile is kept, and found by anything that it depends on: functions, shapes, devices and
    versions. Where the default folder cannot be written to there is a warning, and none is kept.

    Args:
        folder: where, a bucket included; by default in the user's cache, and where there is none nowhere.

    Raises:
        UserError: the folder that was asked for cannot be made or written to.
    """
    is_told = jax.config.values["jax_compilation_cache_dir"] is not None
    place: str | None = None
    if folder:
        with naming(f"--compiled={folder}"):
            place = os.fspath(user_path(os.fspath(folder)))
            if "://" not in place:
                os.makedirs(place, exist_ok=True)
                tempfile.TemporaryFile(dir=place).close()  # whether it may be written to
    elif not is_told and (cache := writable_cache(_warn)) is not None:
        place = os.fspath(cache / _COMPILED)
    if place is not None and not is_told:
        jax.config.update("jax_compilation_cache_dir", place)


def _warn(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr)
