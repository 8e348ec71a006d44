"""Whose results these are: a record of the settings lies beside them, and those of others are left alone."""

import contextlib
import fcntl
import json
import os
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from etils import epath

from codeit_jax.errors import UserError
from codeit_jax.run.files import user_path
from codeit_jax.run.lease import Lease, LeaseError

Record = TypeVar("Record")

# By which each command's folders are known: a run's, those of answers, of searches and evolutions, and of
# ablations.
_RECORDS = ("config.json", "settings.json", "progress.json", "ablations.json")


class ClaimError(UserError):
    """Results that belong to something else; the message says why, and they are untouched."""


class Hold:
    """Keeps other processes out of a folder until it is released, or this process ends; a context manager.

    In a bucket of Google Cloud Storage a lease holds it; see `lease`. Folders of other buckets are not held.

    Args:
        folder: the folder, which is there.

    Raises:
        ClaimError: another process holds it.
        OSError: a bucket refuses the lease.
    """

    def __init__(self, folder: epath.PathLike) -> None:
        self._finalizer: Callable[[], object] = lambda: None
        path = os.fspath(folder)
        if path.startswith("gs://"):
            try:
                self._finalizer = weakref.finalize(self, Lease(path).release)
            except LeaseError as error:
                raise ClaimError(str(error)) from None
        if "://" in path:
            return
        descriptor = os.open(folder, os.O_RDONLY)
        self._finalizer = weakref.finalize(self, os.close, descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._finalizer()
            raise ClaimError("another process is working in it") from None

    def __enter__(self) -> "Hold":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Lets others in."""
        self._finalizer()

    @contextlib.contextmanager
    def unless_failing(self) -> Iterator[None]:
        """Lets others in where the block fails."""
        try:
            yield
        except BaseException:
            self.release()
            raise


def claim_folder(
    path: str, record: str, results: Sequence[str], parse: Callable[[Any], Record]
) -> tuple[epath.Path, Hold, Record | None]:
    """Opens a folder for results, made if need be, and reads whose results it holds.

    Args:
        path: the folder.
        record: the name of the file that says whose they are; see `read_claim`.
        results: the names of files and folders that only their maker may have left there.
        parse: makes something of the record's JSON.

    Returns:
        The folder, what keeps others out of it until it is released, and what `parse` made of the record.

    Raises:
        ClaimError: another process works in it, or what it holds is nobody's, or another command's.
        UserError: it is no folder.
        OSError: it cannot be made or read.
    """
    folder = user_path(path)
    if folder.exists() and not folder.is_dir():
        raise UserError("is not a folder")
    folder.mkdir(parents=True, exist_ok=True)
    hold = Hold(folder)
    try:
        others = [name for name in _RECORDS if name != record and (folder / name).exists()]
        if others and not (folder / record).exists():
            raise ClaimError(f"there is {others[0]}, by which it belongs to another command")
        return folder, hold, read_claim(folder / record, [folder / name for name in results], parse)
    except BaseException:
        hold.release()
        raise


def read_claim(
    record: epath.PathLike, results: Sequence[epath.PathLike], parse: Callable[[Any], Record]
) -> Record | None:
    """Reads the record of who makes some results.

    Args:
        record: the JSON file beside them.
        results: files or folders that only their maker may have left there.
        parse: makes something of the record's JSON; it may fail on another's, and raise a `ClaimError`.

    Returns:
        What `parse` made of it, or None where there are neither record nor results.

    Raises:
        ClaimError: there are results without a record, or the record is none.
        OSError: the record cannot be read.
    """
    record = epath.Path(record)
    if not record.exists():
        left = [path for path in map(epath.Path, results) if path.exists()]
        if left:
            raise ClaimError(f"there is {left[0].name} but no {record.name} that says whose it is")
        return None
    try:
        return parse(json.loads(record.read_text()))
    except ClaimError:
        raise
    except KeyError as error:
        raise ClaimError(
            f"{record.name} is no record of this version: it has no {error}, and may be another command's"
        ) from None
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:
        raise ClaimError(f"{record.name} is no record of this version: {error}") from None


def check_claim(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Checks that results go on under the settings that they were begun with.

    Raises:
        ClaimError: they do not; the message names the first setting that differs.
    """
    before, after = dict(_flat(old)), dict(_flat(new))
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    if changed:
        name, *others = changed
        change = f"{name} was {before.get(name)!r} and is now {after.get(name)!r}"
        more = f" (and {len(others)} more)" if others else ""
        raise ClaimError(f"was begun with other settings: {change}{more}")


def _flat(settings: Mapping[str, Any], group: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{group}{name}.")
        else:
            yield f"{group}{name}", value
