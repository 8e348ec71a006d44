"""A task in a terminal: its grids in ARC's colours, and its program step by step."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from codeit_jax.report.folders import Results
from codeit_jax.report.gallery import Card, task_json
from codeit_jax.report.pictures import rows_of
from codeit_jax.results.rendering import COLOURS

_GAP = 3  # columns between grids
_DARK = frozenset("0169")  # colours on which what is written is white
_PLACE = "on bright_blue"
_CALL = re.compile(r"(\w+ = )(\w+)(.*)")


def show_task(results: Results, card: Card, console: Console) -> None:
    """Shows what a folder has for a task: its pairs, what the program gives for them, and its steps.

    Where there are no colours a cell is its digit, `.` where there is none, and `x` where it has no colour; a
    wrong one is followed by `!`.

    Args:
        results: the folder.
        card: what it has for the task.
        console: where to; it knows whether there are colours, and how wide it is.
    """
    printer = _Printer(console)
    printer.line(Text.assemble((_printable(card.task_id), "bold"), f"  {_printable(card.badge)}"))
    printer.line(Text(_printable(" · ".join(card.facts))))
    task = results.tasks.get(card.task_id)
    pairs = task_json(task) if task else {"train": [], "test": []}
    for kind, name in (("train", "demonstration"), ("test", "test")):
        for place, pair in enumerate(pairs[kind]):
            _show_pair(printer, card, kind, place, pair, f"{name} {place + 1}")
    printer.line(Text())
    if card.pair and card.payload["run"]:
        kind, place = card.pair
        printer.line(
            Text(f"step by step, {'demonstration' if kind == 'train' else 'test'} {place + 1}", "bold")
        )
        _show_steps(printer, card.payload["run"]["lines"], card.payload["run"][kind][place])
    else:
        printer.line(Text(_printable(card.program) or "no program"))


def _show_pair(
    printer: "_Printer", card: Card, kind: str, place: int, pair: Sequence[str], name: str
) -> None:
    run = card.payload["run"][kind][place] if card.payload["run"] else {}
    goal = pair[1] if len(pair) > 1 else ""
    is_right = run.get("right")
    verdict = "" if is_right is None else "right" if is_right else "wrong"
    printer.line(Text())
    printer.line(Text.assemble((name, "bold"), f"  {verdict}"))
    grids = [("input", printer.grid(pair[0]))]
    if goal:
        grids.append(("wanted", printer.grid(goal)))
    if kind == "test" and "attempts" in card.payload:
        attempts = card.payload["attempts"][place]
        grids += [
            (f"attempt {n}", printer.grid(each["out"], goal)) for n, each in enumerate(attempts, start=1)
        ]
    elif "out" in run and run["out"] != goal:
        grids.append(("given", printer.grid(run["out"], goal)))
    printer.beside(grids)
    if run.get("error"):
        printer.line(Text(run["error"]))


def _show_steps(printer: "_Printer", lines: Sequence[str], run: Mapping[str, Any]) -> None:
    for number, line in enumerate(lines):
        found = _CALL.fullmatch(line)
        parts = ((found[1], "dim"), (found[2], "bold"), found[3]) if found else (line,)
        printer.line(Text())
        printer.line(Text.assemble(*parts))
        if number >= len(run["steps"]):
            printer.line(Text(run.get("error") or "not reached"))
            return
        value = run["steps"][number]
        pictures = value.get("gs") or ([value["g"]] if "g" in value else [])
        printer.line(Text(value["t"]))
        printer.beside([("", printer.grid(each)) for each in pictures])


def _printable(text: str) -> str:
    """Returns a text of a file without what would steer the terminal."""
    return "".join(each if each.isprintable() or each == "\n" else ascii(each)[1:-1] for each in text)


class _Printer:
    """Prints lines and grids on a console."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._has_colours = console.color_system is not None and not console.no_color

    def line(self, text: Text) -> None:
        self._console.print(text, highlight=False)

    def grid(self, picture: str, goal: str = "") -> Text:
        """Returns a picture as text; cells that differ from a goal of the same shape are marked."""
        rows, wanted = rows_of(picture), rows_of(goal) if goal else []
        is_compared = list(map(len, rows)) == list(map(len, wanted))
        return Text("\n").join(
            Text.assemble(
                *(
                    self._cell(cell, is_wrong=is_compared and wanted[i][j] != cell)
                    for j, cell in enumerate(row)
                )
            )
            for i, row in enumerate(rows)
        )

    def beside(self, grids: Sequence[tuple[str, Text]]) -> None:
        """Prints grids with their titles, as many in a row as there is room for."""
        row: list[tuple[str, Text]] = []
        room = 0
        for title, grid in grids:
            width = max(len(title), max(line.cell_len for line in grid.split()))
            if row and room + _GAP + width > self._console.width:
                self._print_row(row)
                row, room = [], 0
            row.append((title, grid))
            room += width + (_GAP if room else 0)
        if row:
            self._print_row(row)

    def _print_row(self, grids: Sequence[tuple[str, Text]]) -> None:
        table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, show_header=any(t for t, _ in grids))
        for title, _ in grids:
            table.add_column(Text(title, "dim"), no_wrap=True)
        table.add_row(*(grid for _, grid in grids))
        self._console.print(table)

    def _cell(self, cell: str, *, is_wrong: bool) -> tuple[str, str]:
        """Returns a cell's two characters, and their style."""
        if not self._has_colours:
            return cell + ("!" if is_wrong else " "), ""
        if cell == ".":
            return "· ", "dim"
        if cell == "x":
            return "  ", _PLACE
        ink = "white" if cell in _DARK else "black"
        return "><" if is_wrong else "  ", f"bold {ink} on {COLOURS[int(cell)]}"
