"""How a command shows itself: a bar on a terminal, plain lines elsewhere."""

import time
from collections.abc import Sequence
from typing import Self

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

_TOLD_EVERY = 60.0  # seconds, in which a phase that is shown on no terminal says how far it is


class Display:
    """Shows phases, their progress and notes; a context manager, and a phase is shown within it only.

    Args:
        console: where to write; by default standard output.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console()
        self._started = self._told = time.monotonic()
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            _CountColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
        )
        self._phase = self._progress.add_task("starting", total=None)
        self._live = Live(get_renderable=self._render, console=self._console, transient=True)

    def __enter__(self) -> Self:
        if self.is_terminal:
            self._live.start()
        return self

    def __exit__(self, exception_type: type[BaseException] | None, *_: object) -> None:
        if self.is_terminal:
            # What was shown last tells how far the command was that is cut short.
            self._live.transient = exception_type is None
            self._live.stop()

    @property
    def is_terminal(self) -> bool:
        """Whether it is seen as it changes."""
        return self._console.is_terminal

    def phase(self, description: str, total: int | None = None, completed: int = 0) -> None:
        """Begins a phase of `total` steps, where that is known, some of which may have been made before."""
        # A task that is reset keeps its total where the new one is not known.
        self._progress.remove_task(self._phase)
        self._phase = self._progress.add_task(description, total=total, completed=completed)
        self.log(description)

    def describe(self, description: str) -> None:
        """Says something else of the phase, beside its bar."""
        self._progress.update(self._phase, description=description)

    def advance(self, count: int = 1) -> None:
        """Counts steps of the phase."""
        self._progress.advance(self._phase, count)
        if time.monotonic() - self._told >= _TOLD_EVERY:
            task = self._progress.tasks[0]
            total = "" if task.total is None else f" of {task.total:,.0f}"
            self.log(f"{task.description}: {task.completed:,.0f}{total}")

    def note(self, text: str) -> None:
        """Shows a line of its own."""
        if self.is_terminal:
            self._print(text)
        else:
            self.log(text)

    def log(self, text: str) -> None:
        """Shows a line that a terminal has no need of, the bar telling the same."""
        self._told = time.monotonic()
        if not self.is_terminal:
            self._print(f"[{time.monotonic() - self._started:6.1f} s] {text}")

    def show(self, table: Table) -> None:
        """Shows a table."""
        self._console.print(table)

    def _print(self, text: str) -> None:
        # A file's lines are those that were told; a terminal's are broken between words.
        self._console.print(_shown(text), soft_wrap=not self.is_terminal)

    def _render(self) -> RenderableType:
        return self._progress


class _CountColumn(MofNCompleteColumn):
    """Shows how many steps are done of how many, and nothing of a phase that has none."""

    def render(self, task: Task) -> Text:
        return super().render(task) if task.total is not None or task.completed else Text()


def number_table(titles: Sequence[str], rows: Sequence[Sequence[str]], title: str | None = None) -> Table:
    """Returns a table of numbers, narrow enough for the 80 columns that a file or a pipe is taken to have.

    What stands in it is shown as it is: brackets are no styles.
    """
    table = Table(title=title and _shown(title, "table.title"), box=SIMPLE_HEAD, padding=0)
    for each in titles:
        table.add_column(_shown(each), justify="right", overflow="fold")
    for row in rows:
        table.add_row(*map(_shown, row))
    return table


def _shown(text: str, style: str = "") -> Text:
    """Returns what shows a text, its brackets and colons as they are, and what has no shape as its code."""
    return Text("".join(each if each.isprintable() else ascii(each)[1:-1] for each in text), style)
