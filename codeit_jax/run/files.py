"""Writing files so that a reader, or a run that is cut short, never meets half of one."""

import gzip
import io
import json
from collections.abc import Iterable
from typing import Any

from etils import epath


def write_text(path: epath.Path, text: str) -> None:
    """Replaces a file's content in one step."""
    write_bytes(path, text.encode())


def write_bytes(path: epath.Path, content: bytes) -> None:
    """Replaces a file's content in one step."""
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.write_bytes(content)
    unfinished.replace(path)


def write_json(path: epath.Path, value: Any) -> None:
    """Replaces a file's content with a value as indented JSON, in one step."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def write_json_lines(path: epath.Path, values: Iterable[Any]) -> None:
    """Replaces a file's content with gzipped JSON, one value a line, in one step."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as file:
        for value in values:
            file.write(json.dumps(value).encode() + b"\n")
    write_bytes(path, buffer.getvalue())
