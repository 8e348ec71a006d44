r"""Ends small runs at random moments, fills their disk, damages their files, and looks what becomes of them.

python -m tests.end_to_end.torture --kind=kill --number=100 --seed=0 --json=kill.json

A run of which all parts are on is made whole. Then, trial after trial, it is begun again in another folder,
ended at a random moment, and started again on the same folder, one to three times, and at last left alone.
All it comes to has to be what the whole run came to; each ending has to have its exit code and one line, and
leave no process and no temporary file. What is not as it should be is printed, the folder of the trial is
kept, and the exit code is 1; `--trial=N` makes one trial again, at the same moments.

    kill    SIGKILL to the run's main process
    term    SIGTERM to it
    int     Ctrl-C, to all of its group
    full    its disk, a small one in memory, is filled, and room made for the next start; where a user may not
            mount one, no file may grow beyond a size
    any     one of these, drawn for each start
    damage  of a run that was terminated in its last meta-iteration a file is cut, emptied, changed or removed
"""

import argparse
import collections
import contextlib
import dataclasses
import functools
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from codeit_jax.run.display import number_table

from .run_process import PHASES, Disk, Place, small_disk
from .trials import KINDS, Trial, Whole, damaged_run, ended_run, half_done_run, possible_damages, whole_run


def table_of(trials: Sequence[Trial]) -> list[list[str]]:
    """Returns the rows of the table: how and where runs were ended, how often, and seconds at most."""
    found: dict[tuple[str, str], list[float]] = collections.defaultdict(list)
    for trial in trials:
        for ending in trial.endings:
            found[ending.kind, ending.phase].append(ending.seconds)
    order = {phase: number for number, phase in enumerate(PHASES)}
    keys = sorted(found, key=lambda key: (key[0], order.get(key[1].partition(",")[0], len(order)), key[1]))
    return [[*key, str(len(found[key])), f"{max(found[key]):.2f}"] for key in keys]


def main() -> int:
    """Makes the trials that the flags ask for; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kind", choices=[*KINDS, "any", "damage"], required=True)
    parser.add_argument("--number", type=int, default=20, help="of trials")
    parser.add_argument("--seed", type=int, default=0, help="of all moments")
    parser.add_argument("--trial", type=int, help="the only one to make")
    parser.add_argument(
        "--folder", type=Path, help="where the runs are made; by default among temporary files"
    )
    parser.add_argument("--json", type=Path, help="a file for all that was seen")
    flags, settings = parser.parse_known_args()
    wrong = [each for each in settings if not each.startswith("--config.")]
    if wrong:
        parser.error(f"unrecognized arguments: {' '.join(wrong)}")
    folder = Path(tempfile.mkdtemp(prefix="torture_", dir=flags.folder))
    trials: list[Trial] = []
    place = Place(folder, tuple(settings))
    whole_run(place, "first")  # compiles
    whole = whole_run(place)
    print(f"a whole run takes {whole.seconds:.1f} s, a start {whole.start_seconds:.1f} s", flush=True)
    with contextlib.ExitStack() as stack:
        disk = stack.enter_context(small_disk(folder / "disk")) if flags.kind in ("full", "any") else None
        make = (
            _damaged_runs(place, whole)
            if flags.kind == "damage"
            else functools.partial(_ended_run, place, whole, flags.kind, flags.seed, disk)
        )
        for number in range(flags.number) if flags.trial is None else [flags.trial]:
            started = time.monotonic()
            workdir = (disk.folder if disk is not None else folder) / f"trial_{number}"
            trials.append(make(number, workdir))
            _tell(number, trials[-1], time.monotonic() - started)
            _put_away(workdir, folder / "kept" if trials[-1].problems else None)
            if flags.json is not None:
                flags.json.write_text(json.dumps(_report(flags, whole, trials), indent=1) + "\n")
    num_wrong = sum(bool(trial.problems) for trial in trials)
    Console().print(number_table(["ended by", "at", "times", "seconds at most"], table_of(trials)))
    print(
        f"{len(trials)} trials, {sum(trial.num_starts for trial in trials)} starts:"
        f" {len(trials) - num_wrong} came to the same, {num_wrong} did not"
    )
    if not num_wrong:
        shutil.rmtree(folder)
    return int(num_wrong > 0)


def _ended_run(
    place: Place, whole: Whole, kind: str, seed: int, disk: Disk | None, number: int, workdir: Path
) -> Trial:
    rng = np.random.default_rng([seed, number])
    count = rng.integers(1, 4)
    kinds = [str(rng.choice(KINDS)) if kind == "any" else kind for _ in range(count)]
    while True:
        trial = ended_run(place, whole, workdir, kinds, rng, disk, str(number))
        if trial.endings or trial.problems:
            return trial
        _put_away(workdir)


def _damaged_runs(place: Place, whole: Whole) -> Callable[[int, Path], Trial]:
    half_done = half_done_run(place, whole)
    damages = possible_damages(half_done)
    order = np.random.default_rng(0).permutation(len(damages))

    def make(number: int, workdir: Path) -> Trial:
        return damaged_run(place, whole, half_done, workdir, *damages[order[number % len(damages)]])

    return make


def _put_away(workdir: Path, kept: Path | None = None) -> None:
    """Removes what a trial left, or keeps it elsewhere."""
    for path in (workdir, workdir.with_name(f"{workdir.name}_temporary")):
        if path.exists() and kept is not None:
            shutil.copytree(path, kept / path.name)
        shutil.rmtree(path, ignore_errors=True)


def _tell(number: int, trial: Trial, seconds: float) -> None:
    ended = ", ".join(f"{each.kind} {each.phase} {each.moment:.1f} s" for each in trial.endings)
    name = "" if trial.name == str(number) else f"{trial.name}: "
    print(f"trial {number} [{seconds:.0f} s]: {name}{ended}", flush=True)
    for problem in trial.problems:
        short = problem if len(problem) < 600 else f"{problem[:400]} ... {problem[-200:]}"
        print(f"  WRONG {short}", flush=True)


def _report(flags: argparse.Namespace, whole: Whole, trials: Sequence[Trial]) -> dict[str, Any]:
    return {
        "kind": flags.kind,
        "seed": flags.seed,
        "whole_seconds": round(whole.seconds, 2),
        "num_trials": len(trials),
        "num_starts": sum(trial.num_starts for trial in trials),
        "num_wrong": sum(bool(trial.problems) for trial in trials),
        "table": table_of(trials),
        "trials": list(map(dataclasses.asdict, trials)),
    }


if __name__ == "__main__":
    sys.exit(main())
