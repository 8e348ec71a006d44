"""How a search shows itself: a bar on a terminal, plain lines elsewhere."""

import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn


class SearchDisplay:
    """Shows how far a search has come; use it as a context manager.

    Args:
        num_tasks: size of the search set.
        console: where to write; by default standard output.
    """

    def __init__(self, num_tasks: int, console: Console | None = None) -> None:
        self._console = console or Console()
        self._num_tasks = num_tasks
        self._started = time.monotonic()
        self._begun = self._started
        self._num_runs = 0
        self._status = ""
        self._progress = Progress(
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.description}", markup=False),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._bar = self._progress.add_task("", total=None)

    def __enter__(self) -> "SearchDisplay":
        if self._console.is_terminal:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._progress.stop()

    def begin(self, num_done: int, num_programs: int) -> None:
        """Begins to count: some programs were run before, and at most `num_programs` will have been."""
        self._begun = time.monotonic()
        total = num_programs * self._num_tasks
        self._progress.update(self._bar, completed=num_done * self._num_tasks, total=total)

    def advance(self, num_programs: int, solved: int, strict: int) -> None:
        """Counts programs that were run on one more task, and shows how many tasks are solved."""
        self._num_runs += num_programs
        seconds = max(time.monotonic() - self._begun, 1e-9)
        rate = self._num_runs / self._num_tasks / seconds
        self._status = (
            f"{solved} of {self._num_tasks} tasks solved ({strict} strictly), {rate:,.1f} programs/s"
        )
        self._progress.update(self._bar, advance=num_programs, description=self._status)

    def report(self, num_programs: int) -> None:
        """Shows a line of its own about the programs run so far, where there is no bar."""
        if not self._console.is_terminal:
            self.note(f"{num_programs:,} programs x {self._num_tasks} tasks: {self._status}")

    def note(self, text: str) -> None:
        """Shows a line of its own."""
        elapsed = "" if self._console.is_terminal else f"[{time.monotonic() - self._started:6.1f} s] "
        self._console.print(elapsed + text, highlight=False, markup=False, soft_wrap=True)
