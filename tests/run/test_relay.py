"""A relay carries bytes both ways, and holds the client's connection when the coordinator's is lost."""

import socket
import threading
from collections.abc import Iterator

import pytest

from codeit_jax.run.relay import Relay

_SECONDS = 60.0  # in which what is waited for comes at once


class Ends:
    """Both ends of a connection through a relay."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.relay = Relay(f"localhost:{self._listening.getsockname()[1]}")
        host, _, port = self.relay.address.rpartition(":")
        self.client = socket.create_connection((host, int(port)), _SECONDS)
        self.coordinator, _ = self._listening.accept()
        self.coordinator.settimeout(_SECONDS)

    def close(self) -> None:
        self.relay.close()
        for each in (self._listening, self.client, self.coordinator):
            each.close()


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    made.close()


def received(end: socket.socket, size: int) -> bytes:
    parts = b""
    while len(parts) < size:
        parts += end.recv(size - len(parts))
    return parts


def test_bytes_are_carried_both_ways(ends: Ends) -> None:
    sent = bytes(range(256)) * 20_000
    for one, other in ((ends.client, ends.coordinator), (ends.coordinator, ends.client)):
        sending = threading.Thread(target=one.sendall, args=[sent])
        sending.start()
        assert received(other, len(sent)) == sent
        sending.join()


def test_before_it_holds_the_client_sees_that_the_coordinator_has_ended(ends: Ends) -> None:
    ends.coordinator.close()
    assert ends.client.recv(1) == b""


@pytest.mark.parametrize("is_silent", [False, True])
def test_a_loss_is_told_and_the_client_sees_none_before_that_has_returned(
    ends: Ends, is_silent: bool
) -> None:
    ends.client.sendall(b"a")
    assert received(ends.coordinator, 1) == b"a"
    is_lost, may_return = threading.Event(), threading.Event()

    def lose() -> None:
        is_lost.set()
        may_return.wait(_SECONDS)

    ends.relay.hold(lose, 0 if is_silent else None)
    if not is_silent:
        ends.coordinator.sendall(b"b")
        ends.coordinator.close()
    assert is_lost.wait(_SECONDS)
    ends.client.sendall(b"c")
    if not is_silent:
        assert received(ends.client, 1) == b"b"
    ends.client.setblocking(False)
    with pytest.raises(BlockingIOError):
        ends.client.recv(1)
    ends.client.settimeout(_SECONDS)
    may_return.set()
    assert ends.client.recv(1) == b""


def test_a_client_that_leaves_has_lost_nobody(ends: Ends) -> None:
    losses: list[str] = []
    ends.relay.hold(lambda: losses.append("lost"))
    ends.client.close()
    assert ends.coordinator.recv(1) == b""
    ends.close()
    for thread in threading.enumerate():
        if thread.name == "relay":
            thread.join(_SECONDS)
    assert losses == []


def test_a_coordinator_that_is_not_there_yet_is_one_that_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    relay = Relay(f"127.0.0.1:{port}")
    host, _, own = relay.address.rpartition(":")
    with socket.create_connection((host, int(own)), _SECONDS) as client:
        assert client.recv(1) == b""
    with (
        socket.create_server(("127.0.0.1", port)) as listening,
        socket.create_connection((host, int(own)), _SECONDS) as client,
    ):
        client.sendall(b"a")
        coordinator, _ = listening.accept()
        with coordinator:
            assert received(coordinator, 1) == b"a"
    relay.close()
