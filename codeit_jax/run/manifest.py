"""Manifests: what the files of a folder hold, so that one that was damaged since is noticed."""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from typing import Any

from etils import epath

from codeit_jax.errors import UserError
from codeit_jax.run.files import write_json

_MANIFEST = "manifest.json"
_BLOCK = 1 << 22  # bytes read at a time


class DamageError(UserError):
    """Files that are not as they were written; the message names one."""


def write_manifest(folder: epath.Path) -> None:
    """Writes down in a folder what its files hold, those of folders in it included."""
    write_json(folder / _MANIFEST, {name: _content_of(folder / name) for name in sorted(_names(folder))})


def check_manifest(folder: epath.Path) -> bool:
    """Checks that the files of a folder are as they were written; returns False if nothing tells that.

    Raises:
        DamageError: one is not, or is gone, or the manifest itself is none.
        UserError: one may not be read, which is no damage.
    """
    manifest = folder / _MANIFEST
    if not manifest.exists():
        return False
    with _reading(manifest):
        text = manifest.read_bytes()
    try:
        wanted: dict[str, Any] = dict(json.loads(text))
    except (ValueError, TypeError, RecursionError) as error:
        raise DamageError(f"{manifest} is damaged") from error
    if not wanted:  # of a folder without files there is none
        raise DamageError(f"{manifest} is damaged")
    for name, content in wanted.items():
        file = folder / name
        with _reading(file):
            found = _content_of(file)
        if found != content:
            raise DamageError(f"{file} is damaged")
    return True


@contextlib.contextmanager
def _reading(file: epath.Path) -> Iterator[None]:
    """Tells a file that is gone, or has become a folder, as damage; whatever else bars it is none."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise DamageError(f"{file} is gone") from None
    except IsADirectoryError:
        raise DamageError(f"{file} is a folder") from None
    except OSError as error:
        raise UserError(f"{file}: {error.strerror or error}") from error


def _names(folder: epath.Path) -> Iterator[str]:
    for path in folder.iterdir():
        if path.is_dir():
            yield from (f"{path.name}/{name}" for name in _names(path))
        elif path.name != _MANIFEST:
            yield path.name


def _content_of(file: epath.Path) -> list[Any]:
    """Returns a file's size and digest."""
    digest, size = hashlib.sha256(), 0
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return [size, digest.hexdigest()]
