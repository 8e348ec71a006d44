"""How a run shows itself: a live table on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from codeit_jax.run.metrics import IterationMetrics

# Column titles, and how a row fills them.
_COLUMNS: tuple[tuple[str, Callable[[IterationMetrics], str]], ...] = (
    ("iteration", lambda row: str(row.meta_iteration)),
    ("loss", lambda row: _number(row.loss, "{:.3f}")),
    ("samples", lambda row: str(row.num_samples)),
    ("parse", lambda row: _number(row.parse_share, "{:.1%}")),
    ("execute", lambda row: _number(row.execute_share, "{:.1%}")),
    ("new", lambda row: str(row.new_experiences)),
    ("policy", lambda row: str(row.policy_performance)),
    ("cumulative", lambda row: str(row.cumulative_performance)),
    ("seconds", lambda row: f"{row.explore_seconds + row.learn_seconds:.0f}"),
)


class Display:
    """Shows phases, their progress and the rows of a run; use it as a context manager.

    Args:
        num_tasks: size of the search set, for the table's title.
        console: where to write; by default standard output.
    """

    def __init__(self, num_tasks: int, console: Console | None = None) -> None:
        self._console = console or Console()
        self._title = f"CodeIt: tasks solved of {num_tasks}"
        self._rows: list[IterationMetrics] = []
        self._started = time.monotonic()
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
        )
        self._phase = self._progress.add_task("starting", total=None)
        self._live = Live(get_renderable=self._render, console=self._console, transient=True)

    def __enter__(self) -> "Display":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, exception_type: type[BaseException] | None, *_: object) -> None:
        if self._console.is_terminal:
            self._live.stop()
        if exception_type is None and self._rows:
            self._console.print(self._table())

    def phase(self, description: str, total: int | None = None) -> None:
        """Begins a phase of `total` steps, where that is known."""
        self._progress.reset(self._phase, description=description, total=total)
        self._log(description)

    def advance(self) -> None:
        """Counts one step of the phase."""
        self._progress.advance(self._phase)

    def rows(self, rows: Sequence[IterationMetrics]) -> None:
        """Shows rows of the table; on a terminal they join those already there."""
        self._rows += rows
        for row in rows:
            self._log("  ".join(f"{title} {text(row)}" for title, text in _COLUMNS))

    def note(self, text: str) -> None:
        """Shows a line of its own."""
        if self._console.is_terminal:
            self._console.print(text, highlight=False, markup=False)
        else:
            self._log(text)

    def _log(self, text: str) -> None:
        if not self._console.is_terminal:
            elapsed = time.monotonic() - self._started
            self._console.print(f"[{elapsed:6.1f} s] {text}", highlight=False, markup=False, soft_wrap=True)

    def _render(self) -> Group:
        return Group(self._table(), self._progress)

    def _table(self) -> Table:
        # Narrow enough for the 80 columns that a file or a pipe is taken to have.
        table = Table(title=self._title, box=SIMPLE_HEAD, padding=0)
        for title, _ in _COLUMNS:
            table.add_column(title, justify="right")
        for row in self._rows:
            table.add_row(*(text(row) for _, text in _COLUMNS))
        return table


def _number(value: float, pattern: str) -> str:
    return "" if value != value else pattern.format(value)
