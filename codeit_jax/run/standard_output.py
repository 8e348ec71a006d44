"""Standard output that may be refused: by a pipe nobody reads, a full disk, or for a character it lacks."""

import contextlib
import io
import os
import sys
from collections.abc import Iterator

from codeit_jax.errors import UserError


def tell_refusals() -> None:
    """Has whatever is refused on standard output told as a user's mistake, in place of an `OSError`.

    Characters that its encoding lacks are written as escapes. What comes after a refusal goes nowhere.
    """
    plain = sys.stdout
    if type(plain) is io.TextIOWrapper:  # a process may have none, and a test one of its own
        sys.stdout = _Output(
            plain.buffer,
            plain.encoding,
            "backslashreplace",
            line_buffering=plain.line_buffering,
            write_through=plain.write_through,
        )


class _Output(io.TextIOWrapper):
    def write(self, text: str) -> int:
        with self._refused():
            return super().write(text)

    def flush(self) -> None:
        with self._refused():
            super().flush()

    @contextlib.contextmanager
    def _refused(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            raise UserError(f"standard output: {error.strerror or error}") from error
