"""The evolution of `launch/evolve.py`: programs bred for every task, resumed where it was cut short."""

import dataclasses
import hashlib
import json
import pickle
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from codeit_jax.arc import Task, load_tasks
from codeit_jax.arc.datasets import identify_tasks
from codeit_jax.config import TURN_WORK, Budget, ExecutionConfig, ParentKind
from codeit_jax.dsl import load_training_programs
from codeit_jax.dsl.program_files import read_rows
from codeit_jax.errors import UserError, naming
from codeit_jax.evolution.colours import colours_by_task
from codeit_jax.evolution.edges import mine_edges
from codeit_jax.evolution.folder import EvolutionFolder, EvolutionSettings
from codeit_jax.evolution.jobs import Breeding, Seed, Stock
from codeit_jax.evolution.rounds import Evolver
from codeit_jax.execution.host import start_pool
from codeit_jax.execution.pool import ExecutionPool
from codeit_jax.mutation.distillation.cache import DISTILLED
from codeit_jax.mutation.parents import MutationParent, gather_parents
from codeit_jax.run.display import Display
from codeit_jax.run.files import user_path
from codeit_jax.search.verification import verify

_LIMITS = Budget(max_items=1_000)
_JOB_TIMEOUT_SECONDS = 300.0


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


def run_evolution(config: EvolveConfig, console: Console | None = None) -> EvolutionFolder:
    """Breeds programs for every task, from the start or from where an earlier evolution stopped.

    Returns:
        The folder with what was found, earlier starts included.

    Raises:
        UserError: a file, the tasks or the folder are wrong; the message says what and where.
        RuntimeError: a solution was not found to be one when it was run again.
    """
    if config.work < 1:
        raise UserError(f"--work={config.work}: must be at least 1")
    tasks = load_tasks(config.tasks)
    execution = ExecutionConfig(
        num_workers=config.num_workers, timeout_seconds=_JOB_TIMEOUT_SECONDS, budget=_LIMITS
    )
    with Display(console) as display, start_pool(tasks, execution) as pool:
        given = list(_read_programs(config.programs))
        parents = _training_parents(config, pool, display)
        seeds = [*((parent.task_id, parent.solution) for parent in parents), *given]
        if not seeds:
            raise UserError("--programs: there are no programs to begin with, and --parents=none")
        folder = EvolutionFolder(config.output, tasks, _settings(config, tasks, seeds))
        with folder.hold(), tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch, "stock.pickle")
            edges = mine_edges(parents) if config.breeding.states_work else ()
            colours = colours_by_task(load_tasks("arc1/training"))
            file.write_bytes(pickle.dumps(Stock(tuple(seeds), edges, colours)))
            # Without steps of training programs there are no states to begin with.
            breeding = config.breeding if edges else dataclasses.replace(config.breeding, states_work=0)
            evolver = Evolver(pool, tasks, file, breeding, config.turn_work, config.seed)
            _Evolution(config, folder, evolver, display).run()
        display.phase("running the solutions again")
        solved = {
            task.id: state.solution
            for task, state in zip(tasks, folder.state.rounds.tasks, strict=True)
            if state.solution is not None
        }
        with start_pool(tasks, execution) as fresh_pool:
            display.note(f"{verify(fresh_pool, tasks, solved)} solutions verified")
    return folder


def _read_programs(paths: Sequence[Path]) -> Iterator[Seed]:
    for path in paths:
        rows = list(read_rows(path))
        if not rows:
            raise UserError(f"{path}: holds no programs")
        yield from ((row.task, program) for row, program in rows)


def _training_parents(config: EvolveConfig, pool: ExecutionPool, display: Display) -> list[MutationParent]:
    if config.parents is None:
        return []
    training_tasks = load_tasks("arc1/training")
    with naming(f"--output={config.output}"):
        folder = user_path(config.output)
        folder.parent.mkdir(parents=True, exist_ok=True)
    cache = folder.with_name(f"{folder.name}.{DISTILLED}")
    parents, _ = gather_parents(
        config.parents, pool, training_tasks, load_training_programs(), cache, display
    )
    return parents


def _settings(config: EvolveConfig, tasks: Sequence[Task], seeds: Sequence[Seed]) -> EvolutionSettings:
    content = json.dumps([(task_id, str(program)) for task_id, program in seeds])
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    return EvolutionSettings(
        tasks=identify_tasks(config.tasks, tasks),
        seeds=f"{len(seeds)} programs, {digest}",
        seed=config.seed,
        turn_work=config.turn_work,
        shares_finds=config.shares_finds,
        breeding=config.breeding,
    )


class _Evolution:
    """An evolution at work in its folder, round after round."""

    def __init__(
        self, config: EvolveConfig, folder: EvolutionFolder, evolver: Evolver, display: Display
    ) -> None:
        self._config = config
        self._folder = folder
        self._state = folder.state
        self._evolver = evolver
        self._display = display
        self._begun = time.monotonic() - self._state.seconds

    def run(self) -> None:
        rounds = self._state.rounds
        if any(task.turn for task in rounds.tasks):
            self._display.note(f"resumed in round {rounds.number + 1}")
        while True:
            # As it was at the round's beginning: tasks that had their turn since count among those due.
            due = rounds.due()
            if not due and rounds.is_done():
                break
            num_affordable = self._num_affordable()
            self._run_round(due[:num_affordable])
            if num_affordable < len(due) or not num_affordable:
                break
            self._end_round()
        self._folder.save()
        self._folder.publish()
        self._tell()

    def _num_affordable(self) -> int:
        """Returns for how many turns there was work left when the round began."""
        work_before = self._state.points[-1].work if self._state.points else 0
        work_left = self._config.work * len(self._state.rounds.tasks) - work_before
        return max(0, -(-work_left // self._config.turn_work))

    def _run_round(self, places: Sequence[int]) -> None:
        state, rounds = self._state, self._state.rounds
        num_left = sum(rounds.tasks[place].round < rounds.number for place in places)
        self._display.phase(f"round {rounds.number + 1}", num_left)
        for place in self._evolver.give_turns(rounds, places):
            state.seconds = time.monotonic() - self._begun
            self._folder.save_task(place)
            self._display.describe(f"round {rounds.number + 1}: {self._status()}")
            self._display.advance()

    def _end_round(self) -> None:
        state = self._state
        state.rounds.end(shares_finds=self._config.shares_finds)
        point = state.point()
        if not state.points or point.work > state.points[-1].work:  # in some rounds every task waits
            state.points.append(point)
        self._folder.save()
        self._folder.publish()
        self._display.log(f"round {state.rounds.number}: {self._status()}")

    def _status(self) -> str:
        point = self._state.point()
        solved = (
            f"{point.solved} of {len(self._state.rounds.tasks)} tasks solved ({point.solved_strict} strictly)"
        )
        return f"{solved}, {point.num_programs / max(point.seconds, 1e-9):,.0f} programs/s"

    def _tell(self) -> None:
        point = self._state.point()
        self._display.note(
            f"{point.num_programs:,} programs, {point.work:,} units of work, {point.seconds:,.0f} s"
        )
        self._display.note(
            f"{point.solved} of {len(self._state.rounds.tasks)} tasks solved by the best three candidates,"
            f" {point.solved_strict} of them by programs right throughout"
        )
        self._display.note(
            f"{point.solved_by_three_answers} by three answers that differ,"
            f" {point.solved_by_two_answers} by two"
        )
