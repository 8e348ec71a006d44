"""A folder in a sentence and a few figures."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from codeit_jax.report.charts import Row
from codeit_jax.report.folders import Kind, Results
from codeit_jax.report.wording import counted, duration, number, percent, short_number

_STAGES = ("explore_seconds", "learn_seconds", "evolve_seconds")


@dataclasses.dataclass(frozen=True)
class Tile:
    """A figure with its name."""

    label: str
    value: str
    detail: str = ""


def lead(results: Results) -> str:
    """Returns what a folder is, in a sentence."""
    what = {
        Kind.TRAIN: "A run of the whole method",
        Kind.SEARCH: "A search with given programs",
        Kind.EVOLVE: "Programs bred for each task",
        Kind.SOLVE: "Answers",
    }[results.kind]
    parts = [what]
    if results.source:
        count = f" ({counted(results.num_tasks, 'task')})" if results.num_tasks else ""
        parts.append(f"on {results.source}{count}")
    policy = results.settings.get("policy")
    told = [f"the policy {policy['preset']}"] if isinstance(policy, dict) and policy.get("preset") else []
    told += [f"seed {results.settings['seed']}"] if "seed" in results.settings else []
    if told:
        parts.append(f"with {' and '.join(told)}")
    return f"{' '.join(parts)}."


def tiles(results: Results) -> Iterator[Tile]:
    """Yields a folder's figures, the most telling first."""
    if results.kind is Kind.SOLVE:
        yield from _answer_tiles(results)
    elif not results.rows:
        yield Tile("tasks solved", str(len(results.solutions)))
    elif results.kind is Kind.TRAIN:
        yield from _run_tiles(results, results.rows[-1])
    else:
        yield from _search_tiles(results, results.rows[-1])


def _of(results: Results) -> str:
    return f"of {results.num_tasks}" if results.num_tasks else ""


def _run_tiles(results: Results, last: Row) -> Iterator[Tile]:
    yield Tile("solved in all", number(last.get("cumulative_performance", 0)), _of(results))
    yield Tile("by the policy, now", number(last.get("policy_performance", 0)), _of(results))
    for name, label in (
        ("policy_cumulative", "by the policy, ever"),
        ("evolution_performance", "by evolution"),
        ("mutation_performance", "by mutation"),
    ):
        if last.get(name):
            yield Tile(label, number(last[name]))
    wanted = results.settings.get("num_meta_iterations")
    done = number(last.get("meta_iteration", 0))
    yield Tile("meta-iterations", done, f"of {wanted:,}" if isinstance(wanted, int) else "")
    if last.get("num_samples"):
        samples = number(sum(row.get("num_samples", 0) for row in results.rows))
        yield Tile("samples", samples, f"{percent(last.get('execute_share', 0))} give a grid")
    seconds = sum(row.get(stage, 0.0) for row in results.rows for stage in _STAGES)
    yield Tile("time", duration(seconds))


def _search_tiles(results: Results, last: Row) -> Iterator[Tile]:
    yield Tile("tasks solved", number(last.get("solved", 0)), _of(results))
    yield Tile("right throughout", number(last.get("solved_strict", 0)), "demonstrations, too")
    for name, label in (
        ("solved_by_three_answers", "by three answers"),
        ("solved_by_two_answers", "by two answers"),
    ):
        if name in last:
            yield Tile(label, number(last[name]), "that differ")
    yield Tile("programs", short_number(last.get("num_programs", 0)))
    if "work" in last:
        a_task = f"{short_number(last['work'] / results.num_tasks)} a task" if results.num_tasks else ""
        yield Tile("units of work", short_number(last["work"]), a_task)
    yield Tile("time", duration(last.get("seconds", 0.0)))


def _answer_tiles(results: Results) -> Iterator[Tile]:
    answers: Mapping[str, Mapping[str, Any]] = results.answers
    given = sum(bool(each.get("is_given")) for each in answers.values())
    yield Tile("tasks answered", str(len(answers)))
    yield Tile("all demonstrations given", str(given), f"of {len(answers)}")
    if "prize_score" in results.score:
        yield Tile("score by two attempts", percent(results.score["prize_score"]), "of test inputs")
        in_full, of = (results.score.get(name, 0) for name in ("solved_by_attempts", "num_tasks"))
        yield Tile("right in full", str(in_full), f"of {of}")
    if results.efforts:
        yield Tile("units of work", short_number(sum(each.work for each in results.efforts.values())))
        yield Tile("programs run", short_number(sum(each.num_programs for each in results.efforts.values())))
