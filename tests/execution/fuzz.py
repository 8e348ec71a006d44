"""A fuzz of the language's whole path, from text to outcome, that gives the same digests wherever it is run.

    python -m tests.execution.fuzz --token_strings=1000000 --programs=200000 --seed=0

Strings of tokens and random programs are made and run in worker processes on grids of the evaluation tasks.
Nothing but `ProgramError` may come of a text, nothing but an outcome of a program, and no worker may die.
"""

import argparse
import dataclasses
import hashlib
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence

from codeit_jax.arc import Task, load_tasks
from codeit_jax.config import ExecutionConfig
from codeit_jax.dsl import ProgramError, parse_program
from codeit_jax.execution import Budget, Outcome
from codeit_jax.execution.attempt import HostContext, attempt_task
from codeit_jax.execution.host import start_pool
from codeit_jax.execution.pool import Failed
from tests.execution import drawing

TOKEN_STRINGS, PROGRAMS = "token strings", "programs"
BLOCK_SIZES = {TOKEN_STRINGS: 200, PROGRAMS: 50}
UNPARSABLE = "unparsable"
ATTEMPT_EVERY = 4  # blocks of which one is attempted as a sample of the policy is, too
MAKERS = (
    *(drawing.random_of_any_length, drawing.random_of_any_length),
    *(drawing.mutant_of_random, drawing.mutant_of_training),
)


@dataclasses.dataclass(frozen=True)
class Block:
    """Items that a worker makes and runs: those numbered from `start`, all on the same task's grids."""

    kind: str
    seed: int
    number: int
    start: int
    count: int

    def singles(self) -> list["Block"]:
        return [dataclasses.replace(self, start=self.start + i, count=1) for i in range(self.count)]


@dataclasses.dataclass
class Report:
    """What came of a block, or of all blocks.

    Attributes:
        ends: how many runs ended in each status, and how many texts were no programs.
        digest: of every outcome; equal wherever the fuzz is run.
        errorless_digest: the same without the texts of errors.
        slowest: the longest run in seconds, and its program.
        heaviest: the most work of a run, and its program.
        peak_bytes: most memory that the process has held.
    """

    ends: Counter = dataclasses.field(default_factory=Counter)
    digest: str = ""
    errorless_digest: str = ""
    slowest: tuple[float, str] = (0.0, "")
    heaviest: tuple[int, str] = (0, "")
    peak_bytes: int = 0

    def add(self, other: "Report") -> None:
        self.ends += other.ends
        self.digest = _hash(self.digest + other.digest)
        self.errorless_digest = _hash(self.errorless_digest + other.errorless_digest)
        self.slowest = max(self.slowest, other.slowest)
        self.heaviest = max(self.heaviest, other.heaviest)
        self.peak_bytes = max(self.peak_bytes, other.peak_bytes)


def text_of(kind: str, seed: int, index: int) -> str:
    """Returns the text of one item."""
    rng = random.Random(f"{seed}/{kind}/{index}")
    return drawing.token_string(rng) if kind == TOKEN_STRINGS else str(MAKERS[index % len(MAKERS)](rng))


def run_block(context: HostContext, block: Block) -> Report:
    """Makes the items of a block and runs each on one or two grids; a job of an `ExecutionPool`."""
    rng = random.Random(f"{block.seed}/{block.kind}/block {block.number}")
    task_index = rng.randrange(len(context.tasks))
    grids = context.tasks[task_index].demonstration_inputs[: rng.choice((1, 2))]
    report = Report()
    texts = [text_of(block.kind, block.seed, block.start + i) for i in range(block.count)]
    ends: list[list[Outcome] | None] = []
    for text in texts:
        try:
            ends.append(_run_text(context, text, grids, report))
        except Exception as error:
            error.add_note(f"the text was {text!r}")
            raise
    if block.number % ATTEMPT_EVERY == 0:
        _assert_attempts_agree(context, task_index, texts, ends)
    rows = [None if end is None else [_row(each) for each in end] for end in ends]
    report.digest = _hash(repr(rows))
    errorless = [row and [(status, output, cost) for status, output, _, cost in row] for row in rows]
    report.errorless_digest = _hash(repr(errorless))
    report.peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return report


def _run_text(context: HostContext, text: str, grids: Sequence, report: Report) -> list[Outcome] | None:
    try:
        program = parse_program(text)
    except ProgramError:
        report.ends[UNPARSABLE] += 1
        return None
    canonical = str(program)
    assert parse_program(canonical) == program
    outcomes = []
    for grid in grids:
        begun = time.perf_counter()
        outcome = context.evaluator.run(program, grid)
        report.slowest = max(report.slowest, (time.perf_counter() - begun, canonical))
        report.heaviest = max(report.heaviest, (outcome.cost, canonical))
        report.ends[outcome.status.value] += 1
        outcomes.append(outcome)
    return outcomes


def _assert_attempts_agree(
    context: HostContext, task_index: int, texts: Sequence[str], ends: Sequence[list[Outcome] | None]
) -> None:
    """Asserts that programs end as one by one where all are attempted together."""
    attempts = attempt_task(context, (task_index, tuple(texts)))
    for text, end, attempt in zip(texts, ends, attempts, strict=True):
        if end is None:
            assert attempt.program is None, text
        else:
            assert attempt.program == str(parse_program(text)), text
            assert list(attempt.outcomes[: len(end)]) == [outcome.packed() for outcome in end], text


def _row(outcome: Outcome) -> tuple:
    return outcome.status.value, outcome.output, outcome.error, outcome.cost


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def blocks(kind: str, count: int, seed: int) -> Iterator[Block]:
    """Cuts items into blocks."""
    size = BLOCK_SIZES[kind]
    for number, start in enumerate(range(0, count, size)):
        yield Block(kind, seed, number, start, min(size, count - start))


@dataclasses.dataclass
class Fuzz:
    """Runs blocks in worker processes, or in this process where there are none."""

    tasks: Sequence[Task]
    num_workers: int
    timeout_seconds: float = 60.0
    memory_gigabytes: float = 2.0

    def run(self, kind: str, count: int, seed: int) -> tuple[Report, list[tuple[str, Failed]]]:
        """Returns what came of all, and what workers died of: the text, or a block where no text alone."""
        report, failures = Report(), []
        jobs = list(blocks(kind, count, seed))
        if not self.num_workers:
            context = HostContext(tuple(self.tasks), Budget())
            for job in jobs:
                report.add(run_block(context, job))
            return report, []
        pool = start_pool(
            self.tasks,
            ExecutionConfig(
                num_workers=self.num_workers,
                timeout_seconds=self.timeout_seconds,
                memory_gigabytes=self.memory_gigabytes,
                budget=Budget(),
            ),
        )
        with pool:
            failed = []
            for job, result in zip(jobs, pool.map_ordered(run_block, jobs), strict=True):
                if isinstance(result, Failed):
                    failed.append((job, result))
                else:
                    report.add(result)
            for job, together in failed:
                singles = job.singles()
                ends = zip(singles, pool.map_ordered(run_block, singles), strict=True)
                alone = [
                    (text_of(kind, seed, each.start), end) for each, end in ends if isinstance(end, Failed)
                ]
                failures += alone or [(f"no text alone, but together: {job}", together)]
        return report, failures


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the fuzz and prints what came of it; returns 1 if a worker died."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--token_strings", type=int, default=10_000)
    parser.add_argument("--programs", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--num_workers", type=int, default=2, help="0 runs all in this process")
    parser.add_argument("--timeout_seconds", type=float, default=60.0, help="for a block")
    parser.add_argument("--memory_mib", type=int, default=2048, help="address space of a worker's jobs")
    flags = parser.parse_args(arguments)
    fuzz = Fuzz(
        load_tasks("arc1/evaluation"), flags.num_workers, flags.timeout_seconds, flags.memory_mib << 20
    )
    num_failures = 0
    for kind, count in ((TOKEN_STRINGS, flags.token_strings), (PROGRAMS, flags.programs)):
        begun = time.monotonic()
        report, failures = fuzz.run(kind, count, flags.seed)
        seconds = time.monotonic() - begun
        num_failures += len(failures)
        print(f"{count:,} {kind} in {seconds:.1f} s, {count / seconds:,.0f} a second")
        print("  ends:", ", ".join(f"{name} {number:,}" for name, number in sorted(report.ends.items())))
        print(f"  digest {report.digest}, without errors' texts {report.errorless_digest}")
        print(
            f"  peak memory {report.peak_bytes >> 20:,} MiB of a process; bound {flags.memory_mib:,} MiB more"
        )
        for title, (amount, text) in (("s", report.slowest), ("units of work", report.heaviest)):
            print(f"  most {title}: {amount:,.6g}\n    " + text.replace("\n", "\n    "))
        print(f"  deaths of workers: {dict(Counter(each.reason.value for _, each in failures))}", flush=True)
        for text, failed in failures:
            print(f"  {failed.detail}: {text!r}\n{text}", flush=True)
    return 1 if num_failures else 0


if __name__ == "__main__":
    # Workers import the job by the module's own name, which `__main__` is not.
    from tests.execution.fuzz import main as _main

    sys.exit(_main())
