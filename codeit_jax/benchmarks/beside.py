"""What learning loses to programs that are bred beside it: on cores of their own, and on the same ones."""

import contextlib
import dataclasses
import itertools
import os
import pickle
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from codeit_jax.arc import load_tasks
from codeit_jax.benchmarks.table import Measurement
from codeit_jax.benchmarks.workload import start_workers
from codeit_jax.dsl import load_training_programs
from codeit_jax.evolution.breeding import breed
from codeit_jax.evolution.jobs import Bred, Breeding, BreedingJob, Stock
from codeit_jax.execution.attempt import HostContext
from codeit_jax.run.background import drawn_ahead

_TURN_WORK = 1_000_000  # so little that results come in often
_NUM_SEEDS = 100
_THREADS = Path("/proc/self/task")


@dataclasses.dataclass(frozen=True)
class _BoundJob:
    """A breeding job, and the cores that its worker is bound to."""

    job: BreedingJob
    cores: tuple[int, ...]


def _breed_bound(context: HostContext, bound: _BoundJob) -> Bred:
    os.sched_setaffinity(0, bound.cores)
    return breed(context, bound.job)


def learning_beside_breeding(
    name: str, num_tokens: int, learn: Callable[[], None], num_steps: int, seed: int
) -> Iterator[Measurement]:
    """Times updates while workers breed, beside the same updates alone.

    Args:
        name: what is learned, for the table.
        num_tokens: of an update.
        learn: makes one; it was compiled before.
        num_steps: updates that are timed of each kind.
        seed: decides what is bred.

    Yields:
        A measurement with workers on half of the cores and learning on the others, and one with a worker on
        each core; none where threads cannot be bound to cores, or there is one core alone.
    """
    cores = tuple(sorted(os.sched_getaffinity(0))) if _THREADS.exists() else ()
    if len(cores) < 2:
        return
    half = len(cores) // 2
    for learners, workers, kind in (
        (cores[:half], cores[half:], "on other cores"),
        (cores, cores, "on the same cores"),
    ):
        with _bound_to(learners, cores):
            before = _seconds(learn, num_steps)
            with _breeding(workers, seed):
                beside = _seconds(learn, num_steps)
            alone = statistics.median([*before, *_seconds(learn, num_steps)])
        yield Measurement(
            f"{name} beside breeding {kind}",
            num_tokens / statistics.median(beside),
            num_tokens / alone,
            "tokens/s",
            more_is_better=True,
            note=f"{len(learners)} of {len(cores)} cores learn, {len(workers)} workers; peer: alone on these",
        )


@contextlib.contextmanager
def _bound_to(cores: Sequence[int], before: Sequence[int]) -> Iterator[None]:
    """Binds the threads of this process to cores until the block ends."""
    _bind_threads(cores)
    try:
        yield
    finally:
        _bind_threads(before)


def _bind_threads(cores: Sequence[int]) -> None:
    for thread in _THREADS.iterdir():
        with contextlib.suppress(ProcessLookupError):  # one that has ended since
            os.sched_setaffinity(int(thread.name), cores)


@contextlib.contextmanager
def _breeding(cores: tuple[int, ...], seed: int) -> Iterator[None]:
    """Keeps as many workers as there are cores breeding until the block ends."""
    tasks = load_tasks("arc1/training")
    programs = sorted(load_training_programs().items())[:_NUM_SEEDS]
    with tempfile.TemporaryDirectory() as folder, start_workers(len(cores), tasks) as pool:
        stock = Path(folder, "stock.pickle")
        stock.write_bytes(pickle.dumps(Stock(tuple(programs))))
        jobs = (
            _BoundJob(
                BreedingJob(
                    task_index=number % len(tasks),
                    stock=stock,
                    age=0,
                    is_seeded=True,
                    members=(),
                    newcomers=(),
                    turn=number,
                    seed=seed,
                    max_work=_TURN_WORK,
                    breeding=Breeding(views_work=0),
                ),
                cores,
            )
            for number in itertools.count()
        )
        bred = pool.map(_breed_bound, jobs, chunk_size=1)
        next(bred)
        with drawn_ahead(bred):
            yield


def _seconds(learn: Callable[[], None], num_steps: int) -> list[float]:
    seconds = []
    for _ in range(num_steps):
        begun = time.monotonic()
        learn()
        seconds.append(time.monotonic() - begun)
    return seconds
