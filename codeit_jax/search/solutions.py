"""Solutions: the candidates that tasks are answered with, and which of them are right."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from codeit_jax.search.ranking import NUM_ANSWERS, Candidate, Performance, Rank, shortness


class SolutionBook:
    """The best candidates of every task, so far."""

    def __init__(self) -> None:
        self._candidates: dict[str, list[Candidate]] = {}

    def add(self, task_id: str, candidate: Candidate) -> None:
        """Enters a candidate; one already known, or outside the task's top three, changes nothing."""
        known = self._candidates.setdefault(task_id, [])
        if any(other.program == candidate.program for other in known):
            return
        known.append(candidate)
        known.sort(key=lambda other: other.rank)
        del known[NUM_ANSWERS:]

    def candidates(self, task_id: str) -> tuple[Candidate, ...]:
        """Returns the task's top three, best first."""
        return tuple(self._candidates.get(task_id, ()))

    def find(self, task_id: str, program: str) -> Candidate | None:
        """Returns the candidate of a task that is this program, if there is one."""
        return next((known for known in self.candidates(task_id) if known.program == program), None)

    def bound(self, task_id: str) -> Rank | None:
        """Returns the rank that a new candidate has to come before; None while any may enter."""
        known = self._candidates.get(task_id, [])
        return known[-1].rank if len(known) == NUM_ANSWERS else None

    def programs(self) -> set[str]:
        """Returns the programs that are candidates of any task."""
        return {candidate.program for known in self._candidates.values() for candidate in known}

    def solved(self) -> dict[str, Candidate]:
        """Returns, by task id, the first of the top three that gives every test output, if any does."""
        solved = {}
        for task_id, candidates in sorted(self._candidates.items()):
            for candidate in candidates:
                if candidate.performance.test == 1:
                    solved[task_id] = candidate
                    break
        return solved

    def state(self) -> dict[str, Any]:
        """Returns the book as JSON-able data, for a checkpoint."""
        return {
            task_id: list(map(candidate_to_json, candidates))
            for task_id, candidates in sorted(self._candidates.items())
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "SolutionBook":
        """Restores what `state` returned."""
        book = cls()
        book._candidates = {
            task_id: list(map(candidate_from_json, candidates)) for task_id, candidates in state.items()
        }
        return book


class Source(StrEnum):
    """Who wrote the programs of candidates."""

    MUTATION = "mutation"  # nobody: training programs, and mutants of these
    POLICY = "policy"
    EVOLUTION = "evolution"


class Solutions:
    """The best candidates of every task so far, of all sources and of each alone.

    Attributes:
        all: those of all sources, ranked together.
        of: those of each source.
    """

    def __init__(self) -> None:
        self.all = SolutionBook()
        self.of = {source: SolutionBook() for source in Source}
        self._history: dict[str, list[dict[str, Any]]] = {}

    def add(self, task_id: str, candidate: Candidate, source: Source) -> None:
        """Enters a candidate; see `SolutionBook.add`."""
        self.all.add(task_id, candidate)
        self.of[source].add(task_id, candidate)

    def note_solved(self) -> tuple[int, int]:
        """Notes which programs solve tasks by now, so that it is known how these were found and got shorter.

        To be called when a meta-iteration is done: the order in which its candidates came then has no part
        in it.

        Returns:
            How many tasks are solved that never were, and of how many the solution got shorter.
        """
        num_first = num_shortened = 0
        for task_id, candidate in self.all.solved().items():
            history = self._history.setdefault(task_id, [])
            if not history or history[-1]["program"] != candidate.program:
                num_first += not history
                num_shortened += bool(history) and _length(candidate.program) < _length(
                    history[-1]["program"]
                )
                source = self._first_source(task_id, candidate.program)
                history.append(
                    {
                        "program": candidate.program,
                        "meta_iteration": candidate.meta_iteration,
                        "found_by": source.value if source else "",
                    }
                )
        return num_first, num_shortened

    def num_solved(self, source: Source) -> int:
        """Returns how many tasks the candidates of a source solve by themselves."""
        return len(self.of[source].solved())

    def num_solved_only(self, source: Source) -> int:
        """Returns how many tasks the candidates of a source solve, and those of no other."""
        others = [book.solved() for other, book in self.of.items() if other is not source]
        return len(self.of[source].solved().keys() - set().union(*others))

    def to_json(self) -> dict[str, Any]:
        """Returns every solved task with the program that solves it, as written to `solutions.json`.

        Beside it who wrote this program first, all who solve the task, and its `history`: the programs that
        solved it at the end of some meta-iteration, in that order.
        """
        solved = {source: book.solved() for source, book in self.of.items()}
        return {
            task_id: candidate_to_json(candidate)
            | {
                "found_by": self._first_source(task_id, candidate.program),
                "solved_by": [source for source, tasks in solved.items() if task_id in tasks],
                "history": self._history.get(task_id, []),
            }
            for task_id, candidate in self.all.solved().items()
        }

    def _first_source(self, task_id: str, program: str) -> Source | None:
        """Returns who wrote a program first; in one meta-iteration the policy does before it is bred."""
        found = {source: book.find(task_id, program) for source, book in self.of.items()}
        written = {source: each.meta_iteration for source, each in found.items() if each is not None}
        return min(written, key=written.__getitem__, default=None)

    def state(self) -> dict[str, Any]:
        """Returns all of it as JSON-able data, for a checkpoint."""
        books = {source.value: book.state() for source, book in self.of.items()}
        history = {task_id: list(entries) for task_id, entries in self._history.items()}
        return {"all": self.all.state(), **books, "history": history}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Solutions":
        """Restores what `state` returned."""
        solutions = cls()
        if "all" not in state:  # earlier versions did not tell sources apart
            solutions.all = SolutionBook.from_state(state)
            return solutions
        solutions.all = SolutionBook.from_state(state["all"])
        solutions.of = {source: SolutionBook.from_state(state[source.value]) for source in Source}
        # Earlier versions kept none.
        solutions._history = {task: list(entries) for task, entries in state.get("history", {}).items()}
        return solutions


def _length(program: str) -> tuple[int, int]:
    """Returns how long a program is: in lines and, of as many lines, in characters."""
    return shortness(program)[:2]


def candidate_to_json(candidate: Candidate) -> dict[str, Any]:
    """Returns a candidate as JSON-able data."""
    return {
        "program": candidate.program,
        "demonstration_performance": candidate.performance.demonstration,
        "test_performance": candidate.performance.test,
        "meta_iteration": candidate.meta_iteration,
    }


def candidate_from_json(values: Mapping[str, Any]) -> Candidate:
    """Restores what `candidate_to_json` returned."""
    performance = Performance(values["demonstration_performance"], values["test_performance"])
    return Candidate(values["program"], performance, values["meta_iteration"])
