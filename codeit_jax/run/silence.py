"""Keeps libraries from telling pages on the way of an error that is told in any case."""

import contextlib
import logging as standard_logging
import sys
import threading
from collections.abc import Iterator
from typing import Any

from absl import logging

_lock = threading.Lock()
_num_begun = 0
_verbosity = 0
_tell = sys.unraisablehook


def begin_silence() -> None:
    """Silences orbax, asyncio and tensorstore until this is ended as often as it was begun."""
    global _num_begun, _verbosity, _tell
    with _lock:
        if not _num_begun:
            _verbosity, _tell = logging.get_verbosity(), sys.unraisablehook
            logging.set_verbosity(logging.FATAL)
            sys.unraisablehook = _told
        _num_begun += 1


def end_silence() -> None:
    """Ends what `begin_silence` began; it may be another thread that does."""
    global _num_begun
    with _lock:
        _num_begun -= 1
        if not _num_begun:
            logging.set_verbosity(_verbosity)
            sys.unraisablehook = _tell


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Silences them within the block."""
    begin_silence()
    try:
        yield
    finally:
        end_silence()


@contextlib.contextmanager
def without_warnings() -> Iterator[None]:
    """Has nobody log more than errors within the block, such as the hub's client each of its retries."""
    before = standard_logging.root.manager.disable
    standard_logging.disable(standard_logging.WARNING)
    try:
        yield
    finally:
        standard_logging.disable(before)


def _told(error: Any) -> None:
    # Tensorstore has such a one shown for each write that ends after another has failed.
    if error.exc_type is not RuntimeError or str(error.exc_value) != "Event loop is closed":
        _tell(error)
