"""Why a run's counts of tasks solved do not add up: origins overlap, and candidates are outranked."""

from collections import Counter
from collections.abc import Iterator, Sequence

from codeit_jax.report.charts import Row
from codeit_jax.report.finds import writer
from codeit_jax.report.folders import Kind, Results
from codeit_jax.report.wording import counted, listed

_COLUMNS = {  # of the table, tasks solved by the candidates of each origin by themselves
    "policy": "policy_cumulative",
    "evolution": "evolution_performance",
    "mutation": "mutation_performance",
}


def overlap(results: Results) -> str:
    """Returns how a run's counts of tasks go together, in a few sentences; "" where nothing is to be said.

    Who solves the tasks is said only where `solutions.json` and the table's last row agree: one of them may
    be damaged, or of another moment.
    """
    if results.kind is not Kind.TRAIN or not results.rows:
        return ""
    last = results.rows[-1]
    solved_by = [tuple(each.get("solved_by") or ()) for each in results.solutions.values()]
    is_known = all(solved_by) and len(solved_by) == last.get("cumulative_performance")
    return " ".join((*_origins(last, solved_by if is_known else ()), *_lost(results.rows)))


def _origins(last: Row, solved_by: Sequence[tuple[str, ...]]) -> Iterator[str]:
    counts = {origin: int(last.get(name, 0)) for origin, name in _COLUMNS.items() if last.get(name, 0) > 0}
    if len(counts) < 2:
        return
    general = "Each origin is scored by its own best three candidates, so one task may count for several"
    if not solved_by:
        yield f"{general}."
        return
    shares = [f"{count:,} by {_together(origins)}" for origins, count in Counter(solved_by).most_common()]
    yield f"{general}: of the {len(solved_by):,} solved in all, {listed(shares)}."
    for origin, count in counts.items():
        more = count - sum(origin in origins for origins in solved_by)
        if more > 0:
            yield (
                f"The candidates of {writer(origin)} solve {counted(more, 'task')} that "
                f"{'is' if more == 1 else 'are'} not solved in all: there those of others rank before them, "
                "and are wrong on the test."
            )


def _lost(rows: Sequence[Row]) -> Iterator[str]:
    ever = sum(row.get("first_solved", 0) for row in rows)
    lost = ever - rows[-1].get("cumulative_performance", 0)
    if lost >= 1:
        is_one = lost == 1
        yield (
            f"{counted(int(lost), 'task')} that {'was' if is_one else 'were'} solved before "
            f"{'is' if is_one else 'are'} not any more: candidates that came later rank before the right "
            "ones."
        )


def _together(origins: Sequence[str]) -> str:
    return listed(list(map(writer, origins))) + (" alone" if len(origins) == 1 else "")
