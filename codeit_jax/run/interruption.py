"""Ctrl-C and SIGTERM: a command ends in good order on the first, and at once on the second.

`handled` is what a command runs in. Within it the first of these signals is raised in the main thread, as
`KeyboardInterrupt` or as `Terminated`, so that temporary folders are removed and workers are ended on the way
out; then there is one line, and exit code 130 or 143. A block that must not be left in the middle puts it
off, and looks itself where it can end:

    with deferred():
        while ...:
            ...
            raise_requested()

What was not raised then is raised as the block ends. After a second signal the process ends whatever it is
doing, and so it does where the main thread does not come back to Python for long, compiling say. Its workers
end as well, for their connection closes.
"""

import contextlib
import os
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from enum import Enum, auto
from types import FrameType
from typing import Any, NoReturn

_LINES = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
_AGAIN_SECONDS = 0.02  # after which is raised what could not be, or was in vain
_PATIENCE_SECONDS = 25.0  # a machine that is taken away gives thirty


class Terminated(BaseException):
    """A SIGTERM, as `KeyboardInterrupt` is a Ctrl-C."""


def catch_signals() -> None:
    """Has Ctrl-C and SIGTERM end the process with one line, from now on; `handled` does it, too.

    What a command imports takes a second, in which nothing is to be put in order. A signal that the process
    was started to ignore, as one in the background may be, stays ignored.
    """
    _installed()


@contextlib.contextmanager
def handled(advice: str = "") -> Iterator[None]:
    """Runs a command; what a signal raises in it ends the process, with one line.

    Args:
        advice: what that line says to do next, once there is something to go on from; "" for nothing. See
            `begin_keeping`.
    """
    handler = _installed()
    handler.begin(advice)
    try:
        yield
    except KeyboardInterrupt as error:
        _exit(signal.SIGINT, error, handler.advice)
    except Terminated as error:
        _exit(signal.SIGTERM, error, handler.advice)
    except Exception as error:
        # Code that calls back into Python may make another exception of what was raised there.
        if handler.raised is None:
            raise
        _exit(handler.raised, error, handler.advice)
    finally:
        handler.phase = _Phase.ENDED


def begin_keeping() -> None:
    """Notes that from now on the command, given again, goes on from what is kept of it."""
    handler = _found()
    if handler is not None:
        handler.is_keeping = True


def is_kept() -> bool:
    """Returns whether the command, given again, goes on from what is kept of it."""
    handler = _found()
    return handler is not None and bool(handler.advice)


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Runs a block in which nothing is raised, where signals are handled, but as it ends.

    What was raised already is not raised again: a command may save what it has come to on its way out.

    Raises:
        KeyboardInterrupt: there was a Ctrl-C, and the block has ended.
        Terminated: there was a SIGTERM, and the block has ended.
    """
    handler = _found()
    if handler is None:
        yield
        return
    handler.num_deferring += 1
    try:
        yield
    finally:
        handler.num_deferring -= 1
    if not handler.num_deferring and handler.raised is None:
        handler.raise_asked()


def is_requested() -> bool:
    """Returns whether a signal asks the process to end."""
    handler = _found()
    return handler is not None and handler.asked is not None


def raise_requested() -> None:
    """Raises the signal that came, if one did: a block that puts it off calls this where it can be left.

    Raises:
        KeyboardInterrupt: there was a Ctrl-C.
        Terminated: there was a SIGTERM.
    """
    handler = _found()
    if handler is not None:
        handler.raise_asked()


class _Phase(Enum):
    STARTING = auto()  # nothing is at work yet
    RUNNING = auto()
    ENDED = auto()  # nothing is at work any more


class _Handler:
    """What both signals do. It lies in the process's own table of handlers, and is found there.

    Attributes:
        phase: how far the command is.
        asked: the first signal.
        raised: the same, once it was raised and not in vain.
        num_deferring: how many blocks, one in the other, put it off.
        is_keeping: whether there is something to go on from.
    """

    def __init__(self) -> None:
        self.phase = _Phase.STARTING
        self.num_deferring = 0
        self.is_keeping = False
        self._advice = ""
        self._begin()

    def begin(self, advice: str) -> None:
        """Begins to run a command."""
        self._begin()
        self.phase = _Phase.RUNNING
        self.is_keeping = False
        self._advice = advice

    @property
    def advice(self) -> str:
        """What to do next after a signal; "" for nothing."""
        return self._advice if self.is_keeping else ""

    def _begin(self) -> None:
        self.asked: signal.Signals | None = None
        self.raised: signal.Signals | None = None
        self._num_received = 0
        self._num_echoes = 0
        self._is_echo = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.asked is not None and not self._is_echo:
            return  # the second, on which the watching thread ends the process
        self._is_echo = False
        self.asked = signal.Signals(number)
        if self.phase is not _Phase.RUNNING:
            _end_now(self.asked)
        if self.num_deferring:
            return
        # Extension modules end the process by force where they do not expect an exception as they start.
        if _is_importing(frame):
            self._ask_again(self.asked)
        else:
            self.raise_asked()

    def raise_asked(self) -> None:
        """Raises the signal that came, if one did."""
        if self.asked is not None:
            self.raised = self.asked
            raise KeyboardInterrupt if self.asked is signal.SIGINT else Terminated

    def watch(self, pipe: int) -> None:
        """Ends the process on the second signal, or long after the first, whatever the main thread does."""
        deadline: float | None = None
        first = 0
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([pipe], [], [], left)[0]:
                if self.raised is None:
                    os.write(2, f"{_LINES[signal.Signals(first)]}\n".encode())
                    os._exit(_exit_code(first))
                deadline = None
                continue
            (received,) = os.read(pipe, 1)
            if received not in _LINES:
                continue
            if self._num_echoes:
                self._num_echoes -= 1
                continue
            self._num_received += 1
            if self._num_received > 1:
                os._exit(_exit_code(received))
            first, deadline = received, time.monotonic() + _PATIENCE_SECONDS

    def is_told(self, error_type: type[BaseException] | None) -> bool:
        """Returns whether an error that nobody can catch has nothing to say, the process being asked to end.

        Python drops what is raised while it frees an object. A signal that was raised there is raised again.
        """
        if self.asked is None:
            return False
        if error_type is not None and issubclass(error_type, KeyboardInterrupt | Terminated):
            self._ask_again(self.asked)
        return True

    def _ask_again(self, number: signal.Signals) -> None:
        self.raised = None
        self._num_echoes += 1
        again = threading.Timer(_AGAIN_SECONDS, self._echo, [number])
        again.daemon = True
        again.start()

    def _echo(self, number: signal.Signals) -> None:
        self._is_echo = True
        main = threading.main_thread().ident
        if main is not None:
            signal.pthread_kill(main, number)  # which also wakes it where it waits


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None and not frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    return frame is not None


def _found() -> _Handler | None:
    handlers = map(signal.getsignal, _LINES)
    return next((each for each in handlers if isinstance(each, _Handler)), None)


def _installed() -> _Handler:
    found = _found()
    if found is not None:
        return found
    handler = _Handler()
    if threading.current_thread() is not threading.main_thread():
        return handler
    for number in _LINES:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=handler.watch, args=[reading], name="signals", daemon=True).start()
    _silence(handler)
    return handler


def _silence(handler: _Handler) -> None:
    """Keeps what objects and threads of a process that is asked to end complain of to itself."""
    tell, tell_of_thread = sys.unraisablehook, threading.excepthook

    def of_object(error: Any) -> None:
        if not handler.is_told(error.exc_type):
            tell(error)

    def of_thread(error: Any) -> None:
        if not handler.is_told(None):
            tell_of_thread(error)

    sys.unraisablehook, threading.excepthook = of_object, of_thread


def _exit_code(number: int) -> int:
    return 128 + number


def _exit(number: signal.Signals, error: BaseException | None, advice: str) -> NoReturn:
    print(f"{_LINES[number]}; {advice}" if advice else _LINES[number], file=sys.stderr)
    # What was left in the middle of a call ends here, with its folders and threads: as the interpreter ends,
    # a thread that is still within another library would have the process aborted.
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__context__
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(_exit_code(number))


def _end_now(number: signal.Signals) -> NoReturn:
    with contextlib.suppress(Exception):  # among others where it was being flushed
        sys.stdout.flush()
    os.write(2, f"{_LINES[number]}\n".encode())
    os._exit(_exit_code(number))
