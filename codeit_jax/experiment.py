"""A run from its config to its solutions: begun or restored, iterated, and saved as it goes."""

import contextlib
import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

from etils import epath
from rich.console import Console

from codeit_jax.arc import Task, load_tasks
from codeit_jax.build import build
from codeit_jax.components import Components, State
from codeit_jax.config import Config, ParentKind
from codeit_jax.dsl.corpus import load_training_programs
from codeit_jax.dsl.program import Program
from codeit_jax.errors import UserError, naming
from codeit_jax.evolution.expert import Expert, started_expert
from codeit_jax.execution.attempt import Attempt
from codeit_jax.execution.host import start_pool
from codeit_jax.exploration import allocation
from codeit_jax.initialization import prepare, warm_up
from codeit_jax.iteration import run_meta_iteration
from codeit_jax.learner.learner import Progress
from codeit_jax.mutation.distillation.cache import DISTILLED
from codeit_jax.mutation.parents import gather_parents
from codeit_jax.policy.sharding import describe
from codeit_jax.pretraining import pretrain
from codeit_jax.report.command import write_report
from codeit_jax.run.files import write_json_lines
from codeit_jax.run.interruption import Terminated, begin_keeping, deferred
from codeit_jax.run.journal import Journal
from codeit_jax.run.metrics import IterationMetrics, MetricsLog
from codeit_jax.run.page import tell_page
from codeit_jax.run.peers import ALONE, Peers
from codeit_jax.run.profiling import profile
from codeit_jax.run.run_display import RunDisplay
from codeit_jax.run.workdir import open_workdir
from codeit_jax.snapshots import Snapshots, latest_snapshot
from codeit_jax.validation import check_overlap, load_validation_tasks, validate

_PROFILE = "profile"  # the folder for a trace


def run_experiment(
    config: Config, workdir_path: str, *, profiled_iteration: int | None = None, peers: Peers = ALONE
) -> list[IterationMetrics]:
    """Runs CodeIt, from the start or from where the run in the folder stopped.

    Args:
        config: the run.
        workdir_path: its folder; `docs/commands.md` says what is left there.
        profiled_iteration: a meta-iteration of which a trace is left in the folder; None for none.
        peers: the processes of the run, each of which makes this call; see `distribution.joined`. The first
            alone shows the run and writes its files, but for checkpoints, which all write.

    Returns:
        The rows of the run's table, those of earlier starts included.

    Raises:
        ValueError: the config, the tasks or the folder are wrong, or the profiled meta-iteration is not one
            that is still to be done; the message says what and where.
    """
    started = time.monotonic()
    is_first = peers.number == 0
    search_tasks = load_tasks(config.data.search_tasks)
    training_tasks = load_tasks(config.data.training_tasks)
    validation_tasks = load_validation_tasks(config.data)
    check_overlap(config.data, "search_tasks", search_tasks, training_tasks)
    check_overlap(config.data, "validation_tasks", validation_tasks, training_tasks)
    programs = load_training_programs(config.data.training_programs or None)
    page: epath.Path | None = None
    with contextlib.ExitStack() as stack:
        workdir = stack.enter_context(open_workdir(workdir_path, config, peers))
        display = stack.enter_context(RunDisplay(len(search_tasks), _console(peers)))
        display.phase("starting the host pool and building the policy")
        pool = stack.enter_context(start_pool([*search_tasks, *validation_tasks], config.execution, peers))
        components, learner = build(
            config,
            search_tasks,
            pool,
            validation_tasks=validation_tasks,
            reads_weights=latest_snapshot(workdir) is None,
            failure_folder=workdir / "failures",
        )
        if peers.count > 1:
            display.note(describe(learner.mesh, config.learner.batch_size))
        cache = workdir / DISTILLED
        journal = Journal(workdir / "progress", peers)
        fingerprint = components.examples.fingerprint
        snapshots = stack.enter_context(Snapshots(workdir, config, fingerprint, journal, peers))
        components = dataclasses.replace(components, journal=journal, pause=snapshots)
        restored = snapshots.restore(learner, display.note)
        num_done = restored[0].meta_iteration if restored else 0
        _check_profiled(profiled_iteration, num_done, config.num_meta_iterations, workdir)
        if config.evolution.turn_work and num_done < config.num_meta_iterations:
            expert = start_expert(config, components, training_tasks, programs, cache, display)
            components = dataclasses.replace(components, expert=stack.enter_context(expert))
        if restored is None:
            state = prepare(config, components, learner, training_tasks, programs, cache, display)
            rows: list[IterationMetrics] = []
            snapshots.mark(state, rows)
        else:
            state, rows = restored
            _tell_resumed(state, rows, config, display)
        log = stack.enter_context(contextlib.closing(MetricsLog(workdir if is_first else None, rows)))
        display.rows(log.rows)
        try:
            if peers.count == 1:
                begin_keeping()
            if not rows:
                prepared_seconds = time.monotonic() - started
                pretrained = pretrain(state, components, config, training_tasks, programs, cache, display)
                metrics = warm_up(state, components, config.warmup_experiences, display, pretrained)
                metrics = dataclasses.replace(metrics, explore_seconds=prepared_seconds)
                _record(metrics, state, snapshots, log, display, peers, is_saved=True)
            while state.meta_iteration < config.num_meta_iterations:
                if is_first and state.meta_iteration + 1 == profiled_iteration:
                    metrics = _iterate_profiled(state, components, display, workdir)
                else:
                    metrics = _iterate(state, components, display, workdir if is_first else None)
                is_last = state.meta_iteration == config.num_meta_iterations
                is_saved = is_last or state.meta_iteration % config.checkpoint_interval == 0
                _record(metrics, state, snapshots, log, display, peers, is_saved=is_saved)
                interval = config.report_interval
                if is_first and interval and state.meta_iteration % interval == 0 and not is_last:
                    _report(workdir, display)
        except (KeyboardInterrupt, Terminated):
            if peers.count == 1:  # others are somewhere else, and a snapshot takes all
                display.phase("saving what it has come to")
                snapshots.keep()
            raise
        display.phase("writing the last checkpoint")
        snapshots.wait()
        if is_first and config.report_interval:  # also of a run that was ended before it could
            page = _report(workdir, display)
    if page is not None:
        tell_page(page, display)
    return log.rows


def _console(peers: Peers) -> Console | None:
    return None if peers.number == 0 else Console(quiet=True)


def _report(workdir: epath.Path, display: RunDisplay) -> epath.Path | None:
    display.phase("writing the report")
    return write_report(workdir, display.note)


def _tell_resumed(
    state: State, rows: Sequence[IterationMetrics], config: Config, display: RunDisplay
) -> None:
    place = f"after meta-iteration {state.meta_iteration}" if rows else "before the first meta-iteration"
    num_updates = state.progress.num_updates
    updates = f"; updates of the learner since: {num_updates}" if num_updates else ""
    display.note(f"resumed {place}{updates}")
    if rows and state.meta_iteration >= config.num_meta_iterations:
        display.note("all meta-iterations are done; a larger num_meta_iterations goes on from here")


def _record(
    metrics: IterationMetrics,
    state: State,
    snapshots: Snapshots,
    log: MetricsLog,
    display: RunDisplay,
    peers: Peers,
    *,
    is_saved: bool,
) -> None:
    """Takes down what a meta-iteration, or the warm-up, has come to."""
    metrics = peers.gather(metrics)[0]  # clocks differ
    with deferred():  # the table and what is gone on from are of one meta-iteration
        log.append(metrics)
        display.rows([metrics])
        state.progress = Progress()
        snapshots.mark(state, log.rows)
        if is_saved:
            snapshots.save()


def start_expert(
    config: Config,
    components: Components,
    training_tasks: Sequence[Task],
    programs: Mapping[str, Program],
    cache: epath.Path,
    display: RunDisplay,
) -> contextlib.AbstractContextManager[Expert]:
    """Starts the expert of a run; see `prepare` for the arguments."""
    kind = ParentKind(config.evolution.parents)
    work = config.mutation.distillation_work
    parents, _ = gather_parents(kind, components.pool, training_tasks, programs, cache, display, work)
    return started_expert(
        config.evolution, config.seed, components.pool, components.search_tasks, parents, training_tasks
    )


def _iterate(
    state: State, components: Components, display: RunDisplay, workdir: epath.Path | None
) -> IterationMetrics:
    """Runs a meta-iteration, shows it, and writes its samples out, if there is a folder for them."""
    samples: list[dict[str, Any]] = []
    num_done = 0

    def record(task: Task, texts: Sequence[str], attempts: Sequence[Attempt]) -> None:
        nonlocal num_done
        display.advance()
        num_done += 1
        if num_done == num_all:
            display.phase(f"meta-iteration {number}: learning")
        samples.extend(map(_sample_json, [task.id] * len(texts), texts, attempts))

    number = state.meta_iteration + 1
    num_all = sum(allocation(state, components))
    display.phase(f"meta-iteration {number}", num_all)
    metrics = run_meta_iteration(state, components, record)
    validation = components.validation
    if validation is not None and number % validation.interval == 0:
        display.phase(f"meta-iteration {number}: validating")
        num_solved = validate(state, components, validation)
        display.note(
            f"meta-iteration {number}: {num_solved} of {len(validation.tasks)} validation tasks solved"
        )
        metrics = dataclasses.replace(metrics, validation_performance=num_solved)
    if workdir is not None:
        folder = workdir / "samples"
        with naming(folder):
            folder.mkdir(parents=True, exist_ok=True)
            write_json_lines(folder / f"{number:04d}.jsonl.gz", samples)
    return metrics


def _check_profiled(number: int | None, num_done: int, num_all: int, workdir: epath.Path) -> None:
    if number is None or (number <= num_done and (workdir / _PROFILE).exists()):  # it has been
        return
    if not num_done < number <= num_all:
        raise UserError(
            f"--profile={number}: meta-iterations {num_done + 1} to {num_all} are still to be done"
            if num_done < num_all
            else f"--profile={number}: all {num_all} meta-iterations are done"
        )


def _iterate_profiled(
    state: State, components: Components, display: RunDisplay, workdir: epath.Path
) -> IterationMetrics:
    folder = workdir / _PROFILE
    with profile(folder) as idle_share:
        metrics = _iterate(state, components, display, workdir)
    display.note(
        f"meta-iteration {state.meta_iteration}: the devices had nothing to do for {idle_share():.1%} of the "
        f"time; its trace is in {folder}"
    )
    return metrics


def _sample_json(task_id: str, text: str, attempt: Attempt) -> dict[str, Any]:
    return {
        "task": task_id,
        "text": text,
        "error": attempt.error,
        "outcomes": [outcome.error or outcome.status for outcome in attempt.outcomes],
        "demonstration_performance": attempt.demonstration_performance,
        "test_performance": attempt.test_performance,
    }
