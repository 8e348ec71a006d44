"""Drawing programs from the policy: many samples a task, decoded together with cached keys and values.

The device reads the prompts once and then writes a token of every program at each step, until few enough are
unfinished for a narrower shape, or the cache is full. Then the host takes the programs that have ended, and
those that have not move on to the next shape.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import lax

from codeit_jax.policy.constraints import Constraint, Unconstrained
from codeit_jax.policy.drawing import draw, row_uniforms
from codeit_jax.policy.network import PAD_ID, AnyNetwork
from codeit_jax.policy.sharding import on_host


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Samples:
    """Programs drawn from the policy, of several tasks or, without the first axis, of one.

    Attributes:
        tokens: int32 `[tasks, samples, max_length]`; after the end-of-sequence token all is `PAD_ID`. A
            program that was still going at `max_length` has no end-of-sequence token.
        log_probabilities: float32 `[tasks, samples]`: natural logarithm of the chance with which the program
            was drawn, at the temperature and under the constraint it was drawn with; 0 for greedy decoding.
        lengths: int32 `[tasks, samples]`: tokens drawn, the end-of-sequence token included.
    """

    tokens: np.ndarray
    log_probabilities: np.ndarray
    lengths: np.ndarray


@dataclass(frozen=True)
class Shape:
    """A shape that decoding is compiled for.

    Attributes:
        samples: programs of each task that are written side by side.
        length: tokens that they may come to.
    """

    samples: int
    length: int


def default_shapes(num_samples: int, max_length: int) -> tuple[Shape, ...]:
    """Returns the shapes that serve programs of which most are short and a few are long.

    All begin in a cache of a quarter of the length; whichever are unfinished when it is full go on in a whole
    one, and go on in a quarter of the rows as soon as they fit in there.
    """
    few, short = -(-num_samples // 4), -(-max_length // 4)
    return tuple(
        dict.fromkeys((Shape(num_samples, short), Shape(num_samples, max_length), Shape(few, max_length)))
    )


class Sampler:
    """Draws programs (paper, program sampling: 24 a task, at temperature 0.95).

    What is drawn for a task depends on its prompt, its key and the parameters alone: not on the tasks beside
    it, the padding of its prompt or the shapes in use, and a sample not on how many follow it.

    Two functions are compiled, for each length of prompt: one that reads prompts, and for each of `shapes`
    one that writes programs. Samplers of equal settings share them.

    Args:
        graphdef: what `nnx.split` of a `Network` returned beside the parameters.
        num_samples: programs a task.
        max_length: tokens a program at most.
        temperature: divides the logits; 0 takes the most likely token, the first of equals.
        eos_id: the token that ends a program.
        constraint: what may be written; None for anything.
        shapes: the shapes of decoding; None for `default_shapes`.

    Raises:
        ValueError: a number is out of its range, or no shape holds all programs from beginning to end.
    """

    def __init__(
        self,
        graphdef: nnx.GraphDef[AnyNetwork],
        *,
        num_samples: int,
        max_length: int,
        temperature: float,
        eos_id: int,
        constraint: Constraint | None = None,
        shapes: Sequence[Shape] | None = None,
    ) -> None:
        if num_samples < 1:
            raise ValueError(f"num_samples must be at least 1, not {num_samples}")
        if max_length < 1:
            raise ValueError(f"max_length must be at least 1, not {max_length}")
        if not 0 <= temperature < float("inf"):
            raise ValueError(f"temperature must be 0 or a positive number, not {temperature}")
        if eos_id == PAD_ID:
            raise ValueError(f"eos_id must not be the padding, {PAD_ID}")
        whole = Shape(num_samples, max_length)
        shapes = default_shapes(num_samples, max_length) if shapes is None else shapes
        if whole not in shapes or not all(
            0 < shape.samples <= num_samples and 0 < shape.length <= max_length for shape in shapes
        ):
            raise ValueError(f"shapes must be parts of {whole} and hold it: {list(shapes)}")
        self._graphdef = graphdef
        self._whole = whole
        # The cheapest first: rows cost more than length.
        self._shapes = sorted(shapes, key=lambda shape: (shape.samples, shape.length))
        self._temperature = jnp.float32(temperature)
        self._eos_id = eos_id
        self._constraint = constraint or Unconstrained()

    def sample(
        self, params: Any, prompt_ids: jax.Array, prompt_mask: jax.Array, keys: jax.Array
    ) -> Iterator[tuple[int, Samples]]:
        """Draws programs for each of some tasks.

        A task whose prompt is masked out entirely fills up a batch: its programs are empty, of length 0.

        Args:
            params: the policy's parameters.
            prompt_ids: int `[tasks, source]`.
            prompt_mask: bool `[tasks, source]`, False on padding.
            keys: one `jax.random.key` for each task, `[tasks]`.

        Yields:
            A task's index and its programs, as soon as the last of them is seen to have ended. The device
            goes on with the others.

        Raises:
            ValueError: there is not one key a task.
        """
        if keys.shape != prompt_ids.shape[:1] or not jnp.issubdtype(keys.dtype, jax.dtypes.prng_key):
            raise ValueError(
                f"keys must be {len(prompt_ids)} random keys, one for each task, not {keys.shape}"
            )
        num_tasks, (num_samples, max_length) = len(prompt_ids), (self._whole.samples, self._whole.length)
        drawn = Samples(
            np.full((num_tasks, num_samples, max_length), PAD_ID, np.int32),
            np.zeros((num_tasks, num_samples), np.float32),
            np.zeros((num_tasks, num_samples), np.int32),
        )
        numbers = np.tile(np.arange(num_samples), (num_tasks, 1))  # of the samples in the state's rows
        is_waiting = np.ones(num_tasks, bool)
        shape = self._shape_for(num_samples, 0)
        prompt, state = _prefill(
            self._graphdef, params, prompt_ids, prompt_mask, keys, self._constraint, self._whole
        )
        decode = partial(
            _decode,
            self._graphdef,
            params,
            prompt,
            prompt_mask,
            constraint=self._constraint,
            temperature=self._temperature,
            max_length=max_length,
            eos_id=self._eos_id,
        )
        state = decode(state, num_narrower=self._narrower(shape), length=shape.length)
        while is_waiting.any():
            rows = on_host(replace(state.rows, constraint=None, uniforms=None))
            position = int(state.position)
            _collect(drawn, numbers, rows)
            unfinished = ~rows.ended & (position < max_length)
            if unfinished.any():
                shape = self._shape_for(int(unfinished.sum(axis=1).max()), position)
                kept = np.argsort(~unfinished, axis=1, kind="stable")[:, : shape.samples].astype(np.int32)
                numbers = np.take_along_axis(numbers, kept, axis=1)
                moved = jax.make_array_from_callback(kept.shape, state.rows.ended.sharding, kept.__getitem__)
                state = _move(self._graphdef, params, state, moved, shape.length)
                state = decode(state, num_narrower=self._narrower(shape), length=shape.length)
            for task in np.flatnonzero(is_waiting & ~unfinished.any(axis=1)):
                is_waiting[task] = False
                yield int(task), jax.tree.map(lambda leaf, task=task: leaf[task], drawn)

    def _shape_for(self, num_unfinished: int, position: int) -> Shape:
        """Returns the cheapest shape that holds so many unfinished programs a task, and their next token."""
        return next(
            shape for shape in self._shapes if shape.samples >= num_unfinished and shape.length > position
        )

    def _narrower(self, shape: Shape) -> np.int32:
        """Returns for how many unfinished programs a task there is a narrower shape; 0 if there is none.

        One that is shorter does not count: it may be too short by the time that they fit in.
        """
        narrower = (
            each.samples
            for each in self._shapes
            if each.samples < shape.samples and each.length >= shape.length
        )
        return np.int32(max(narrower, default=0))


def sample(
    graphdef: nnx.GraphDef[AnyNetwork],
    params: nnx.State,
    prompt_ids: jax.Array,
    prompt_mask: jax.Array,
    keys: jax.Array,
    *,
    num_samples: int,
    max_length: int,
    temperature: float,
    eos_id: int,
    constraint: Constraint | None = None,
) -> Samples:
    """Draws programs for some tasks, and returns them all at once; see `Sampler`."""
    sampler = Sampler(
        graphdef,
        num_samples=num_samples,
        max_length=max_length,
        temperature=temperature,
        eos_id=eos_id,
        constraint=constraint,
    )
    drawn = dict(sampler.sample(params, prompt_ids, prompt_mask, keys))
    in_order = (drawn[task] for task in range(len(drawn)))
    return jax.tree.map(lambda *tasks: np.stack(tasks), *in_order)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _Rows:
    """All that is known of every program; all arrays begin with `[tasks, samples]`.

    Attributes:
        tokens: int32 `[tasks, samples, max_length]`, as in `Samples`.
        log_probabilities: as in `Samples`.
        lengths: as in `Samples`.
        last: int32, the token to be read next.
        ended: bool, whether the program is done.
        uniforms: float32 `[tasks, samples, max_length]`, what tokens are drawn with.
        constraint: the constraint's state.
    """

    tokens: jax.Array
    log_probabilities: jax.Array
    lengths: jax.Array
    last: jax.Array
    ended: jax.Array
    uniforms: jax.Array
    constraint: Any


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _State:
    """Where decoding stands.

    Attributes:
        position: int32 scalar, tokens written so far.
        rows: the programs.
        written: the policy's cache of them; None before their first token.
    """

    position: jax.Array
    rows: _Rows
    written: Any


@partial(jax.jit, static_argnames=("graphdef", "whole"))
def _prefill(
    graphdef: nnx.GraphDef[AnyNetwork],
    params: nnx.State,
    prompt_ids: jax.Array,
    prompt_mask: jax.Array,
    keys: jax.Array,
    constraint: Constraint,
    whole: Shape,
) -> tuple[Any, _State]:
    """Reads the prompts, and makes the state before the first token."""
    model = nnx.merge(graphdef, params)
    size = (len(prompt_ids), whole.samples)
    rows = _Rows(
        tokens=jnp.full((*size, whole.length), PAD_ID, jnp.int32),
        log_probabilities=jnp.zeros(size, jnp.float32),
        lengths=jnp.zeros(size, jnp.int32),
        last=jnp.full(size, PAD_ID, jnp.int32),
        ended=jnp.broadcast_to(~prompt_mask.any(axis=1)[:, None], size),
        uniforms=row_uniforms(keys, whole.samples, whole.length),
        constraint=constraint.start(size),
    )
    return model.read_prompts(prompt_ids, prompt_mask), _State(jnp.int32(0), rows, None)


@partial(jax.jit, static_argnames=("graphdef", "length", "max_length", "eos_id"), donate_argnames="state")
def _decode(
    graphdef: nnx.GraphDef[AnyNetwork],
    params: nnx.State,
    prompt: Any,
    prompt_mask: jax.Array,
    state: _State,
    *,
    constraint: Constraint,
    temperature: jax.Array,
    num_narrower: jax.Array,
    length: int,
    max_length: int,
    eos_id: int,
) -> _State:
    """Writes until no task has more than `num_narrower` unfinished programs, or the cache is full."""
    model = nnx.merge(graphdef, params)
    context = model.decoder_context(prompt, prompt_mask, length=length, token_ids=constraint.token_ids)
    if state.written is None:
        # Made here, where what is written into it says how it lies on the devices.
        state = replace(state, written=model.empty_cache(state.rows.ended.size, length))

    def goes_on(state: _State) -> jax.Array:
        num_unfinished = jnp.sum(~state.rows.ended, axis=1).max()
        return (state.position < length) & (num_unfinished > num_narrower)

    def step(state: _State) -> _State:
        position, rows = state.position, state.rows
        logits, written = model.decode_step(rows.last, state.written, context, position)
        logits = constraint.restrict(logits, rows.constraint, max_length - position)
        uniforms = lax.dynamic_index_in_dim(rows.uniforms, position, axis=2, keepdims=False)
        columns, log_probabilities = draw(logits, uniforms, temperature)
        tokens = columns if constraint.token_ids is None else constraint.token_ids[columns]
        tokens = jnp.where(rows.ended, PAD_ID, tokens)
        rows = replace(
            rows,
            tokens=lax.dynamic_update_index_in_dim(rows.tokens, tokens, position, axis=2),
            log_probabilities=rows.log_probabilities + jnp.where(rows.ended, 0, log_probabilities),
            lengths=rows.lengths + ~rows.ended,
            last=tokens,
            ended=rows.ended | (tokens == eos_id),
            constraint=constraint.advance(rows.constraint, columns),
        )
        return _State(position + 1, rows, written)

    return lax.while_loop(goes_on, step, state)


@partial(jax.jit, static_argnames=("graphdef", "length"))
def _move(
    graphdef: nnx.GraphDef[AnyNetwork], params: nnx.State, state: _State, kept: jax.Array, length: int
) -> _State:
    """Returns the state of some of each task's programs, int32 `[tasks, samples]`, in a cache of a length."""

    def take(leaf: jax.Array) -> jax.Array:
        index = kept.reshape(*kept.shape, *(1,) * (leaf.ndim - 2))
        return jnp.take_along_axis(leaf, index, axis=1)

    def take_cache(leaf: jax.Array) -> jax.Array:
        taken = take(leaf.reshape(*state.rows.ended.shape, *leaf.shape[1:]))
        return taken.reshape(-1, *leaf.shape[1:])

    written = nnx.merge(graphdef, params).resize_cache(jax.tree.map(take_cache, state.written), length)
    return _State(state.position, jax.tree.map(take, state.rows), written)


def _collect(drawn: Samples, numbers: np.ndarray, rows: _Rows) -> None:
    """Puts what there is of the programs in their places, `numbers` being their samples' numbers."""
    tasks = np.arange(len(numbers))[:, None]
    drawn.tokens[tasks, numbers] = rows.tokens
    drawn.log_probabilities[tasks, numbers] = rows.log_probabilities
    drawn.lengths[tasks, numbers] = rows.lengths
