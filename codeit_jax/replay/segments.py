"""A folder of segments: arrays that are written once, as one file, and never change."""

import hashlib
import json
from collections.abc import Collection, Mapping

import numpy as np
from etils import epath

from codeit_jax.run.files import replacing
from codeit_jax.run.manifest import DamageError

_SUFFIX = ".segment"
_ALIGNMENT = 64


class SegmentError(DamageError):
    """A file that is no segment, or another than its name says."""


class SegmentStore:
    """Segments by what is in them: a file's name is the SHA-256 of its content.

    So one that is damaged is noticed when it is read, and one that is there already is not written again.

    Args:
        folder: where the files are, on a disk or `gs://...`; made by the first that is written.
        is_writer: whether files are written and removed; another process may do that.
    """

    def __init__(self, folder: epath.PathLike, *, is_writer: bool = True) -> None:
        self._folder = epath.Path(folder)
        self._is_writer = is_writer

    def names(self) -> set[str]:
        """Returns the names of the segments that are there."""
        if not self._folder.exists():
            return set()
        return {path.name for path in self._folder.iterdir() if path.suffix == _SUFFIX}

    def write(self, arrays: Mapping[str, np.ndarray]) -> str:
        """Writes a segment, if it is not there.

        Args:
            arrays: of numbers, of one dimension.

        Returns:
            Its name, which is complete on the disk by then.
        """
        parts = _parts(arrays)
        digest = hashlib.sha256()
        for part in parts:
            digest.update(part)
        name = digest.hexdigest() + _SUFFIX
        path = self._folder / name
        if self._is_writer and not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            with replacing(path) as stream:
                for part in parts:
                    stream.write(part)
        return name

    def read(self, name: str) -> dict[str, np.ndarray]:
        """Reads a segment; its arrays cannot be written to.

        Raises:
            SegmentError: it is not there, or damaged; the line names the file.
        """
        path = self._folder / name
        try:
            content = path.read_bytes()
        except OSError as error:
            raise SegmentError(f"{path}: {error.strerror or error}") from error
        if hashlib.sha256(content).hexdigest() + _SUFFIX != name:
            raise SegmentError(f"{path}: is damaged: its content is not what its name says")
        end = content.index(b"\n")
        arrays = {}
        start = _aligned(end + 1)
        for array_name, dtype, size in json.loads(content[:end]):
            arrays[array_name] = np.frombuffer(content, dtype, size, start)
            start = _aligned(start + arrays[array_name].nbytes)
        return arrays

    def retain(self, names: Collection[str]) -> None:
        """Removes all segments but some, and what is left of those whose writing was cut short."""
        if not self._is_writer or not self._folder.exists():
            return
        for path in self._folder.iterdir():
            if path.name not in names and _SUFFIX in path.suffixes:
                path.unlink(missing_ok=True)


def _parts(arrays: Mapping[str, np.ndarray]) -> list[bytes]:
    """Returns a file's content: a line that tells the arrays' names, types and sizes, and the arrays."""
    little = {name: np.asarray(array, array.dtype.newbyteorder("<")) for name, array in arrays.items()}
    head = (
        json.dumps([[name, array.dtype.str, len(array)] for name, array in little.items()]).encode() + b"\n"
    )
    parts = []
    for content in (head, *(array.tobytes() for array in little.values())):
        parts += [content, bytes(_aligned(len(content)) - len(content))]
    return parts


def _aligned(size: int) -> int:
    return -size % _ALIGNMENT + size
