"""The processes of a run, as its host's side sees them: they know of each other what they tell each other.

All of them run the same program. Where one alone does something, such as a share of the jobs or what
concerns files, the others are told what came of it, so that all hold the same at any time.
"""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from codeit_jax.errors import UserError

Told = TypeVar("Told")


class Peers(Protocol):
    """The processes of a run, seen from one of them.

    Attributes:
        number: this process's, from 0.
        count: how many there are.
    """

    number: int
    count: int

    def gather(self, value: Told, channel: str = "") -> list[Told]:
        """Tells all processes a value, and returns what each has told, in the order of their numbers.

        Every process makes the same calls, those of a channel in the same order.

        Args:
            value: anything that can be pickled.
            channel: what tells calls of one thread from those of another.
        """
        ...

    def put(self, key: str, value: Any) -> None:
        """Lays a value down for one other process to `take`; anything that can be pickled."""
        ...

    def take(self, key: str) -> Any:
        """Waits for what another process lays down under a key, and returns it; it is there no more then."""
        ...

    def post(self, name: str, text: str) -> None:
        """Puts up a text under a name, in place of an earlier one; nobody is waited for."""
        ...

    def posted(self, name: str) -> str | None:
        """Returns what some process has put up under a name; None if none has yet."""
        ...


class Alone:
    """A process without others."""

    number, count = 0, 1

    def gather(self, value: Told, channel: str = "") -> list[Told]:
        return [value]

    def put(self, key: str, value: Any) -> None:
        raise ValueError("there is no other process")

    def take(self, key: str) -> Any:
        raise ValueError("there is no other process")

    def post(self, name: str, text: str) -> None:
        pass

    def posted(self, name: str) -> str | None:
        return None


ALONE: Peers = Alone()


def by_first(peers: Peers, function: Callable[[], Told]) -> Told:
    """Has the first process alone do something, and returns what came of it in every process.

    Raises:
        UserError: it raised one; every process does.
    """
    told: tuple[Told | None, str | None] = None, None
    if peers.number == 0:
        try:
            told = function(), None
        except UserError as error:
            if peers.count == 1:
                raise
            told = None, str(error)
    result, refusal = peers.gather(told)[0]
    if refusal is not None:
        raise UserError(refusal)
    return result  # type: ignore[return-value]  # None only where the function returned it
