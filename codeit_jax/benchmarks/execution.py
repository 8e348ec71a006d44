"""The execution suite: programs run by us and by the reference DSL in plain Python, and our pool's own cost.

What runs in one process is timed by that process's CPU clock, what runs in several by the wall clock. We and
the peer take turns, so that a busy machine slows down both.
"""

import dataclasses
import math
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from codeit_jax.arc import Task, load_tasks
from codeit_jax.benchmarks.plain import PlainRun, Reference, load_reference, run_guarded
from codeit_jax.benchmarks.suites import Options
from codeit_jax.benchmarks.table import Measurement
from codeit_jax.benchmarks.workload import (
    Mean,
    TimedJobs,
    calm_collector,
    draw_mutants,
    draw_runs,
    draw_samples,
    start_workers,
)
from codeit_jax.dsl import Program, load_training_programs
from codeit_jax.execution import Evaluator, ExecutionPool
from codeit_jax.execution.attempt import attempt_task
from codeit_jax.execution.host import Sample, attempt_tasks
from codeit_jax.search.search import num_search_jobs, search

_NO_GUARD_SECONDS = 1e6


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much each case runs.

    Attributes:
        training_tasks: training tasks whose programs are run.
        mutants: programs of the search.
        search_tasks: tasks of the search.
        plain_runs: runs of the search that the peer does, drawn at random.
        guard_seconds: CPU time after which a run of the peer is stopped.
        sharing_tasks: tasks of the search that is done with and without sharing.
        scaling_tasks: tasks of the search that is done by several processes.
        samples_per_task: texts for each task in the pool's load.
        junk_share: share of these texts that are cut short.
        max_demonstrations: demonstrations of each task in the pool's load.
        repeats: how often short timings are made; the best counts.
    """

    training_tasks: int = 400
    mutants: int = 2_000
    search_tasks: int = 400
    plain_runs: int = 6_000
    guard_seconds: float = 10.0
    sharing_tasks: int = 10
    scaling_tasks: int = 100
    samples_per_task: int = 24
    junk_share: float = 0.1
    max_demonstrations: int = 3
    repeats: int = 3


QUICK = Sizes(
    mutants=200,
    search_tasks=40,
    plain_runs=1_000,
    guard_seconds=2.0,
    sharing_tasks=10,
    scaling_tasks=20,
    repeats=1,
)


def measure(options: Options) -> Iterator[Measurement]:
    """Yields the suite's measurements."""
    yield from measure_sizes(QUICK if options.quick else Sizes(), options)


def measure_sizes(sizes: Sizes, options: Options) -> Iterator[Measurement]:
    """Yields the suite's measurements, made on so much."""
    reference = load_reference()
    programs = load_training_programs()
    rng = random.Random(f"{options.seed}/tasks")
    known = _choose(load_tasks("arc1/training"), sizes.training_tasks, rng)
    tasks = _choose(load_tasks("arc1/evaluation"), sizes.search_tasks, rng)
    worker_counts = sorted({1, options.num_workers})
    with start_workers(options.num_workers, ()) as pool:
        mutants = draw_mutants(pool, known, programs, sizes.mutants, options.seed)
    shown = [dataclasses.replace(task, train=task.train[: sizes.max_demonstrations]) for task in tasks]
    samples = draw_samples(mutants, len(shown), sizes.samples_per_task, sizes.junk_share, options.seed)
    with calm_collector():
        yield from training_programs(known, programs, reference, sizes.repeats)
        yield from search_in_process(mutants, tasks, reference, sizes, options.seed)
        yield from sharing(mutants, tasks[: sizes.sharing_tasks])
        yield from search_by_workers(mutants, tasks[: sizes.scaling_tasks], worker_counts)
        yield from pool_overhead(samples, shown, worker_counts, sizes.repeats)


def _choose(tasks: Sequence[Task], count: int, rng: random.Random) -> list[Task]:
    """Returns so many random tasks, in their order."""
    return [tasks[index] for index in sorted(rng.sample(range(len(tasks)), min(count, len(tasks))))]


def training_programs(
    tasks: Sequence[Task], programs: Mapping[str, Program], reference: Reference, repeats: int
) -> Iterator[Measurement]:
    """Training programs on all their own pairs: within a budget, and by the reference's functions without."""
    evaluator = Evaluator()
    ours: dict[str, float] = {}
    peer: dict[str, float] = {}
    solved_by_us, solved_by_peer = set(), set()
    for task in tasks:
        program, verifier = programs[task.id], reference.verifiers[task.id]
        pairs = (*task.train, *task.test)
        ours[task.id] = peer[task.id] = math.inf
        for _ in range(repeats):
            evaluator.meter.forget()
            begun = time.process_time()
            outcomes = [evaluator.run(program, pair.input) for pair in pairs]
            ours[task.id] = min(ours[task.id], time.process_time() - begun)
            runs = [run_guarded(verifier, pair.input, guard_seconds=_NO_GUARD_SECONDS) for pair in pairs]
            peer[task.id] = min(peer[task.id], sum(run.seconds for run in runs))
        if all(outcome.output == pair.output for outcome, pair in zip(outcomes, pairs, strict=True)):
            solved_by_us.add(task.id)
        if all(run.value == pair.output for run, pair in zip(runs, pairs, strict=True)):
            solved_by_peer.add(task.id)
    name = f"{len(tasks)} training programs"
    yield Measurement(f"{name}, all pairs", sum(ours.values()), sum(peer.values()), "s")
    slowest = max(peer, key=peer.__getitem__)
    our_rest, peer_rest = (sum(seconds.values()) - seconds[slowest] for seconds in (ours, peer))
    yield Measurement(
        f"the same without {slowest}", our_rest, peer_rest, "s", note="which takes the peer longest"
    )
    yield Measurement(
        f"{name}: they solve", len(solved_by_us), len(solved_by_peer), "tasks", more_is_better=True
    )


def search_in_process(
    programs: Sequence[Program], tasks: Sequence[Task], reference: Reference, sizes: Sizes, seed: int
) -> Iterator[Measurement]:
    """Every program on every task's demonstrations by us, and a sample of these runs by the peer."""
    jobs = TimedJobs(tasks)
    grids = [pair.input for task in tasks for pair in task.train]
    sample = draw_runs(len(programs), len(grids), sizes.plain_runs, seed)
    num_jobs = num_search_jobs(len(tasks), len(programs))
    runs: list[PlainRun] = []
    num_hits = 0
    for number, found in enumerate(search(jobs.as_pool, len(tasks), programs), start=1):
        num_hits += len(found.hits)
        # Up to here the peer is to have done as large a part of its runs as we of ours.
        for program_index, grid_index in sample[len(runs) : len(sample) * number // num_jobs]:
            run = programs[program_index], grids[grid_index]
            runs.append(run_guarded(reference.run, *run, guard_seconds=sizes.guard_seconds))
    num_runs = len(programs) * len(grids)
    ours = 1e3 * jobs.seconds / num_runs
    means = {
        f"search, {num_runs:,} runs, one process": Mean.of([1e3 * run.seconds for run in runs]),
        "the same without runs the guard stopped": Mean.of(
            [1e3 * run.seconds for run in runs if not run.is_stopped]
        ),
    }
    for name, mean in means.items():
        yield Measurement(name, ours, mean.value, "ms/run", mean.error, note=f"peer: {len(runs):,} runs")
    num_stopped = sum(run.is_stopped for run in runs)
    yield Measurement(
        f"search: runs stopped after {sizes.guard_seconds:g} s", 0, num_stopped, "runs", note="ours need none"
    )
    yield Measurement("search: candidates for a task's best three", num_hits, None, "programs")


def sharing(programs: Sequence[Program], tasks: Sequence[Task]) -> Iterator[Measurement]:
    """Programs of a search as a graph of what they share, and each alone, by us both times."""
    evaluator = Evaluator()
    jobs = TimedJobs(tasks)
    alone_seconds = 0.0
    grids = [pair.input for task in tasks for pair in task.train]
    num_runs = len(programs) * len(grids)
    num_jobs = num_search_jobs(len(tasks), len(programs))
    done = 0
    for number, _ in enumerate(search(jobs.as_pool, len(tasks), programs), start=1):
        part = programs[done : len(programs) * number // num_jobs]
        done += len(part)
        begun = time.process_time()
        for grid in grids:
            for program in part:
                evaluator.meter.forget()
                evaluator.run(program, grid)
        alone_seconds += time.process_time() - begun
    yield Measurement(
        f"sharing, {num_runs:,} runs, peer: ours one by one",
        1e3 * jobs.seconds / num_runs,
        1e3 * alone_seconds / num_runs,
        "ms/run",
    )


def search_by_workers(
    programs: Sequence[Program], tasks: Sequence[Task], worker_counts: Sequence[int]
) -> Iterator[Measurement]:
    """The search by pools of some sizes; the peer of each is the smallest pool."""
    smallest: float | None = None
    for num_workers in worker_counts:
        with start_workers(num_workers, tasks) as pool:
            _wait_for_first_result(pool)
            begun = time.monotonic()
            for _ in search(pool, len(tasks), programs):
                pass
            seconds = time.monotonic() - begun
        note = "" if smallest is None else f"peer: {_workers(worker_counts[0])}"
        yield Measurement(f"search, {_workers(num_workers)}, wall clock", seconds, smallest, "s", note=note)
        smallest = smallest or seconds


def pool_overhead(
    samples: Sequence[Sample], tasks: Sequence[Task], worker_counts: Sequence[int], repeats: int
) -> Iterator[Measurement]:
    """A policy's samples by pools of some sizes; the peer is the CPU time of their jobs in this process."""
    here = math.inf
    spent = dict.fromkeys(worker_counts, math.inf)
    starts = []
    for _ in range(repeats):
        jobs = TimedJobs(tasks)
        _drain(attempt_tasks(jobs.as_pool, tasks, samples))
        here = min(here, jobs.seconds)
        for num_workers in worker_counts:
            begun = time.monotonic()
            with start_workers(num_workers, tasks) as pool:  # anew, since workers remember what was asked
                _wait_for_first_result(pool)
                starts.append(time.monotonic() - begun)
                begun = time.monotonic()
                _drain(attempt_tasks(pool, tasks, samples))
                spent[num_workers] = min(spent[num_workers], num_workers * (time.monotonic() - begun))
    yield Measurement("pool, until the first result", min(starts), None, "s")
    num_texts = sum(len(texts) for _, texts in samples)
    for num_workers, seconds in spent.items():
        yield Measurement(
            f"pool, {num_texts:,} samples, {_workers(num_workers)} x wall clock",
            seconds,
            here,
            "s",
            note=f"peer: CPU time of the jobs; overhead {seconds / here - 1:.1%}",
        )


def _wait_for_first_result(pool: ExecutionPool) -> None:
    _drain(pool.map_ordered(attempt_task, [(0, ())]))


def _drain(results: Iterator[Any]) -> None:
    for _ in results:
        pass


def _workers(count: int) -> str:
    return f"{count} worker{'s' * (count > 1)}"
