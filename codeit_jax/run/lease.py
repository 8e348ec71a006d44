"""A lease of a folder in a bucket: one process at a time works there, and a dead one does not keep it.

The lease is an object, `lease.json`, that its holder writes again every few seconds. Buckets number whatever
is written (its generation) and take a condition on that number with every write, so of two processes that
want the lease one gets it. Whoever finds it there watches its generation for as long as a lease lasts, and by
no clock but its own: if it changes the holder is alive, and else the lease is taken over.
"""

import contextlib
import dataclasses
import json
import os
import socket
import sys
import threading
import time
import uuid

from codeit_jax.errors import UserError

_LEASE = "lease.json"
_SECONDS = 60.0  # that a lease lasts where nobody renews it
_held: list["Lease"] = []


class LeaseError(UserError):
    """A folder that another process holds, or has taken over."""


def confirm(path: str) -> None:
    """Makes sure, before something is written, that this process still has the lease of the folder it is for.

    It asks the bucket only where the lease may have run out: after the process was suspended, say.

    Raises:
        LeaseError: another process has taken the folder over.
        OSError: the bucket cannot be asked.
    """
    for lease in tuple(_held):
        if path.startswith(lease.folder + "/"):
            lease.confirm()


@dataclasses.dataclass(frozen=True)
class _Holder:
    """Who has a lease: what `lease.json` says."""

    host: str
    process: int
    owner: str  # told apart from others by this, for processes of two containers may be called the same

    def __str__(self) -> str:
        return f"process {self.process} on {self.host}"


class Lease:
    """Holds a folder of a bucket until it is released; a thread renews it.

    Attributes:
        folder: the folder.

    Args:
        folder: a `gs://` path.
        seconds: how long it lasts once this process renews it no more.

    Raises:
        LeaseError: another process holds it, which takes up to `seconds` to see.
        OSError: the bucket refuses something.
    """

    def __init__(self, folder: str, seconds: float = _SECONDS) -> None:
        from codeit_jax.run.bucket import BucketObject  # takes libraries that only buckets need

        self.folder = folder.rstrip("/")
        self._seconds = seconds
        self._object = BucketObject(f"{self.folder}/{_LEASE}", seconds / 4)
        self._holder = _Holder(socket.gethostname(), os.getpid(), uuid.uuid4().hex)
        self._generation = 0
        self._renewed = 0.0
        self._is_lost = False
        self._lock = threading.RLock()  # a folder that is forgotten may be released within a renewal
        self._released = threading.Event()
        if not self._write():
            self._take_over()
        _held.append(self)
        threading.Thread(target=self._keep, name="lease", daemon=True).start()

    def confirm(self) -> None:
        """Makes sure that this process has the lease; see `confirm`."""
        with self._lock:
            # Others may take it over a lease's time after it was written, and writing takes some of that.
            if self._is_lost or _now() - self._renewed > 0.75 * self._seconds:
                self._renew()

    def release(self) -> None:
        """Lets others have the folder."""
        self._released.set()
        with self._lock:
            if self in _held:
                _held.remove(self)
                with contextlib.suppress(OSError):  # then it runs out
                    self._object.remove(self._generation)

    def _keep(self) -> None:
        while not self._released.wait(self._seconds / 4):
            # While there is no network it is tried again, for nobody else may want the folder.
            with self._lock, contextlib.suppress(OSError, LeaseError):
                if not self._released.is_set():
                    self._renew()

    def _renew(self) -> None:
        if self._is_lost or not self._write():
            self._is_lost = True
            raise LeaseError(
                f"{self.folder}: another process has taken it over, for this one was stopped for too long"
            )

    def _take_over(self) -> None:
        seen = self._seen()
        if seen is not None:
            print(
                f"{self.folder} may be in use by {seen[1]}: waiting up to {self._seconds:.0f} s to see",
                file=sys.stderr,
            )
        end = _now() + self._seconds
        while seen is not None and _now() < end:
            time.sleep(self._seconds / 20)
            found = self._seen()
            if found is not None and found[0] != seen[0]:
                raise LeaseError(f"another process is working in it: {found[1]}")
            seen = found
        self._generation = 0 if seen is None else seen[0]
        if not self._write():
            raise LeaseError("another process has begun to work in it")

    def _write(self) -> bool:
        """Writes the lease in the place of what this process knows of, and returns whether it could."""
        started = _now()
        content = json.dumps(dataclasses.asdict(self._holder)).encode() + b"\n"
        generation = self._object.write(content, self._generation)
        if generation is None:
            seen = self._seen()
            if seen is None or seen[1] != self._holder:
                return False
            generation = seen[0]  # its own, of which the bucket's answer got lost
        self._generation, self._renewed = generation, started
        return True

    def _seen(self) -> tuple[int, _Holder] | None:
        found = self._object.read()
        if found is None:
            return None
        generation, content = found
        try:
            return generation, _Holder(**json.loads(content))
        except (ValueError, TypeError):
            return generation, _Holder("an unknown host", 0, "")


def _now() -> float:
    """Returns a time in seconds that goes on while the machine sleeps, where its system can tell."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
