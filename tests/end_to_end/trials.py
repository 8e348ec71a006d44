"""Trials of a small run: ended at random moments or damaged, gone on with, and compared with a whole one."""

import dataclasses
import json
import shutil
import signal
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from codeit_jax.run.workdir import read_run_config

from .run_process import Disk, Ended, Place, RunProcess
from .small_run import abstract_state_of, assert_same_run, rows

KINDS = ("kill", "term", "int", "full")
_SIGNALS = {
    "kill": (signal.SIGKILL, -9, ""),
    "term": (signal.SIGTERM, 143, "terminated"),
    "int": (signal.SIGINT, 130, "interrupted"),
}
_EXIT_SECONDS = 30.0  # in which a signal has to end a run
_RUN_SECONDS = 600.0  # in which a run that is left alone has to end
_AIMED_SHARE = 0.25  # of the moments, those that are put off until a checkpoint is being written
_SAVE_SECONDS = 0.3  # about what that takes
_MAX_FREE = 400_000  # bytes that may be left on a disk


@dataclasses.dataclass(frozen=True)
class Whole:
    """The run that others are compared with.

    Attributes:
        workdir: its folder.
        seconds: what it took.
        start_seconds: what of that a start takes that has everything to go on from.
        abstract_state: what its checkpoints hold of the learner.
    """

    workdir: Path
    seconds: float
    start_seconds: float
    abstract_state: Any


@dataclasses.dataclass(frozen=True)
class Ending:
    """A run that was ended from outside.

    Attributes:
        kind: how.
        phase: what it was at.
        moment: seconds from its start until then.
        seconds: from then until it had ended.
        code: its exit code.
    """

    kind: str
    phase: str
    moment: float
    seconds: float
    code: int


@dataclasses.dataclass
class Trial:
    """What became of a run.

    Attributes:
        name: the trial's number, or the damage.
        endings: how often it was ended.
        num_starts: how often it was started.
        problems: what was not as it should be; none where it came to the same in the end.
    """

    name: str
    endings: list[Ending] = dataclasses.field(default_factory=list)
    num_starts: int = 0
    problems: list[str] = dataclasses.field(default_factory=list)

    def check(self, is_right: bool, problem: str) -> None:
        if not is_right:
            self.problems.append(problem)


def whole_run(place: Place, name: str = "whole") -> Whole:
    """Makes a run that nothing happens to.

    Raises:
        RuntimeError: it does not come to its end.
    """
    run = RunProcess(place, place.folder / name)
    run.until_it("training programs solve")
    start_seconds = run.age()
    ended = run.end(_RUN_SECONDS)
    if (ended.code, ended.errors, ended.num_left) != (0, "", (0, 0)):
        raise RuntimeError(f"a run that nothing happened to ended so: {ended}")
    abstract_state = abstract_state_of(read_run_config(str(run.workdir)))
    return Whole(run.workdir, ended.seconds, start_seconds, abstract_state)


def ended_run(
    place: Place,
    whole: Whole,
    workdir: Path,
    kinds: Sequence[str],
    rng: np.random.Generator,
    disk: Disk | None = None,
    name: str = "",
) -> Trial:
    """Begins a run, ends it at random moments, and then lets it come to its end.

    Args:
        place: what it needs.
        whole: what it is compared with.
        workdir: its folder, which is not there.
        kinds: how it is ended, one after another.
        rng: draws the moments.
        disk: the one that the folder is on, which can be filled.
        name: the trial's name.
    """
    trial = Trial(name)
    left = whole.seconds
    for kind in kinds:
        moment, is_aimed, num_free = rng.uniform(0, left), rng.random() < _AIMED_SHARE, _num_free(rng)
        run = RunProcess(place, workdir)
        trial.num_starts += 1
        temporary = set(run.temporary.iterdir())
        runs = (kind == "full" or run.until_it("catches")) and run.until(moment)
        if runs and is_aimed:
            runs = run.until_it("saves", left - moment)
            runs = run.until(run.age() + rng.uniform(0, _SAVE_SECONDS)) and runs
        if runs:
            _end(run, kind, disk, num_free)
        ended = run.end(_EXIT_SECONDS if kind in _SIGNALS and runs else _RUN_SECONDS)
        if disk is not None:
            disk.empty()
        if ended.code == 0:  # it was faster
            trial.check(ended.errors == "", f"ended by itself and said {ended.errors!r}")
            continue
        trial.endings.append(Ending(kind, run.phase, run.seconds, ended.seconds, ended.code))
        where = f"{kind} after {run.seconds:.2f} s ({run.phase})"
        _check_ending(trial, where, kind, run.phase, ended, workdir)
        if kind != "kill":
            trial.check(ended.num_left[0] == 0, f"{where}: {ended.num_left[0]} processes were left")
            new = {each for each in run.temporary.iterdir() if not _is_probe(each)} - temporary
            trial.check(not new, f"{where}: left {sorted(map(str, new))}")
            _check(trial, where, _no_unfinished, workdir)
        _check(trial, where, _agrees_so_far, workdir, whole.workdir)
        left = max(whole.start_seconds, left - max(0.0, run.seconds - whole.start_seconds))
    _finish(trial, place, whole, workdir)
    return trial


def _is_probe(path: Path) -> bool:
    """Returns whether it is what `tempfile` finds out with whether a folder can be written."""
    return path.is_file() and path.read_bytes() in (b"", b"blat")


def _num_free(rng: np.random.Generator) -> int:
    return int(rng.integers(0, _MAX_FREE)) if rng.random() < 0.7 else 0


def _end(run: RunProcess, kind: str, disk: Disk | None, num_free: int) -> None:
    if kind in _SIGNALS:
        run.send(_SIGNALS[kind][0])
    elif disk is not None:
        run.fill(disk, num_free)
    else:
        run.limit_files(num_free)


def _check_ending(trial: Trial, where: str, kind: str, phase: str, ended: Ended, workdir: Path) -> None:
    trial.check(ended.num_left[1] == 0, f"{where}: {ended.num_left[1]} processes did not end")
    if kind in _SIGNALS:
        number, code, line = _SIGNALS[kind]
        # While it imports it has nothing to go on from.
        told = ended.code, ended.errors.removesuffix("; the same command goes on from here\n").rstrip("\n")
        # As the interpreter ends it forgets who handles signals, and all is done by then.
        is_over = phase == "ending" and told == (-number, "")
        trial.check(is_over or told == (code, line), f"{where}: code {ended.code}, said {ended.errors!r}")
        return
    is_line = ended.errors.startswith("error: ") and ended.errors.count("\n") == 1
    trial.check(
        ended.code == 2 and is_line and (str(workdir) in ended.errors or "TMPDIR" in ended.errors),
        f"{where}: code {ended.code}, said {ended.errors!r}",
    )


def _finish(trial: Trial, place: Place, whole: Whole, workdir: Path, but: tuple[str, ...] = ()) -> None:
    """Starts a run for the last time, and compares what it comes to with the whole one."""
    trial.num_starts += 1
    ended = RunProcess(place, workdir).end(_RUN_SECONDS)
    trial.check(
        (ended.code, ended.errors, ended.num_left) == (0, "", (0, 0)), f"left alone it ended so: {ended}"
    )
    _compare(trial, whole, workdir, but)


def _compare(trial: Trial, whole: Whole, workdir: Path, but: tuple[str, ...] = ()) -> None:
    _check(trial, "at the end", assert_same_run, workdir, whole.workdir, whole.abstract_state, but)
    _check(trial, "at the end", _no_unfinished, workdir)
    _check(trial, "at the end", _holds_the_same, workdir, whole.workdir, but)


def _check(trial: Trial, where: str, check: Callable[..., None], *arguments: Any) -> None:
    try:
        check(*arguments)
    except Exception as error:  # whatever it is, the trials after it are to be made
        place = traceback.extract_tb(error.__traceback__)[-1]
        told = " ".join(str(error).split())[:300]
        trial.problems.append(
            f"{where}: {check.__name__}, line {place.lineno}: {type(error).__name__}: {told}"
        )


def _no_unfinished(workdir: Path) -> None:
    assert not list(workdir.rglob("*.unfinished*"))


def _agrees_so_far(workdir: Path, whole: Path) -> None:
    """Checks the files that people look at, which are there or not, and never by half."""
    if (workdir / "performance.csv").exists():
        found = rows(workdir)
        assert found
        assert found == rows(whole)[: len(found)]
    for name in ("config.json", "solutions.json"):
        if (workdir / name).exists():
            json.loads((workdir / name).read_text())


def _holds_the_same(workdir: Path, whole: Path, but: tuple[str, ...]) -> None:
    names, expected = _names(workdir) - {*but}, _names(whole) - {*but}
    assert names == expected, f"{sorted(names - expected)} more, {sorted(expected - names)} less"


def _names(workdir: Path) -> set[str]:
    folders = ("", "samples", "progress", "replay", "checkpoints")
    return {
        f"{folder}/{path.name}".removeprefix("/")
        for folder in folders
        if (workdir / folder).is_dir()
        for path in (workdir / folder).iterdir()
        if not (path.name.startswith("damaged_") or _is_aside(path))
    }


def _is_aside(path: Path) -> bool:
    """Returns whether a folder holds only what was moved aside."""
    return path.is_dir() and all(each.name.startswith("damaged_") for each in path.iterdir())


def _cut(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    if content:
        content[len(content) // 2] ^= 1
    file.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "cut": _cut,
    "emptied": _empty,
    "changed": _flip,
    "removed": Path.unlink,
}


def half_done_run(place: Place, whole: Whole, name: str = "half_done") -> Path:
    """Makes a run that is terminated while it learns and breeds in its last meta-iteration."""
    last = len(rows(whole.workdir)) - 1
    run = RunProcess(place, place.folder / name)
    journal = run.workdir / "progress" / f"{last:04d}.jsonl"
    run.until_it(f"meta-iteration {last}: learning")
    while run.until(0.0) and not (journal.exists() and '"turn"' in journal.read_text()):
        time.sleep(0.001)
    run.send(signal.SIGTERM)
    run.end(_EXIT_SECONDS)
    return run.workdir


def possible_damages(half_done: Path) -> list[tuple[str, str]]:
    """Returns the files of a run, but those of checkpoints before the last, and what can happen to each."""
    steps = [path for path in (half_done / "checkpoints").iterdir() if path.name.isdigit()]
    before = sorted(steps, key=lambda path: int(path.name))[:-1]
    files = [
        path.relative_to(half_done).as_posix()
        for path in sorted(half_done.rglob("*"))
        if path.is_file() and not any(step in path.parents for step in before)
    ]
    return [(file, damage) for file in files for damage in DAMAGES]


def damaged_run(place: Place, whole: Whole, half_done: Path, workdir: Path, file: str, damage: str) -> Trial:
    """Damages a file of a run and goes on with it; what is refused has to be so for the file's sake alone."""
    trial = Trial(f"{file} {damage}")
    shutil.copytree(half_done, workdir)
    DAMAGES[damage](workdir / file)
    trial.num_starts += 1
    run = RunProcess(place, workdir)
    ended = run.end(_RUN_SECONDS)
    is_told = any(line.startswith("[") and "is left out and kept as" in line for line in run.told())
    outcome = "the checkpoint before" if is_told else "went on"
    # What was written about meta-iterations that are done is nowhere else.
    but = (file,) if file.startswith(("samples/", "progress/")) else ()
    if ended.code:
        outcome = "refused"
        is_line = ended.errors.startswith("error: ") and ended.errors.count("\n") == 1
        trial.check(ended.code == 2 and is_line, f"code {ended.code}, said {ended.errors!r}")
        # A digit of a setting that became another is another setting.
        is_setting = file == "config.json" and "was begun with other settings: " in ended.errors
        is_named = is_setting or Path(file).name in ended.errors + "".join(run.told())
        trial.check(is_named, f"does not name the file: {ended.errors!r}")
        shutil.copyfile(half_done / file, workdir / file)
        _finish(trial, place, whole, workdir, but)
    else:
        trial.check(ended.errors == "", f"said {ended.errors!r}")
        _compare(trial, whole, workdir, but)
    trial.endings.append(Ending("damage", outcome, 0.0, ended.seconds, ended.code))
    return trial
