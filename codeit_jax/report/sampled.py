"""What a run's samples tell: what became of them, and what came near, meta-iteration by meta-iteration."""

import dataclasses
import functools
import gzip
import json
import os
import zlib
from collections import Counter
from collections.abc import Mapping
from typing import Any

from etils import epath

from codeit_jax.execution.outcome import Status
from codeit_jax.report.outcomes import Fate, failing_primitive, fate_of, parse_fault
from codeit_jax.report.shapes import is_sample
from codeit_jax.search.ranking import Rank, rank

_NUM_NEAR = 3  # programs of a task that are kept as near misses


@dataclasses.dataclass(frozen=True)
class IterationSamples:
    """The samples of a meta-iteration, summed up.

    Attributes:
        meta_iteration: its number.
        fates: how many came to what.
        failing: how often each primitive was the first to fail.
        faults: why texts were no programs.
        solved: tasks of which a sample gives every test output, and some demonstration.
        right: for each task how many samples there are, and how many of them do so.
        nearest: for each task the programs that give the most demonstrations, ranked; those that give none
            only where none does.
        is_cut: whether the file ends before it should.
    """

    meta_iteration: int
    fates: Mapping[Fate, int]
    failing: Mapping[str, int]
    faults: Mapping[str, int]
    solved: frozenset[str]
    right: Mapping[str, tuple[int, int]]
    nearest: Mapping[str, tuple[Rank, ...]]
    is_cut: bool = False

    @property
    def num_samples(self) -> int:
        return sum(self.fates.values())


def read_samples(folder: epath.Path) -> tuple[IterationSamples, ...]:
    """Returns what the files of a run's `samples/` tell, in their order; nothing where there are none."""
    if not folder.is_dir():
        return ()
    files = {
        file.name.partition(".")[0]: file for file in folder.iterdir() if file.name.endswith(".jsonl.gz")
    }
    return tuple(
        _summary(os.fspath(files[name]), int(name), file_stamp(files[name]))
        for name in sorted(filter(str.isdecimal, files))
    )


def file_stamp(file: epath.Path) -> tuple[int, float]:
    """Returns what tells a file from what it was before."""
    stat = file.stat()
    return stat.length, float(stat.mtime)


# A run that writes its report again and again reads only what is new.
@functools.lru_cache(maxsize=512)
def _summary(path: str, meta_iteration: int, _: tuple[int, float]) -> IterationSamples:
    fates: Counter[Fate] = Counter()
    failing: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    right: dict[str, tuple[int, int]] = {}
    near: dict[str, set[Rank]] = {}
    is_cut = False
    with epath.Path(path).open("rb") as stream, gzip.GzipFile(fileobj=stream) as lines:
        try:
            for line in lines:
                sample = json.loads(line)
                if not is_sample(sample):
                    raise ValueError("no sample")
                fates[fate_of(sample)] += 1
                is_right = sample["demonstration_performance"] > 0 and sample["test_performance"] == 1
                num_samples, num_right = right.get(sample["task"], (0, 0))
                right[sample["task"]] = num_samples + 1, num_right + is_right
                if sample["error"] is not None:
                    faults[parse_fault(sample["error"])] += 1
                    continue
                if primitive := failing_primitive(sample):
                    failing[primitive] += 1
                _enter(near, sample)
        except (EOFError, zlib.error, gzip.BadGzipFile, ValueError, KeyError, TypeError):
            is_cut = True  # of a file that is damaged what stands before the damage is told
    solved = frozenset(task for task, (_, num_right) in right.items() if num_right)
    nearest = {task: tuple(sorted(ranks)[:_NUM_NEAR]) for task, ranks in near.items()}
    return IterationSamples(
        meta_iteration, dict(fates), dict(failing), dict(faults), solved, right, nearest, is_cut
    )


def _enter(near: dict[str, set[Rank]], sample: Mapping[str, Any]) -> None:
    if Status.OK not in sample["outcomes"]:
        return
    ranks = near.setdefault(sample["task"], set())
    ranks.add(rank(sample["demonstration_performance"], sample["text"]))
    if len(ranks) > 8 * _NUM_NEAR:
        near[sample["task"]] = set(sorted(ranks)[:_NUM_NEAR])
