"""Growing a file of mutated training tasks: what `launch/mutate.py` does.

The file is the same whatever the number of workers and however often it was interrupted.
"""

import dataclasses
import hashlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from etils import epath
from rich.console import Console

from codeit_jax.arc import Task, load_tasks
from codeit_jax.config import DISTILLATION_WORK, Depth, ExecutionConfig, ParentKind
from codeit_jax.dsl import Program, load_training_programs
from codeit_jax.dsl.program_files import ProgramRow, fingerprint
from codeit_jax.errors import UserError
from codeit_jax.execution.host import start_pool
from codeit_jax.execution.led_pool import Leader
from codeit_jax.execution.pool import ExecutionPool
from codeit_jax.mutation.distillation.cache import DISTILLED
from codeit_jax.mutation.growth.drawing import Fate
from codeit_jax.mutation.growth.file import GrowthFile, GrowthFileError, Mark
from codeit_jax.mutation.growth.rounds import (
    MAX_BARREN_DRAWS,
    Grown,
    Population,
    Recipe,
    draw_round,
    num_draws,
)
from codeit_jax.mutation.mutate import Mutator
from codeit_jax.mutation.parents import MutationParent, gather_parents
from codeit_jax.run.display import Display, number_table
from codeit_jax.run.interruption import begin_keeping

PARENT = "parent"  # the kind of a training program

_ROWS_AT_ONCE = 50_000


@dataclasses.dataclass(frozen=True)
class GrowthConfig:
    """A file of programs to be grown.

    Attributes:
        output: the file.
        num_programs: programs in it in the end, those of training tasks themselves not counted.
        depth: what programs are made from.
        seed: decides what is drawn at random.
        tasks: the training tasks; see `codeit_jax.arc.load_tasks`.
        training_programs: a Python file of their programs, or "" for those of the reasoning-gym package.
        parents: which programs mutants are made from.
        new_line_share: share of mutations that put in a line.
        parents_included: whether the file begins with the training programs themselves.
        num_workers: worker processes; 0 means one a CPU core.
    """

    output: Path
    num_programs: int
    depth: Depth = Depth.ONE
    seed: int = 0
    tasks: str = "arc1/training"
    training_programs: str = ""
    parents: ParentKind = ParentKind.ORIGINAL
    new_line_share: float = 0.0
    parents_included: bool = False
    num_workers: int = 0


def grow_file(config: GrowthConfig, console: Console | None = None, leader: Leader | None = None) -> Mark:
    """Grows a file of programs until it has as many as wanted or nothing new comes up.

    Args:
        config: what is to be in it.
        console: where to show progress; by default standard output.
        leader: of other processes whose workers help; None for none.

    Returns:
        What the file came to.

    Raises:
        UserError: the tasks, the training programs or the file cannot be used.
    """
    display = Display(console)
    execution = ExecutionConfig(num_workers=config.num_workers)
    tasks = load_tasks(config.tasks)
    programs = {}
    if config.depth is not Depth.RANDOM:
        programs = load_training_programs(config.training_programs or None)
    settings = _settings(config, execution, tasks, programs)
    with GrowthFile(config.output, settings) as file:
        begin_keeping()
        if _num_grown(file.mark) >= config.num_programs:
            display.note(f"{config.output} has {_num_grown(file.mark):,} programs already")
        else:
            pool = start_pool((), execution, leader)
            with pool, display:
                _Sitting(config, file, pool, display).grow(tasks, programs)
        _sum_up(file.mark, display)
        return file.mark


def _settings(
    config: GrowthConfig, execution: ExecutionConfig, tasks: Sequence[Task], programs: Mapping[str, Program]
) -> dict[str, Any]:
    """Returns what decides a file's content, as JSON."""
    content = repr([(task, str(programs.get(task.id, ""))) for task in tasks])
    return {
        "depth": config.depth,
        "seed": config.seed,
        "tasks": config.tasks,
        "parents": None if config.depth is Depth.RANDOM else config.parents,
        "distillation_work": None if config.parents is ParentKind.ORIGINAL else DISTILLATION_WORK,
        "new_line_share": config.new_line_share,
        "parents_included": config.parents_included,
        "budget": dataclasses.asdict(execution.budget),
        "digest of tasks and parents": hashlib.blake2b(content.encode(), digest_size=8).hexdigest(),
    }


def _num_grown(mark: Mark) -> int:
    """Returns how many of a file's programs were grown."""
    return mark.rows - int(mark.statistics.get("num_parent_rows", 0))


class _Sitting:
    """The growing of a file up to where it ends or is interrupted."""

    def __init__(self, config: GrowthConfig, file: GrowthFile, pool: ExecutionPool, display: Display) -> None:
        self._config = config
        self._file = file
        self._pool = pool
        self._display = display

    def grow(self, tasks: Sequence[Task], programs: Mapping[str, Program]) -> None:
        recipe = self._make_recipe(tasks, programs)
        self._begun = time.monotonic() - self._file.mark.seconds
        population = self._read_population(recipe)
        mark = self._file.mark
        while _num_grown(mark) < self._config.num_programs:
            if mark.barren_draws >= MAX_BARREN_DRAWS:
                self._display.note(
                    f"nothing new comes up any more: there are {_num_grown(mark):,} programs,"
                    f" not {self._config.num_programs:,}"
                )
                return
            number = mark.num_rounds
            total = num_draws(recipe, number)
            self._display.phase(f"round {number + 1}; {_num_grown(mark):,} programs so far", total)
            grown = draw_round(
                self._pool, recipe, population, self._read_programs, number, self._display.advance
            )
            accepted = [each for each in grown if each.draw.fate is Fate.ACCEPTED]
            self._write(recipe, grown, accepted)
            mark = self._file.mark
            population.add(
                [fingerprint(each.draw.text) for each in accepted], [each.family for each in accepted]
            )

    def _make_recipe(self, tasks: Sequence[Task], programs: Mapping[str, Program]) -> Recipe:
        config = self._config
        mutator = Mutator(new_line_share=config.new_line_share)
        left_out: list[str] = []
        if config.depth is Depth.RANDOM:
            parents = [MutationParent(task.id, task.demonstration_inputs) for task in tasks]
        else:
            cache = epath.Path(f"{config.output}.{DISTILLED}")
            parents, left_out = gather_parents(
                config.parents, self._pool, tasks, programs, cache, self._display
            )
            if not parents:
                raise UserError(f"--training_programs: none solves its task of --tasks={config.tasks}")
        self._display.note(f"{len(parents)} to start from; {len(left_out)} tasks left out")
        recipe = Recipe(tuple(parents), config.depth, config.seed, mutator)
        if not self._file.mark.statistics:
            self._begin_file(recipe, left_out)
        return recipe

    def _begin_file(self, recipe: Recipe, left_out: Sequence[str]) -> None:
        """Writes the training programs, if they belong in the file, and who they are."""
        rows = []
        if self._config.parents_included:
            first = {str(origin.program): origin for origin in reversed(recipe.parents) if origin.program}
            rows = [
                ProgramRow(str(origin.program), origin.task_id, origin.task_id, PARENT)
                for origin in recipe.parents
                if first.get(str(origin.program)) is origin
            ]
        statistics = {
            "num_origins": len(recipe.parents),
            "left_out": list(left_out),
            "num_parent_rows": len(rows),
            "draws": {},
        }
        mark = Mark(complete_rows=len(rows), complete_statistics=statistics, statistics=statistics)
        self._file.append(rows, mark)

    def _read_population(self, recipe: Recipe) -> Population:
        population, mark = Population(recipe), self._file.mark
        families = {origin.task_id: family for family, origin in enumerate(recipe.parents)}
        first = self._num_parent_rows
        for start in range(first, mark.complete_rows, _ROWS_AT_ONCE):
            rows = list(self._file.rows(start, min(start + _ROWS_AT_ONCE, mark.complete_rows)))
            population.add([fingerprint(row.program) for row in rows], [families[row.task] for row in rows])
        return population

    @property
    def _num_parent_rows(self) -> int:
        return int(self._file.mark.statistics["num_parent_rows"])

    def _read_programs(self, indices: Sequence[int]) -> list[str]:
        return self._file.programs([self._num_parent_rows + index for index in indices])

    def _write(self, recipe: Recipe, grown: Sequence[Grown], accepted: Sequence[Grown]) -> None:
        """Writes the programs of a round, up to as many as are wanted; some may be in the file already."""
        mark = self._file.mark
        rows = [self._row(recipe, each) for each in accepted]
        num_there = mark.rows - mark.complete_rows
        if rows[:num_there] != list(self._file.rows(mark.complete_rows, mark.rows)):
            raise GrowthFileError(f"{self._file.path}: this version draws other programs than are in it")
        num_wanted = self._config.num_programs - _num_grown(mark)
        new = rows[num_there : num_there + num_wanted]
        num_taken = num_there + len(new)
        is_complete = num_taken == len(rows)
        num_draws = len(grown)
        if not is_complete:
            num_draws = accepted[num_taken - 1].draw.number - grown[0].draw.number + 1
        statistics = _with_draws(mark.complete_statistics, grown[:num_draws])
        mark = dataclasses.replace(mark, statistics=statistics, seconds=time.monotonic() - self._begun)
        if is_complete:
            mark = dataclasses.replace(
                mark,
                num_rounds=mark.num_rounds + 1,
                complete_rows=mark.rows + len(new),
                complete_statistics=statistics,
                barren_draws=0 if accepted else mark.barren_draws + len(grown),
            )
        self._file.append(new, mark)

    def _row(self, recipe: Recipe, grown: Grown) -> ProgramRow:
        task_id = recipe.parents[grown.family].task_id
        parent: str | int | None = task_id
        if grown.parent is not None:
            parent = self._num_parent_rows + grown.parent
        elif recipe.depth is Depth.RANDOM:
            parent = None
        return ProgramRow(grown.draw.text, task_id, parent, grown.draw.kind)


def _with_draws(statistics: Mapping[str, Any], grown: Sequence[Grown]) -> dict[str, Any]:
    """Returns the statistics of a file with some draws added."""
    draws: dict[str, dict[str, int]] = {kind: dict(fates) for kind, fates in statistics["draws"].items()}
    for each in grown:
        fates = draws.setdefault(each.draw.kind, dict.fromkeys(Fate, 0))
        fates[each.draw.fate] += 1
    return {**statistics, "draws": dict(sorted(draws.items()))}


def _sum_up(mark: Mark, display: Display) -> None:
    """Shows what became of all draws so far, a row for each kind."""
    draws: dict[str, dict[Fate, int]] = {
        kind: {fate: fates[fate] for fate in Fate} for kind, fates in mark.statistics["draws"].items()
    }
    draws["all"] = {fate: sum(fates[fate] for fates in draws.values()) for fate in Fate}
    rows = [
        [kind, *(f"{number:,}" for number in (sum(fates.values()), *fates.values()))]
        for kind, fates in draws.items()
    ]
    display.show(number_table(["kind", "drawn", *Fate], rows))
    share = draws["all"][Fate.ACCEPTED] / max(1, sum(draws["all"].values()))
    rate = _num_grown(mark) / mark.seconds if mark.seconds else 0.0
    display.note(f"{share:.1%} of the draws accepted; {rate:,.0f} programs/s in {mark.seconds:,.0f} s")
    left_out = mark.statistics["left_out"]
    if left_out:
        display.note(
            f"{len(left_out)} left out, not solving their task within the budget: {', '.join(left_out)}"
        )
