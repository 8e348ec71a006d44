"""Keeps orbax, and what it is built on, from printing pages of what is told in a line.

What goes wrong in a save is raised where it is waited for. Orbax's threads log it as well, one after the
other, some of them after that, and TensorStore prints that nobody listens to it any more.
"""

import contextlib
import functools
import logging as standard_logging
import sys
from collections.abc import Iterator
from typing import Any

from absl import logging


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Keeps orbax and asyncio from logging anything on the way of an error, which is told in any case."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.FATAL)
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)


@functools.cache
def silence_threads() -> None:
    """Keeps from now on what threads raise, and hand on to those who wait, from being printed as well."""
    logging.get_absl_logger().addFilter(lambda record: not _is_of_orbax(record))
    standard_logging.getLogger("asyncio").addFilter(
        lambda record: "never retrieved" not in record.getMessage()
    )
    tell = sys.unraisablehook

    def tell_others(unraisable: Any) -> None:
        error = unraisable.exc_value
        if not (isinstance(error, RuntimeError) and str(error) == "Event loop is closed"):
            tell(unraisable)

    sys.unraisablehook = tell_others


def _is_of_orbax(record: standard_logging.LogRecord) -> bool:
    return record.levelno == standard_logging.ERROR and "orbax" in record.pathname
