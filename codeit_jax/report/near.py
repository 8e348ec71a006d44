"""Near misses: for tasks that are not solved the program that comes nearest, and what is wrong with it."""

import dataclasses
from collections.abc import Iterable, Iterator

from codeit_jax.arc import Grid, Task
from codeit_jax.evolution.fitness import error_of, verdict
from codeit_jax.execution.evaluator import Evaluator
from codeit_jax.report.folders import Results
from codeit_jax.report.steps import PairRun, ProgramRun, run_steps

MAX_SHOWN = 120
_NO_OUTPUT = 3.0  # worse than nearly any output is
_WORDS = {"shape": "wrong shape", "colours": "wrong colours", "cells": "wrong cells"}
_NUM_TRIED = 3  # programs of a task


@dataclasses.dataclass(frozen=True)
class NearMiss:
    """The nearest program of a task.

    Attributes:
        task: the task.
        run: what the program does.
        error: how far its outputs are from those of the demonstrations; see `evolution.fitness`.
        word: what is wrong with them, in a word.
        place: the demonstration that it shows best on; -1 for the first test pair.
    """

    task: Task
    run: ProgramRun
    error: float
    word: str
    place: int

    @property
    def pair(self) -> PairRun:
        """The run on the pair that it shows best on."""
        return self.run.train[self.place] if self.place >= 0 else self.run.test[0]

    @property
    def rank(self) -> tuple[bool, float, str]:
        """What near misses are sorted by: those that give a demonstration first, nearest first."""
        return not self.run.num_right, self.error, self.task.id


def near_misses(results: Results, evaluator: Evaluator, only: str | None = None) -> list[NearMiss]:
    """Returns the near misses of unsolved tasks, in the order of their ranks.

    Args:
        results: the folder.
        evaluator: how programs are run.
        only: the task whose near miss is asked for; None for those of all.
    """
    found = []
    for task_id, texts in sorted(candidates(results).items()):
        task = results.tasks.get(task_id)
        if task is not None and task_id not in results.solutions and only in (None, task_id):
            misses = [miss for text in texts if (miss := _near_miss(evaluator, text, task)) is not None]
            found += sorted(misses, key=lambda miss: miss.error)[:1]
    return sorted(found, key=lambda miss: miss.rank)


def candidates(results: Results) -> dict[str, list[str]]:
    """Returns for each task the programs that may come nearest."""
    if results.near:
        return {task: list(dict.fromkeys(texts)) for task, texts in results.near.items()}
    ranks: dict[str, set[tuple[float, int, int, str]]] = {}
    for samples in results.samples:
        for task, best in samples.nearest.items():
            ranks.setdefault(task, set()).update(best)
    return {task: [text for *_, text in sorted(known)[:_NUM_TRIED]] for task, known in ranks.items()}


def _near_miss(evaluator: Evaluator, text: str, task: Task) -> NearMiss | None:
    run = run_steps(evaluator, text, task)
    if run is None:
        return None
    errors = list(_errors(run.train, task.demonstration_outputs))
    wrong = [place for place, each in enumerate(run.train) if not each.is_right]
    if not any(each.outcome.output for each in run.train) or not (wrong or run.test):
        return None
    place = min(wrong, key=errors.__getitem__, default=-1)
    return NearMiss(task, run, sum(errors) / len(errors), _word(run, task), place)


def _word(run: ProgramRun, task: Task) -> str:
    outputs = tuple(each.outcome.output for each in run.train if each.outcome.output is not None)
    if len(outputs) < len(run.train):
        return "fails on some"
    goals = tuple(output for output in task.demonstration_outputs if output is not None)
    if outputs != goals:
        return _WORDS[verdict(outputs, goals)]
    return "outranked" if all(each.is_right for each in run.test) else "wrong on the test"


def _errors(runs: Iterable[PairRun], goals: Iterable[Grid | None]) -> Iterator[float]:
    for run, goal in zip(runs, goals, strict=True):
        output = run.outcome.output
        yield _NO_OUTPUT if output is None or goal is None else error_of(output, goal)
