"""What the processes of a run agree on: when all of them pause, and that all have come to the same."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import Any

from codeit_jax.run.host_state import TEXT, encode
from codeit_jax.run.peers import Peers

# Updates of the learner between what is put up and what is done, by which every process has seen it: none is
# that far ahead of another, for each update takes all, and each waits for the third before its own.
_UPDATES_AHEAD = 5


class Agreement:
    """Lets the processes of a run pause between the same two updates, without waiting for one another.

    Any may want a pause. The first, when it sees that, puts up after which update it is to be.

    Args:
        peers: the processes.
    """

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self._num_pauses = 0
        self._num_updates = 0
        self._is_wanted = False

    def is_due(self, is_wanted: bool) -> bool:
        """Returns whether all pause now; every process asks once after each update.

        Args:
            is_wanted: whether this process wants to.
        """
        peers = self._peers
        if peers.count == 1:
            return is_wanted
        self._num_updates += 1
        wanted, at = f"pause/{self._num_pauses}/wanted", f"pause/{self._num_pauses}/at"
        if is_wanted and not self._is_wanted:
            peers.post(wanted, "")
            self._is_wanted = True
        place = peers.posted(at)
        if place is None and peers.number == 0 and peers.posted(wanted) is not None:
            peers.post(at, str(self._num_updates + _UPDATES_AHEAD))
        if place is None or int(place) > self._num_updates:
            return False
        self._num_pauses += 1
        self._is_wanted = False
        return True


def check_equal(peers: Peers, host_state: Mapping[str, Any], when: str) -> None:
    """Checks that every process of a run has come to the same.

    Args:
        peers: the processes.
        host_state: what this one has come to; see `Checkpointer.save`.
        when: what is told of it where it differs.

    Raises:
        RuntimeError: they differ; the message says which do.
    """
    if peers.count == 1:
        return
    digests = peers.gather(_digest(host_state))
    (usual, _), *others = Counter(digests).most_common()
    if others:
        odd = ", ".join(str(number) for number, digest in enumerate(digests) if digest != usual)
        raise RuntimeError(
            f"{when}: process {odd} of {peers.count} has come to another state than the others"
        )


def _digest(host_state: Mapping[str, Any]) -> str:
    encoded = encode(host_state)
    digest = hashlib.sha256(encoded.pop(TEXT).encode())
    for array in encoded.values():
        digest.update(array)
    return digest.hexdigest()
