"""The page that shows what a command has come to, written as the command works and at its end."""

import os
import time
from collections.abc import Callable

from etils import epath

from codeit_jax.run.display import Display

_SHARE = 0.02  # of the time, at most, that a page takes while there is work
_FIRST_SECONDS = 1.0  # that the first is taken to need, and that any is at least

WritePage = Callable[[Callable[[str], None]], epath.PathLike | None]


class Page:
    """Writes a page now and then, so that a command can be watched.

    Args:
        write: writes the page and returns its path; of what keeps it from that it tells in a line, and
            returns None. None for no page at all.
    """

    def __init__(self, write: WritePage | None = None) -> None:
        self._write = write
        self._ended = time.monotonic()
        self._seconds = _FIRST_SECONDS
        self._told = ""

    def renew(self, display: Display) -> None:
        """Writes the page, unless that would take more than its share of the time since it was written."""
        begun = time.monotonic()
        if self._write is None or (begun - self._ended) * _SHARE < self._seconds:
            return

        def tell(problem: str) -> None:
            if problem != self._told:
                display.note(problem)
            self._told = problem

        self._write(tell)
        self._ended = time.monotonic()
        self._seconds = max(_FIRST_SECONDS, self._ended - begun)

    def finish(self, display: Display) -> None:
        """Writes the page a last time, and tells where it is."""
        if self._write is None:
            return
        display.phase("writing the report")
        page = self._write(display.note)
        if page is not None:
            tell_page(page, display)


def tell_page(page: epath.PathLike, display: Display) -> None:
    """Tells where a page is."""
    display.note(f"to look at: {os.fspath(page)}")
