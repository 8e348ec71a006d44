"""A file of programs that grows, and goes on growing after its writer was killed.

Beside the file lies `<file>.progress.json`: the settings that decide the file's content, and a mark that says
how much of it counts. The mark is replaced in one step after the rows are safely written. What the file holds
beyond the mark was cut short, and is removed when the file is opened again.
"""

import contextlib
import dataclasses
import fcntl
import json
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from codeit_jax.dsl.program_files import ProgramRow
from codeit_jax.errors import UserError, naming
from codeit_jax.run.claim import check_claim, read_claim
from codeit_jax.run.files import write_json

_PIECE_BYTES = 1 << 22
_NEWLINE = ord("\n")


class GrowthFileError(UserError):
    """A file that cannot be grown; the message names it and says why."""


@dataclasses.dataclass(frozen=True)
class Mark:
    """How much of a file counts, and how it came about.

    Attributes:
        rows: rows that count.
        size: their bytes.
        checksum: CRC-32 of these.
        num_rounds: rounds all of whose programs are among the rows.
        complete_rows: rows of these rounds and from before the first.
        complete_statistics: what became of the draws of these rounds, as JSON.
        statistics: the same of all draws up to the last row.
        barren_draws: draws since the last that was accepted, in rounds none of whose draws was.
        seconds: wall-clock time spent.
    """

    rows: int = 0
    size: int = 0
    checksum: int = 0
    num_rounds: int = 0
    complete_rows: int = 0
    complete_statistics: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    statistics: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    barren_draws: int = 0
    seconds: float = 0.0


def progress_path(path: Path) -> Path:
    """Returns where the settings and the mark of a file are kept."""
    return path.with_name(path.name + ".progress.json")


class GrowthFile:
    """A file of programs, opened by the one that writes it; a context manager.

    Attributes:
        path: the file.
        mark: how much of it counts.

    Args:
        path: the file; it is made if it is not there.
        settings: what decides the file's content, as JSON. It may change as long as there are no rows.

    Raises:
        UserError: the file cannot be written to, is being written to, has grown under other settings, or is
            not what was written. Nothing is changed then.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        self.path = path
        self.mark = Mark()
        self._settings = json.loads(json.dumps(settings))
        self._ends = np.zeros(1, np.int64)  # where rows end, in bytes, after a 0
        with naming(path, GrowthFileError):
            was_there = path.exists()
            # Unbuffered, since what a buffer could not write it would try to write again.
            self._file = path.open("r+b" if was_there else "x+b", buffering=0)
        try:
            with naming(path, GrowthFileError):
                self._hold()
                found = read_claim(progress_path(path), [path] if was_there else [], _parse)
                if found is not None and found[1].rows:
                    check_claim(found[0], self._settings)
                    self.mark = found[1]
                    if not was_there:
                        raise GrowthFileError(f"is gone, and {progress_path(path).name} beside it is not")
                self._check()
                if not self.mark.rows:
                    self._write_progress()
                self._file.truncate(self.mark.size)
        except BaseException:
            self._file.close()
            if not was_there:
                path.unlink(missing_ok=True)
            raise

    def __enter__(self) -> "GrowthFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, rows: Sequence[ProgramRow], mark: Mark) -> None:
        """Writes rows, and then a mark up to the last of them.

        Args:
            rows: the rows; there may be none.
            mark: the mark, but for the rows that count, their size and their checksum.

        Raises:
            GrowthFileError: there is no room. What counted before does so still.
        """
        lines = [row.to_line().encode() for row in rows]
        content = b"".join(lines)
        before = self.mark
        try:
            self._write(content)
            self.mark = dataclasses.replace(
                mark,
                rows=before.rows + len(lines),
                size=before.size + len(content),
                checksum=zlib.crc32(content, before.checksum),
            )
            self._write_progress()
        except OSError as error:
            self.mark = before
            with contextlib.suppress(OSError):  # what is left behind here is removed when the file is opened
                self._file.truncate(before.size)
            raise GrowthFileError(
                f"{self.path}: {error.strerror}; its {before.rows:,} rows are safe, and it goes on from there"
                " when it is started again with room enough"
            ) from None
        self._ends = np.concatenate(
            [self._ends, before.size + np.cumsum([len(line) for line in lines], dtype=np.int64)]
        )

    def rows(self, start: int, end: int) -> Iterator[ProgramRow]:
        """Yields the rows from one up to another."""
        return map(self._row, range(start, end))

    def programs(self, numbers: Sequence[int]) -> list[str]:
        """Returns the programs of some rows."""
        return [self._row(number).program for number in numbers]

    def _row(self, number: int) -> ProgramRow:
        start, end = self._ends[number : number + 2].tolist()
        return ProgramRow(**json.loads(os.pread(self._file.fileno(), end - start, start)))

    def _hold(self) -> None:
        """Makes sure that nobody else writes the file."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise GrowthFileError("another process is writing to it") from None

    def _check(self) -> None:
        """Makes sure that the file is as it was left, and that what comes after can be cut off."""
        ends, checksum, size = [self._ends], 0, 0
        while size < self.mark.size:
            piece = self._file.read(min(_PIECE_BYTES, self.mark.size - size))
            if not piece:
                break
            ends.append(size + 1 + np.flatnonzero(np.frombuffer(piece, np.uint8) == _NEWLINE))
            checksum = zlib.crc32(piece, checksum)
            size += len(piece)
        self._ends = np.concatenate(ends)
        if (size, checksum, len(self._ends) - 1) != (self.mark.size, self.mark.checksum, self.mark.rows):
            raise GrowthFileError(f"is not what {progress_path(self.path).name} says was written to it")
        for line in self._file.readlines():
            if line.endswith(b"\n") and not _is_ours(line):
                raise GrowthFileError("holds lines that were not written to it, and would be cut off")

    def _write(self, content: bytes) -> None:
        self._file.seek(self.mark.size)
        rest = memoryview(content)
        while rest:
            rest = rest[self._file.write(rest) :]
        os.fsync(self._file.fileno())

    def _write_progress(self) -> None:
        write_json(progress_path(self.path), {"settings": self._settings, **dataclasses.asdict(self.mark)})


def _is_ours(line: bytes) -> bool:
    """Whether a line may have been written before the mark was moved."""
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(values, dict) and list(values) == [
        field.name for field in dataclasses.fields(ProgramRow)
    ]


def _parse(values: dict[str, Any]) -> tuple[dict[str, Any], Mark]:
    return dict(values.pop("settings")), Mark(**values)
