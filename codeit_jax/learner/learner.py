"""The learner: it owns the policy's parameters and improves them on the experiences it is given."""

import itertools
import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from etils import epath
from flax import nnx

from codeit_jax.config import LearnerConfig
from codeit_jax.config.division import check_batch
from codeit_jax.learner.batching import Batch, Example, count_tokens, make_batches
from codeit_jax.learner.step import LearnerState, StepMetrics, make_optimizer, make_score, make_step
from codeit_jax.policy.sharding import ShardingRules, batch_sharding, parameter_sharding, row_shares
from codeit_jax.run.files import replacing

# Updates whose examples are ordered by length together. More would pad less, but the first one waits for all.
_UPDATES_ORDERED = 16

# Updates that the host lets the devices have before them: while they make one, the next one's batch is there.
_UPDATES_AHEAD = 2


@dataclass(frozen=True)
class LearnerMetrics:
    """Measurements of one call of `Learner.learn`.

    Attributes:
        loss: mean cross-entropy of all program tokens, in nats, each before its own update.
        token_accuracy: share of those tokens that were the most likely one.
        gradient_norm: mean over the updates of the gradient's global norm, before any clipping.
        num_examples: examples learned from, once or more.
        num_steps: updates made.
        num_tokens: program tokens learned from.
        padding_share: share of all tokens in the batches, of prompts and programs, that were padding.
    """

    loss: float
    token_accuracy: float
    gradient_norm: float
    num_examples: int
    num_steps: int
    num_tokens: int
    padding_share: float


@dataclass(frozen=True)
class Update:
    """Measurements of an update, on the host; the attributes are those of `StepMetrics`."""

    loss: float
    token_accuracy: float
    gradient_norm: float
    num_tokens: int


@dataclass
class Progress:
    """How far a learner has come with what it is to learn from, epoch after epoch.

    Attributes:
        done: the measurements of the calls of `Learner.learn` that have ended.
        updates: those of the updates of the call at hand.
    """

    done: list[LearnerMetrics] = field(default_factory=list)
    updates: list[Update] = field(default_factory=list)

    @property
    def num_updates(self) -> int:
        """Updates made in all."""
        return sum(metrics.num_steps for metrics in self.done) + len(self.updates)

    @property
    def num_tokens(self) -> int:
        """Program tokens learned from in all."""
        done = sum(metrics.num_tokens for metrics in self.done)
        return done + sum(update.num_tokens for update in self.updates)


class Pause(Protocol):
    """What a learner gives room to between two updates."""

    def is_due(self) -> bool:
        """Returns whether it wants room now; asked after each update."""
        ...

    def take(self) -> None:
        """Does what it wants; all updates are in the progress, and the learner's state is that after them."""
        ...


class Learner:
    """Improves a policy on experiences (paper, learning from prioritised replay).

    Every process of a run makes the same calls with the same examples and random states; each puts its own
    devices' share of a batch on them.

    Args:
        graphdef: what `nnx.split` made of the policy.
        params: its parameters.
        config: the learner's settings.
        mesh: the devices, as `make_mesh` lays them out.
        seed: of dropout.
        sharding_rules: how the parameters are split over the mesh, see `Network`; without any, each is whole
            on every device.
        takes_params: whether the parameters' arrays become the learner's, which deletes them; else they are
            copied.
        failure_folder: where the batch is saved whose loss or gradient is not finite; None for nowhere.

    Raises:
        ConfigError: the rows of a micro-batch cannot be shared out evenly over the mesh.
    """

    def __init__(
        self,
        graphdef: nnx.GraphDef,
        params: Any,
        config: LearnerConfig,
        mesh: jax.sharding.Mesh,
        seed: int,
        *,
        sharding_rules: ShardingRules = (),
        takes_params: bool = False,
        failure_folder: epath.PathLike | None = None,
    ) -> None:
        check_batch(config, row_shares(mesh))
        self._config = config
        self._failure_folder = failure_folder
        self._mesh = mesh
        self._batch_sharding = batch_sharding(mesh)
        optimizer = make_optimizer(config)

        def initial_state(params: Any, key: jax.Array) -> LearnerState:
            # Every step donates what it is given, and the caller's arrays are not to vanish.
            # (`device_put` shares memory with what it is given, `may_alias=False` or not.)
            params = params if takes_params else jax.tree.map(jnp.copy, params)
            return LearnerState(params, optimizer.init(params), jnp.zeros((), jnp.int32), key)

        key = jax.random.key_data(jax.random.key(seed))
        state = jax.eval_shape(initial_state, params, key)
        self._state_sharding = parameter_sharding(state, mesh, sharding_rules)
        params = jax.device_put(params, self._state_sharding.params)
        donated = (0,) if takes_params else ()
        start = jax.jit(initial_state, out_shardings=self._state_sharding, donate_argnums=donated)
        self._state = start(params, key)
        self._step = make_step(
            graphdef,
            optimizer,
            self._state_sharding,
            num_micro_batches=config.num_micro_batches,
            rematerialize=config.rematerialize,
        )
        self._score = make_score(graphdef, self._state_sharding)

    @property
    def mesh(self) -> jax.sharding.Mesh:
        """The devices."""
        return self._mesh

    @property
    def params(self) -> Any:
        """The current parameters; the next call of `learn` deletes these arrays."""
        return self._state.params

    @property
    def state(self) -> LearnerState:
        """All there is to save; the next call of `learn` deletes its arrays."""
        return self._state

    @property
    def abstract_state(self) -> LearnerState:
        """Shapes, dtypes and shardings of the state: where a checkpoint is to be restored to."""

        def abstract(leaf: jax.Array, sharding: Any) -> jax.ShapeDtypeStruct:
            return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)

        return jax.tree.map(abstract, self._state, self._state_sharding)

    def restore(self, state: LearnerState) -> None:
        """Goes on from a state laid out as `abstract_state`, and takes its arrays over."""
        self._state = state

    def learn(
        self,
        examples: Iterable[Example],
        rng: np.random.Generator,
        progress: Progress | None = None,
        pause: Pause | None = None,
    ) -> LearnerMetrics:
        """Learns from every example, `num_epochs` times.

        Args:
            examples: what to learn from, in random order; drawn a few updates ahead of their own.
            rng: what shuffles those few.
            progress: of this call, cut short earlier: batches whose updates it has are passed over. Each
                update is entered; the measurements of all of them are its last entry at the end.
            pause: what may happen between two updates.

        Raises:
            ValueError: there are no examples, or one is longer than the largest bucket.
            FloatingPointError: an update's loss or gradient was not finite; the message names the step and
                the file with its batch. The parameters are then of no use any more.
        """
        progress = progress or Progress()
        updates = progress.updates
        # Updates not looked at yet: metrics are asked for late, so that the devices never wait for the host.
        pending: deque[tuple[Batch, StepMetrics]] = deque()
        num_passed = len(updates)
        first_step = int(self._state.step) - num_passed
        num_kept = num_total = num_rows = 0

        def look() -> None:
            batch, metrics = pending.popleft()
            updates.append(_on_host(metrics))
            self._check_finite(updates[-1], batch, first_step + len(updates) - 1)

        for number, batch in enumerate(self._batches(examples, rng)):
            kept, total = count_tokens(batch)
            num_kept, num_total = num_kept + kept, num_total + total
            num_rows += int(batch.program_mask.any(axis=1).sum())
            if number < num_passed:
                continue
            self._state, metrics = self._step(self._state, jax.tree.map(self._put, batch))
            pending.append((batch, metrics))
            due = pause if pause is not None and pause.is_due() else None
            while len(pending) > (_UPDATES_AHEAD if due is None else 0):
                look()
            if due is not None:
                due.take()
        while pending:
            look()
        if not updates:
            raise ValueError("there are no examples to learn from")
        learned = _summarize(updates, num_rows // self._config.num_epochs, 1 - num_kept / num_total)
        progress.done.append(learned)
        updates.clear()
        return learned

    def score(self, examples: Iterable[Example]) -> float:
        """Returns the mean cross-entropy of some examples' program tokens, in nats; NaN if there are none.

        It is that of the policy as it is, without dropout. As many as a micro-batch holds are looked
        at, padded to the longest of its shapes, so that this compiles once.
        """
        config = self._config
        rows = config.batch_size // config.num_micro_batches
        looked_at = list(itertools.islice(examples, rows))
        if not looked_at:
            return math.nan
        longest = config.prompt_buckets[-1:], config.program_buckets[-1:]
        (batch,) = make_batches(looked_at, rows, *longest, np.random.default_rng(0))
        return float(self._score(self._state.params, jax.tree.map(self._put, batch)))

    def _check_finite(self, metrics: Update, batch: Batch, step: int) -> None:
        if np.isfinite(metrics.loss) and np.isfinite(metrics.gradient_norm):
            return
        message = (
            f"learner step {step}: loss {metrics.loss} and gradient norm {metrics.gradient_norm} "
            "must be finite"
        )
        if self._failure_folder is not None:
            file = epath.Path(self._failure_folder) / f"batch_of_step_{step}.npz"
            message += f"; the batch is in {file}"
            # Every process has the whole batch, and one copy is enough.
            if jax.process_index() == 0:
                file.parent.mkdir(parents=True, exist_ok=True)
                with replacing(file) as opened:
                    np.savez_compressed(opened, step=step, **asdict(batch))
        raise FloatingPointError(message)

    def _batches(self, examples: Iterable[Example], rng: np.random.Generator) -> Iterator[Batch]:
        config = self._config
        buckets = config.prompt_buckets, config.program_buckets
        drawn = iter(examples)
        parts: list[list[Example]] = []  # for further epochs
        while part := list(itertools.islice(drawn, _UPDATES_ORDERED * config.batch_size)):
            if config.num_epochs > 1:
                parts.append(part)
            yield from make_batches(part, config.batch_size, *buckets, rng)
        for part in parts * (config.num_epochs - 1):
            yield from make_batches(part, config.batch_size, *buckets, rng)

    def _put(self, array: np.ndarray) -> jax.Array:
        return jax.make_array_from_callback(array.shape, self._batch_sharding, lambda index: array[index])


def _on_host(metrics: StepMetrics) -> Update:
    loss, accuracy, norm, num_tokens = jax.device_get(
        (metrics.loss, metrics.token_accuracy, metrics.gradient_norm, metrics.num_tokens)
    )
    return Update(float(loss), float(accuracy), float(norm), int(num_tokens))


def _summarize(updates: Sequence[Update], num_examples: int, padding_share: float) -> LearnerMetrics:
    tokens = np.array([update.num_tokens for update in updates], np.int64)
    return LearnerMetrics(
        loss=float(np.average([update.loss for update in updates], weights=tokens)),
        token_accuracy=float(np.average([update.token_accuracy for update in updates], weights=tokens)),
        gradient_norm=float(np.mean([update.gradient_norm for update in updates])),
        num_examples=num_examples,
        num_steps=len(updates),
        num_tokens=int(tokens.sum()),
        padding_share=padding_share,
    )
