"""Search: every program on every task, as far as it takes to know the three that answer a task.

A program is run on demonstration after demonstration, and no further once it cannot come before three others
even if it gives all that are left. What is found does not depend on how early that is known.
"""

import dataclasses
import functools
import heapq
import itertools
import math
import pickle
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from codeit_jax.arc import Pair, Task, num_cells
from codeit_jax.dsl.program import Program
from codeit_jax.execution.attempt import HostContext, count_right
from codeit_jax.execution.evaluator import Evaluator
from codeit_jax.execution.graph import GraphRun, ProgramGraph
from codeit_jax.execution.pool import ExecutionPool, Failed
from codeit_jax.execution.recovery import Recovery, run_jobs
from codeit_jax.run.files import scratch_folder, write_scratch
from codeit_jax.search.ranking import NUM_ANSWERS, Performance, Rank, rank, shortness

PROGRAMS_PER_JOB = 10_000


@dataclasses.dataclass(frozen=True, slots=True)
class Hit:
    """A program of a search that may be among its task's best three.

    Attributes:
        task_index: the task's place in the search set.
        program_index: the program's place among those searched with.
        performance: what it gives, more than no demonstration.
    """

    task_index: int
    program_index: int
    performance: Performance


@dataclasses.dataclass(frozen=True, slots=True)
class SearchResult:
    """The result of some programs on a task.

    Attributes:
        task_index: the task's place in the search set.
        hits: those that may be among the best three.
        num_programs: how many programs these were.
        num_skipped: those that could not come before the bound whatever they gave, and were never run.
        num_runs: runs on a demonstration that had to be made.
        num_left_out: those that a worker was stopped on.
    """

    task_index: int
    hits: tuple[Hit, ...]
    num_programs: int
    num_skipped: int = 0
    num_runs: int = 0
    num_left_out: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class SearchJob:
    """Programs to be run on one task.

    Attributes:
        programs: the file of the programs, written by `pack_programs`.
        task_index: the task's place in the search set.
        bound: a rank that three other programs are known to reach on this task; None where none is known.
        max_work: what one run may take, in place of the budget's; None to leave it at that.
        start: the place of the first of them among the programs of the search.
        stop: the place behind the last.
    """

    programs: Path
    task_index: int
    bound: Rank | None
    max_work: int | None = None
    start: int = 0
    stop: int = 0


def pack_programs(programs: Sequence[Program], path: Path) -> Path:
    """Writes distinct programs to a file for the jobs of all tasks, and returns its path.

    They are megabytes: sent with every job, they would have workers wait for one another's.

    Raises:
        ValueError: two of the programs are equal, and would stand in each other's way.
        UserError: there is no room for the file.
    """
    texts = tuple(map(str, programs))
    if len(set(texts)) < len(texts):
        raise ValueError("the programs of a search must be distinct")
    write_scratch(path, pickle.dumps((ProgramGraph(programs), texts), pickle.HIGHEST_PROTOCOL))
    return path


def search_task(context: HostContext, job: SearchJob) -> SearchResult:
    """Runs programs on a task and returns those that may be among its best three.

    The job of an `ExecutionPool`.
    """
    graph, texts = context.unpickled(job.programs)
    evaluator = context.evaluator_within(job.max_work)
    contest = _Contest(evaluator, graph, texts, context.tasks[job.task_index], job.bound)
    best = contest.best()
    test = count_right(evaluator, graph, best, contest.task.test)
    hits = tuple(
        Hit(
            job.task_index,
            index,
            Performance(contest.performance(index), num_right / max(1, len(contest.task.test))),
        )
        for index, num_right in zip(best, test, strict=True)
    )
    return SearchResult(job.task_index, hits, len(texts), contest.num_skipped, contest.num_runs)


class _Contest:
    """Programs that contend for a task's best three places.

    Args:
        evaluator: how they are run.
        graph: the programs.
        texts: their canonical texts.
        task: the task.
        bound: a rank that three others are known to reach.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        graph: ProgramGraph,
        texts: Sequence[str],
        task: Task,
        bound: Rank | None,
    ) -> None:
        self.task = task
        self.num_runs = 0
        self.num_skipped = 0
        self._evaluator = evaluator
        self._graph = graph
        self._bound = bound
        self._shortness = list(map(shortness, texts))
        self._num_right = [0] * len(texts)

    def best(self) -> list[int]:
        """Runs the programs and returns at most three that may have their place, best first."""
        # What fails on a small grid has failed cheaply.
        pairs = sorted(self.task.train, key=lambda pair: num_cells(pair.input))
        contending = list(range(len(self._num_right)))
        for num_done, pair in enumerate(pairs):
            num_left = len(pairs) - num_done
            contending = [index for index in contending if self._may_enter(index, num_left)]
            if not num_done:
                self.num_skipped = len(self._num_right) - len(contending)
            self._run(contending, pair)
            self._tighten(contending)
        finalists = [index for index in contending if self._may_enter(index, 0)]
        return heapq.nsmallest(NUM_ANSWERS, finalists, key=self._rank)

    def performance(self, index: int) -> float:
        """Returns the share of demonstrations that a program has given so far."""
        return self._num_right[index] / len(self.task.train)

    def _rank(self, index: int) -> Rank:
        return -self.performance(index), *self._shortness[index]

    def _may_enter(self, index: int, num_left: int) -> bool:
        """Whether a program comes to the bound at least, if it gives all the demonstrations left."""
        num_right = self._num_right[index] + num_left
        if self._bound is None or not num_right:
            return num_right > 0
        return (-(num_right / len(self.task.train)), *self._shortness[index]) <= self._bound

    def _run(self, indices: Sequence[int], pair: Pair) -> None:
        if pair.output is None or not indices:
            return
        run = GraphRun(self._graph, self._evaluator, pair.input)
        for index in indices:
            self._num_right[index] += run.yields(index, pair.output)
        self.num_runs += len(indices)

    def _tighten(self, contending: Sequence[int]) -> None:
        """Lowers the bound to what three of the programs have reached for certain."""
        certain = [index for index in contending if self._num_right[index]]
        best = heapq.nsmallest(NUM_ANSWERS, certain, key=self._rank)
        if len(best) == NUM_ANSWERS:
            reached = self._rank(best[-1])
            self._bound = reached if self._bound is None else min(self._bound, reached)


def search_together(
    pool: ExecutionPool,
    programs: Sequence[Program],
    bounds: Mapping[int, Rank | None],
    max_work: int | None = None,
) -> Iterator[SearchResult]:
    """Runs programs on tasks, all of them in one job a task.

    A program that stops a worker is left out, with a warning.

    Args:
        pool: workers from `start_pool`.
        programs: distinct programs; those that share lines, such as mutants of one parent, together.
        bounds: by the index of each task a rank that three other programs are known to reach, or None. All
            that is found without a bound and comes before it is found with it, too.
        max_work: what one run may take, in place of the budget's.

    Yields:
        The result of each task, in their order, but those that were run in parts last.
    """
    if not programs:
        return
    with scratch_folder() as folder:

        @functools.cache
        def packed(start: int, stop: int) -> Path:
            return pack_programs(programs[start:stop], Path(folder, f"{start}-{stop}.pickle"))

        def job_of(task_index: int, start: int, stop: int) -> SearchJob:
            return SearchJob(packed(start, stop), task_index, bounds[task_index], max_work, start, stop)

        recovery = Recovery[SearchJob](
            num_items=lambda job: job.stop - job.start,
            part=lambda job, start, stop: job_of(job.task_index, job.start + start, job.start + stop),
            describe=lambda job: f"in the search of task {job.task_index}\n{programs[job.start]}",
        )
        jobs = (job_of(task_index, 0, len(programs)) for task_index in bounds)
        for _, pieces in run_jobs(pool, search_task, jobs, recovery):
            yield _joined(
                [
                    SearchResult(job.task_index, (), 1, num_left_out=1)
                    if isinstance(result, Failed)
                    else _moved(result, job.start)
                    for job, result in pieces
                ]
            )


def num_search_jobs(num_tasks: int, num_programs: int) -> int:
    """Returns how many jobs a search is cut into."""
    return num_tasks * math.ceil(num_programs / PROGRAMS_PER_JOB)


def search(
    pool: ExecutionPool,
    num_tasks: int,
    programs: Sequence[Program],
    max_work: int | None = None,
    known: Iterable[SearchResult] = (),
) -> Iterator[SearchResult]:
    """Runs programs on every task of the search set.

    Args:
        pool: workers from `start_pool`.
        num_tasks: size of the search set.
        programs: distinct programs; those that share lines, such as mutants of one parent, together.
        max_work: what one run may take, in place of the budget's.
        known: results of this search that an earlier one came to, in its order, with their hits at least.

    Yields:
        The result of each job, the known ones first; all programs that really are among their task's best
        three come up.
    """
    best: list[list[Rank]] = [[] for _ in range(num_tasks)]
    left: list[deque[SearchResult]] = [deque() for _ in range(num_tasks)]
    for result in known:
        left[result.task_index].append(result)
    for start in range(0, len(programs), PROGRAMS_PER_JOB):
        chunk = programs[start : start + PROGRAMS_PER_JOB]
        here = [results.popleft() for results in left if results]
        done = {result.task_index for result in here}
        bounds = {
            index: ranks[-1] if len(ranks) == NUM_ANSWERS else None
            for index, ranks in enumerate(best)
            if index not in done
        }
        new = (_moved(result, start) for result in search_together(pool, chunk, bounds, max_work))
        for result in itertools.chain(here, new):
            ranks = {
                rank(hit.performance.demonstration, str(programs[hit.program_index])) for hit in result.hits
            }
            best[result.task_index] = sorted(ranks.union(best[result.task_index]))[:NUM_ANSWERS]
            yield result


def _moved(result: SearchResult, start: int) -> SearchResult:
    """Returns a result for programs that stand behind `start` others."""
    hits = tuple(
        dataclasses.replace(hit, program_index=hit.program_index + start) if start else hit
        for hit in result.hits
    )
    return dataclasses.replace(result, hits=hits)


def _joined(results: Sequence[SearchResult]) -> SearchResult:
    """Returns the results of parts of some programs on one task as one."""
    return SearchResult(
        results[0].task_index,
        tuple(hit for result in results for hit in result.hits),
        sum(result.num_programs for result in results),
        sum(result.num_skipped for result in results),
        sum(result.num_runs for result in results),
        sum(result.num_left_out for result in results),
    )
