"""Text and JSON in files as people have them; a file that holds neither is told for what it is.

What these functions raise does not name the file; `codeit_jax.errors.naming` puts it before.
"""

import codecs
import collections
import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from codeit_jax.errors import UserError

_GIT_LFS = b"version https://git-lfs.github.com/spec/v1"
_GZIP = b"\x1f\x8b"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BEGINNING = 64  # bytes, by which a file is told

NumberReader = Callable[[str], Any]


def refuse_pointer(beginning: bytes) -> None:
    """Raises UserError if a file that begins so stands for one that Git LFS keeps elsewhere."""
    if beginning.startswith(_GIT_LFS):
        raise UserError("is a Git LFS pointer: fetch the file itself with git lfs pull")


def read_text(path: Path) -> str:
    """Returns the text of a file, without a byte-order mark.

    Raises:
        UserError: the file is a Git LFS pointer or an archive, or its text is not in UTF-8.
        OSError: it cannot be read.
    """
    _refuse_devices(path)
    content = path.read_bytes()
    _refuse_others(content[:_BEGINNING])
    if content.startswith(_GZIP):
        raise UserError("is gzipped: unpack it first")
    return decode(content)


def read_lines(path: Path) -> Iterator[bytes]:
    """Yields the lines of a file of text, gzipped or not, each for `decode`.

    Raises:
        UserError: the file is a Git LFS pointer, an archive or text in UTF-16, or its gzip is damaged.
        OSError: it cannot be read.
    """
    _refuse_devices(path)
    with path.open("rb") as stream:
        is_gzipped = stream.peek(_BEGINNING).startswith(_GZIP)
        lines = iter(gzip.GzipFile(fileobj=stream) if is_gzipped else stream)
        try:
            first = next(lines, b"")
            _refuse_others(first[:_BEGINNING])
            if first:
                yield first
            yield from lines
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise UserError(f"is gzipped, and cut short or damaged: {error}") from None


def decode(content: bytes) -> str:
    """Returns bytes as text, without a byte-order mark; UserError if they are not in UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"is not text in UTF-8: {error.reason} at byte {error.start}") from None


def parse_json(text: str, parse_float: NumberReader = float) -> Any:
    """Returns what JSON says.

    Args:
        text: the JSON.
        parse_float: reads numbers with a point or an exponent.

    Raises:
        UserError: it is no JSON, is nested too deeply, has a number of too many digits, or an object in it
            has a key twice.
    """
    try:
        if not text.strip():
            raise UserError("not JSON: it is empty")
        return json.loads(text, parse_float=parse_float, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise UserError(f"not JSON: {error}") from None
    except RecursionError:
        raise UserError("not JSON that can be read: it is nested too deeply") from None
    except UserError:
        raise
    except ValueError:  # of Python's limit on the digits of an integer
        raise UserError("not JSON that can be read: a number in it has too many digits") from None


def read_json(path: Path, parse_float: NumberReader = float) -> Any:
    """Returns what the JSON in a file says; see `read_text` and `parse_json`."""
    return parse_json(read_text(path), parse_float)


def _refuse_devices(path: Path) -> None:
    if path.is_char_device() or path.is_block_device():
        raise UserError("is a device and no file")


def _refuse_others(beginning: bytes) -> None:
    refuse_pointer(beginning)
    if beginning.startswith(_ZIP):
        raise UserError("is a zip archive: unpack it first")
    # JSON and ids begin with ASCII; in UTF-16 without a mark every second byte of it is 0.
    halves = beginning[:4:2], beginning[1:4:2]
    is_utf_16 = len(beginning) > 1 and any(
        all(half) and not any(other) for half, other in (halves, halves[::-1])
    )
    if beginning.startswith(_UTF_16) or is_utf_16:
        raise UserError("is text in UTF-16: save it as UTF-8")


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = collections.Counter(key for key, _ in pairs)
        repeated = next(key for key, count in counts.items() if count > 1)
        raise UserError(f"the key {ascii(repeated)[:80]} stands twice in an object")
    return found
