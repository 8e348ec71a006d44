"""An evolution at work in its folder, round after round, until its work or its time is spent."""

import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from codeit_jax.evolution.folder import EvolutionFolder
from codeit_jax.evolution.rounds import Evolver
from codeit_jax.run.display import Display

_PUBLISHED_EVERY = 60.0  # seconds


class Evolution:
    """Gives tasks their turns, and writes down what they come to.

    Args:
        folder: where it goes on from, and where it is saved.
        evolver: how tasks have their turns.
        display: where progress is shown.
        work: units of work for each population, on average, to end after; None for no such end.
        seconds: time, that of earlier starts included, to end after; None for no such end.
        shares_finds: whether what solves a task joins the populations of others.
        status: says in a line how it stands.
        publish: writes the results, each minute or so, when a round ends and at the end.
        joining: programs that join populations in their first turn, by their places.
    """

    def __init__(
        self,
        folder: EvolutionFolder,
        evolver: Evolver,
        display: Display,
        *,
        work: int | None,
        seconds: float | None = None,
        shares_finds: bool,
        status: Callable[[], str],
        publish: Callable[[], None],
        joining: Mapping[int, Sequence[str]] = MappingProxyType({}),
    ) -> None:
        self._folder = folder
        self._state = folder.state
        self._evolver = evolver
        self._display = display
        self._work = work
        self._seconds = seconds
        self._shares_finds = shares_finds
        self._status = status
        self._publish = publish
        self._joining = joining
        self._published = time.monotonic()
        self._begun = self._published - self._state.seconds

    def run(self) -> None:
        """Runs rounds until no task needs another, or all that was granted is spent."""
        rounds = self._state.rounds
        if any(task.turn for task in rounds.tasks):
            self._display.note(f"resumed in round {rounds.number + 1}")
        while not self._is_late():
            # As it was at the round's beginning: tasks that had their turn since count among those due.
            due = rounds.due()
            if not due and rounds.is_done():
                break
            granted = due[: self._num_affordable()]
            if not self._run_round(granted) or len(granted) < len(due) or self._num_affordable() == 0:
                break
            self._end_round()
        self._publish_now()

    def _publish_now(self) -> None:
        self._folder.save()
        self._publish()
        self._published = time.monotonic()

    def _is_late(self) -> bool:
        self._state.seconds = time.monotonic() - self._begun
        return self._seconds is not None and self._state.seconds >= self._seconds

    def _num_affordable(self) -> int | None:
        """Returns for how many turns there was work left when the round began; None for any number."""
        if self._work is None:
            return None
        work_before = self._state.points[-1].work if self._state.points else 0
        work_left = self._work * len(self._state.rounds.tasks) - work_before
        return max(0, -(-work_left // self._evolver.turn_work))

    def _run_round(self, places: Sequence[int]) -> bool:
        """Gives tasks their turns; returns whether there was time for all of them."""
        rounds = self._state.rounds
        joining = {} if rounds.number else self._joining
        num_left = sum(rounds.tasks[place].round < rounds.number for place in places)
        self._display.phase(f"round {rounds.number + 1}", num_left)
        for place in self._evolver.give_turns(rounds, places, joining):
            is_late = self._is_late()
            self._folder.save_task(place)
            self._display.describe(f"round {rounds.number + 1}: {self._status()}")
            self._display.advance()
            if time.monotonic() - self._published > _PUBLISHED_EVERY:
                self._publish_now()
            num_left -= 1
            if is_late and num_left:
                return False
        return True

    def _end_round(self) -> None:
        state = self._state
        state.rounds.end(shares_finds=self._shares_finds)
        point = state.point()
        if not state.points or point.work > state.points[-1].work:  # in some rounds every task waits
            state.points.append(point)
        self._publish_now()
        self._display.log(f"round {state.rounds.number}: {self._status()}")
