"""Files of programs, one JSON object a line: `launch/mutate.py` writes and `launch/search.py` reads them."""

import dataclasses
import hashlib
import json
import reprlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from codeit_jax.dsl.program import Program, parse_program
from codeit_jax.errors import UserError, naming
from codeit_jax.reading.documents import decode, parse_json, read_lines

# Of the fields beside the program.
_KINDS = {"task": (str,), "parent": (str, int, type(None)), "kind": (str,)}


class ProgramFileError(UserError):
    """A file of programs that cannot be read; the message names the file and the line."""


@dataclasses.dataclass(frozen=True, slots=True)
class ProgramRow:
    """A line of a file of programs.

    Attributes:
        program: the program's canonical text.
        task: the id of the training task on whose inputs it gives valid grids; "" where that is not known.
        parent: what it was made from: the id of the task of a training program, or the number, from 0, of an
            earlier line of the file; None where that is not known.
        kind: how it was made from that; "" where that is not known.
    """

    program: str
    task: str = ""
    parent: str | int | None = None
    kind: str = ""

    def to_line(self) -> str:
        """Returns the row as a line of a file, its end included."""
        return json.dumps(dataclasses.asdict(self)) + "\n"


def read_rows(path: Path) -> Iterator[tuple[ProgramRow, Program]]:
    """Yields the rows of a file, each with its program, as they are read; blank lines are skipped.

    Args:
        path: a file of JSON lines, gzipped or not. Fields that a `ProgramRow` has not are passed over.

    Raises:
        ProgramFileError: the file cannot be read, a line is no JSON object with a program, or its program
            does not parse.
    """
    with naming(path, ProgramFileError):
        for number, line in enumerate(read_lines(path), start=1):
            with naming(f"line {number}"):
                text = decode(line)
                if not text.strip():
                    continue
                row = _row(parse_json(text))
                with naming("its program"):
                    program = parse_program(row.program)
            yield row, program


def count_lines(path: Path) -> int:
    """Returns how many rows a file has at most.

    Raises:
        ProgramFileError: the file cannot be read.
    """
    with naming(path, ProgramFileError):
        return sum(1 for _ in read_lines(path))


def _row(value: Any) -> ProgramRow:
    if not isinstance(value, dict) or not isinstance(value.get("program"), str):
        raise ValueError('expected an object with a text "program"')
    for name, kinds in _KINDS.items():
        if name in value and type(value[name]) not in kinds:
            told = " or ".join(map(_told, kinds))
            raise ValueError(f"{name} must be {told}, not {reprlib.repr(value[name])}")
    return ProgramRow(value["program"], **{name: value[name] for name in _KINDS if name in value})


def _told(kind: type) -> str:
    return {str: "a text", int: "a number", type(None): "null"}[kind]


def fingerprint(text: str) -> int:
    """Returns 64 bits that no two of some millions of programs are likely to share."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
