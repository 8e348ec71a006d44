"""The page: what stands where, put into its template."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import jinja2
from markupsafe import Markup

from codeit_jax.execution.evaluator import Evaluator
from codeit_jax.report.charts import drawn
from codeit_jax.report.comparison import compared, num_tasks, told_counts
from codeit_jax.report.folders import Kind, Results
from codeit_jax.report.gallery import Card, answer_cards, near_cards, solved_cards, task_json
from codeit_jax.report.overlap import overlap
from codeit_jax.report.overview import Tile, lead, tiles
from codeit_jax.report.panels import (
    fate_charts,
    learning_charts,
    most_common,
    performance_charts,
    speed_charts,
)
from codeit_jax.report.plotting import Plot, plot
from codeit_jax.report.reference import PAPER_TASKS, PUBLISHED
from codeit_jax.results.rendering import COLOURS

Count = tuple[str, int, float]


@dataclasses.dataclass(frozen=True)
class RunView:
    """What the page shows of one folder alone.

    Attributes:
        results: what the folder holds.
        lead: what it is, in a sentence.
        tiles: its figures.
        overlap: how its counts of tasks go together.
        fates: plots of what became of samples.
        counts: tables of what went wrong most often, by their titles.
        learning: plots of what is learned.
        speed: plots of time and throughput.
    """

    results: Results
    lead: str
    tiles: tuple[Tile, ...]
    overlap: str
    fates: tuple[Plot, ...]
    counts: tuple[tuple[str, list[Count]], ...]
    learning: tuple[Plot, ...]
    speed: tuple[Plot, ...]


@dataclasses.dataclass(frozen=True)
class PublishedRow:
    """A row of the table beside the paper."""

    name: str
    policy: str
    cumulative: str
    is_own: bool = False


@dataclasses.dataclass(frozen=True)
class Page:
    """All that the template is given.

    Attributes:
        runs: the folders.
        performance: plots of tasks solved.
        published: the table beside the paper; empty where the tasks are others.
        solved: cards of solved tasks.
        answers: cards of answered tasks.
        near: cards of near misses.
        num_near: near misses that there are, those that are not shown among them.
        data: what the page's script draws.
    """

    runs: tuple[RunView, ...]
    performance: tuple[Plot, ...]
    published: tuple[PublishedRow, ...]
    solved: tuple[Card, ...]
    answers: tuple[Card, ...]
    near: tuple[Card, ...]
    num_near: int
    data: dict[str, Any]

    @property
    def heading(self) -> str:
        return ", ".join(run.results.name for run in self.runs)

    @property
    def title(self) -> str:
        return f"{self.heading}: CodeIt"

    @property
    def has_solved(self) -> bool:
        return any(run.results.kind is not Kind.SOLVE for run in self.runs)

    @property
    def has_samples(self) -> bool:
        return any(run.fates for run in self.runs)

    @property
    def has_learning(self) -> bool:
        return any(run.learning for run in self.runs)

    @property
    def has_speed(self) -> bool:
        return any(run.speed for run in self.runs)

    @property
    def near_note(self) -> str:
        told = (
            "The nearest program of tasks that are not solved: its input, what is wanted and what it gives."
        )
        if self.num_near > len(self.near):
            told += f" The nearest {len(self.near)} of {self.num_near} are shown."
        return told

    @property
    def solved_orders(self) -> list[tuple[str, str]]:
        """What solved tasks can be ordered by; by when they were first solved if a folder knows it."""
        known = any(card.first_solved is not None for card in self.solved)
        orders = [("task", "by task"), ("first", "first solved first"), ("lines", "shortest program first")]
        return [each for each in orders if known or each[0] != "first"]

    def num_tasks(self, cards: Sequence[Card]) -> int:
        """Returns how many tasks cards are of."""
        return num_tasks(cards, [run.results for run in self.runs])

    def told_counts(self, cards: Sequence[Card]) -> str:
        """Returns how many cards there are of each folder, in a sentence; "" of one folder."""
        return told_counts(cards, [run.results for run in self.runs])

    @staticmethod
    def sources(cards: Sequence[Card]) -> list[str]:
        """Returns what cards can be filtered by."""
        return sorted({source for card in cards for source in card.sources})


def make_page(results: Sequence[Results]) -> Page:
    """Returns the page of some folders; their programs are run within the budgets that they had."""
    solved, answers, near, num_near = [], [], [], 0
    for run, each in enumerate(results):
        evaluator = Evaluator(each.budget)
        solved += solved_cards(each, run, evaluator)
        answers += answer_cards(each, run, evaluator)
        nearest, count = near_cards(each, run, evaluator)
        near += nearest
        num_near += count
    solved = compared(solved, results)
    for cards in (solved, answers, near):
        cards.sort(key=lambda card: card.rank)
    return Page(
        runs=tuple(map(_run_view, results)),
        performance=_plots(performance_charts(results)),
        published=_published(results),
        solved=tuple(solved),
        answers=tuple(answers),
        near=tuple(near),
        num_near=num_near,
        data=_data(results, (*solved, *answers, *near)),
    )


def page_html(page: Page) -> str:
    """Returns the page as HTML that needs no other file."""
    environment = _environment()
    style = Markup(_source(environment, "style.css"))
    scripts = [Markup(_source(environment, f"{name}.js")) for name in _SCRIPTS]
    return environment.get_template("report.html").render(page=page, style=style, scripts=scripts)


_SCRIPTS = ("grids", "gallery", "sheet", "charts", "sections")  # each may use those before it


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("codeit_jax.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _source(environment: jinja2.Environment, name: str) -> str:
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]


def _run_view(results: Results) -> RunView:
    counts = (
        ("Primitives that fail first", most_common(each.failing for each in results.samples)),
        ("Why texts are no programs", most_common(each.faults for each in results.samples)),
    )
    is_run = results.kind is Kind.TRAIN
    return RunView(
        results,
        lead(results),
        tuple(tiles(results)),
        overlap(results),
        _plots(fate_charts(results)) if is_run else (),
        tuple((title, rows) for title, rows in counts if rows),
        _plots(learning_charts(results)) if is_run else (),
        _plots(speed_charts(results)),
    )


def _plots(charts: Sequence[Any]) -> tuple[Plot, ...]:
    return tuple(map(plot, drawn(charts)))


def _published(results: Sequence[Results]) -> tuple[PublishedRow, ...]:
    own = [each for each in results if each.kind is Kind.TRAIN and each.source == PAPER_TASKS and each.rows]
    if not own:
        return ()
    rows = [
        PublishedRow(
            each.name,
            f"{each.rows[-1].get('policy_performance', 0):.0f}",
            f"{each.rows[-1].get('cumulative_performance', 0):.0f}",
            is_own=True,
        )
        for each in own
    ]
    rows += [
        PublishedRow(
            each.name,
            "" if each.policy is None else str(each.policy),
            "" if each.cumulative is None else str(each.cumulative),
        )
        for each in PUBLISHED
    ]
    return tuple(rows)


def _data(results: Sequence[Results], cards: Sequence[Card]) -> dict[str, Any]:
    sources = list(dict.fromkeys(each.source for each in results))
    tasks: dict[str, Any] = {}
    payloads: dict[str, Any] = {}
    for card in cards:
        run = results[card.run]
        key = f"{sources.index(run.source)}-{card.task_id}"
        if card.task_id in run.tasks and key not in tasks:
            tasks[key] = task_json(run.tasks[card.task_id])
        payloads[card.key] = {**card.payload, "task": key}
    return {"colours": COLOURS, "tasks": tasks, "cards": payloads}
