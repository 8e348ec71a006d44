"""Writing files so that a reader, or a run that is cut short, never meets half of one."""

import contextlib
import fcntl
import gzip
import json
import os
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from etils import epath

from codeit_jax.errors import UserError, naming
from codeit_jax.reading.paths import expand_home
from codeit_jax.run import lease

_SCRATCH = "the folder for temporary files, of TMPDIR"


def user_path(path: str) -> epath.Path:
    """Returns the path that a user means, with `~` for a home and `gs://` and its like for a bucket.

    Raises:
        UserError: there is no such home, or no way to such a bucket.
        OSError: a bucket of Google Cloud Storage is not there, is not this user's or cannot be reached.
    """
    expanded = expand_home(path)
    if expanded.startswith("gs://"):
        try:
            from codeit_jax.run.bucket import open_bucket  # takes libraries that only buckets need
        except ImportError as error:
            raise UserError(f"a bucket takes what pip install -e '.[gcs]' brings: {error}") from error
        open_bucket(expanded)
        return epath.Path(expanded)
    try:
        found = epath.Path(expanded)
        if "://" in expanded:
            found.exists()
    except (KeyError, ImportError) as error:
        raise UserError(f"there is no way to this kind of place: {' '.join(str(error).split())}") from error
    return found


def resolved_path(path: str) -> epath.Path:
    """Returns the absolute path that a user means, without links; see `user_path` for what it raises."""
    found = user_path(path)
    return found if "://" in os.fspath(found) else found.resolve()


def existing_folder(path: str) -> epath.Path:
    """Returns the folder that a user means; see `user_path` for what else it raises.

    Raises:
        UserError: there is none.
    """
    folder = user_path(path)
    if not folder.is_dir():
        raise UserError("is a file, not a folder" if folder.exists() else "there is no such folder")
    return folder


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


def writable_cache(note: Callable[[str], None]) -> epath.Path | None:
    """Returns `user_cache`, which is made; None, and a note why, where nothing can be written there.

    Raises:
        UserError: XDG_CACHE_HOME is no path.
    """
    folder = user_cache()
    if folder is None:
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if "://" not in os.fspath(folder):
            tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        note(f"{folder}: {error.strerror}; nothing is kept there for later commands")
        return None
    return folder


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
    that is there the target's place is taken. Whoever replaces the same file meanwhile is waited for, in
    this process or another; what one that was killed has left is written over.

    Raises:
        UserError: what is there is a device, a pipe or the like, or another process holds its folder now.
    """
    path = _place_of(path)
    with (_replacing_object if "://" in os.fspath(path) else _replacing_file)(path) as stream:
        yield stream


@contextlib.contextmanager
def _replacing_file(path: epath.Path) -> Iterator[IO[bytes]]:
    unfinished = path.with_name(path.name + ".unfinished")
    with _held(unfinished) as stream, _removed_on_failure(unfinished):
        yield stream
        stream.flush()
        os.fsync(stream.fileno())
        unfinished.replace(path)  # before it is let go of, lest another takes it for what was left


@contextlib.contextmanager
def _replacing_object(path: epath.Path) -> Iterator[IO[bytes]]:
    lease.confirm(os.fspath(path))
    # Of a bucket no file can be held, so that everyone has a name of their own.
    unfinished = path.with_name(f"{path.name}.{uuid.uuid4().hex}.unfinished")
    with _removed_on_failure(unfinished):
        with unfinished.open("wb") as stream:
            yield stream
        unfinished.replace(path)


def _held(path: epath.Path) -> IO[bytes]:
    """Opens a file, emptied, once nobody else has it; closing it lets others in."""
    while True:
        stream = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o666), "wb")
        try:
            fcntl.flock(stream, fcntl.LOCK_EX)
            # Who had it has given it another name by now, or removed it.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(stream.fileno()), os.stat(path)):
                    stream.truncate(0)
                    return stream
        except BaseException:
            stream.close()
            raise
        stream.close()


@contextlib.contextmanager
def _removed_on_failure(path: epath.Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
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


def copy_files(source: str, target: epath.Path) -> None:
    """Copies a local folder's files, those of folders within it too, each in one step."""
    for file in Path(source).rglob("*"):
        if file.is_file():
            write_bytes(target / file.relative_to(source), file.read_bytes())


def write_json(path: epath.PathLike, value: Any) -> None:
    """Replaces a file's content with a value as indented JSON, in one step; a list of numbers is one line."""
    write_text(path, "".join(_pieces(value, "\n")) + "\n")


def _pieces(value: Any, end: str) -> Iterator[str]:
    """Yields a value as indented JSON in pieces; grids take the library's encoder several times as long.

    Args:
        value: the value.
        end: a line break, and what the line that the value ends on begins with.
    """
    if not value or not isinstance(value, dict | list | tuple):
        yield json.dumps(value)
    elif isinstance(value, dict):
        yield from _block("{}", end, ((json.dumps({key: None})[1:-5], value[key]) for key in value))
    elif {*map(type, value)} <= {int, float}:
        yield f"[ {json.dumps(value)[1:-1]} ]"
    else:
        yield from _block("[]", end, (("", each) for each in value))


def _block(brackets: str, end: str, items: Iterable[tuple[str, Any]]) -> Iterator[str]:
    before = brackets[0]
    for name, value in items:
        yield f"{before}{end}  {name}"
        yield from _pieces(value, f"{end}  ")
        before = ","
    yield end + brackets[1]


def write_json_lines(path: epath.PathLike, values: Iterable[Any]) -> None:
    """Replaces a file's content with gzipped JSON, one value a line, in one step."""
    with replacing(path) as stream, gzip.GzipFile(fileobj=stream, mode="wb", filename="", mtime=0) as file:
        for value in values:
            file.write(json.dumps(value).encode() + b"\n")
