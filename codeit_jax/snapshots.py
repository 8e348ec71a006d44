"""Snapshots of a run's state, and what lies in its folder made to agree with the one that is gone on from."""

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from etils import epath

from codeit_jax.components import State
from codeit_jax.config import Config
from codeit_jax.errors import UserError, naming
from codeit_jax.evolution.rounds import Rounds
from codeit_jax.learner.learner import Learner
from codeit_jax.replay import ReplayBuffer
from codeit_jax.replay.segments import SegmentStore
from codeit_jax.replay.states import segment_names
from codeit_jax.run.checkpoint import Checkpointer
from codeit_jax.run.files import write_json
from codeit_jax.run.manifest import DamageError
from codeit_jax.run.metrics import IterationMetrics, read_rows
from codeit_jax.search.solutions import Solutions

_BUFFERS = ("training_buffer", "policy_buffer")
_SAMPLES = "samples"


class Snapshots:
    """Takes snapshots of a run and goes on from them; a context manager that waits for the last one.

    Args:
        workdir: the run's folder.
        config: the run, with which snapshots are kept.
        fingerprint: what tells the policy's tokenizer from others.
    """

    def __init__(self, workdir: epath.Path, config: Config, fingerprint: str) -> None:
        self._workdir = workdir
        self._fingerprint = fingerprint
        self._segments = SegmentStore(workdir / "replay")
        self._checkpointer = Checkpointer(
            workdir / "checkpoints", keep=config.kept_checkpoints, keep_every=config.kept_checkpoint_interval
        )

    def __enter__(self) -> "Snapshots":
        return self

    def __exit__(self, *_: object) -> None:
        self._checkpointer.close()

    def save(self, state: State, rows: Sequence[IterationMetrics]) -> None:
        """Takes a snapshot, which is written while the run goes on, and writes the solutions.

        Args:
            state: what the run has come to.
            rows: its table.

        Raises:
            UserError: there is no room for it, or no permission, or there was none for the snapshot before.
        """
        self._checkpointer.wait()
        with naming(self._workdir):
            self._forget_segments()
            training_buffer = state.training_buffer.state(self._segments)
            policy_buffer = state.policy_buffer.state(self._segments)
            write_json(self._workdir / "solutions.json", state.solutions.to_json())
        self._checkpointer.save(
            state.meta_iteration,
            learner_state=state.learner.state,
            host_state={
                "training_buffer": training_buffer,
                "policy_buffer": policy_buffer,
                "solutions": state.solutions.state(),
                "populations": state.populations.state(),
                "tokenizer": self._fingerprint,
                "rows": list(map(dataclasses.asdict, rows)),
            },
        )

    def wait(self) -> None:
        """Waits until the last snapshot is complete; see `save` for what it raises."""
        self._checkpointer.wait()

    def restore(
        self, learner: Learner, tell: Callable[[str], None]
    ) -> tuple[State, list[IterationMetrics]] | None:
        """Goes on from the newest snapshot that is whole, with which solutions and samples then agree.

        Args:
            learner: the run's, which takes its parameters over.
            tell: is told of what is damaged.

        Returns:
            The state and the rows of the table; None if there are no snapshots.

        Raises:
            UserError: the tokenizer is not the one that the run was begun with, or no snapshot is whole.
        """

        def use(
            step: int, learner_state: Any, host_state: dict[str, Any]
        ) -> tuple[State, list[IterationMetrics]]:
            # Checkpoints of earlier versions do not tell.
            if host_state.get("tokenizer", self._fingerprint) != self._fingerprint:
                raise UserError("policy.tokenizer: has another vocabulary than when the run was begun")
            state = self._state(step, learner, host_state)
            learner.restore(learner_state)
            return state, self._rows(step, host_state.get("rows"))

        restored = self._checkpointer.restore_newest(learner.abstract_state, use, tell)
        if restored is not None:
            with naming(self._workdir):
                state, _ = restored
                write_json(self._workdir / "solutions.json", state.solutions.to_json())
                self._forget_samples(state.meta_iteration)
        return restored

    def _state(self, step: int, learner: Learner, host_state: dict[str, Any]) -> State:
        populations = host_state.get("populations")
        training, policy = (ReplayBuffer.from_state(host_state[name], self._segments) for name in _BUFFERS)
        return State(
            meta_iteration=step,
            training_buffer=training,
            policy_buffer=policy,
            solutions=Solutions.from_state(host_state["solutions"]),
            learner=learner,
            populations=Rounds.of(0) if populations is None else Rounds.from_state(populations),
        )

    def _rows(self, step: int, rows: list[dict[str, Any]] | None) -> list[IterationMetrics]:
        if rows is None:  # of an earlier version
            return [row for row in read_rows(self._workdir) if row.meta_iteration <= step]
        return [IterationMetrics(**row) for row in rows]

    def _forget_segments(self) -> None:
        """Removes segments of the buffers that no checkpoint names."""
        if self._segments.names():
            # One that cannot be read may name any; then they stay.
            with contextlib.suppress(DamageError):
                states = map(self._checkpointer.read_host_text, self._checkpointer.steps())
                named = [segment_names(state[name]) for state in states for name in _BUFFERS]
                self._segments.retain(set().union(*named))

    def _forget_samples(self, step: int) -> None:
        """Removes the samples of meta-iterations that are done again."""
        folder = self._workdir / _SAMPLES
        for file in folder.iterdir() if folder.exists() else ():
            number = file.name.partition(".")[0]
            if number.isdigit() and int(number) > step:
                file.unlink()
