"""How a run shows itself: the table of its meta-iterations above what it is at."""

import math
from collections.abc import Callable, Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table

from codeit_jax.run.display import Display, number_table
from codeit_jax.run.metrics import IterationMetrics

_EXECUTE, _VALIDATION = "execute", "validation"

# Column titles, and how a row fills them.
_COLUMNS: tuple[tuple[str, Callable[[IterationMetrics], str]], ...] = (
    ("row", lambda row: str(row.meta_iteration)),
    ("loss", lambda row: _number(row.loss, "{:.3f}")),
    ("parse", lambda row: _number(row.parse_share, "{:.1%}")),
    (_EXECUTE, lambda row: _number(row.execute_share, "{:.1%}")),
    ("policy", lambda row: str(row.policy_performance)),
    ("ever", lambda row: str(row.policy_cumulative)),
    ("mutation", lambda row: str(row.mutation_performance)),
    ("evolution", lambda row: str(row.evolution_performance)),
    ("cumulative", lambda row: str(row.cumulative_performance)),
    (_VALIDATION, lambda row: _number(row.validation_performance, "{:.0f}")),
    ("seconds", lambda row: f"{row.explore_seconds + row.learn_seconds + row.evolve_seconds:.0f}"),
)


class RunDisplay(Display):
    """Shows a run, with a table of its meta-iterations.

    Args:
        num_tasks: size of the search set, for the table's title.
        console: where to write; by default standard output.
    """

    def __init__(self, num_tasks: int, console: Console | None = None) -> None:
        self._title = f"CodeIt: tasks solved of {num_tasks}"
        self._rows: list[IterationMetrics] = []
        super().__init__(console)

    def __exit__(self, exception_type: type[BaseException] | None, *_: object) -> None:
        super().__exit__(exception_type)
        # A command that is cut short leaves it on a terminal, and elsewhere its rows were told one by one.
        if self._rows and exception_type is None:
            self.show(self._table())

    def rows(self, rows: Sequence[IterationMetrics]) -> None:
        """Shows rows of the table; on a terminal they join those already there."""
        self._rows += rows
        for row in rows:
            cells = {title: text(row) for title, text in _COLUMNS}
            self.log(
                "  ".join(f"{title} {cell}" for title, cell in cells.items() if cell or title != _VALIDATION)
            )

    def _render(self) -> RenderableType:
        return Group(self._table(), self._progress) if self._rows else self._progress

    def _table(self) -> Table:
        is_validated = any(not math.isnan(row.validation_performance) for row in self._rows)
        # In 80 columns there is room for one of the two.
        left_out = _EXECUTE if is_validated else _VALIDATION
        columns = [(title, text) for title, text in _COLUMNS if title != left_out]
        rows = [[text(row) for _, text in columns] for row in self._rows]
        return number_table([title for title, _ in columns], rows, self._title)


def _number(value: float, pattern: str) -> str:
    return "" if value != value else pattern.format(value)
