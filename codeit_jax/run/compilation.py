"""A cache on disk of what JAX compiles, so that a run that resumes or repeats another need not wait."""

import os
import tempfile
from pathlib import Path

import jax

from codeit_jax.errors import naming
from codeit_jax.run.files import user_cache, user_path


def default_cache() -> Path | None:
    """Returns the folder for compiled functions, in the user's cache; None for a user who has none."""
    cache = user_cache()
    return None if cache is None else Path(cache / "compiled")


def keep_compiled(folder: str | os.PathLike[str] | None = None) -> None:
    """Has JAX keep what it compiles in a folder, unless JAX was told of one already.

    What is slow to compile is kept, and found by anything that it depends on: functions, shapes, devices and
    versions. A default folder that cannot be written to is JAX's to warn of; the run goes on without.

    Args:
        folder: where, a bucket included; by default `default_cache`, and where there is none nowhere.

    Raises:
        UserError: the folder that was asked for cannot be made or written to.
    """
    if folder:
        with naming(f"--compiled={folder}"):
            place = os.fspath(user_path(os.fspath(folder)))
            if "://" not in place:
                os.makedirs(place, exist_ok=True)
                tempfile.TemporaryFile(dir=place).close()  # whether it may be written to
    else:
        cache = default_cache()
        if cache is None:
            return
        place = os.fspath(cache)
    if jax.config.values["jax_compilation_cache_dir"] is None:
        jax.config.update("jax_compilation_cache_dir", place)
