"""Which charts there are of a folder, and of several side by side."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from codeit_jax.report.charts import Chart, Form, Point, Reference, Row, Series, Unit, column
from codeit_jax.report.folders import Kind, Results
from codeit_jax.report.outcomes import Fate
from codeit_jax.report.reference import CODEIT, PAPER_TASKS, RELEASED, RELEASED_MUTANTS, Published

META_ITERATION = "meta-iteration"
_X = "meta_iteration"
_GREY = 8
_RULES = (  # an evolution's columns
    ("solved", "best three candidates"),
    ("solved_strict", "and all demonstrations"),
    ("solved_by_three_answers", "three different answers"),
    ("solved_by_two_answers", "two different answers"),
)
_FATE_COLOURS = dict(zip(Fate, (11, 12, 13, 14, 15, 16, 17, 18), strict=True))


def performance_charts(runs: Sequence[Results]) -> list[Chart]:
    """Returns the charts of tasks solved, all folders in one."""
    colours = {run.name: number for number, run in enumerate(runs, start=1)}
    trained = [run for run in runs if run.kind is Kind.TRAIN]
    charts = []
    is_papers = bool(trained) and all(run.source == PAPER_TASKS for run in trained)
    for title, name, note in (
        ("Policy performance", "policy", "Tasks solved by what the policy wrote in this meta-iteration."),
        ("Cumulative performance", "cumulative", "Tasks solved by all candidates so far."),
    ):
        series = [
            Series(
                _named(run, "tasks solved", runs),
                column(run.rows, _X, f"{name}_performance"),
                colours[run.name],
            )
            for run in trained
        ]
        references = _references(name) if is_papers else ()
        told = f"{note} Dashed: the paper, after 100 meta-iterations." if is_papers else note
        charts.append(Chart(title, META_ITERATION, tuple(series), references=references, note=told))
    charts += [_by_origin(run, trained) for run in trained]
    searched = [run for run in runs if run.kind in (Kind.SEARCH, Kind.EVOLVE)]
    return charts + (_search_charts(searched, runs) if searched else [])


def speed_charts(run: Results) -> list[Chart]:
    """Returns the charts of time and throughput of one folder."""
    if run.kind is not Kind.TRAIN:
        scaled = [{**row, "minutes": row.get("seconds", math.nan) / 60} for row in run.rows]
        programs = column(scaled, "minutes", "num_programs")
        return [
            Chart("Programs run", "minutes", (Series("programs", _from_nothing(programs)),)),
            Chart("Speed", "minutes", (Series("programs a second", _rates(run.rows)),)),
        ]
    stages = (("explore", "sampling and running"), ("learn", "learning"), ("evolve", "waiting for breeding"))
    return [
        Chart(
            "Time of a meta-iteration",
            META_ITERATION,
            tuple(
                Series(label, column(run.rows, _X, f"{stage}_seconds"), n)
                for n, (stage, label) in enumerate(stages, start=1)
            ),
            Form.STACK,
            note="Seconds by stage.",
        ),
        Chart(
            "Throughput",
            META_ITERATION,
            (
                Series("sampled", column(run.rows, _X, "sampled_tokens_per_second"), 1),
                Series("learned", column(run.rows, _X, "learned_tokens_per_second"), 2),
            ),
            note="Tokens of programs a second; while they are sampled they are run, too.",
        ),
    ]


def learning_charts(run: Results) -> list[Chart]:
    """Returns the charts of what a run's policy learns from, and how well."""
    accuracy = Series("tokens right", column(run.rows, _X, "token_accuracy"), 1)
    priorities = (
        ("priority_10", "a tenth below"),
        ("priority_50", "half below"),
        ("priority_90", "nine tenths below"),
    )
    return [
        Chart(
            "Loss", META_ITERATION, (Series("loss", column(run.rows, _X, "loss"), 1),), note="Nats a token."
        ),
        Chart("Tokens predicted right", META_ITERATION, (accuracy,), unit=Unit.SHARE),
        Chart(
            "Priorities in the buffer",
            META_ITERATION,
            tuple(Series(label, column(run.rows, _X, name), 1) for name, label in priorities),
            Form.BAND,
            Unit.SHARE,
            note="The share of demonstrations right, of the experiences that the policy and the expert made.",
        ),
        Chart(
            "Experiences",
            META_ITERATION,
            (
                Series("in the policy's buffer", column(run.rows, _X, "policy_buffer_size"), 1),
                Series("new", column(run.rows, _X, "new_experiences"), 2),
            ),
        ),
    ]


def fate_charts(run: Results) -> list[Chart]:
    """Returns the charts of what became of a run's samples."""
    counts = {
        fate: tuple(
            (float(each.meta_iteration), each.fates.get(fate, 0) / max(1, each.num_samples))
            for each in run.samples
        )
        for fate in Fate
    }
    series = tuple(
        Series(fate.value, points, _FATE_COLOURS[fate])
        for fate, points in counts.items()
        if any(share for _, share in points)
    )
    shares = (
        Series("programs", column(run.rows, _X, "parse_share"), 1),
        Series("give a grid", column(run.rows, _X, "execute_share"), 2),
    )
    return [
        Chart("What becomes of samples", META_ITERATION, series, Form.STACK, Unit.SHARE),
        Chart("Samples that run", META_ITERATION, shares, unit=Unit.SHARE),
    ]


def most_common(counts: Iterable[Mapping[str, int]], limit: int = 8) -> list[tuple[str, int, float]]:
    """Returns what is counted most often, how often, and its share of all."""
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    whole = max(1, total.total())
    ranked = sorted(total.items(), key=lambda item: (-item[1], item[0]))
    return [(name, count, count / whole) for name, count in ranked[:limit]]


def _named(run: Results, name: str, runs: Sequence[Results]) -> str:
    return run.name if len(runs) > 1 else name


def _references(name: str) -> tuple[Reference, ...]:
    def value(published: Published) -> float:
        return float((published.policy if name == "policy" else published.cumulative) or 0)

    return tuple(Reference(each.name, value(each)) for each in (CODEIT, RELEASED))


def _by_origin(run: Results, runs: Sequence[Results]) -> Chart:
    columns = (
        ("cumulative_performance", "all"),
        ("policy_cumulative", "the policy, ever"),
        ("evolution_performance", "evolution"),
        ("mutation_performance", "mutation"),
    )
    title = "By origin" if len(runs) == 1 else f"By origin: {run.name}"
    series = tuple(
        Series(label, column(run.rows, _X, name), n) for n, (name, label) in enumerate(columns, start=1)
    )
    return Chart(title, META_ITERATION, series, note="Tasks solved by the candidates of each alone.")


def _search_charts(searched: Sequence[Results], runs: Sequence[Results]) -> list[Chart]:
    is_papers = all(run.source == PAPER_TASKS for run in searched)
    charts = []
    for title, x, label in (
        ("Tasks solved, by programs", "num_programs", "programs run on each task"),
        ("Tasks solved, by work", "work", "units of work"),
        ("Tasks solved, by time", "seconds", "minutes"),
    ):
        series = [each for run in searched for each in _rule_series(run, x, runs)]
        if is_papers and series and x == "num_programs":
            end = max(each.points[-1][0] for each in series)
            points = _until(RELEASED_MUTANTS, end)
            series.append(Series("released code, mutants at d1", points, _GREY, is_dashed=True))
        charts.append(Chart(title, label, tuple(series), Form.STEPS))
    return charts


def _rule_series(run: Results, x: str, runs: Sequence[Results]) -> list[Series]:
    """Returns the curves of a folder by each rule, by the paper's alone where it is one of several."""
    scale = 60.0 if x == "seconds" else 1.0
    if x == "num_programs" and run.kind is Kind.EVOLVE:  # counted for all tasks together
        scale = float(max(1, len(run.tasks)))
    curves = [
        Series(rule, _from_nothing([(at / scale, y) for at, y in points]), colour)
        for colour, (name, rule) in enumerate(_RULES, start=1)
        if (points := column(run.rows, x, name))
    ]
    if len(runs) == 1:
        return curves
    return [Series(run.name, each.points, runs.index(run) + 1) for each in curves[:1]]


def _from_nothing(points: Sequence[Point]) -> tuple[Point, ...]:
    """Returns the points of a curve that begins at nothing."""
    return ((0.0, 0.0), *points) if points else ()


def _until(points: Sequence[Point], end: float) -> tuple[Point, ...]:
    """Returns the points up to an end, and at least two, so that a short search has something beside it."""
    return tuple(point for place, point in enumerate(points) if place < 2 or point[0] <= end)


def _rates(rows: Sequence[Row]) -> tuple[Point, ...]:
    points = [(0.0, 0.0), *column(rows, "seconds", "num_programs")]
    return tuple(
        (seconds / 60, (programs - before) / (seconds - earlier))
        for (earlier, before), (seconds, programs) in pairwise(points)
        if seconds > earlier
    )
