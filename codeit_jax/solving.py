"""Answers to tasks whose test outputs are unknown: programs bred for them, and those of a policy."""

import contextlib
import dataclasses
import functools
import math
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from codeit_jax.arc import Pair, Task
from codeit_jax.arc.datasets import identify_tasks
from codeit_jax.config import TURN_WORK, ParentKind
from codeit_jax.errors import UserError, naming
from codeit_jax.evolution.evolution import Evolution
from codeit_jax.evolution.folder import EvolutionFolder, EvolutionSettings
from codeit_jax.evolution.jobs import Breeding, Stock
from codeit_jax.evolution.rounds import Evolver, Rounds
from codeit_jax.evolution.state import TaskState
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
from codeit_jax.execution.pool import ExecutionPool
from codeit_jax.mutation.parents import OutOfTimeError
from codeit_jax.reading.paths import expand_home
from codeit_jax.results.answer_folder import AnswerFolder, AnswerSettings
from codeit_jax.results.answer_score import AnswerScore, score_answers
from codeit_jax.results.answered import Answered, answered, is_given
from codeit_jax.results.telling import tell_answers
from codeit_jax.run.display import Display
from codeit_jax.run.files import scratch_folder
from codeit_jax.run.interruption import begin_keeping
from codeit_jax.run.page import Page
from codeit_jax.search.verification import Outputs, run_again
from codeit_jax.written import read_policy, write_programs

if TYPE_CHECKING:
    from codeit_jax.trained import TrainedPolicy

DEFAULT_MINUTES = 10.0
_FEW_TASKS = 4  # below which a task has several populations, so that workers do not idle
_DISTILLING_SHARE = 0.4  # of the time, at most; a first start takes two minutes for it
_WRITING_SHARE = 0.5  # of the time, at most, that a policy has
_END_SECONDS = 2.0  # that confirming, drawing and the page take at the end, and for each task:
_END_SECONDS_PER_TASK = 0.02
_END_SHARE = 0.5  # of the time, at most


@dataclasses.dataclass(frozen=True)
class SolveConfig:
    """How tasks are answered.

    Attributes:
        output: the folder for the answers.
        workdir: the folder of a run whose policy writes programs for the tasks, too; "" for none.
        num_samples: programs that the policy writes for each task.
        programs: files of programs for populations to begin with; one that is said to be of a task, as an
            earlier answer to it is, joins that task's first.
        parents: which training programs they begin with, too; None for none.
        minutes: time to end after, of this call and of breeding in all calls with the folder; None for no
            such end. What is found in a time depends on the machine.
        work: units of work for each task, on average, to end after; None for no such end. With neither, it is
            `DEFAULT_MINUTES`.
        num_populations: that are bred for each task at a time; 0 for as many as make four in all, where there
            are fewer tasks, and otherwise one.
        is_thorough: whether tasks for which there is a short program are gone on with, too, with up to six
            populations one after another.
        seed: decides what is drawn at random.
        num_workers: worker processes; 0 means one a CPU core.
        turn_work: units of work that a population takes at a time.
        breeding: how programs are bred.

    Raises:
        UserError: a number is out of range.
    """

    output: str
    workdir: str = ""
    num_samples: int = 32
    programs: tuple[Path, ...] = ()
    parents: ParentKind | None = ParentKind.BOTH
    minutes: float | None = None
    work: int | None = None
    num_populations: int = 0
    is_thorough: bool = False
    seed: int = 0
    num_workers: int = 0
    turn_work: int = TURN_WORK
    breeding: Breeding = dataclasses.field(default_factory=Breeding)

    def __post_init__(self) -> None:
        if self.minutes is not None and not 0 < 60 * self.minutes < math.inf:
            raise UserError(f"--minutes={self.minutes}: must be a number above 0, and not infinite")
        for name, least in (("work", 1), ("num_samples", 1), ("num_populations", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise UserError(f"--{name}={value}: must be at least {least}")

    @property
    def seconds(self) -> float | None:
        """Time to end after; None for no such end."""
        if self.minutes is None:
            return 60 * DEFAULT_MINUTES if self.work is None else None
        return 60 * self.minutes


@dataclasses.dataclass(frozen=True)
class Solved:
    """Tasks and what they are answered with.

    Attributes:
        answers: of each task.
        score: what they are worth; None where no test outputs are known.
    """

    answers: tuple[Answered, ...]
    score: AnswerScore | None


def solve(
    tasks: Sequence[Task],
    config: SolveConfig,
    *,
    source: str | None = None,
    console: Console | None = None,
    leader: Leader | None = None,
    page: Page | None = None,
) -> Solved:
    """Answers tasks, from the start or from where an earlier call with this folder stopped.

    Test outputs that are known are taken away before anything else is done; the score alone looks at them.

    Args:
        tasks: the tasks.
        config: how they are answered.
        source: where they come from; None for nowhere that is to be named.
        console: where progress is shown; by default standard output.
        leader: of other processes whose workers help; None for none.
        page: shows the answers; by default there is none.

    Returns:
        The answers, which the folder holds, too.

    Raises:
        UserError: a file, the tasks, the folder or the run are wrong; the message says what and where.
        RuntimeError: a program did not give again what it is said to give.
    """
    _check(tasks, source, config)
    page = page or Page()
    hidden = [_without_test_outputs(task) for task in tasks]
    with Display(console) as display:
        solver = _Solver(hidden, config, source or "tasks", display, page, leader)
        with solver.folder.hold():
            answers, outputs = solver.run()
            solved = Solved(tuple(answers), score_answers(tasks, answers, outputs))
            solver.folder.save_score(solved.score)
            tell_answers(tasks, solved.answers, solved.score, config.output, display)
            page.finish(display)
    return solved


class _Solver:
    """Answers tasks whose test outputs are hidden."""

    def __init__(
        self,
        tasks: Sequence[Task],
        config: SolveConfig,
        source: str,
        display: Display,
        page: Page,
        leader: Leader | None,
    ) -> None:
        self._started = time.monotonic()
        self._leader = leader
        self._tasks = tasks
        self._config = config
        self._source = source
        self._display = display
        self._page = page
        self._execution = execution_config(config.num_workers)
        self._given = read_seeds(config.programs, config.parents)
        self._num_populations = config.num_populations or -(-_FEW_TASKS // len(tasks))
        num_samples = config.num_samples if config.workdir else 0
        settings = AnswerSettings(self._identity, config.workdir, num_samples, config.seed)
        self.folder = AnswerFolder(config.output, settings)

    @property
    def _identity(self) -> str:
        return identify_tasks(self._source, self._tasks)

    def run(self) -> tuple[list[Answered], list[dict[str, Outputs]]]:
        """Returns the answers, and what their programs give for the test inputs."""
        written = self.folder.written() if self._config.workdir else {}
        policy = read_policy(self._config.workdir, self._display) if written is None else None
        # Claimed before the policy writes and training programs are distilled, which takes minutes.
        evolution = EvolutionFolder(self.folder.evolution, self._tasks, self._evolution_settings())
        with evolution.hold():
            begin_keeping()
            joining = self._joining(self._write_with(policy) if policy else written or {})
            del policy  # and its parameters
            with start_pool(self._tasks, self._execution, self._leader) as pool:
                answers = self._evolve(evolution, pool, joining)
        self._display.phase("running the answers again")
        with start_pool(self._tasks, self._execution, self._leader) as pool:
            outputs = _confirmed(pool, answers)
        self.folder.draw(answers)
        return answers, outputs

    def _evolve(
        self, folder: EvolutionFolder, pool: ExecutionPool, joining: Mapping[int, Sequence[str]]
    ) -> list[Answered]:
        config, tasks = self._config, self._tasks
        if config.is_thorough:
            folder.state.rounds.max_short = 0

        def states() -> list[list[TaskState]]:
            return [folder.state.rounds.tasks[place :: len(tasks)] for place in range(len(tasks))]

        published: list[Answered] = []

        def publish() -> None:
            published[:] = map(answered, tasks, states())
            self.folder.publish(published)
            self._page.renew(self._display)

        def status() -> str:  # after every turn, so that attempts are not chosen for it
            answers = [[answer for each in of_task for answer in each.answers] for of_task in states()]
            num_given = sum(map(is_given, answers))
            return f"{num_given} of {len(tasks)} tasks have a program for all demonstrations"

        with scratch_folder() as scratch:
            with folder.preparing(self._started):
                stock = self._gather(pool, joining)
            folder.begin(identify_seeds(stock.seeds))
            evolver = self._evolver(pool, stock, scratch)
            Evolution(
                folder,
                evolver,
                self._display,
                work=config.work and -(-config.work // self._num_populations),
                seconds=self._seconds_left(),
                shares_finds=True,
                status=status,
                publish=publish,
                joining=joining,
            ).run()
        return published

    def _joining(self, by_policy: Mapping[str, Sequence[str]]) -> dict[int, tuple[str, ...]]:
        """Returns the programs that were written for tasks, by the places of all their populations."""
        written: dict[str, dict[str, None]] = {task.id: {} for task in self._tasks}
        for task_id, program in self._given:
            written.get(task_id, {})[str(program)] = None
        for task_id, texts in by_policy.items():
            written[task_id] |= dict.fromkeys(texts)
        each = [tuple(written[task.id]) for task in self._tasks]
        return dict(enumerate(each * self._num_populations))

    def _write_with(self, policy: "TrainedPolicy") -> dict[str, list[str]]:
        config = self._config
        written = write_programs(
            policy,
            self._tasks,
            self.folder.writing(policy.meta_iteration),
            self._display,
            num_samples=config.num_samples,
            seed=config.seed,
            deadline=self._started + _WRITING_SHARE * (config.seconds or math.inf),
        )
        self.folder.save_written(written)
        return written

    def _gather(self, pool: ExecutionPool, joining: Mapping[int, Sequence[str]]) -> Stock:
        config = self._config
        gather = functools.partial(
            gather_stock,
            given=self._given,
            pool=pool,
            folder=stock_folder(config.parents, self.folder.path, self._display),
            display=self._display,
            has_edges=config.breeding.states_work > 0,
        )
        is_changed = self.folder.is_undistilled and config.parents is not None
        kind = ParentKind.ORIGINAL if is_changed else config.parents
        if len(self._tasks) < _FEW_TASKS:
            with contextlib.suppress(OutOfTimeError):
                return gather(kind, deadline=-math.inf)  # where nothing is left to be distilled
            self._answer_first(pool, gather(ParentKind.ORIGINAL), joining)
        try:
            return gather(kind, deadline=self._started + _DISTILLING_SHARE * (config.seconds or math.inf))
        except OutOfTimeError:
            self._display.note(
                "there is no time to distil the training programs, which are taken as they are;"
                " the next start goes on with it"
            )
            self.folder.begin_undistilled()
            return gather(ParentKind.ORIGINAL)

    def _answer_first(self, pool: ExecutionPool, stock: Stock, joining: Mapping[int, Sequence[str]]) -> None:
        """Writes down what a turn comes to that begins with training programs as they are.

        Distilling takes minutes, and a task may need none of it. What comes after knows nothing of this, so
        that answers do not depend on whether there was anything to be distilled.
        """
        tasks = self._tasks
        rounds = Rounds.of(len(tasks))
        self._display.phase("first answers", len(tasks))
        with scratch_folder() as scratch:
            evolver = self._evolver(pool, stock, scratch)
            for _ in evolver.give_turns(rounds, range(len(tasks)), joining):
                self._display.advance()
        found = [answered(task, [state]) for task, state in zip(tasks, rounds.tasks, strict=True)]
        self.folder.publish(found)
        num_given = sum(each.is_given for each in found)
        self._display.note(
            f"{num_given} of {len(tasks)} tasks have a program for all demonstrations, found"
            f" before training programs are distilled; answers.json in {self._config.output} has it"
        )

    def _evolver(self, pool: ExecutionPool, stock: Stock, scratch: str) -> Evolver:
        config = self._config
        return Evolver(
            pool,
            self._tasks,
            write_stock(stock, scratch, pool),
            fitted(config.breeding, stock),
            config.turn_work,
            config.seed,
        )

    def _evolution_settings(self) -> EvolutionSettings:
        config = self._config
        return EvolutionSettings(
            tasks=self._identity,
            parents=config.parents,
            programs=identify_seeds(self._given),
            seed=config.seed,
            turn_work=config.turn_work,
            shares_finds=True,
            breeding=config.breeding,
            num_populations=self._num_populations,
        )

    def _seconds_left(self) -> float | None:
        """Returns the time for breeding, that of earlier starts included."""
        if self._config.seconds is None:
            return None
        seconds = self._config.seconds
        end = min(_END_SECONDS + _END_SECONDS_PER_TASK * len(self._tasks), _END_SHARE * seconds)
        return seconds - end - (time.monotonic() - self._started)


def _check(tasks: Sequence[Task], source: str | None, config: SolveConfig) -> None:
    output, *others = (
        os.path.realpath(expand_home(path)) for path in (config.output, source, config.workdir) if path
    )
    if output in others:
        raise UserError(f"--output={config.output}: answers need a folder of their own")
    with naming(source or "tasks"):
        if not tasks:
            raise UserError("holds no tasks")
        for task in tasks:
            if not task.test:
                raise UserError(f"{task.id}: has no test input to be answered")


def _without_test_outputs(task: Task) -> Task:
    return dataclasses.replace(task, test=tuple(Pair(pair.input, None) for pair in task.test))


def _confirmed(pool: ExecutionPool, answers: Sequence[Answered]) -> list[dict[str, Outputs]]:
    """Returns what programs give for the test inputs, which is what they are said to."""
    runs = [(each.task, text, each.task.test_inputs) for each in answers for text in each.programs]
    again = run_again(pool, runs)
    outputs = [{text: next(again) for text in each.programs} for each in answers]
    for each, of_task in zip(answers, outputs, strict=True):
        told = [
            (answer.candidate.program, *item) for answer in each.answers for item in enumerate(answer.outputs)
        ]
        for place, given in enumerate(each.attempts):
            told += [(guess.program, place, guess.output) for guess in given if guess.program is not None]
        for program, place, output in told:
            if of_task[program][place] != output:
                raise RuntimeError(
                    f"{each.task.id}: an answer was not given again by its program:\n{program}"
                )
    return outputs
