"""What an evolution has come to: for each task its population and finds, and whose turn it is next."""

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from codeit_jax.arc import Grid
from codeit_jax.evolution.jobs import Answer, Bred, Member, NearMiss
from codeit_jax.search.ranking import NUM_ANSWERS, Candidate
from codeit_jax.search.solutions import candidate_from_json, candidate_to_json

NUM_SHORTENING_TURNS = 1  # that a population has once it gives all demonstrations
NUM_TWO = 2  # answers by the rule of the ARC Prize
STALE = (3, 8)  # turns without progress after which a task waits for every other round, and every fourth
MAX_STALE = 2  # turns without progress after which a population is given up for another
MAX_SHORT = 12  # lines of a program that is likely to mean what its task does
MAX_POPULATIONS = 6  # that a task has in search of one as short


@dataclasses.dataclass
class TaskState:
    """The evolution of one task.

    Attributes:
        turn: jobs it has had.
        round: the round, from 0, of the last of them; -1 before the first.
        beginning: the population that the seeds gave, from which others begin as well.
        num_populations: those there were.
        is_seeded: whether the last has to do with programs, and not with states alone.
        begun: the turn from which the ages of the last are counted.
        members: the last, nearest first.
        nearest: the least error in it; None before it had a turn.
        last_advance: the turn after which it was that.
        candidates: the best three by the paper's rule.
        origins: how their programs came about.
        answers: the best three whose outputs differ, of those to all test inputs.
        others: for each test input the best three of other answers: see `Bred`.
        near_miss: its nearest program; None before the first turn.
        num_programs: programs that were run.
        work: what all that took.
        error: the least there was; None before the first turn.
        last_progress: the turn after which it was that.
        num_finds: finds of all tasks that the population has been given.
    """

    turn: int = 0
    round: int = -1
    beginning: tuple[Member, ...] = ()
    num_populations: int = 0
    is_seeded: bool = True
    begun: int = 0
    members: tuple[Member, ...] = ()
    nearest: float | None = None
    last_advance: int = 0
    candidates: tuple[Candidate, ...] = ()
    origins: dict[str, str] = dataclasses.field(default_factory=dict)
    answers: tuple[Answer, ...] = ()
    near_miss: NearMiss | None = None
    num_programs: int = 0
    work: int = 0
    error: float | None = None
    last_progress: int = 0
    num_finds: int = 0
    others: tuple[Answer, ...] = ()

    @property
    def stagnation(self) -> int:
        """Turns without progress."""
        return self.turn - self.last_progress

    @property
    def find(self) -> str | None:
        """The shortest program that gives all demonstrations, if there is one."""
        best = self.candidates[0] if self.candidates else None
        return best.program if best and best.performance.demonstration == 1 else None

    @property
    def solution(self) -> Candidate | None:
        """The first of the three candidates that gives every test output, if one does."""
        return next((each for each in self.candidates if each.performance.test == 1), None)

    @property
    def is_stale(self) -> bool:
        """Whether the population is to be given up for another, or for none once the task is given."""
        limit = NUM_SHORTENING_TURNS if self.nearest == 0 else MAX_STALE
        return self.nearest is not None and self.turn - self.last_advance >= limit

    def is_done(self, max_short: int = MAX_SHORT) -> bool:
        """Whether all demonstrations are given, and enough has been done for short programs that do.

        One of more lines than `max_short` rather gives them by chance, and so other populations are bred.
        """
        if self.find is None or not self.is_stale:
            return False
        return self.find.count("\n") < max_short or self.num_populations >= MAX_POPULATIONS

    def is_due(self, number: int, index: int, max_short: int = MAX_SHORT) -> bool:
        """Whether the task takes part in a round: one without progress does less often, but none starves."""
        period = 1 if self.stagnation < STALE[0] else 2 if self.stagnation < STALE[1] else 4
        return not self.is_done(max_short) and (number + index) % period == 0

    def prepare(self, *, has_states: bool) -> None:
        """Begins another population where the last has been without progress for long.

        Args:
            has_states: whether every second one begins with states.
        """
        if not self.is_stale:
            return
        self.nearest, self.num_finds = None, 0
        self.is_seeded = not has_states or self.num_populations % 2 == 0
        if self.is_seeded:
            self.members = self.beginning
            self.begun = self.turn - 1  # as if it had had the turn in which the seeds were met
        else:
            self.members, self.begun = (), self.turn

    def take(self, bred: Bred, number: int, num_finds: int) -> None:
        """Enters what a job of a round has come to."""
        if not self.beginning:
            self.beginning, self.begun = bred.beginning, self.turn
        self.turn += 1
        self.num_populations += self.nearest is None
        self.round, self.num_finds = number, num_finds
        self.members = bred.members
        self.num_programs += bred.num_programs
        self.work += bred.work
        self.candidates = _best({each.program: each for each in (*self.candidates, *bred.candidates)})
        programs = [candidate.program for candidate in bred.candidates]
        origins = dict(zip(programs, bred.origins, strict=True)) | self.origins
        self.origins = {each.program: origins[each.program] for each in self.candidates}
        self.answers = best_answers((*bred.answers, *self.answers))
        self.others = best_others((*bred.others, *self.others))
        if bred.near_miss is not None:
            error = sum(bred.near_miss.errors)
            if self.nearest is None or error < self.nearest:
                self.nearest, self.last_advance = error, self.turn
            if self.error is None or error < self.error:
                self.error, self.last_progress = error, self.turn
                self.near_miss = bred.near_miss

    def skip(self, number: int) -> None:
        """Notes that a job of a round was given up."""
        self.turn += 1
        self.round = number

    def to_json(self) -> dict[str, Any]:
        """Returns the state as JSON-able data."""
        return dataclasses.asdict(self) | {
            "candidates": list(map(candidate_to_json, self.candidates)),
            "answers": list(map(_answer_to_json, self.answers)),
            "others": list(map(_answer_to_json, self.others)),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "TaskState":
        """Restores what `to_json` returned."""
        near_miss = values["near_miss"]
        return cls(
            **{
                **values,
                "beginning": tuple(map(tuple, values["beginning"])),
                "members": tuple(map(tuple, values["members"])),
                "candidates": tuple(map(candidate_from_json, values["candidates"])),
                "answers": tuple(map(_answer_from_json, values["answers"])),
                "others": tuple(map(_answer_from_json, values.get("others", ()))),  # of earlier versions none
                "near_miss": near_miss
                and NearMiss(
                    near_miss["program"],
                    _grids(near_miss["outputs"]),
                    tuple(near_miss["errors"]),
                    near_miss["verdict"],
                ),
            }
        )


@dataclasses.dataclass(frozen=True)
class EvolutionPoint:
    """The tasks that are solved after some work.

    Attributes:
        work: units of work, for all tasks together.
        num_programs: programs run, for all tasks together.
        solved: tasks of which one of the best three candidates gives every test output (the paper's rule).
        solved_strict: those of which one does that and gives all demonstrations, too.
        solved_by_three_answers: tasks of which one of three answers that differ is right.
        solved_by_two_answers: the same of two answers (the rule of the ARC Prize).
        share: `solved` as a share of all tasks.
        seconds: time that it took, with what came before breeding, of earlier starts, too.
    """

    work: int
    num_programs: int
    solved: int
    solved_strict: int
    solved_by_three_answers: int
    solved_by_two_answers: int
    share: float
    seconds: float


def point_of(states: Sequence[TaskState], seconds: float) -> EvolutionPoint:
    """Returns how many tasks are solved."""
    solved = [
        [each.performance for each in state.candidates if each.performance.test == 1] for state in states
    ]
    right = [[answer.candidate.performance.test == 1 for answer in state.answers] for state in states]
    num_solved = sum(map(bool, solved))
    return EvolutionPoint(
        work=sum(state.work for state in states),
        num_programs=sum(state.num_programs for state in states),
        solved=num_solved,
        solved_strict=sum(any(each.is_strict for each in found) for found in solved),
        solved_by_three_answers=sum(map(any, right)),
        solved_by_two_answers=sum(any(flags[:NUM_TWO]) for flags in right),
        share=num_solved / len(states),
        seconds=seconds,
    )


def _best(candidates: Mapping[str, Candidate]) -> tuple[Candidate, ...]:
    return tuple(sorted(candidates.values(), key=lambda each: each.rank)[:NUM_ANSWERS])


def best_answers(answers: Sequence[Answer]) -> tuple[Answer, ...]:
    """Returns the best three of a task's answers; of those with equal outputs the best candidate is kept."""
    return tuple(_distinct(answers)[:NUM_ANSWERS])


def best_others(answers: Sequence[Answer]) -> tuple[Answer, ...]:
    """Returns those of a task's answers that are among the best three for some test input, best first."""
    kept = []
    known: defaultdict[int, set[Grid]] = defaultdict(set)
    for answer in _distinct(answers):
        new = [
            (place, output)
            for place, output in enumerate(answer.outputs)
            if output is not None and output not in known[place] and len(known[place]) < NUM_ANSWERS
        ]
        if new:
            kept.append(answer)
        for place, output in new:
            known[place].add(output)
    return tuple(kept)


def _distinct(answers: Sequence[Answer]) -> list[Answer]:
    """Returns answers whose outputs differ, best first, each with the best of its candidates."""
    found: dict[tuple[Grid | None, ...], Answer] = {}
    for answer in answers:
        known = found.get(answer.outputs)
        if known is not None:
            best = min(known, answer, key=lambda each: (each.error, each.candidate.rank))
            answer = dataclasses.replace(best, num_programs=max(known.num_programs, answer.num_programs))
        found[answer.outputs] = answer
    return sorted(found.values(), key=lambda answer: answer.rank)


def _answer_to_json(answer: Answer) -> dict[str, Any]:
    return dataclasses.asdict(answer) | {"candidate": candidate_to_json(answer.candidate)}


def _answer_from_json(values: Mapping[str, Any]) -> Answer:
    outputs = tuple(output and tuple(map(tuple, output)) for output in values["outputs"])
    candidate = candidate_from_json(values["candidate"])
    return Answer(outputs, candidate, values["num_programs"], values.get("error", 0.0))


def _grids(values: Any) -> tuple[Grid, ...]:
    return tuple(tuple(map(tuple, grid)) for grid in values)
