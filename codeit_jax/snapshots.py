"""Snapshots of a run's state, and what lies in its folder made to agree with the one that is gone on from."""

import contextlib
import dataclasses
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from etils import epath

from codeit_jax.components import State
from codeit_jax.config import Config
from codeit_jax.errors import UserError, naming
from codeit_jax.evolution.rounds import Rounds
from codeit_jax.learner.learner import Learner, LearnerMetrics, Progress, Update
from codeit_jax.replay import ReplayBuffer
from codeit_jax.replay.segments import SegmentStore
from codeit_jax.replay.states import segment_names
from codeit_jax.run.agreement import Agreement, check_equal
from codeit_jax.run.checkpoint import Checkpointer
from codeit_jax.run.files import write_json
from codeit_jax.run.interruption import Terminated, begin_keeping, is_requested, raise_requested
from codeit_jax.run.journal import Journal
from codeit_jax.run.manifest import DamageError
from codeit_jax.run.metrics import PERFORMANCE, IterationMetrics, read_rows
from codeit_jax.run.peers import ALONE, Peers, by_first
from codeit_jax.run.restoration import NoneWholeError, restore_first
from codeit_jax.search.solutions import Solutions

_BUFFERS = ("training_buffer", "policy_buffer")
_COMPLETE = "checkpoints"
_MIDWAY = "progress/checkpoints"
_SAMPLES = "samples"

Restored = tuple[State, list[IterationMetrics]]


def latest_snapshot(workdir: epath.Path) -> int | None:
    """Returns the meta-iteration after which a run's newest checkpoint was taken; None where it has none."""
    return Checkpointer(workdir / _COMPLETE).latest_step()


class Snapshots:
    """Takes snapshots of a run and goes on from them; a context manager that waits for the last one.

    A snapshot between two meta-iterations is a checkpoint of the run. One that is taken while the learner is
    at work holds its state as it is by then, and the rest as it was when the meta-iteration, or the warm-up,
    began: what was done since is in the journal. It is a `Pause` of the learner.

    Args:
        workdir: the run's folder.
        config: the run, with which snapshots are kept.
        fingerprint: what tells the policy's tokenizer from others.
        journal: what the meta-iteration at hand has sampled, which goes into a snapshot that is taken midway.
        peers: the processes of the run.
    """

    def __init__(
        self,
        workdir: epath.Path,
        config: Config,
        fingerprint: str,
        journal: Journal | None = None,
        peers: Peers = ALONE,
    ) -> None:
        self._journal = journal or Journal()
        self._peers = peers
        self._workdir = workdir
        self._fingerprint = fingerprint
        self._segments = SegmentStore(workdir / "replay", is_writer=peers.number == 0)
        self._complete = Checkpointer(
            workdir / _COMPLETE,
            keep=config.kept_checkpoints,
            keep_every=config.kept_checkpoint_interval,
            peers=peers,
        )
        self._midway = Checkpointer(workdir / _MIDWAY, keep=1, peers=peers)
        self._agreement = Agreement(peers)
        self._seconds = 60 * config.checkpoint_minutes
        self._taken_at = time.monotonic()
        self._state: State | None = None
        self._marked: dict[str, Any] = {}
        self._on_disk: tuple[int, ...] = ()

    def __enter__(self) -> "Snapshots":
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._complete.close()
        finally:
            self._midway.close()

    def mark(self, state: State, rows: Sequence[IterationMetrics]) -> None:
        """Takes note of what a run has come to between two meta-iterations, or before the warm-up.

        Args:
            state: the run's; what the learner makes of it from now on is saved beside what is noted.
            rows: its table.

        Raises:
            UserError: there is no room for the buffers' segments, or no permission.
            RuntimeError: the processes of the run have not come to the same.
        """
        with naming(self._workdir):
            self._state = state
            self._marked = {
                "meta_iteration": state.meta_iteration,
                "training_buffer": state.training_buffer.state(self._segments),
                "policy_buffer": state.policy_buffer.state(self._segments),
                "solutions": state.solutions.state(),
                "populations": state.populations.state(),
                "tokenizer": self._fingerprint,
                "rows": list(map(dataclasses.asdict, rows)),
            }
        check_equal(self._peers, self._marked, f"meta-iteration {state.meta_iteration}")

    def save(self) -> None:
        """Saves what was marked, which is written while the run goes on, and writes the solutions.

        Raises:
            UserError: there is no room for it, or no permission, or there was none for the snapshot before.
        """
        state = self._marked_state()
        self._wait()
        with naming(self._workdir):
            self._forget()
            self._write_solutions(state)
        self._complete.save(state.meta_iteration, learner_state=state.learner.state, host_state=self._marked)
        self._is_saved()

    def is_due(self) -> bool:
        """Returns whether the learner is to pause: there is something to save, or the run is to end."""
        is_late = 0 < self._seconds <= time.monotonic() - self._taken_at
        return self._agreement.is_due(is_late or is_requested())

    def take(self) -> None:
        """Saves how far the learner is, and ends the run where that is asked for.

        Raises:
            UserError: see `save`.
            KeyboardInterrupt: there was a Ctrl-C.
            Terminated: there was a SIGTERM.
        """
        self.keep()
        is_asked = any(self._peers.gather(is_requested()))
        raise_requested()
        if is_asked:
            raise Terminated  # as another process is

    def keep(self) -> None:
        """Saves what the run has come to, but for what is on the disk or in the journal; see `save`."""
        state = self._marked_state()
        if self._position(state) == self._on_disk:
            return
        self._wait()
        self._midway.save(
            (self._midway.latest_step() or 0) + 1,
            learner_state=state.learner.state,
            host_state={
                **self._marked,
                "progress": dataclasses.asdict(state.progress),
                "samples": self._journal.samples(),
            },
        )
        self._is_saved()

    def wait(self) -> None:
        """Waits until the last snapshot is complete; see `save` for what it raises."""
        self._wait()
        self._forget_midway()

    def restore(self, learner: Learner, tell: Callable[[str], None]) -> Restored | None:
        """Goes on from the newest snapshot that is whole, with which solutions and samples then agree.

        Args:
            learner: the run's, which takes its parameters over.
            tell: is told of what is damaged.

        Returns:
            The state and the rows of the table, none where the warm-up is still to be done; None if there is
            nothing to go on from.

        Raises:
            UserError: the tokenizer is not the one that the run was begun with, or no snapshot is whole.
        """

        def use(step: int, learner_state: Any, host_state: dict[str, Any]) -> Restored:
            # Checkpoints of earlier versions do not tell.
            if host_state.get("tokenizer", self._fingerprint) != self._fingerprint:
                raise UserError("policy.tokenizer: has another vocabulary than when the run was begun")
            state = self._restored_state(step, learner, host_state)
            learner.restore(learner_state)
            rows = self._rows(step, host_state.get("rows"))
            self._journal.restore(len(rows), host_state.get("samples", ()))
            return state, rows

        steps = [(_num_rows(step), False, step) for step in self._complete.steps()]
        num_complete = len(steps)
        steps += [(self._num_rows_midway(step), True, step) for step in self._midway.steps()]
        newest_first = [
            (self._midway if is_midway else self._complete, step)
            for _, is_midway, step in sorted(steps, reverse=True)
        ]
        try:
            restored = restore_first(newest_first, learner.abstract_state, use, tell)
        except NoneWholeError as error:
            if num_complete:
                raise
            tell(f"it is begun anew: {error}")
            return None
        if restored is None:
            if (self._workdir / PERFORMANCE).exists():
                tell("there is no checkpoint to go on from: it is begun anew")
            return None
        state, rows = restored
        with naming(self._workdir):
            if rows:
                self._write_solutions(state)
            if self._peers.number == 0:
                self._forget_samples(state.meta_iteration)
        self.mark(state, rows)
        self._is_saved()
        return restored

    def _write_solutions(self, state: State) -> None:
        if self._peers.number == 0:
            write_json(self._workdir / "solutions.json", state.solutions.to_json())

    def _marked_state(self) -> State:
        if self._state is None:
            raise ValueError("there is nothing to save before something is marked")
        return self._state

    def _position(self, state: State) -> tuple[int, ...]:
        progress = state.progress
        return len(self._marked["rows"]), len(progress.done), len(progress.updates)

    def _is_saved(self) -> None:
        self._on_disk = self._position(self._marked_state())
        self._taken_at = time.monotonic()
        begin_keeping()

    def _wait(self) -> None:
        self._complete.wait()
        self._midway.wait()

    def _num_rows_midway(self, step: int) -> int:
        """Returns how many rows the run's table had before a snapshot that was taken midway."""
        try:
            return len(self._midway.read_host_text(step)["rows"])
        except DamageError:
            return sys.maxsize  # so that it is looked at first, and moved aside

    def _restored_state(self, step: int, learner: Learner, host_state: dict[str, Any]) -> State:
        populations = host_state.get("populations")
        training, policy = (ReplayBuffer.from_state(host_state[name], self._segments) for name in _BUFFERS)
        return State(
            meta_iteration=host_state.get("meta_iteration", step),
            training_buffer=training,
            policy_buffer=policy,
            solutions=Solutions.from_state(host_state["solutions"]),
            learner=learner,
            populations=Rounds.of(0) if populations is None else Rounds.from_state(populations),
            progress=_progress(host_state.get("progress", {})),
        )

    def _rows(self, step: int, rows: list[dict[str, Any]] | None) -> list[IterationMetrics]:
        if rows is None:  # of an earlier version
            return [row for row in read_rows(self._workdir) if row.meta_iteration <= step]
        return [IterationMetrics(**row) for row in rows]

    def _forget(self) -> None:
        """Removes what no snapshot needs: those midway of the past, and segments of the buffers."""
        self._forget_midway()
        if by_first(self._peers, lambda: bool(self._segments.names())):
            # One that cannot be read may name any; then they stay.
            with contextlib.suppress(DamageError):
                states = [self._marked]
                for checkpointer in (self._complete, self._midway):
                    states += map(checkpointer.read_host_text, checkpointer.steps())
                named = [segment_names(state[name]) for state in states for name in _BUFFERS]
                self._segments.retain(set().union(*named))

    def _forget_midway(self) -> None:
        latest = self._complete.latest_step()
        if latest is not None and all(
            self._num_rows_midway(step) < _num_rows(latest) for step in self._midway.steps()
        ):
            self._midway.clear()

    def _forget_samples(self, step: int) -> None:
        """Removes the samples of meta-iterations that are done again."""
        folder = self._workdir / _SAMPLES
        for file in folder.iterdir() if folder.exists() else ():
            number = file.name.partition(".")[0]
            if number.isdigit() and int(number) > step:
                file.unlink()


def _num_rows(meta_iteration: int) -> int:
    """Returns how many rows a run's table has after a meta-iteration; that of the warm-up is the first."""
    return meta_iteration + 1


def _progress(values: Mapping[str, Any]) -> Progress:
    return Progress(
        [LearnerMetrics(**each) for each in values.get("done", ())],
        [Update(**each) for each in values.get("updates", ())],
    )
