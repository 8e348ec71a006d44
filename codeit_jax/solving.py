"""Answers to tasks whose test outputs are unknown: programs bred for them, and those of a policy."""

import contextlib
import dataclasses
import functools
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console

from codeit_jax.arc import Pair, Task
from codeit_jax.arc.datasets import identify_tasks
from codeit_jax.config import TURN_WORK, ParentKind
from codeit_jax.dsl import ProgramError, parse_program
from codeit_jax.errors import UserError, naming
from codeit_jax.evolution.evolution import Evolution
from codeit_jax.evolution.folder import EvolutionFolder, EvolutionSettings
from codeit_jax.evolution.jobs import Breeding, Stock
from codeit_jax.evolution.rounds import Evolver
from codeit_jax.evolution.state import TaskState
from codeit_jax.evolution.stock import (
    execution_config,
    fitted,
    gather_stock,
    identify_seeds,
    read_seeds,
    write_stock,
)
from codeit_jax.execution.host import start_pool
from codeit_jax.execution.led_pool import Leader
from codeit_jax.execution.pool import ExecutionPool
from codeit_jax.mutation.distillation.cache import DISTILLED
from codeit_jax.mutation.parents import OutOfTimeError
from codeit_jax.reading.paths import expand_home
from codeit_jax.results.answer_folder import AnswerFolder, AnswerSettings
from codeit_jax.results.answer_score import AnswerScore, score_answers
from codeit_jax.results.answered import Answered, answered, is_given
from codeit_jax.results.telling import tell_answers
from codeit_jax.run.display import Display
from codeit_jax.run.files import scratch_folder, writable_cache
from codeit_jax.run.interruption import begin_keeping
from codeit_jax.search.verification import Outputs, run_again

DEFAULT_MINUTES = 10.0
_FEW_TASKS = 4  # below which a task has several populations, so that workers do not idle
_DISTILLING_SHARE = 0.4  # of the time, at most; a first start takes two minutes for it
_WRITING_SHARE = 0.5  # of the time, at most, that a policy has
_END_SECONDS = 2.0  # that confirming and drawing take at the end, and for each task:
_END_SECONDS_PER_TASK = 0.01
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
) -> Solved:
    """Answers tasks, from the start or from where an earlier call with this folder stopped.

    Test outputs that are known are taken away before anything else is done; the score alone looks at them.

    Args:
        tasks: the tasks.
        config: how they are answered.
        source: where they come from; None for nowhere that is to be named.
        console: where progress is shown; by default standard output.
        leader: of other processes whose workers help; None for none.

    Returns:
        The answers, which the folder holds, too.

    Raises:
        UserError: a file, the tasks, the folder or the run are wrong; the message says what and where.
        RuntimeError: a program did not give again what it is said to give.
    """
    _check(tasks, source, config)
    hidden = [_without_test_outputs(task) for task in tasks]
    with Display(console) as display:
        solver = _Solver(hidden, config, source or "tasks", display, leader)
        answers, outputs = solver.run()
        solved = Solved(tuple(answers), score_answers(tasks, answers, outputs))
        solver.folder.save_score(solved.score)
        tell_answers(tasks, solved.answers, solved.score, config.output, display)
    return solved


class _Solver:
    """Answers tasks whose test outputs are hidden."""

    def __init__(
        self,
        tasks: Sequence[Task],
        config: SolveConfig,
        source: str,
        display: Display,
        leader: Leader | None,
    ) -> None:
        self._started = time.monotonic()
        self._leader = leader
        self._tasks = tasks
        self._config = config
        self._source = source
        self._display = display
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
        with self.folder.hold():
            begin_keeping()
            joining = self._joining()
            with start_pool(self._tasks, self._execution, self._leader) as pool:
                answers = self._evolve(pool, joining)
            self._display.phase("running the answers again")
            with start_pool(self._tasks, self._execution, self._leader) as pool:
                outputs = _confirmed(pool, answers)
            self.folder.draw(answers)
        return answers, outputs

    def _evolve(self, pool: ExecutionPool, joining: Mapping[int, Sequence[str]]) -> list[Answered]:
        config, tasks = self._config, self._tasks
        # Claimed before training programs are distilled, which takes minutes.
        folder = EvolutionFolder(self.folder.evolution, tasks, self._evolution_settings())
        if config.is_thorough:
            folder.state.rounds.max_short = 0

        def states() -> list[list[TaskState]]:
            return [folder.state.rounds.tasks[place :: len(tasks)] for place in range(len(tasks))]

        published: list[Answered] = []

        def publish() -> None:
            published[:] = map(answered, tasks, states())
            self.folder.publish(published)

        def status() -> str:  # after every turn, so that attempts are not chosen for it
            answers = [[answer for each in of_task for answer in each.answers] for of_task in states()]
            num_given = sum(map(is_given, answers))
            return f"{num_given} of {len(tasks)} tasks have a program for all demonstrations"

        with folder.hold(), scratch_folder() as scratch:
            stock = self._gather(pool)
            folder.begin(identify_seeds(stock.seeds))
            evolver = Evolver(
                pool,
                tasks,
                write_stock(stock, scratch, pool),
                fitted(config.breeding, stock),
                config.turn_work,
                config.seed,
            )
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

    def _joining(self) -> dict[int, tuple[str, ...]]:
        """Returns the programs that were written for tasks, by the places of all their populations."""
        written: dict[str, dict[str, None]] = {task.id: {} for task in self._tasks}
        for task_id, program in self._given:
            written.get(task_id, {})[str(program)] = None
        for task_id, texts in (self._written() if self._config.workdir else {}).items():
            written[task_id] |= dict.fromkeys(texts)
        each = [tuple(written[task.id]) for task in self._tasks]
        return dict(enumerate(each * self._num_populations))

    def _written(self) -> dict[str, list[str]]:
        """Returns what the run's policy writes for tasks, and candidates for those that it knows by id."""
        written = self.folder.written()
        if written is None:
            from codeit_jax.policy.program_sampler import journaled
            from codeit_jax.run.compilation import keep_compiled  # JAX takes a second to start
            from codeit_jax.trained import load_policy

            config = self._config
            self._display.phase("reading the policy")
            keep_compiled()
            trained = load_policy(config.workdir)
            self._display.phase(
                f"sampling from the policy of meta-iteration {trained.meta_iteration}",
                config.num_samples * len(self._tasks),
            )
            texts: dict[str, dict[str, None]] = {task.id: {} for task in self._tasks}
            for task in self._tasks:
                candidates = trained.solutions.all.candidates(task.id)
                texts[task.id] |= dict.fromkeys(each.program for each in candidates)
            deadline = self._started + _WRITING_SHARE * (config.seconds or math.inf)
            sample = functools.partial(
                trained.sample_programs, self._tasks, num_samples=config.num_samples, seed=config.seed
            )
            journal = self.folder.writing(trained.meta_iteration)
            for sampled in journaled(journal, lambda known: sample(known=known)):
                texts[self._tasks[sampled.task_index].id] |= dict.fromkeys(_programs(sampled.texts))
                self._display.advance(len(sampled.texts))
                if time.monotonic() > deadline:
                    self._display.note("there is no time for more samples")
                    break
            written = {task_id: list(each) for task_id, each in texts.items()}
            self.folder.save_written(written)
        return written

    def _gather(self, pool: ExecutionPool) -> Stock:
        config = self._config
        folder = writable_cache(self._display.note) or self.folder.path
        gather = functools.partial(
            gather_stock,
            given=self._given,
            pool=pool,
            cache=folder / DISTILLED,
            display=self._display,
            has_edges=config.breeding.states_work > 0,
        )
        kind = config.parents
        if self.folder.is_undistilled and kind is not None:
            kind = ParentKind.ORIGINAL
        try:
            return gather(kind, deadline=self._started + _DISTILLING_SHARE * (config.seconds or math.inf))
        except OutOfTimeError:
            self._display.note(
                "there is no time to distil the training programs, which are taken as they are;"
                " the next start goes on with it"
            )
            self.folder.begin_undistilled()
            return gather(ParentKind.ORIGINAL)

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


def _programs(texts: Sequence[str]) -> Iterator[str]:
    """Yields those texts that are programs, in their canonical form."""
    for text in texts:
        with contextlib.suppress(ProgramError):
            yield str(parse_program(text))


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
