"""The evolution suite: how fast programs are bred for a task, and what that finds beside blind mutants.

Tasks are training tasks, a task's own program and its mutants left out of all that is tried on it.
"""

import dataclasses
import pickle
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from codeit_jax.arc import Task, load_tasks
from codeit_jax.benchmarks.suites import Options
from codeit_jax.benchmarks.table import Measurement
from codeit_jax.benchmarks.workload import TimedJobs, calm_collector
from codeit_jax.config import Budget
from codeit_jax.config.budget import PAPER_LIMITS, SEARCH_LIMITS
from codeit_jax.dsl import Program, load_training_programs
from codeit_jax.evolution.breeding import breed
from codeit_jax.evolution.colours import colours_by_task
from codeit_jax.evolution.jobs import Bred, Breeding, BreedingJob, Stock
from codeit_jax.execution.attempt import HostContext
from codeit_jax.mutation.growth.mutants import Mutant, grow
from codeit_jax.mutation.growth.rounds import Recipe
from codeit_jax.mutation.parents import MutationParent, find_parents
from codeit_jax.search.search import SearchJob, pack_programs, search_task


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much is run.

    Attributes:
        num_tasks: tasks, drawn at random.
        num_parents: training programs that populations begin with, at most; 0 for all.
        turn_work: units of work of each of two turns of a task.
        num_mutants: blind mutants that there are to try.
        mutants_per_job: that are tried between two looks at the clock.
        breeding: how programs are bred.
    """

    num_tasks: int = 40
    num_parents: int = 0
    turn_work: int = 16_000_000
    num_mutants: int = 20_000
    mutants_per_job: int = 1_000
    breeding: Breeding = dataclasses.field(default_factory=Breeding)


QUICK = Sizes(num_tasks=8, num_parents=120, turn_work=4_000_000, num_mutants=2_000, mutants_per_job=200)


def measure(options: Options) -> Iterator[Measurement]:
    """Yields the suite's measurements."""
    yield from measure_sizes(QUICK if options.quick else Sizes(), options)


def measure_sizes(sizes: Sizes, options: Options) -> Iterator[Measurement]:
    """Yields the suite's measurements, made on so much."""
    rng = random.Random(f"{options.seed}/tasks")
    tasks = load_tasks("arc1/training")
    chosen = rng.sample(range(len(tasks)), min(sizes.num_tasks, len(tasks)))
    jobs = TimedJobs([], PAPER_LIMITS)
    programs = load_training_programs()
    if sizes.num_parents:
        programs = dict(rng.sample(list(programs.items()), sizes.num_parents))
    parents = find_parents(jobs.as_pool, tasks, programs)
    with calm_collector():
        bred = list(_breed(tasks, chosen, parents, sizes, options.seed))
        mutants = grow(jobs.as_pool, Recipe(tuple(parents), seed=options.seed), sizes.num_mutants)
        budgets = [sum(seconds for _, seconds in turns) for turns in bred]
        blind = _count_blind(tasks, dict(zip(chosen, budgets, strict=True)), parents, mutants, sizes)
    rates = [turns[-1][0].num_programs / turns[-1][1] for turns in bred]
    yield Measurement(
        f"programs bred, median of {len(chosen)} tasks",
        statistics.median(rates),
        None,
        "programs/s",
        note=f"from {min(rates):,.0f} to {max(rates):,.0f}",
    )
    solved = sum(any(_solves(turn) for turn, _ in turns) for turns in bred)
    num_programs = sum(turn.num_programs for turns in bred for turn, _ in turns)
    yield Measurement(
        f"tasks solved, of {len(chosen)}",
        solved,
        blind,
        "tasks",
        more_is_better=True,
        note=f"{num_programs:,} programs, {sum(budgets):,.0f} s; peer: blind mutants for as long",
    )


def _breed(
    tasks: Sequence[Task], chosen: Sequence[int], parents: Sequence[MutationParent], sizes: Sizes, seed: int
) -> Iterator[list[tuple[Bred, float]]]:
    """Yields for each task what its two turns came to, and the CPU time that they took."""
    context = HostContext(tuple(tasks), Budget(max_items=PAPER_LIMITS.max_items))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "stock.pickle")
        seeds = tuple((parent.task_id, parent.solution) for parent in parents)
        file.write_bytes(pickle.dumps(Stock(seeds, colours=colours_by_task(tasks))))
        for index in chosen:
            job = BreedingJob(index, file, 0, True, (), (), 0, seed, sizes.turn_work, sizes.breeding)
            turns = []
            for turn in range(2):
                begun = time.process_time()
                bred = breed(context, dataclasses.replace(job, turn=turn))
                turns.append((bred, time.process_time() - begun))
                job = dataclasses.replace(job, age=1, members=bred.members)
            yield turns


def _solves(bred: Bred) -> bool:
    return any(candidate.performance.test == 1 for candidate in bred.candidates)


def _count_blind(
    tasks: Sequence[Task],
    seconds: dict[int, float],
    parents: Sequence[MutationParent],
    mutants: Sequence[Mutant],
    sizes: Sizes,
) -> int:
    """Returns how many tasks training programs and their mutants solve in so many seconds each."""
    context = HostContext(tuple(tasks), SEARCH_LIMITS)
    families: dict[Program, str] = {parent.solution: parent.task_id for parent in parents}
    for mutant in mutants:
        families.setdefault(mutant.program, mutant.task_id)
    num_solved = 0
    with tempfile.TemporaryDirectory() as folder:
        for index, limit in seconds.items():
            begun, solved = time.process_time(), False
            others = [program for program, task_id in families.items() if task_id != tasks[index].id]
            for start in range(0, len(others), sizes.mutants_per_job):
                if time.process_time() - begun > limit:
                    break
                batch = others[start : start + sizes.mutants_per_job]
                path = pack_programs(batch, Path(folder, f"{index}-{start}.pickle"))
                result = search_task(context, SearchJob(path, index, None))
                solved |= any(hit.performance.test == 1 for hit in result.hits)
            num_solved += solved
    return num_solved
