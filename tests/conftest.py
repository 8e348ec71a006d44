"""What holds for all tests."""

import signal


def pytest_configure() -> None:
    """Lets tests interrupt the processes they start, even where this one was started to be not interrupted.

    A shell has what it starts in the background ignore Ctrl-C, and so would all that this starts.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
