"""What threads of a save that failed raise is not printed beside the line that tells of it; all else is."""

import logging
import sys
from types import SimpleNamespace

import pytest
from absl import logging as absl_logging

from codeit_jax.run.orbax_silence import silence_threads


@pytest.fixture
def told(monkeypatch):
    """What reaches those who print, after threads were silenced."""
    told = []
    loggers = absl_logging.get_absl_logger(), logging.getLogger("asyncio")
    handler = logging.Handler()
    handler.emit = lambda record: told.append(record.getMessage())
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: told.append(str(unraisable.exc_value)))
    for logger in loggers:
        monkeypatch.setattr(logger, "filters", [])
        monkeypatch.setattr(logger, "handlers", [handler])
        monkeypatch.setattr(logger, "propagate", False)
    silence_threads.__wrapped__()
    return told


@pytest.mark.parametrize(
    ("logger", "path", "line", "is_told"),
    [
        ("absl", "/lib/orbax/checkpoint/future.py", "run() raised an exception", False),
        ("absl", "/lib/other/future.py", "run() raised an exception", True),
        ("asyncio", "/lib/asyncio/tasks.py", "Task exception was never retrieved", False),
        ("asyncio", "/lib/asyncio/tasks.py", "something else", True),
    ],
)
def test_what_is_logged(told, logger, path, line, is_told):
    record = logging.LogRecord(logger, logging.ERROR, path, 1, line, (), None)
    logging.getLogger(logger).handle(record)
    assert told == [line] * is_told


@pytest.mark.parametrize(
    ("error", "is_told"),
    [
        (RuntimeError("Event loop is closed"), False),
        (RuntimeError("another"), True),
        (ValueError("Event loop is closed"), True),
    ],
)
def test_what_nobody_could_raise(told, error, is_told):
    sys.unraisablehook(SimpleNamespace(exc_value=error))
    assert told == [str(error)] * is_told
