"""The gallery: a card for each solved task, near miss and answer, and what the page's script draws of it."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from codeit_jax.arc import Pair, Task
from codeit_jax.execution.evaluator import Evaluator
from codeit_jax.report.finds import find_facts, first_find, shortenings
from codeit_jax.report.folders import Effort, Results
from codeit_jax.report.near import MAX_SHOWN, NearMiss, candidates, near_misses
from codeit_jax.report.pictures import grid_text
from codeit_jax.report.steps import ProgramRun, run_steps
from codeit_jax.report.wording import counted, short_number


@dataclasses.dataclass(frozen=True)
class Card:
    """A program for a task, as the gallery shows it.

    Attributes:
        key: what tells it from others on the page.
        task_id: its task.
        run: the number of the folder, from 0.
        section: "solved", "near" or "answers".
        program: the program's text; "" where there is none.
        badge: what is known of it in a word: who wrote this program first, or what is wrong.
        facts: what is known of it, in words.
        sources: what it can be filtered by: all who solve the task, or what is wrong.
        rank: what cards are sorted by, those of several folders together.
        first_solved: the meta-iteration in which the task was first solved; None where that is not known.
        pair: a pair to show it by, "train" or "test" and its number; None where there are no pictures.
        wanted: whether the pair's output is shown beside the program's.
        payload: what the page's script draws, JSON-able.
    """

    key: str
    task_id: str
    run: int
    section: str
    program: str
    badge: str
    facts: tuple[str, ...]
    sources: tuple[str, ...]
    rank: tuple[Any, ...]
    first_solved: float | None
    pair: tuple[str, int] | None
    wanted: bool
    payload: Mapping[str, Any]

    @property
    def num_lines(self) -> int:
        return self.program.count("\n") + 1 if self.program else 0


def solved_cards(results: Results, run: int, evaluator: Evaluator) -> list[Card]:
    """Returns a card for every solved task, in the order of their ids."""
    return [
        _solved_card(results, run, task_id, solution, evaluator)
        for task_id, solution in sorted(results.solutions.items())
    ]


def near_cards(results: Results, run: int, evaluator: Evaluator) -> tuple[list[Card], int]:
    """Returns cards for the nearest of the near misses, and how many there are in all."""
    misses = near_misses(results, evaluator)
    return [_near_card(results, run, miss) for miss in misses[:MAX_SHOWN]], len(misses)


def answer_cards(results: Results, run: int, evaluator: Evaluator) -> list[Card]:
    """Returns a card for every task that is answered, surest first."""
    return [
        _answer_card(results, run, task_id, answer, evaluator)
        for task_id, answer in sorted(results.answers.items(), key=_uncertainty)
    ]


def card_of(results: Results, task_id: str, evaluator: Evaluator) -> Card | None:
    """Returns the card of a task, if the folder has a program for it."""
    if task_id in results.solutions:
        return _solved_card(results, 0, task_id, results.solutions[task_id], evaluator)
    if task_id in results.answers:
        return _answer_card(results, 0, task_id, results.answers[task_id], evaluator)
    return next((_near_card(results, 0, each) for each in near_misses(results, evaluator, task_id)), None)


def shown_tasks(results: Results) -> set[str]:
    """Returns the tasks that there may be cards of."""
    return {*results.solutions, *results.answers, *candidates(results)}


def task_json(task: Task) -> dict[str, Any]:
    """Returns a task's grids as the page's script reads them."""
    return {"train": _pairs_json(task.train), "test": _pairs_json(task.test)}


def _pairs_json(pairs: Iterable[Pair]) -> list[list[str]]:
    return [[grid_text(each) for each in (pair.input, pair.output) if each is not None] for pair in pairs]


def _solved_card(
    results: Results, run: int, task_id: str, solution: Mapping[str, Any], evaluator: Evaluator
) -> Card:
    program = str(solution.get("program", ""))
    task = results.tasks.get(task_id)
    steps = run_steps(evaluator, program, task) if task else None
    written_in = [each.meta_iteration for each in results.samples if task_id in each.solved]
    solved_by = _texts(solution.get("solved_by"))
    found_by = str(solution.get("found_by") or "")
    first = first_find(solution)
    facts = [*find_facts(results, solution), *_given(steps, task)]
    if written_in:
        facts.append(f"the policy wrote a solution in {counted(len(written_in), 'meta-iteration')}")
    facts += _effort(results.efforts.get(task_id))
    return Card(
        key=f"{run}-{task_id}",
        task_id=task_id,
        run=run,
        section="solved",
        program=program,
        badge=found_by or "mutation",
        facts=tuple(facts),
        sources=solved_by or ((found_by,) if found_by else ("mutation",)),
        rank=(task_id, run),
        first_solved=float(first.get("meta_iteration", 0)) if first else None,
        pair=("train", 0) if task else None,
        wanted=False,
        payload={
            "run": steps.to_json() if steps else None,
            "history": shortenings(solution.get("history", [])),
            "written": written_in,
            "iterations": [each.meta_iteration for each in results.samples],
        },
    )


def _near_card(results: Results, run: int, miss: NearMiss) -> Card:
    facts = [f"gives {miss.run.num_right} of {len(miss.run.train)} demonstrations"]
    if miss.pair.num_wrong is not None:
        facts.append(counted(miss.pair.num_wrong, "wrong cell"))
    elif miss.pair.outcome.output is not None:
        facts.append("another shape than is wanted")
    facts += _effort(results.efforts.get(miss.task.id))
    return Card(
        key=f"{run}-{miss.task.id}",
        task_id=miss.task.id,
        run=run,
        section="near",
        program="\n".join(miss.run.lines),
        badge=miss.word,
        facts=tuple(facts),
        sources=(miss.word,),
        rank=(*miss.rank, run),
        first_solved=None,
        pair=("train", miss.place) if miss.place >= 0 else ("test", 0),
        wanted=True,
        payload={"run": miss.run.to_json()},
    )


def _answer_card(
    results: Results, run: int, task_id: str, answer: Mapping[str, Any], evaluator: Evaluator
) -> Card:
    task = results.tasks.get(task_id)
    inputs = answer.get("test", [])
    attempts = [list(each.values()) for each in inputs]
    attempts += [[]] * (len(task.test) - len(inputs) if task else 0)
    best = _best_attempt(answer)
    program = str(best.get("program") or "")
    given, wanted = best.get("demonstrations_given", 0), answer.get("num_demonstrations", 0)
    badge = "all demonstrations" if answer.get("is_given") else "some demonstrations" if given else "a guess"
    facts = [f"gives {given} of {wanted} demonstrations"] if program else ["no program: a likely size"]
    if program:
        facts.append(f"{counted(best.get('programs_that_agree', 0), 'program')} agree")
    score = results.score.get("tasks", {}).get(task_id, {}).get("prize_score")
    if score is not None:
        facts.append(f"{score:.0%} of test inputs right")
    facts += _effort(results.efforts.get(task_id))
    steps = run_steps(evaluator, program, task) if task and program else None
    return Card(
        key=f"{run}-{task_id}",
        task_id=task_id,
        run=run,
        section="answers",
        program=program,
        badge=badge,
        facts=tuple(facts),
        sources=(badge, *(() if score is None else ("right" if score == 1 else "not right",))),
        rank=(*_uncertainty((task_id, answer)), run),
        first_solved=None,
        pair=("test", 0) if task else None,
        wanted=False,
        payload={
            "run": steps.to_json() if steps else None,
            "attempts": [[_attempt_json(each) for each in pair] for pair in attempts],
        },
    )


def _uncertainty(item: tuple[str, Mapping[str, Any]]) -> tuple[bool, float, int, str]:
    """Returns what answers are sorted by, surest first."""
    task_id, answer = item
    best = _best_attempt(answer)
    share = best.get("demonstrations_given", 0) / max(1, answer.get("num_demonstrations", 0))
    return not answer.get("is_given"), -share, -best.get("programs_that_agree", 0), task_id


def _best_attempt(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the first attempt at the first test input."""
    inputs = answer.get("test") or [{}]
    return next(iter(inputs[0].values()), {})


def _attempt_json(attempt: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "out": grid_text(attempt.get("output") or ()),
        "program": attempt.get("program") or "",
        "given": attempt.get("demonstrations_given", 0),
        "agree": attempt.get("programs_that_agree", 0),
    }


def _given(steps: ProgramRun | None, task: Task | None) -> list[str]:
    if steps is None or task is None:
        return []
    if steps.num_right == len(task.train):
        return ["gives all demonstrations"]
    return [f"gives {steps.num_right} of {len(task.train)} demonstrations"]


def _effort(effort: Effort | None) -> list[str]:
    if effort is None:
        return []
    return [f"{short_number(effort.work)} units of work", f"{counted(effort.num_programs, 'program')} run"]


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(map(str, values)) if isinstance(values, list) else ()
