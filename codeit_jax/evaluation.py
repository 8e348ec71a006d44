"""Evaluation: a trained policy's samples for some tasks, scored by every rule in use."""

import dataclasses
import os
from collections.abc import Iterator, Sequence
from typing import Any

from etils import epath
from rich.console import Console
from rich.table import Table

from codeit_jax.arc import Task, load_tasks
from codeit_jax.arc.datasets import identify_tasks
from codeit_jax.config import MeshConfig
from codeit_jax.errors import UserError, naming
from codeit_jax.execution.host import Sample, start_pool
from codeit_jax.execution.led_pool import Leader
from codeit_jax.results.sampled import SampleResults, answer_tasks, gather
from codeit_jax.results.scoring import (
    Scores,
    TaskResult,
    TaskScore,
    best_candidates,
    choose_attempts,
    score_task,
    summarize,
    summarize_concepts,
)
from codeit_jax.run.display import Display, number_table
from codeit_jax.run.files import resolved_path, write_json
from codeit_jax.trained import TrainedPolicy, load_policy


@dataclasses.dataclass(frozen=True)
class EvaluationSettings:
    """What an evaluation was of: with the policy's parameters it decides every figure.

    Attributes:
        workdir: the run's folder.
        meta_iteration: the one after which the policy was this.
        tasks: where the tasks come from, with what tells them from others.
        num_samples: programs for each task.
        temperature: that they were drawn at.
        seed: that decides what was drawn.
    """

    workdir: str
    meta_iteration: int
    tasks: str
    num_samples: int
    temperature: float
    seed: int


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """An evaluation.

    Attributes:
        settings: what it was of.
        results: what the samples give, for each task whose test outputs are known.
        task_scores: these tasks by every rule, in the same order.
        scores: all of them together.
        concepts: those of each concept, where there are concepts.
    """

    settings: EvaluationSettings
    results: tuple[TaskResult, ...]
    task_scores: tuple[TaskScore, ...]
    scores: Scores
    concepts: dict[str, Scores]


def evaluate(
    workdir: str,
    task_source: str | None = None,
    *,
    num_samples: int | None = None,
    temperature: float | None = None,
    seed: int | None = None,
    num_workers: int | None = None,
    mesh: MeshConfig | None = None,
    output: str | None = None,
    console: Console | None = None,
    leader: Leader | None = None,
) -> Evaluation:
    """Samples programs from a run's newest checkpoint, runs them and scores them.

    The run's folder is only read, and the run may be going on. Test outputs are looked at when all programs
    are sampled and ranked.

    Args:
        workdir: the run's folder.
        task_source: what `load_tasks` takes; by default the run's search tasks.
        num_samples: programs for each task; by default as many as the run samples in a meta-iteration.
        temperature: that they are drawn at; by default the run's.
        seed: decides what is drawn; by default the run's.
        num_workers: worker processes; by default one a CPU core. Results do not depend on it.
        mesh: how the devices are laid out; by default each has all parameters.
        output: a JSON file for every figure; None for none.
        console: where to show progress and the table; by default standard output.
        leader: of other processes whose workers help; None for none.

    Raises:
        UserError: the folder, the tasks, the devices or the file are wrong; the message says what and where.
    """
    place = None if output is None else _checked_output(output, workdir)
    with Display(console) as display:
        display.phase("reading the policy")
        trained = load_policy(workdir, mesh)
        config = trained.config
        source = task_source or config.data.search_tasks
        tasks = _scorable(source, load_tasks(source), display)
        settings = EvaluationSettings(
            workdir,
            trained.meta_iteration,
            identify_tasks(source, tasks),
            config.sampling.num_samples if num_samples is None else num_samples,
            config.sampling.temperature if temperature is None else temperature,
            config.seed if seed is None else seed,
        )
        workers = num_workers or os.cpu_count() or 1
        execution = dataclasses.replace(config.execution, num_workers=workers)
        with start_pool(tasks, execution, leader) as pool:
            display.phase("sampling", settings.num_samples * len(tasks))
            samples = _samples(trained, tasks, settings)
            results = gather(tasks, _shown(answer_tasks(pool, tasks, samples), display))
    scores = [score_task(result) for result in results]
    evaluation = Evaluation(
        settings, tuple(results), tuple(scores), summarize(scores), summarize_concepts(scores)
    )
    for table in tables(evaluation):
        display.show(table)
    if place is not None:
        with naming(f"--output={output}"):
            write_json(place, to_json(evaluation))
    return evaluation


def tables(evaluation: Evaluation) -> list[Table]:
    """Returns the figures as tables for a terminal: all tasks together and, where there are any, concepts."""
    settings, scores = evaluation.settings, evaluation.scores
    title = (
        f"CodeIt after meta-iteration {settings.meta_iteration}:"
        f" {settings.num_samples} samples for each of {scores.num_tasks} tasks"
    )
    counts = [
        ("tasks, three candidates (CodeIt)", scores.solved, scores.num_tasks),
        ("tasks, two attempts", scores.solved_by_attempts, scores.num_tasks),
        ("test inputs, three candidates", scores.inputs_by_candidates, scores.num_inputs),
        ("test inputs, two attempts", scores.inputs_by_attempts, scores.num_inputs),
    ]
    rows = [[name, str(count), str(total), f"{count / total:.2%}"] for name, count, total in counts]
    rows.insert(
        2, ["mean share of a task's inputs, two attempts (ARC Prize)", "", "", f"{scores.prize_score:.2%}"]
    )
    rows += [[f"pass@{k}", "", "", f"{value:.2%}"] for k, value in scores.pass_at.items()]
    found = [_named_first(["rule", "right", "of", "share"], rows, title)]
    if evaluation.concepts:
        titles = [
            "concept",
            "tasks",
            "three candidates",
            "ARC Prize",
            "pass@1",
            f"pass@{settings.num_samples}",
        ]
        found.append(_named_first(titles, [_concept_row(*item) for item in evaluation.concepts.items()]))
    return found


def to_json(evaluation: Evaluation) -> dict[str, Any]:
    """Returns every figure as JSON-able data, and for each task the programs and the grids that answer it."""
    return {
        "settings": dataclasses.asdict(evaluation.settings),
        "scores": dataclasses.asdict(evaluation.scores),
        "concepts": {name: dataclasses.asdict(scores) for name, scores in evaluation.concepts.items()},
        "tasks": [
            dataclasses.asdict(score)
            | {
                "candidates": list(map(dataclasses.asdict, best_candidates(result.programs))),
                "attempts": choose_attempts(result.task, result.programs),
            }
            for score, result in zip(evaluation.task_scores, evaluation.results, strict=True)
        ],
    }


def _checked_output(output: str, workdir: str) -> epath.Path:
    """Returns the path of a file that is not in the run's folder; its own folder is made if need be."""
    with naming(f"--output={output}"):
        place = resolved_path(output)
        if place.is_relative_to(resolved_path(workdir)):
            raise UserError("lies in the run's folder, which is only read")
        if place.is_dir():
            raise UserError("is a folder")
        place.parent.mkdir(parents=True, exist_ok=True)
    return place


def _scorable(source: str, tasks: Sequence[Task], display: Display) -> list[Task]:
    """Returns the tasks whose test outputs are all known, and tells of the others."""
    known = [task for task in tasks if task.has_test_outputs]
    if not known:
        raise UserError(f"--tasks={source}: no task comes with its test outputs")
    if len(known) < len(tasks):
        display.note(
            f"{len(tasks) - len(known)} of {len(tasks)} tasks come without all their test outputs and are"
            " left out"
        )
    return known


def _samples(trained: TrainedPolicy, tasks: Sequence[Task], settings: EvaluationSettings) -> Iterator[Sample]:
    written = trained.sample_programs(
        tasks,
        num_samples=settings.num_samples,
        temperature=settings.temperature,
        seed=settings.seed,
    )
    return ((sampled.task_index, sampled.texts) for sampled in written)


def _shown(results: Iterator[SampleResults], display: Display) -> Iterator[SampleResults]:
    for task_index, found in results:
        display.advance(len(found))
        yield task_index, found


def _concept_row(name: str, scores: Scores) -> list[str]:
    passed = list(scores.pass_at.values())
    shares = [scores.prize_score, passed[0], passed[-1]]
    return [name, str(scores.num_tasks), str(scores.solved), *(f"{share:.2%}" for share in shares)]


def _named_first(titles: Sequence[str], rows: Sequence[Sequence[str]], title: str | None = None) -> Table:
    table = number_table(titles, rows, title)
    table.columns[0].justify = "left"
    return table
