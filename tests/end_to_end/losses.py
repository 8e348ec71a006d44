r"""Ends the first of some processes of a small run, or stops another, again and again; tells how each ends.

python -m tests.end_to_end.losses --kind=kill|interrupt|stop --processes=2 --number=10

Not a test, since it takes half a minute and more each time.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

from .small_run import ROOT, write_config
from .test_distributed import Place, distributed_config, ends, until

_MOMENTS = (
    "starting the host pool",
    "meta-iteration 1",
    "meta-iteration 1: learning",
    "waiting for the expert",
    "meta-iteration 2: learning",
)


def _lose(place: Place, workdir: Path, kind: str, num_processes: int, rng: random.Random) -> bool:
    processes = place.start_all(workdir, num_processes)
    moment, pause = rng.choice(_MOMENTS), rng.uniform(0.0, 2.0)
    until(place, workdir, processes, moment)
    time.sleep(pause)
    if kind == "stop":
        processes[1].send_signal(signal.SIGSTOP)
        processes[0].wait()
        time.sleep(pause)
        processes[1].send_signal(signal.SIGCONT)
    else:
        processes[0].send_signal(signal.SIGKILL if kind == "kill" else signal.SIGINT)
    codes, told = ends(processes), place.told(workdir, "err")
    print(
        f"{moment}, {pause:.1f} s later: {codes}", *(f"    {each!r}" for each in told), sep="\n", flush=True
    )
    known = {"kill": {1}, "interrupt": {130, 143}, "stop": {1}}[kind]
    others = list(zip(codes, told, strict=True))[1:]
    return all(code in known and lines.count("\n") == 1 for code, lines in others)


def main() -> None:
    """Parses the flags, and exits with 1 where one has not ended with one line and a code of ours."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kind", choices=("kill", "interrupt", "stop"), required=True)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--number", type=int, default=10)
    flags = parser.parse_args()
    rng = random.Random(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data").mkdir()
        write_config(distributed_config(folder / "data"), folder / "config.py")
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        }
        place = Place(folder, environment)
        right = [
            _lose(place, folder / f"run{number}", flags.kind, flags.processes, rng)
            for number in range(flags.number)
        ]
    print(f"{sum(right)} of {len(right)} as they should be")
    sys.exit(not all(right))


if __name__ == "__main__":
    main()
