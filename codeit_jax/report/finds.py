"""When tasks were solved, and how their programs got shorter, as far as a folder tells."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from codeit_jax.report.folders import Kind, Results
from codeit_jax.report.wording import number
from codeit_jax.search.ranking import shortness

_WRITERS = {"policy": "the policy"}  # the others are called as they are
_Entry = Mapping[str, Any]  # of a solution, or of its history


def first_find(solution: _Entry) -> _Entry | None:
    """Returns the program that solved a task first; None where that is not known.

    Only runs note it. What a search, an evolution or an earlier version leaves tells when a program came, but
    not which others were there before it.
    """
    history = solution.get("history")
    return history[0] if history else None


def find_facts(results: Results, solution: _Entry) -> Iterator[str]:
    """Yields when a task was first solved, and when its present program came, as far as is known."""
    if results.kind is not Kind.TRAIN:
        if "number" in solution:
            yield f"this program was number {number(float(solution['number']) + 1)} of the search"
        return
    first = first_find(solution)
    if first is None:
        yield f"this program came {_came(solution)}; when the task was first solved is not known"
    elif first.get("program") == solution.get("program"):
        yield f"first solved {_came(first)}, by this program"
    else:
        yield f"first solved {_came(first)}"
        yield f"this program came {_came(solution)}"


def shortenings(history: Iterable[_Entry]) -> list[dict[str, Any]]:
    """Returns the programs of a history that are shorter than all before them.

    Shorter is what ranks candidates: fewer lines and, of as many lines, fewer characters. A history has
    others, too, that give more demonstrations or differ in nothing but their text.

    Returns:
        For each its text, when it came and who wrote it first, as the page's script reads them.
    """
    found: list[dict[str, Any]] = []
    shortest: tuple[int, int] | None = None
    for each in history:
        program = str(each.get("program", ""))
        length = shortness(program)[:2]
        if shortest is None or length < shortest:
            shortest = length
            found.append({"program": program, "when": _when(each), "by": writer(each.get("found_by"))})
    return found


def writer(source: Any) -> str:
    """Returns what a program's source is called in a sentence; "" where it is not known."""
    return _WRITERS.get(str(source or ""), str(source or ""))


def _came(entry: _Entry) -> str:
    by = writer(entry.get("found_by"))
    return f"{_when(entry)}, by {by}" if by else _when(entry)


def _when(entry: _Entry) -> str:
    meta_iteration = entry.get("meta_iteration", 0)
    return f"in meta-iteration {meta_iteration}" if meta_iteration else "before the first meta-iteration"
