"""The processes of a run on many hosts, by JAX's own runtime.

Every process runs the same program. What is on the devices goes by JAX's collectives; what the hosts have to
tell each other goes by the key-value store of the runtime's coordinator, which any thread may use while the
devices are at work. A process that is not heard of any more ends the others, the first one, at which the
store is, like any other.
"""

import atexit
import contextlib
import itertools
import os
import pickle
import signal
import socket
import sys
import threading
import time
import zlib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NoReturn, TypeVar

import jax
from jax.errors import JaxRuntimeError

from codeit_jax.errors import UserError
from codeit_jax.run.command_line import EXIT_USER_ERROR
from codeit_jax.run.coordinator import found, key_value_store
from codeit_jax.run.interruption import Terminated, is_kept, raise_requested
from codeit_jax.run.peers import ALONE, Peers
from codeit_jax.run.relay import Relay
from codeit_jax.run.shared_flags import Rendezvous

_PORT = "--coordinator=HOST:PORT"
_PROXIES = ("grpc_proxy", "https_proxy", "http_proxy")  # as the runtime looks for them
_HEARTBEAT_SECONDS = 86_400  # JAX aborts the processes that are left; the watch is to end them
_JOIN_MARGIN_SECONDS = 60
_BEAT_SECONDS = 1.0
_MAX_SILENT_BEATS = 20  # of another process, in beats of one's own
_LOST = "lost"  # in place of a beat
_GRACE_SECONDS = 3.0
_LEAVING_SECONDS = 20.0
_GATHER_SECONDS = 86_400.0  # the longest that one process may be ahead of another
_SLICE_SECONDS = 5.0
_EXIT_LOST = 1
_GO_ON = "; the same commands go on from here"
_SIGNALS = {"terminated": signal.SIGTERM, "interrupted": signal.SIGINT}
_ending = threading.Lock()

Told = TypeVar("Told")


@contextlib.contextmanager
def joined(rendezvous: Rendezvous | None) -> Iterator[Peers]:
    """Joins the other processes of a run for the block.

    To be called before anything asks for devices.

    Args:
        rendezvous: how they find each other; None for a run of a single process.

    Raises:
        UserError: they do not find each other; the line says what is to be looked at.
    """
    if rendezvous is None:
        yield ALONE
        return
    peers = _initialize(rendezvous)
    peers.check_count()
    peers.start_watch()
    try:
        with _ended_by_others(peers):
            yield peers
    except BaseException as error:
        peers.leave(_reason(error), EXIT_USER_ERROR if isinstance(error, UserError) else _EXIT_LOST)
        raise
    peers.leave()
    jax.distributed.shutdown()
    peers.has_left()


@contextlib.contextmanager
def _ended_by_others(peers: "_Processes") -> Iterator[None]:
    """Has a block that the runtime cuts short, most likely for another process has left, end as that did."""
    try:
        yield
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, JaxRuntimeError):
            cause = cause.__cause__ or cause.__context__
        if cause is not None:
            raise_requested()  # all were asked to end, and another was quicker
            peers.wait_for_loss()
        raise


def _check_port(rendezvous: Rendezvous) -> None:
    """Checks that the first process can open the port, without which the runtime may end in a fault."""
    if rendezvous.coordinator is None or rendezvous.process_id != 0:
        return
    try:
        socket.create_server(("", int(rendezvous.coordinator.rpartition(":")[2]))).close()
    except OSError as error:
        raise UserError(
            f"--coordinator={rendezvous.coordinator}: its port cannot be opened on this host:"
            f" {error.strerror}; take another, the same in all processes"
        ) from error


def _initialize(rendezvous: Rendezvous) -> "_Processes":
    _check_port(rendezvous)
    # Its handler of SIGTERM would take the place of this package's; see `agreement` for what is done then.
    jax.config.update("jax_enable_preemption_service", False)
    # Without it, processes on CPUs could not compute together.
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    # Where processes do not find each other, the runtime aborts.
    late = threading.Timer(rendezvous.seconds, _tell_late, [rendezvous])
    late.daemon = True
    late.start()
    try:
        place = found(rendezvous)
        coordinator, relay = place.coordinator, None
        if coordinator and place.process_id:
            relay = Relay(coordinator)
            coordinator = relay.address
            if any(name in os.environ for name in _PROXIES):  # none of which leads to this host
                direct = "no_grpc_proxy" if "no_grpc_proxy" in os.environ else "no_proxy"
                os.environ[direct] = f"127.0.0.1,{os.environ.get(direct, '')}"
        jax.distributed.initialize(
            coordinator,
            place.num_processes,
            place.process_id,
            initialization_timeout=rendezvous.seconds + _JOIN_MARGIN_SECONDS,
            heartbeat_timeout_seconds=_HEARTBEAT_SECONDS,
        )
        if relay is not None:
            relay.hold(lambda: _end(f"process 0 of {place.num_processes} is not heard of any more"))
    except (ValueError, TypeError, RuntimeError) as error:
        raise UserError(
            f"--distributed: {_one_line(error)}; where JAX does not find the other processes by itself, as it"
            f" does on Cloud TPU, Slurm, Open MPI and GKE, give {_PORT}, --num_processes and --process_id"
        ) from error
    finally:
        late.cancel()
    return _Processes(jax.process_index(), jax.process_count(), place.num_processes, relay)


def _tell_late(rendezvous: Rendezvous) -> None:
    place = f" at {rendezvous.coordinator}" if rendezvous.coordinator else ""
    os.write(
        2,
        f"error: --distributed: the processes did not find each other{place} within {rendezvous.seconds} s:"
        " look whether all of them were started, each with a --process_id of its own, and whether the port"
        " can be reached from each host\n".encode(),
    )
    _end_now(EXIT_USER_ERROR)


class _Processes:
    """The processes that have joined; see `Peers`."""

    def __init__(self, number: int, count: int, count_told: int | None, relay: Relay | None) -> None:
        self.number = number
        self.count = count
        self._count_told = count_told
        self._store: Any = key_value_store()
        self._relay = relay
        self._calls: defaultdict[str, Iterator[int]] = defaultdict(itertools.count)
        self._old: dict[str, str] = {}
        self._left: dict[str, str] = {}  # what each that leaves has told, as the watch last saw it
        self._is_leaving = threading.Event()
        self._has_left = threading.Event()
        self._watching = threading.Thread(target=self._watch, name="peers", daemon=True)
        if relay is not None:
            relay.hold(self._lose_first, _MAX_SILENT_BEATS)

    def check_count(self) -> None:
        """Checks that all processes were told of as many; the runtime goes by what the first was told.

        Raises:
            UserError: they were not; the process ends without the runtime, which would wait for the others.
        """
        told = self._count_told
        self._set(f"codeit/count/{self.number}", told)
        for number in range(self.count if self.number == 0 else 1):
            other = self._get(f"codeit/count/{number}")
            if other != told:
                self._is_leaving.set()
                self._has_left.set()
                atexit.register(_end_now, EXIT_USER_ERROR)
                if self.number == 0:
                    time.sleep(_GRACE_SECONDS)  # in which the others read what it has told
                raise UserError(
                    f"--num_processes={told}: process {number} was started with {other}, and this is"
                    f" process {self.number}: all are to be given the same number"
                )

    def gather(self, value: Told, channel: str = "") -> list[Told]:
        call = next(self._calls[channel])
        place = f"codeit/gather/{channel}/{call}"
        own = f"{place}/{self.number}"
        self._set(own, value)
        told = [
            value if number == self.number else self._get(f"{place}/{number}") for number in range(self.count)
        ]
        # Whoever has told something in this call has read everything of the one before.
        if channel in self._old:
            self._store.key_value_delete(self._old[channel])
        self._old[channel] = own
        return told

    def put(self, key: str, value: Any) -> None:
        self._set(f"codeit/put/{key}", value)

    def take(self, key: str) -> Any:
        value = self._get(f"codeit/put/{key}")
        self._store.key_value_delete(f"codeit/put/{key}")
        return value

    def post(self, name: str, text: str) -> None:
        self._store.key_value_set(f"codeit/posted/{name}/text", text, allow_overwrite=True)

    def posted(self, name: str) -> str | None:
        return next((text for _, text in self._store.key_value_dir_get(f"codeit/posted/{name}")), None)

    def leave(self, reason: str = "", code: int = 0) -> None:
        """Makes known that this process ends, and why, "" where all of them do; the watch ends.

        Args:
            reason: why.
            code: the exit code that the others are to have.
        """
        self._is_leaving.set()
        self._watching.join()  # as the interpreter ends, a thread within the runtime would abort it
        with contextlib.suppress(JaxRuntimeError):  # of a coordinator that has ended itself
            self._store.key_value_set(f"codeit/left/{self.number}", f"{code} {reason}")
            if reason and self.number == 0:
                self._wait_for_others()
        if reason:
            self._has_left.set()
            # The runtime would wait for all processes as the interpreter ends, or abort it.
            atexit.register(_end_now, code)
        elif self._relay is not None:
            self._relay.hold(self._lose_first)  # which has nothing to tell until all have left

    def has_left(self) -> None:
        """Ends what is left of it, when the runtime has ended."""
        self._has_left.set()
        if self._relay is not None:
            self._relay.close()

    def wait_for_loss(self) -> None:
        """Waits until the watch has ended this process, as long as it may take to notice a loss."""
        self._is_leaving.wait((_MAX_SILENT_BEATS + 5) * _BEAT_SECONDS)

    def _wait_for_others(self) -> None:
        """Lets the others read why, while there is somebody to read from."""
        deadline = time.monotonic() + 2 * _GRACE_SECONDS
        while len(self._store.key_value_dir_get("codeit/left")) < self.count and time.monotonic() < deadline:
            time.sleep(_BEAT_SECONDS / 10)
        time.sleep(_BEAT_SECONDS)  # in which they end

    def start_watch(self) -> None:
        """Ends this process where another is not heard of any more, or has ended before its time."""
        self._watching.start()

    def _watch(self) -> None:
        beats: dict[str, str] = {}
        silent: defaultdict[str, int] = defaultdict(int)
        for beat in itertools.count():
            try:
                self._store.key_value_set(f"codeit/beat/{self.number}", str(beat), allow_overwrite=True)
                self._left = left = _numbered(self._store.key_value_dir_get("codeit/left"))
                found = _numbered(self._store.key_value_dir_get("codeit/beat"))
            except JaxRuntimeError:
                _end("process 0, at which the others meet, cannot be reached any more")
            for number, told in left.items():
                code, _, reason = told.partition(" ")
                # This one may come to the same end in a moment.
                if reason and not self._is_leaving.wait(_GRACE_SECONDS):
                    if reason in _SIGNALS:  # who ends one of them ends all, in good order
                        os.kill(os.getpid(), _SIGNALS[reason])
                        return
                    _end(f"process {number} has ended: {reason}", int(code))
            for number, value in found.items():
                is_silent = number not in left and beats.get(number) == value
                silent[number] = silent[number] + 1 if is_silent else 0
                is_lost = silent[number] > _MAX_SILENT_BEATS
                if is_lost or (value == _LOST and number != str(self.number)):
                    self._tell_lost(number)
            beats = found
            if self._is_leaving.wait(_BEAT_SECONDS):
                return

    def _tell_lost(self, number: str) -> None:
        if self.number == 0:  # the store ends with this process, and the others are to say the same
            with contextlib.suppress(JaxRuntimeError):
                self._store.key_value_set(f"codeit/beat/{number}", _LOST, allow_overwrite=True)
            time.sleep(_GRACE_SECONDS)
        _end(f"process {number} of {self.count} is not heard of any more")

    def _lose_first(self) -> None:
        """Ends this process where the first one is lost, and with it the store, before all have left."""
        if self._is_leaving.is_set() and self._has_left.wait(_LEAVING_SECONDS):
            return
        for number, told in sorted(self._left.items()):
            code, _, reason = told.partition(" ")
            if reason:  # which had the first one end, too
                code = str(128 + _SIGNALS[reason]) if reason in _SIGNALS else code
                _end(f"process {number} has ended: {reason}", int(code))
        _end(f"process 0 of {self.count} is not heard of any more")

    def _set(self, key: str, value: Any) -> None:
        self._store.key_value_set_bytes(key, zlib.compress(pickle.dumps(value), 1))

    def _get(self, key: str) -> Any:
        deadline = time.monotonic() + _GATHER_SECONDS
        while True:
            try:
                content = self._store.blocking_key_value_get_bytes(key, int(1000 * _SLICE_SECONDS))
                return pickle.loads(zlib.decompress(content))
            except JaxRuntimeError as error:
                if "DEADLINE_EXCEEDED" not in str(error) or time.monotonic() > deadline:
                    raise


def _numbered(entries: list[tuple[str, str]]) -> dict[str, str]:
    return {key.rpartition("/")[2]: value for key, value in entries}


def _end(line: str, code: int = _EXIT_LOST) -> NoReturn:
    _ending.acquire()  # for good: one thread ends the process
    advice = _GO_ON if is_kept() and code != EXIT_USER_ERROR else ""
    os.write(2, f"error: {line}{advice}\n".encode())
    _end_now(code)


def _end_now(code: int) -> NoReturn:
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _reason(error: BaseException) -> str:
    if isinstance(error, Terminated):
        return "terminated"
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return _one_line(error) or type(error).__name__


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
