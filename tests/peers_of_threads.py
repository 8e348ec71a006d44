"""Threads of a test that stand for the processes of a run."""

import copy
import pickle
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


class ThreadPeers:
    """One of some threads; see `codeit_jax.run.peers.Peers`."""

    def __init__(self, number: int, told: "Told") -> None:
        self.number = number
        self.count = told.count
        self._told = told
        self._calls: dict[str, int] = defaultdict(int)

    def gather(self, value: Any, channel: str = "") -> list[Any]:
        key = channel, self._calls[channel]
        self._calls[channel] += 1
        told = self._told
        with told.condition:
            told.values[key][self.number] = pickle.dumps(value)
            told.condition.notify_all()
            assert told.condition.wait_for(lambda: len(told.values[key]) == self.count, timeout=60)
            return [pickle.loads(told.values[key][number]) for number in range(self.count)]

    def put(self, key: str, value: Any) -> None:
        told = self._told
        with told.condition:
            told.put[key] = pickle.dumps(value)
            told.condition.notify_all()

    def take(self, key: str) -> Any:
        told = self._told
        with told.condition:
            assert told.condition.wait_for(lambda: key in told.put, timeout=60)
            return pickle.loads(told.put.pop(key))

    def post(self, name: str, text: str) -> None:
        self._told.posted[name] = text

    def posted(self, name: str) -> str | None:
        return self._told.posted.get(name)


class Told:
    """What the threads have told each other."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.condition = threading.Condition()
        self.values: dict[Any, dict[int, bytes]] = defaultdict(dict)
        self.put: dict[str, bytes] = {}
        self.posted: dict[str, str] = {}

    def peers(self) -> list[ThreadPeers]:
        return [ThreadPeers(number, self) for number in range(self.count)]


def together(count: int, function: Callable[[ThreadPeers], Any]) -> list[Any]:
    """Runs a function in several threads, and returns what it gives, or raises, in each."""
    with ThreadPoolExecutor(count) as threads:
        futures = [threads.submit(function, peers) for peers in Told(count).peers()]
        return [copy.copy(future.exception()) or future.result() for future in futures]
