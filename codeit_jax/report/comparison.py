"""Folders side by side: which tasks they share, and who solves them."""

import dataclasses
from collections.abc import Sequence

from codeit_jax.report.folders import Kind, Results
from codeit_jax.report.gallery import Card
from codeit_jax.report.wording import counted, listed

ALONE = "one folder alone"


def compared(cards: Sequence[Card], results: Sequence[Results]) -> list[Card]:
    """Returns cards of solved tasks that say what other folders make of the task, if there are others."""
    solvers = [run for run, each in enumerate(results) if each.kind is not Kind.SOLVE]
    if len(solvers) < 2:
        return list(cards)
    return [_compared(card, solvers, results) for card in cards]


def num_tasks(cards: Sequence[Card], results: Sequence[Results]) -> int:
    """Returns how many tasks cards are of; one that several folders share counts once."""
    known: dict[str, list[Results]] = {}
    for card in cards:
        run, others = results[card.run], known.setdefault(card.task_id, [])
        if all(is_same_task(card.task_id, run, other) is False for other in others):
            others.append(run)
    return sum(map(len, known.values()))


def told_counts(cards: Sequence[Card], results: Sequence[Results]) -> str:
    """Returns how many cards there are of each of several folders, in a sentence; "" of one folder."""
    if len(results) == 1 or not cards:
        return ""
    counts = [sum(card.run == run for card in cards) for run in range(len(results))]
    told = [f"{count:,} of {each.name}" for count, each in zip(counts, results, strict=True) if count]
    return f"{counted(num_tasks(cards, results), 'task')}: {listed(told)}."


def is_same_task(task_id: str, one: Results, other: Results) -> bool | None:
    """Returns whether two folders have the same task of an id; None where that cannot be told here."""
    if one.source == other.source and not (one.tasks and other.tasks):
        return True if one.source else None
    if not one.tasks or not other.tasks:
        return None
    mine, theirs = one.tasks.get(task_id), other.tasks.get(task_id)
    if mine is None or theirs is None:
        return False
    return (mine.train, mine.test) == (theirs.train, theirs.test)


def _compared(card: Card, solvers: Sequence[int], results: Sequence[Results]) -> Card:
    """Returns a card with what others make of its task: of those that have it, as far as that is known."""
    others = [run for run in solvers if run != card.run]
    sharing = {run: is_same_task(card.task_id, results[card.run], results[run]) for run in others}
    solving = [run for run in others if sharing[run] is not False and card.task_id in results[run].solutions]
    told = []
    if solving:
        names = listed([results[run].name for run in solving])
        told.append(f"{names} solve{'' if len(solving) > 1 else 's'} it, too")
    elif any(sharing.values()):
        told.append("no other folder does")
    if strangers := [results[run].name for run in others if sharing[run] is False]:
        told.append(f"{listed(strangers)} {'do' if len(strangers) > 1 else 'does'} not have this task")
    is_alone = not solving and any(sharing.values())
    sources = (*card.sources, ALONE) if is_alone else card.sources
    return dataclasses.replace(card, facts=(*card.facts, *told), sources=sources)
