"""Files of programs, one JSON object a line: `launch/mutate.py` writes and `launch/search.py` reads them."""

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from codeit_jax.dsl.program import Program, parse_program
from codeit_jax.errors import UserError, naming

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

    Raises:
        ProgramFileError: the file cannot be read, a line is no JSON object with a program, or its program
            does not parse.
    """
    with naming(path, ProgramFileError), path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                with naming(f"line {number}"):
                    row = _parse_row(line)
                    with naming("its program"):
                        program = parse_program(row.program)
                yield row, program


def _parse_row(line: str) -> ProgramRow:
    try:
        return ProgramRow(**_fields(json.loads(line)))
    except json.JSONDecodeError as error:
        raise ValueError(f"is no JSON: {error}") from None
    except TypeError as error:
        raise ValueError(str(error)) from None


def _fields(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not isinstance(value.get("program"), str):
        raise TypeError('expected an object with a text "program"')
    for name, kinds in _KINDS.items():
        if name in value and type(value[name]) not in kinds:
            raise TypeError(f"{name} must be {' or '.join(map(_told, kinds))}, not {value[name]!r}")
    unknown = value.keys() - {"program", *_KINDS}
    if unknown:
        raise TypeError(f"there is no field {min(unknown)!r}")
    return value


def _told(kind: type) -> str:
    return {str: "a text", int: "a number", type(None): "null"}[kind]


def fingerprint(text: str) -> int:
    """Returns 64 bits that no two of some millions of programs are likely to share."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
