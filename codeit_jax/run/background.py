"""Work done ahead of the one who asks for it, in a thread."""

import contextlib
import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


class _End:
    """The end of the items: the error that ended the iterable, or None."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


@contextlib.contextmanager
def drawn_ahead(items: Iterable[Item]) -> Iterator[Iterator[Item]]:
    """Draws the items of an iterable in a thread, as fast as it can, while the block runs.

    Where the block ends before them the thread is waited for, which ends with the item that it is at.

    Args:
        items: the iterable; no other thread may draw from it.

    Yields:
        The items, in their order, and after them whatever the iterable raises.
    """
    drawn: queue.SimpleQueue[Item | _End] = queue.SimpleQueue()
    stopped, ended = threading.Event(), threading.Event()

    def draw() -> None:
        error: BaseException | None = None
        try:
            for item in items:
                drawn.put(item)
                if stopped.is_set():
                    break
        except BaseException as raised:  # it is raised again where the items are asked for
            error = raised
        drawn.put(_End(error))
        ended.set()

    def asked_for() -> Iterator[Item]:
        while not isinstance(item := drawn.get(), _End):
            yield item
        if item.error is not None:
            raise item.error

    thread = threading.Thread(target=draw, name="drawn_ahead", daemon=True)
    thread.start()
    try:
        yield asked_for()
    finally:
        stopped.set()
        ended.wait()  # `join` alone would be so for good where a signal is raised in it
        thread.join()


def run_ahead(items: Iterable[Item]) -> Iterator[Item]:
    """Yields the items of an iterable, in their order; a thread draws them as fast as it can.

    For an iterable that mostly waits, for devices say: it then never waits for what is done with its items.
    Nothing is drawn before the first item is asked for; see `drawn_ahead`, too.

    Raises:
        Exception: whatever the iterable raises, after the items before it.
    """
    with drawn_ahead(items) as drawn:
        yield from drawn
