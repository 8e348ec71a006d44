"""Which charts there are of a folder, and of several side by side."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from statistics import fmean

from codeit_jax.report.charts import Chart, Form, Point, Reference, Row, Series, Unit, column
from codeit_jax.report.folders import Kind, Results
from codeit_jax.report.outcomes import Fate
from codeit_jax.report.reference import CODEIT, PAPER_TASKS, RELEASED, RELEASED_MUTANTS, Published
from codeit_jax.report.sampled import IterationSamples
from codeit_jax.results.scoring import numbers_of_samples, pass_at_k

META_ITERATION = "meta-iteration"
TIME = "time"
_X = "meta_iteration"
_GREY = 8
_NO_PRIORITY = (
    "At least nine in ten of those that the policy and the expert made have priority 0, at all times: their "
    "programs give none of their task's demonstrations."
)
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
    charts += [chart for run in trained for chart in (*_by_origin(run, trained), _finds(run, trained))]
    searched = [run for run in runs if run.kind in (Kind.SEARCH, Kind.EVOLVE)]
    return charts + (_search_charts(searched, runs) if searched else [])


def speed_charts(run: Results) -> list[Chart]:
    """Returns the charts of time and throughput of one folder."""
    if run.kind is not Kind.TRAIN:
        programs = _from_nothing(column(run.rows, "seconds", "num_programs"))
        rates = Series("programs a second", _rates(run.rows))
        note = _time_note([run])
        return [
            Chart("Programs run", TIME, (Series("programs", programs),), x_unit=Unit.SECONDS, note=note),
            Chart("Speed", TIME, (rates,), x_unit=Unit.SECONDS, note=note),
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
    losses = (
        ("loss", "while learning"),
        ("training_loss", "training tasks, after"),
        ("policy_loss", "the policy's buffer, after"),
    )
    accuracy = Series("tokens right", column(run.rows, _X, "token_accuracy"), 1)
    priorities = tuple(
        Series(label, column(run.rows, _X, f"priority_{percentile}"), 1)
        for percentile, label in ((10, "10th percentile"), (50, "median"), (90, "90th percentile"))
    )
    are_all_zero = not any(y for each in priorities for _, y in each.points)
    return [
        Chart(
            "Loss",
            META_ITERATION,
            _columns(run, losses),
            note="Nats a token: while it is learned from and, of some of it, once all is learned from.",
        ),
        Chart("Tokens predicted right", META_ITERATION, (accuracy,), unit=Unit.SHARE),
        Chart(
            "Priorities in the buffer",
            META_ITERATION,
            () if are_all_zero else priorities,
            Form.BAND,
            Unit.SHARE,
            note="The share of demonstrations right, of the experiences that the policy and the expert made.",
        ),
        Chart(
            "Age of what is learned from",
            META_ITERATION,
            (Series("the policy's buffer", column(run.rows, _X, "learned_age"), 1),),
            note="Meta-iterations since it was written, on average.",
        ),
        Chart(
            "Experiences",
            META_ITERATION,
            (
                Series("in the policy's buffer", column(run.rows, _X, "policy_buffer_size"), 1),
                Series("new", column(run.rows, _X, "new_experiences"), 2),
            ),
            note=_NO_PRIORITY if are_all_zero and priorities[-1].points else "",
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
        ("parse_share", "programs"),
        ("execute_share", "give a grid"),
        ("repeat_share", "repeat another of their task"),
    )
    by_number = tuple(
        Series(f"meta-iteration {each.meta_iteration}", _pass_at(each), colour)
        for colour, each in enumerate((*run.samples[-1:], *run.samples[:-1][:1]), start=1)
    )
    return [
        Chart("What becomes of samples", META_ITERATION, series, Form.STACK, Unit.SHARE),
        Chart("Samples that run", META_ITERATION, _columns(run, shares), unit=Unit.SHARE),
        Chart(
            "pass@k",
            META_ITERATION,
            _columns(run, (("pass_at_1", "one sample"), ("pass_at_all", "all samples"))),
            unit=Unit.SHARE,
            note="The mean over tasks of the chance that so many samples hold one that is right.",
        ),
        Chart("pass@k, by samples", "samples of a task", by_number, unit=Unit.SHARE),
    ]


def _pass_at(samples: IterationSamples) -> tuple[Point, ...]:
    """Returns pass@k over k, up to the number of samples that there are of every task."""
    numbers = samples.right.values()
    ks = numbers_of_samples(min((number for number, _ in numbers), default=0))
    return tuple((float(k), fmean(pass_at_k(*each, k) for each in numbers)) for k in ks)


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


def _titled(title: str, run: Results, runs: Sequence[Results]) -> str:
    return title if len(runs) == 1 else f"{title}: {run.name}"


def _columns(run: Results, columns: Sequence[tuple[str, str]], first_colour: int = 1) -> tuple[Series, ...]:
    """Returns columns of a table, each with its label, as series over meta-iterations."""
    return tuple(
        Series(label, column(run.rows, _X, name), colour)
        for colour, (name, label) in enumerate(columns, start=first_colour)
    )


def _by_origin(run: Results, runs: Sequence[Results]) -> tuple[Chart, Chart]:
    by_each = (
        ("cumulative_performance", "all"),
        ("policy_cumulative", "the policy, ever"),
        ("evolution_performance", "evolution"),
        ("mutation_performance", "mutation"),
    )
    by_one = (
        ("only_policy", "the policy, ever"),
        ("only_evolution", "evolution"),
        ("only_mutation", "mutation"),
    )
    return (
        Chart(
            _titled("By origin", run, runs),
            META_ITERATION,
            _columns(run, by_each),
            note="Tasks solved by the best three candidates of each origin by itself.",
        ),
        Chart(
            _titled("By one alone", run, runs),
            META_ITERATION,
            _columns(run, by_one, first_colour=2),
            note="Tasks that no other origin solves, by its own best three candidates.",
        ),
    )


def _finds(run: Results, runs: Sequence[Results]) -> Chart:
    columns = (("first_solved", "solved for the first time"), ("shortened", "solved by a shorter program"))
    note = "Tasks, in each meta-iteration; 0 is what stands before the first."
    return Chart(_titled("Finds", run, runs), META_ITERATION, _columns(run, columns), Form.STACK, note=note)


def _search_charts(searched: Sequence[Results], runs: Sequence[Results]) -> list[Chart]:
    is_papers = all(run.source == PAPER_TASKS for run in searched)
    charts = []
    for title, x, label in (
        ("Tasks solved, by programs", "num_programs", "programs run on each task"),
        ("Tasks solved, by work", "work", "units of work"),
        ("Tasks solved, by time", "seconds", TIME),
    ):
        series = [each for run in searched for each in _rule_series(run, x, runs)]
        if is_papers and series and x == "num_programs":
            end = max(each.points[-1][0] for each in series)
            points = _until(RELEASED_MUTANTS, end)
            series.append(Series("released code, mutants at d1", points, _GREY, is_dashed=True))
        x_unit = Unit.SECONDS if label == TIME else Unit.NUMBER
        note = _time_note(searched) if label == TIME else ""
        charts.append(Chart(title, label, tuple(series), Form.STEPS, x_unit=x_unit, note=note))
    return charts


def _time_note(searched: Sequence[Results]) -> str:
    is_bred = any(run.kind is Kind.EVOLVE for run in searched)
    return "An evolution's time has that of distilling and of earlier starts in it." if is_bred else ""


def _rule_series(run: Results, x: str, runs: Sequence[Results]) -> list[Series]:
    """Returns the curves of a folder by each rule, by the paper's alone where it is one of several."""
    scale = 1.0
    if x == "num_programs" and run.kind is Kind.EVOLVE:  # counted for all tasks together
        if not run.num_tasks:
            return []
        scale = float(run.num_tasks)
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
        (seconds, (programs - before) / (seconds - earlier))
        for (earlier, before), (seconds, programs) in pairwise(points)
        if seconds > earlier
    )
