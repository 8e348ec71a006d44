"""A journal of a meta-iteration: what it has come to, line by line, so that one that is cut short goes on."""

import json
import os
import threading
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from etils import epath

from codeit_jax.errors import naming
from codeit_jax.run.peers import ALONE, Peers, by_first

# What was sampled from parameters that are gone as soon as the learner has changed them.
SAMPLED = "sampled"


class Journal:
    """Values written down as they come, of one meta-iteration at a time.

    Every line is on the disk before `add` returns. A line that was cut short, or damaged, ends a journal, and
    what came after it is done again. On a bucket, whose objects cannot be added to, nothing is written down.

    Args:
        folder: where the files are, made by the first that is written; None for nowhere.
        peers: the processes of the run, of which the first alone writes and reads them.
    """

    def __init__(self, folder: epath.PathLike | None = None, peers: Peers = ALONE) -> None:
        self._peers = peers
        is_disk = folder is not None and "://" not in os.fspath(folder)
        self._folder = Path(os.fspath(folder)) if folder is not None and is_disk else None
        self._file: Path | None = None
        self._entries: list[tuple[str, Any]] = []
        self._samples: list[Any] = []  # of this meta-iteration, so far
        self._kept: tuple[int, list[Any]] = 0, []
        self._lock = threading.Lock()

    def begin(self, meta_iteration: int) -> None:
        """Goes on with the journal of a meta-iteration, and removes those of others but the last.

        That of the last stays until the next, for its checkpoint may not be complete yet. One of a later
        meta-iteration is left by a run that has gone back.

        Raises:
            UserError: the file cannot be read or written.
        """
        self._entries = by_first(self._peers, lambda: self._read(meta_iteration))
        self._samples = list(self.entries(SAMPLED))
        number, kept = self._kept
        if number == meta_iteration and len(kept) > len(self._samples):
            others = [entry for entry in self._entries if entry[0] != SAMPLED]
            self._entries = [*((SAMPLED, value) for value in kept), *others]
            self._samples = list(kept)

    def samples(self) -> list[Any]:
        """Returns what this meta-iteration has sampled so far, for a snapshot that is taken midway."""
        return [*self._samples]

    def restore(self, meta_iteration: int, samples: Sequence[Any]) -> None:
        """Goes on from a snapshot: a meta-iteration has these samples, though its file may be gone."""
        self._kept = meta_iteration, list(samples)

    def _read(self, meta_iteration: int) -> list[tuple[str, Any]]:
        entries: list[tuple[str, Any]] = []
        if self._folder is None:
            return entries
        self._file = self._folder / f"{meta_iteration:04d}.jsonl"
        with naming(self._folder):
            for file in self._folder.glob("*.jsonl"):
                if file.stem.isdigit() and int(file.stem) not in (meta_iteration, meta_iteration - 1):
                    file.unlink()
            if self._file.exists():
                content = self._file.read_bytes()
                size = 0
                for line in content.splitlines(keepends=True):
                    entry = _parse(line)
                    if entry is None:
                        break
                    entries.append(entry)
                    size += len(line)
                if size < len(content):
                    os.truncate(self._file, size)
        return entries

    def entries(self, kind: str) -> Iterator[Any]:
        """Yields the values of a kind that the journal had when it was gone on with, in their order."""
        return (value for each, value in self._entries if each == kind)

    def add(self, kind: str, value: Any) -> None:
        """Writes a value down; threads may.

        Args:
            kind: what it is of.
            value: nested lists and dicts of numbers and strings.

        Raises:
            UserError: there is no room for it, or no permission.
        """
        if kind == SAMPLED:
            self._samples.append(json.loads(json.dumps(value)))
        if self._file is None:
            return
        with self._lock, naming(self._file):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            size = self._file.stat().st_size if self._file.exists() else 0
            try:
                with self._file.open("ab") as stream:
                    stream.write(_line(kind, value))
                    stream.flush()
                    os.fsync(stream.fileno())
            except OSError:
                os.truncate(self._file, size)
                raise


def _line(kind: str, value: Any) -> bytes:
    text = json.dumps([kind, value]).encode()
    return f"{zlib.crc32(text):08x} ".encode() + text + b"\n"


def _parse(line: bytes) -> tuple[str, Any] | None:
    """Returns the kind and the value of a line; None if it is not as it was written."""
    sum_, _, text = line.partition(b" ")
    if not line.endswith(b"\n") or sum_ != f"{zlib.crc32(text[:-1]):08x}".encode():
        return None
    kind, value = json.loads(text)
    return kind, value
