"""The mutation suite: training programs distilled, and mutants grown, beside plain evaluation from scratch.

The peer is what mutants cost a mutator that evaluates each from scratch, as the released one does. It is
charged with nothing else: neither the drawing nor the duplicates.
"""

import dataclasses
import itertools
import random
import statistics
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from codeit_jax.arc import Task, load_tasks
from codeit_jax.benchmarks.plain import PlainRun, Reference, load_reference, run_guarded
from codeit_jax.benchmarks.suites import Options
from codeit_jax.benchmarks.table import Measurement
from codeit_jax.benchmarks.workload import Mean, TimedJobs, calm_collector
from codeit_jax.config import DISTILLATION_WORK, Depth, ExecutionConfig
from codeit_jax.config.budget import PAPER_LIMITS
from codeit_jax.dsl import Program, load_training_programs, parse_program
from codeit_jax.dsl.program import without_dead_lines
from codeit_jax.dsl.program_files import fingerprint
from codeit_jax.execution import ExecutionPool
from codeit_jax.execution.host import start_pool
from codeit_jax.mutation.distillation.distil import distil_programs
from codeit_jax.mutation.growth.drawing import Fate
from codeit_jax.mutation.growth.mutants import grow_rounds
from codeit_jax.mutation.growth.rounds import Grown, Population, Recipe
from codeit_jax.mutation.mutate import Mutator
from codeit_jax.mutation.parents import find_parents

_NEW_LINE_SHARE = 0.25


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much each case runs.

    Attributes:
        parents: training tasks whose programs are mutated, drawn at random; 0 for all.
        num_rounds: rounds of draws in each case.
        max_short_lines: lines of the parents that count as short ones.
        distillation_work: what may be spent on distilling a program.
        plain_programs: mutants that the peer evaluates, accepted or not, drawn at random.
        guard_seconds: CPU time after which a run of the peer is stopped.
        population: programs in the population whose memory is measured.
    """

    parents: int = 0
    num_rounds: int = 3
    max_short_lines: int = 12
    distillation_work: int = DISTILLATION_WORK
    plain_programs: int = 300
    guard_seconds: float = 5.0
    population: int = 100_000


QUICK = Sizes(parents=48, num_rounds=2, distillation_work=500_000, plain_programs=60, guard_seconds=1.0)


def measure(options: Options) -> Iterator[Measurement]:
    """Yields the suite's measurements, for re-arc's training programs."""
    yield from measure_sizes(QUICK if options.quick else Sizes(), options)


def measure_sizes(sizes: Sizes, options: Options) -> Iterator[Measurement]:
    """Yields the suite's measurements, made on so much."""
    tasks = load_tasks("arc1/training")
    if sizes.parents:
        rng = random.Random(f"{options.seed}/parents")
        tasks = rng.sample(tasks, min(sizes.parents, len(tasks)))
    programs = load_training_programs()
    with start_pool((), ExecutionConfig(num_workers=options.num_workers)) as pool:
        begun = time.monotonic()
        results = dict(distil_programs(pool, tasks, programs, sizes.distillation_work))
        seconds = time.monotonic() - begun
    distilled = {task_id: each.program for task_id, each in results.items() if each.program is not None}
    yield from distillation(programs, distilled, seconds, options.num_workers)
    yield from growth(sizes, options, tasks, distilled)


def distillation(
    programs: Mapping[str, Program], distilled: Mapping[str, Program], seconds: float, num_workers: int
) -> Iterator[Measurement]:
    """The results of distilling the programs that solve their task; the peer is those themselves."""
    name = f"distilling {len(distilled)} programs"
    yield Measurement(f"{name}, {_workers(num_workers)}, wall clock", seconds, None, "s")
    ours = [len(program) for program in distilled.values()]
    peer = [len(without_dead_lines(programs[task_id])) for task_id in distilled]
    for kind, average in (("median", statistics.median), ("mean", statistics.mean)):
        yield Measurement(f"{name}: {kind} length", average(ours), average(peer), "lines")


def growth(
    sizes: Sizes, options: Options, tasks: Sequence[Task], programs: Mapping[str, Program]
) -> Iterator[Measurement]:
    """Mutants of some programs, by task id, at every depth."""
    reference = load_reference()
    parents = find_parents(TimedJobs([], PAPER_LIMITS).as_pool, tasks, programs)
    short = [parent for parent in parents if parent.program and len(parent.program) <= sizes.max_short_lines]
    mutator, inserting = Mutator(), Mutator(new_line_share=_NEW_LINE_SHARE)
    recipes = {
        "d1": Recipe(tuple(parents), Depth.ONE, options.seed, mutator),
        f"d1, parents of {sizes.max_short_lines} lines at most": Recipe(
            tuple(short), Depth.ONE, options.seed, mutator
        ),
        f"d1, {_NEW_LINE_SHARE:.0%} new lines": Recipe(tuple(parents), Depth.ONE, options.seed, inserting),
        "d-infinity": Recipe(tuple(parents), Depth.INFINITE, options.seed, mutator),
    }
    with calm_collector():
        for name, recipe in recipes.items():
            yield from growth_in_process(name, recipe, reference, sizes, options.seed)
        yield from growth_by_workers(recipes["d1"], sizes.num_rounds, sorted({1, options.num_workers}))
        yield from memory(recipes["d1"], sizes)


def growth_in_process(
    name: str, recipe: Recipe, reference: Reference, sizes: Sizes, seed: int
) -> Iterator[Measurement]:
    """Some rounds in this process; the peer runs a sample of what they bring."""
    jobs = TimedJobs([], PAPER_LIMITS)
    drawn = grow(jobs.as_pool, recipe, sizes.num_rounds)
    num_accepted = sum(each.draw.fate is Fate.ACCEPTED for each in drawn)
    run = [each for each in drawn if each.draw.fate not in (Fate.NO_CANDIDATE, Fate.DUPLICATE)]
    sample = random.Random(f"{seed}/plain").sample(run, min(sizes.plain_programs, len(run)))
    runs = [_plain_run(each, recipe, reference, sizes.guard_seconds) for each in sample]
    plain = Mean.of([run.seconds for run in runs])
    num_stopped = sum(run.is_stopped for run in runs)
    # Runs so short that the clock does not show them leave no figure.
    rate = num_accepted / len(run) / plain.value if plain.value > 0 else None
    yield Measurement(
        f"{name}, one process",
        num_accepted / jobs.seconds,
        rate,
        "programs/s",
        rate * plain.error / plain.value if rate else 0.0,
        more_is_better=True,
        note=f"{num_accepted:,} accepted; peer: {len(runs)} run, {num_stopped} stopped by the guard",
    )
    kinds = Counter(each.draw.kind for each in drawn)
    for kind, count in sorted(kinds.items()):
        fates = Counter(each.draw.fate for each in drawn if each.draw.kind == kind)
        told = ", ".join(f"{fate} {fates[fate] / count:.0%}" for fate in Fate if fate is not Fate.ACCEPTED)
        yield Measurement(
            f"{name}, {kind}: accepted", 100 * fates[Fate.ACCEPTED] / count, None, "%", note=told
        )
    share = 100 * num_accepted / len(drawn)
    yield Measurement(f"{name}: accepted", share, None, "%", note=f"of {len(drawn):,} draws")


def growth_by_workers(recipe: Recipe, num_rounds: int, worker_counts: Sequence[int]) -> Iterator[Measurement]:
    """The same rounds by pools of some sizes; the peer of each is the smallest pool."""
    smallest: float | None = None
    for num_workers in worker_counts:
        with start_pool((), ExecutionConfig(num_workers=num_workers)) as pool:
            grow(
                pool, dataclasses.replace(recipe, parents=recipe.parents[:1]), 1
            )  # until workers have started
            begun = time.monotonic()
            drawn = grow(pool, recipe, num_rounds)
            seconds = time.monotonic() - begun
        rate = sum(each.draw.fate is Fate.ACCEPTED for each in drawn) / seconds
        yield Measurement(
            f"d1, {_workers(num_workers)}, wall clock",
            rate,
            smallest,
            "programs/s",
            more_is_better=True,
        )
        smallest = smallest or rate


def _workers(number: int) -> str:
    return f"{number} worker{'s' * (number > 1)}"


def memory(recipe: Recipe, sizes: Sizes) -> Iterator[Measurement]:
    """The memory that many programs take; the peer is a set of their texts."""
    text = str(recipe.parents[0].program)
    tracemalloc.start()
    population = Population(recipe)
    population.add(
        [fingerprint(f"{text}{number}") for number in range(sizes.population)], [0] * sizes.population
    )
    ours, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    texts = {f"{text}{number}" for number in range(sizes.population)}
    peer = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert len(texts) == len(population)
    yield Measurement(f"what is known of {sizes.population:,} programs", ours / 1e6, peer / 1e6, "MB")


def grow(pool: ExecutionPool, recipe: Recipe, num_rounds: int) -> list[Grown]:
    """Returns the draws of the first rounds."""
    return [each for drawn in itertools.islice(grow_rounds(pool, recipe), num_rounds) for each in drawn]


def _plain_run(grown: Grown, recipe: Recipe, reference: Reference, guard_seconds: float) -> PlainRun:
    """Runs a program on all inputs, up to the first that it fails on."""
    program, inputs = parse_program(grown.draw.text), recipe.parents[grown.family].inputs
    return run_guarded(lambda: [reference.run(program, grid) for grid in inputs], guard_seconds=guard_seconds)
