"""The evolution of `launch/evolve.py`: programs bred for every task, resumed where it was cut short."""

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from codeit_jax.arc import Task, load_tasks
from codeit_jax.arc.datasets import identify_tasks
from codeit_jax.config import TURN_WORK, ParentKind
from codeit_jax.errors import UserError
from codeit_jax.evolution.evolution import Evolution
from codeit_jax.evolution.folder import EvolutionFolder, EvolutionSettings, EvolutionState
from codeit_jax.evolution.jobs import Breeding, Seed
from codeit_jax.evolution.rounds import Evolver
from codeit_jax.evolution.state import EvolutionPoint
from codeit_jax.evolution.stock import (
    execution_config,
    fitted,
    gather_stock,
    identify_seeds,
    read_seeds,
    stock_folder,
    write_stock,
)
from codeit_jax.execution.host import start_pool
from codeit_jax.execution.led_pool import Leader
from codeit_jax.run.display import Display
from codeit_jax.run.files import scratch_folder
from codeit_jax.run.interruption import begin_keeping
from codeit_jax.run.page import Page
from codeit_jax.search.verification import verify


@dataclasses.dataclass(frozen=True)
class EvolveConfig:
    """An evolution.

    Attributes:
        output: the folder for what is found.
        tasks: what `load_tasks` takes.
        work: units of work for each task, on average, to end after.
        programs: files of programs for populations to begin with.
        parents: which training programs they begin with, too; None for none.
        seed: decides what is drawn at random.
        num_workers: worker processes; 0 means one a CPU core.
        turn_work: units of work that a task takes at a time.
        shares_finds: whether what solves a task joins the populations of others.
        breeding: how programs are bred.
    """

    output: str
    tasks: str = "arc1/evaluation"
    work: int = 100_000_000
    programs: tuple[Path, ...] = ()
    parents: ParentKind | None = ParentKind.BOTH
    seed: int = 0
    num_workers: int = 0
    turn_work: int = TURN_WORK
    shares_finds: bool = True
    breeding: Breeding = dataclasses.field(default_factory=Breeding)


def run_evolution(
    config: EvolveConfig,
    console: Console | None = None,
    leader: Leader | None = None,
    page: Page | None = None,
) -> EvolutionFolder:
    """Breeds programs for every task, from the start or from where an earlier evolution stopped.

    Args:
        config: the evolution.
        console: where to show progress; by default standard output.
        leader: of other processes whose workers help; None for none.
        page: shows what is found; by default there is none.

    Returns:
        The folder with what was found, earlier starts included.

    Raises:
        UserError: a file, the tasks or the folder are wrong; the message says what and where.
        RuntimeError: a solution was not found to be one when it was run again.
    """
    if config.work < 1:
        raise UserError(f"--work={config.work}: must be at least 1")
    begun = time.monotonic()
    page = page or Page()
    tasks = load_tasks(config.tasks)
    execution = execution_config(config.num_workers)
    given = read_seeds(config.programs, config.parents)
    # Claimed before training programs are distilled, which takes minutes.
    folder = EvolutionFolder(config.output, tasks, _settings(config, tasks, given))

    def publish() -> None:
        folder.publish()
        page.renew(display)

    with folder.hold(), Display(console) as display, start_pool(tasks, execution, leader) as pool:
        begin_keeping()
        with folder.preparing(begun):
            has_edges = config.breeding.states_work > 0
            kept = stock_folder(config.parents, folder.path, display)
            stock = gather_stock(config.parents, given, pool, kept, display, has_edges=has_edges)
        folder.begin(identify_seeds(stock.seeds))
        with scratch_folder() as scratch:
            breeding = fitted(config.breeding, stock)
            evolver = Evolver(
                pool, tasks, write_stock(stock, scratch, pool), breeding, config.turn_work, config.seed
            )
            Evolution(
                folder,
                evolver,
                display,
                work=config.work,
                shares_finds=config.shares_finds,
                status=lambda: _status(folder.state, len(tasks)),
                publish=publish,
            ).run()
        _tell(folder.state.point(), tasks, display)
        display.phase("running the solutions again")
        solved = {
            task.id: state.solution
            for task, state in zip(tasks, folder.state.rounds.tasks, strict=True)
            if state.solution is not None
        }
        with start_pool(tasks, execution, leader) as fresh_pool:
            display.note(f"{verify(fresh_pool, tasks, solved)} solutions verified")
        page.finish(display)
    return folder


def _settings(config: EvolveConfig, tasks: Sequence[Task], given: Sequence[Seed]) -> EvolutionSettings:
    return EvolutionSettings(
        tasks=identify_tasks(config.tasks, tasks),
        parents=config.parents,
        programs=identify_seeds(given),
        seed=config.seed,
        turn_work=config.turn_work,
        shares_finds=config.shares_finds,
        breeding=config.breeding,
    )


def _status(state: EvolutionState, num_tasks: int) -> str:
    point = state.point()
    solved = f"{point.solved} of {num_tasks} tasks solved ({point.solved_strict} strictly)"
    return f"{solved}, {point.num_programs / max(state.seconds, 1e-9):,.0f} programs/s"


def _tell(point: EvolutionPoint, tasks: Sequence[Task], display: Display) -> None:
    display.note(f"{point.num_programs:,} programs, {point.work:,} units of work, {point.seconds:,.0f} s")
    display.note(
        f"{point.solved} of {len(tasks)} tasks solved by the best three candidates,"
        f" {point.solved_strict} of them by programs right throughout"
    )
    display.note(
        f"{point.solved_by_three_answers} by three answers that differ, {point.solved_by_two_answers} by two"
    )
    num_hidden = sum(not task.has_test_outputs for task in tasks)
    if num_hidden:
        display.note(
            f"{num_hidden} of the tasks come without their test outputs, so none is known to be solved;"
            " launch/solve.py answers such tasks"
        )
