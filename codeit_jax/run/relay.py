"""A connection to JAX's coordinator that JAX does not see end.

JAX's client aborts its process as soon as it loses the coordinator, and takes nothing from Python that would
have it do otherwise. So it is given the address of a relay, within its own process, which carries all bytes
to the coordinator and back. Where the coordinator is lost, the relay's connection with the client stays open:
the client notices nothing, and the process ends in its own way.
"""

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable, Iterator

_BLOCK_BYTES = 1 << 18
_INTERVAL_SECONDS = 1.0


class Relay:
    """Carries what the client and the coordinator tell each other, from and to a port of this host.

    Args:
        coordinator: its HOST:PORT.

    Attributes:
        address: HOST:PORT at which the client finds the relay.
    """

    def __init__(self, coordinator: str) -> None:
        host, _, port = coordinator.rpartition(":")
        self._coordinator = host.strip("[]"), int(port)
        self._max_silent: int | None = None
        self._on_loss: Callable[[], None] | None = None
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        _start(self._accept)

    def hold(self, on_loss: Callable[[], None], max_silent: int | None = None) -> None:
        """Hides from the client that the coordinator is lost, from now on; before, it sees all.

        Args:
            on_loss: called by a thread of the relay, once a connection, when the coordinator has ended it or
                is silent; the client sees it end only when this returns.
            max_silent: how many intervals of a second on end nothing may be heard, None for any number. They
                are counted, so that a process that was stopped itself takes nobody for lost.
        """
        self._max_silent = max_silent
        self._on_loss = on_loss

    def close(self) -> None:
        """Takes no more connections, and holds none that there is any longer."""
        self._on_loss = None
        _shut(self._listening)
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # of the listening socket, as it is closed
            while True:
                client, _ = self._listening.accept()
                try:
                    coordinator = socket.create_connection(self._coordinator)
                except OSError:  # it is not there yet; the client comes again
                    client.close()
                    continue
                for each in (client, coordinator):
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                has_left = threading.Event()
                _start(self._carry_there, client, coordinator, has_left)
                _start(self._carry_back, client, coordinator, has_left)

    def _carry_there(
        self, client: socket.socket, coordinator: socket.socket, has_left: threading.Event
    ) -> None:
        with contextlib.suppress(OSError):
            while block := client.recv(_BLOCK_BYTES):
                try:
                    coordinator.sendall(block)
                except OSError:  # which `_carry_back` finds, too
                    return
        has_left.set()
        _shut(coordinator)

    def _carry_back(
        self, client: socket.socket, coordinator: socket.socket, has_left: threading.Event
    ) -> None:
        with client, coordinator:
            with contextlib.suppress(OSError):
                for block in self._told(coordinator):
                    client.sendall(block)
            on_loss = self._on_loss
            if on_loss is not None and not has_left.is_set():
                on_loss()
            _shut(client)

    def _told(self, coordinator: socket.socket) -> Iterator[bytes]:
        """Yields what comes from the coordinator, until it is lost."""
        num_silent = 0
        with selectors.DefaultSelector() as selector:
            selector.register(coordinator, selectors.EVENT_READ)
            while self._max_silent is None or num_silent <= self._max_silent:
                if not selector.select(_INTERVAL_SECONDS):
                    num_silent = 0 if self._max_silent is None else num_silent + 1
                    continue
                num_silent = 0
                block = coordinator.recv(_BLOCK_BYTES)
                if not block:
                    return
                yield block


def _start(function: Callable[..., None], *args: object) -> None:
    threading.Thread(target=function, args=args, name="relay", daemon=True).start()


def _shut(each: socket.socket) -> None:
    with contextlib.suppress(OSError):  # where the other side has ended it
        each.shutdown(socket.SHUT_RDWR)
