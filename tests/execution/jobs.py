"""Job functions for the tests of the pool: the well-behaved and the others."""

import fcntl
import functools
import os
import signal
import sys
import time
from pathlib import Path

KEPT = []


def square(context, number):
    return number * number


def plus_context(context, number):
    return context + number


def nothing(context, payload):
    return None


def spin(context, seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass
    return os.getpid()


def sleep(context, seconds):
    time.sleep(seconds)
    return seconds


def loaded_modules(context, payload):
    return sorted(sys.modules)


def hash_of(context, text):
    return hash(text)


def unpicklable(context, payload):
    return lambda: payload


def fail_at_5(context, number):
    if number == 5:
        raise KeyError("the job's own mistake")
    return number


def leak(context, megabytes):
    KEPT.append(bytearray(megabytes << 20))
    return megabytes


def hold_a_lock(context, misdeed):
    """Locks a file in the folder `context` for as long as the process lives, and does the misdeed."""
    lock = open(Path(context, str(os.getpid())), "w")  # noqa: SIM115
    fcntl.flock(lock, fcntl.LOCK_EX)
    KEPT.append(lock)
    lock.write("locked")
    lock.flush()
    return MISDEEDS[misdeed]()


def misbehave(context, payload):
    """Does the misdeed of that name, or squares a number."""
    return MISDEEDS[payload]() if isinstance(payload, str) else payload * payload


def loop():
    while True:
        pass


def hold_the_interpreter():
    return sum(range(10**12))


def wait():
    time.sleep(1000)


def exit_at_once():
    os._exit(3)


def exit_politely():
    sys.exit(0)


def crash():
    signal.raise_signal(signal.SIGSEGV)


def devour():
    return len(bytearray(50 << 30))


def devour_slowly():
    pieces = []
    while True:
        pieces.append(bytearray(16 << 20))


def recurse():
    return 1 + recurse()


def recurse_in_map(_=None):
    return list(map(recurse_in_map, "a"))


def recurse_in_partial():
    return functools.partial(recurse_in_partial)()


def recurse_in_sort():
    return sorted("ab", key=lambda _: recurse_in_sort())


def make_noise():
    print("noise")
    print("noise", file=sys.stderr, flush=True)
    os.write(1, b"noise\n")
    os.write(2, b"noise\n")
    return sys.stdin.read()


MISDEEDS = {
    misdeed.__name__: misdeed
    for misdeed in (
        loop,
        hold_the_interpreter,
        wait,
        exit_at_once,
        exit_politely,
        crash,
        devour,
        devour_slowly,
        recurse,
        recurse_in_map,
        recurse_in_partial,
        recurse_in_sort,
        make_noise,
    )
}


def read_bytes(context, path):
    return path.read_bytes()


def meet(context, place):
    """Returns the process, once as many jobs are at work together as are to be."""
    folder, number, count = place
    (folder / str(number)).touch()
    while len(list(folder.iterdir())) < count:
        time.sleep(0.01)
    return os.getpid()
