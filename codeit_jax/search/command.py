"""The search of `launch/search.py`: files of programs run on tasks, resumed where it was cut short."""

import hashlib
import itertools
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from codeit_jax.arc import Task, load_tasks
from codeit_jax.arc.datasets import identify_tasks
from codeit_jax.config import SEARCH_LIMITS, Budget, ExecutionConfig
from codeit_jax.dsl.program import Program
from codeit_jax.dsl.program_files import ProgramRow, count_lines, fingerprint, read_rows
from codeit_jax.errors import UserError, naming
from codeit_jax.execution.host import start_pool
from codeit_jax.execution.led_pool import Leader
from codeit_jax.execution.pool import ExecutionPool
from codeit_jax.run.display import Display
from codeit_jax.run.interruption import begin_keeping
from codeit_jax.run.page import Page
from codeit_jax.search.curve import Curve, read_curve
from codeit_jax.search.folder import BEST_THREE, STRICTLY, SearchFolder, SearchSettings, SearchState
from codeit_jax.search.ranking import Candidate
from codeit_jax.search.search import PROGRAMS_PER_JOB, SearchResult, search_together
from codeit_jax.search.verification import verify

CURVE_STEP = 9_600
MAX_BATCH = 10_000  # programs held as objects; those of one family are brought together among these
_JOB_TIMEOUT_SECONDS = 120.0
_SAVE_SECONDS = 20.0

NumberedProgram = tuple[int, Program]  # with its row in the files, from 0


def run_search(
    programs: Sequence[Path],
    task_source: str,
    output: str,
    *,
    num_workers: int,
    curve_step: int = CURVE_STEP,
    max_programs: int | None = None,
    compared: Sequence[Path] = (),
    budget: Budget = SEARCH_LIMITS,
    programs_per_job: int = PROGRAMS_PER_JOB,
    leader: Leader | None = None,
    page: Page | None = None,
) -> SearchState:
    """Runs the programs of files on every task, from the start or from where an earlier search stopped.

    Args:
        programs: files of programs, read one after another; equal programs are run once.
        task_source: what `load_tasks` takes.
        output: the folder for what is found; the README says what is left there.
        num_workers: worker processes.
        curve_step: programs between two points of the curve.
        max_programs: distinct programs to end after; None for all.
        compared: CSV files of other curves, for the picture.
        budget: what one run of a program may spend.
        programs_per_job: programs that are run together.
        leader: of other processes whose workers help; None for none.
        page: shows what is found; by default there is none.

    Returns:
        What was found, earlier starts included.

    Raises:
        UserError: a file, the tasks or the folder are wrong; the message says what and where.
        RuntimeError: a solution was not found to be one when it was run again.
    """
    page = page or Page()
    other_curves = _read_curves(compared)
    for path in programs:
        with naming(path):
            if path.exists() and not (path.is_file() or path.is_dir()):
                raise UserError("is no file that can be read again, which a search does when it is resumed")
        if next(read_rows(path), None) is None:
            raise UserError(f"{path}: holds no programs")
    tasks = load_tasks(task_source)
    settings = SearchSettings(identify_tasks(task_source, tasks), curve_step, programs_per_job, budget)
    execution = ExecutionConfig(num_workers=num_workers, timeout_seconds=_JOB_TIMEOUT_SECONDS, budget=budget)
    folder = SearchFolder(output, settings)
    with folder.hold(), Display() as display:
        if max_programs is not None and max_programs < folder.state.num_programs:
            done = folder.state.num_programs
            raise UserError(f"--max_programs={max_programs}: {done} programs are being searched with already")
        begin_keeping()
        _note_withheld(tasks, display)
        search = _Search(folder, settings, tasks, display, page, other_curves)
        with start_pool(tasks, execution, leader) as pool:
            search.run(pool, ProgramStream(programs), max_programs, sum(map(count_lines, programs)))
        _sum_up(folder.state, len(tasks), display)
        with start_pool(tasks, execution, leader) as fresh_pool:
            num_verified = verify(fresh_pool, tasks, folder.state.book.solved())
        display.note(f"{num_verified} solutions verified")
        page.finish(display)
    return folder.state


class ProgramStream:
    """The distinct programs of files, in their order, read as they are asked for.

    Attributes:
        num_rows: rows read so far.
        num_programs: distinct programs read so far.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.num_rows = 0
        self.num_programs = 0
        self._rows = itertools.chain.from_iterable(map(read_rows, paths))
        self._seen: set[int] = set()
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        """The digest of the programs read so far, with their rows and tasks."""
        return self._hash.hexdigest()

    def take(self, count: int) -> list[NumberedProgram]:
        """Returns the next `count` programs, or those that there are; families stand together.

        Raises:
            ProgramFileError: a file cannot be read, or a row is no program.
        """
        taken = itertools.islice(self._distinct(), count)
        families = sorted((row.task, text, number, program) for row, text, number, program in taken)
        return [(number, program) for _, _, number, program in families]

    def skip(self, count: int) -> None:
        """Reads `count` programs, or those that there are, for their digest."""
        for _ in itertools.islice(self._distinct(), count):
            pass

    def _distinct(self) -> Iterator[tuple[ProgramRow, str, int, Program]]:
        for row, program in self._rows:
            number, text = self.num_rows, str(program)
            self.num_rows += 1
            key = fingerprint(text)
            if key not in self._seen:
                self._seen.add(key)
                self.num_programs += 1
                self._hash.update(json.dumps((number, row.task, text)).encode())
                yield row, text, number, program


class _Search:
    """A search at work in its folder."""

    def __init__(
        self,
        folder: SearchFolder,
        settings: SearchSettings,
        tasks: Sequence[Task],
        display: Display,
        page: Page,
        other_curves: Mapping[str, Curve],
    ) -> None:
        self._folder = folder
        self._state = folder.state
        self._settings = settings
        self._tasks = tasks
        self._display = display
        self._page = page
        self._other_curves = other_curves
        self._clock = time.monotonic()
        self._saved = self._begun = self._clock
        self._num_runs = 0

    def run(
        self, pool: ExecutionPool, stream: ProgramStream, max_programs: int | None, num_lines: int
    ) -> None:
        """Searches with the programs of a stream, those searched with before excepted."""
        state = self._state
        batch = self._resume(stream)
        num_programs, num_tasks = min(num_lines, max_programs or num_lines), len(self._tasks)
        self._display.phase("searching", num_programs * num_tasks, state.batch_start * num_tasks)
        while True:
            self._run_batch(pool, batch)
            size = min(MAX_BATCH, self._settings.curve_step - state.num_programs % self._settings.curve_step)
            if max_programs is not None:
                size = min(size, max_programs - state.num_programs)
            batch = stream.take(size)
            state.num_rows = stream.num_rows
            if not batch:
                break
            state.batch_start, state.num_programs = state.num_programs, stream.num_programs
            state.digest, state.num_chunks_done = stream.digest, 0
        self._put_point()

    def _resume(self, stream: ProgramStream) -> list[NumberedProgram]:
        """Reads what was read before, and returns the batch that was at hand."""
        state = self._state
        stream.skip(state.batch_start)
        batch = stream.take(state.num_programs - state.batch_start)
        if state.num_programs and stream.digest != state.digest:
            raise UserError(
                f"--programs: the first {state.num_programs} programs are not those searched with before"
            )
        if state.num_programs:
            self._display.note(f"resumed: {state.num_programs:,} programs were read before")
        return batch

    def _run_batch(self, pool: ExecutionPool, batch: Sequence[NumberedProgram]) -> None:
        state, size = self._state, self._settings.programs_per_job
        self._clock = time.monotonic()
        for start in range(state.num_chunks_done * size, len(batch), size):
            self._run_chunk(pool, batch[start : start + size])
            state.num_chunks_done += 1
            state.tasks_done = []
            state.forget_numbers()
            self._save()
            num_programs = min(start + size, len(batch)) + state.batch_start
            self._display.log(f"{num_programs:,} programs x {len(self._tasks)} tasks: {self._status()}")
        if batch and state.num_programs % self._settings.curve_step == 0:
            self._put_point()

    def _run_chunk(self, pool: ExecutionPool, chunk: Sequence[NumberedProgram]) -> None:
        done = set(self._state.tasks_done)
        bounds = {
            index: self._state.book.bound(task.id)
            for index, task in enumerate(self._tasks)
            if index not in done
        }
        for result in search_together(pool, [program for _, program in chunk], bounds):
            self._enter(result, chunk)
            self._num_runs += len(chunk)
            self._display.describe(self._status())
            self._display.advance(len(chunk))
            if time.monotonic() - self._saved > _SAVE_SECONDS:
                self._save()

    def _enter(self, result: SearchResult, chunk: Sequence[NumberedProgram]) -> None:
        state, task = self._state, self._tasks[result.task_index]
        for hit in result.hits:
            number, program = chunk[hit.program_index]
            text = str(program)
            state.numbers[text] = number
            state.book.add(task.id, Candidate(text, hit.performance))
        state.tasks_done.append(result.task_index)
        state.num_runs += result.num_runs
        state.num_left_out += result.num_left_out
        num_needed = (result.num_programs - result.num_left_out) * len(task.train)
        state.num_runs_saved += num_needed - result.num_runs

    def _status(self) -> str:
        solved, strict = self._state.count_solved()
        rate = self._num_runs / len(self._tasks) / (time.monotonic() - self._begun)
        return f"{solved} of {len(self._tasks)} tasks solved ({strict} strictly), {rate:,.1f} programs/s"

    def _put_point(self) -> None:
        self._state.add_point(len(self._tasks), self._settings.curve_step)
        self._folder.save()
        self._folder.publish(self._tasks, self._other_curves)
        self._page.renew(self._display)

    def _save(self) -> None:
        now = time.monotonic()
        self._state.seconds += now - self._clock
        self._clock = self._saved = now
        self._folder.save()


def _read_curves(paths: Sequence[Path]) -> dict[str, Curve]:
    """Returns the curves of files by the shortest names that tell them apart."""
    stems = [path.stem for path in paths]
    own = [BEST_THREE, STRICTLY]
    return {
        stem if [*stems, *own].count(stem) == 1 else str(path): read_curve(path)
        for path, stem in zip(paths, stems, strict=True)
    }


def _note_withheld(tasks: Sequence[Task], display: Display) -> None:
    num_withheld = sum(not task.has_test_outputs for task in tasks)
    if num_withheld:
        display.note(
            f"{num_withheld} of {len(tasks)} tasks come without all their test outputs and cannot count as"
            " solved; their best three are in candidates.json all the same"
        )


def _sum_up(state: SearchState, num_tasks: int, display: Display) -> None:
    solved, strict = state.count_solved()
    num_runs, num_all = state.num_runs, state.num_runs + state.num_runs_saved
    num_repeated = state.num_rows - state.num_programs
    display.note(f"{state.num_programs:,} programs, {num_repeated:,} more that were repeated")
    display.note(f"{solved} of {num_tasks} tasks solved, {strict} of them by programs right throughout")
    display.note(f"{num_runs:,} runs on demonstrations were needed of {num_all:,}")
    if state.num_left_out:
        display.note(f"{state.num_left_out:,} pairs of a program and a task left out")
