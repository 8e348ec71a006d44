"""Writing files so that a reader, or a run that is cut short, never meets half of one."""

import contextlib
import gzip
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, Any

from etils import epath

from codeit_jax.errors import UserError, naming
from codeit_jax.reading.paths import expand_home

_SCRATCH = "the folder for temporary files, of TMPDIR"
# Lists of nothing but numbers; within a string there are no line breaks.
_NUMBERS = re.compile(r"\[\n\s+-?[\d.][-+\d.eE]*(?:,\n\s+-?[\d.][-+\d.eE]*)*\n\s*\]")


def user_path(path: str) -> epath.Path:
    """Returns the path that a user means, with `~` for a home and `gs://` and its like for a bucket.

    Raises:
        UserError: there is no such home, or no way to such a bucket.
    """
    expanded = expand_home(path)
    try:
        found = epath.Path(expanded)
        if "://" in expanded:
            found.exists()
    except (KeyError, ImportError) as error:
        raise UserError(f"there is no way to this kind of place: {' '.join(str(error).split())}") from error
    return found


def user_cache() -> epath.Path | None:
    """Returns the folder for what commands keep for later ones: in the user's cache, by the XDG rules.

    A user whose home the system does not know, as that of a container may be, has none.

    Raises:
        UserError: XDG_CACHE_HOME is no path.
    """
    place = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    if place == "~/.cache":
        return None
    with naming(f"XDG_CACHE_HOME={place}"):
        return user_path(place) / "codeit_jax"


@contextlib.contextmanager
def scratch_folder() -> Iterator[str]:
    """Makes a folder for the block, which is removed as the block ends.

    Raises:
        UserError: there is no place for it.
    """
    with contextlib.ExitStack() as stack:
        with naming(_SCRATCH):
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="codeit_jax_"))
        yield folder


def write_scratch(path: epath.PathLike, content: bytes) -> None:
    """Writes a file of a scratch folder.

    Raises:
        UserError: there is no room for it.
    """
    with naming(_SCRATCH):
        epath.Path(path).write_bytes(content)


@contextlib.contextmanager
def replacing(path: epath.PathLike) -> Iterator[IO[bytes]]:
    """Opens a file that takes its name, and the place of another, in one step once it is complete.

    What is written is safe on the disk by then. Where anything fails, the other stays as it is. Of a link
    that is there the target's place is taken.

    Raises:
        UserError: what is there is a device, a pipe or the like.
    """
    path = _place_of(path)
    unfinished = path.with_name(path.name + ".unfinished")
    is_remote = "://" in os.fspath(path)
    try:
        with unfinished.open("wb") as stream:
            yield stream
            if not is_remote:
                stream.flush()
                os.fsync(stream.fileno())
        unfinished.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise


def _place_of(path: epath.PathLike) -> epath.Path:
    if "://" in os.fspath(path):
        return epath.Path(path)
    place = os.path.realpath(path)
    if os.path.exists(place) and not os.path.isfile(place):
        raise UserError(f"{os.fspath(path)}: is no file that can be replaced")
    return epath.Path(place)


def write_bytes(path: epath.PathLike, content: bytes) -> None:
    """Replaces a file's content in one step."""
    with replacing(path) as stream:
        stream.write(content)


def write_text(path: epath.PathLike, text: str) -> None:
    """Replaces a file's content in one step."""
    write_bytes(path, text.encode())


def write_json(path: epath.PathLike, value: Any) -> None:
    """Replaces a file's content with a value as indented JSON, in one step; a list of numbers is one line."""
    text = json.dumps(value, indent=2)
    write_text(path, _NUMBERS.sub(lambda found: " ".join(found[0].split()), text) + "\n")


def write_json_lines(path: epath.PathLike, values: Iterable[Any]) -> None:
    """Replaces a file's content with gzipped JSON, one value a line, in one step."""
    with replacing(path) as stream, gzip.GzipFile(fileobj=stream, mode="wb", filename="", mtime=0) as file:
        for value in values:
            file.write(json.dumps(value).encode() + b"\n")
