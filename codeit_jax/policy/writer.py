"""The writer: samples programs for every task of the search set, as text."""

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np
from flax import nnx

from codeit_jax.config import SamplingConfig
from codeit_jax.policy.constraints import Constraint
from codeit_jax.policy.sampling import Samples, sample
from codeit_jax.policy.tokenizers import Tokenizer


class ProgramWriter:
    """Samples programs for a fixed set of tasks.

    A task's programs depend on its prompt, the parameters, the seed and the meta-iteration, and not on the
    tasks it is sampled beside.

    Args:
        graphdef: what `nnx.split` returned beside the policy's parameters.
        tokenizer: the policy's.
        prompts: each task's prompt, int32 `[source]`.
        prompt_buckets: lengths to which prompts are padded, ascending; a sampler is compiled for each.
        config: how many programs, and how they are drawn.
        max_program_length: tokens of a program at most.
        constraint: what may be written.
        sharding: where prompts lie on the devices: tasks over `data` and `fsdp`.
        seed: the root of the random keys.

    Raises:
        ValueError: a prompt is longer than the last bucket.
    """

    def __init__(
        self,
        graphdef: nnx.GraphDef,
        tokenizer: Tokenizer,
        prompts: Sequence[np.ndarray],
        prompt_buckets: Sequence[int],
        config: SamplingConfig,
        max_program_length: int,
        constraint: Constraint,
        sharding: jax.sharding.Sharding,
        seed: int,
    ) -> None:
        self._graphdef = graphdef
        self._tokenizer = tokenizer
        self._prompts = prompts
        self._config = config
        self._max_program_length = max_program_length
        self._constraint = constraint
        self._sharding = sharding
        self._key = jax.random.key(seed)
        self._batches = _plan(prompts, prompt_buckets, config.tasks_per_batch)

    def write(self, params: Any, meta_iteration: int) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Samples programs for every task.

        The devices work on the next batch while the texts of one are taken.

        Args:
            params: the policy's parameters.
            meta_iteration: decides the random keys, with the seed.

        Yields:
            Each task's index and its texts, tasks with short prompts first.
        """
        key = jax.random.fold_in(self._key, meta_iteration)
        previous: tuple[Sequence[int], Samples] | None = None
        for indices, length in self._batches:
            samples = self._sample(params, key, indices, length)
            if previous is not None:
                yield from self._texts(*previous)
            previous = (indices, samples)
        if previous is not None:
            yield from self._texts(*previous)

    def _sample(self, params: Any, key: jax.Array, indices: Sequence[int], length: int) -> Samples:
        rows = self._config.tasks_per_batch
        ids = np.zeros((rows, length), np.int32)
        mask = np.zeros((rows, length), bool)
        for row, index in enumerate(indices):
            prompt = self._prompts[index]
            ids[row, : len(prompt)] = prompt
            mask[row, : len(prompt)] = True
        tasks = np.zeros(rows, np.uint32)
        tasks[: len(indices)] = indices
        return sample(
            self._graphdef,
            params,
            self._put(ids),
            self._put(mask),
            jax.vmap(jax.random.fold_in, (None, 0))(key, self._put(tasks)),
            num_samples=self._config.num_samples,
            max_length=self._max_program_length,
            temperature=self._config.temperature,
            eos_id=self._tokenizer.eos_id,
            constraint=self._constraint,
        )

    def _put(self, array: np.ndarray) -> jax.Array:
        return jax.make_array_from_callback(array.shape, self._sharding, array.__getitem__)

    def _texts(self, indices: Sequence[int], samples: Samples) -> Iterator[tuple[int, tuple[str, ...]]]:
        tokens = np.asarray(samples.tokens)
        for row, index in enumerate(indices):
            yield index, tuple(map(self._tokenizer.decode_program, tokens[row]))


def _plan(
    prompts: Sequence[np.ndarray], buckets: Sequence[int], tasks_per_batch: int
) -> list[tuple[list[int], int]]:
    """Returns batches of task indices, each with the length to which its prompts are padded."""
    lengths = [len(prompt) for prompt in prompts]
    if max(lengths, default=0) > buckets[-1]:
        raise ValueError(f"a prompt of {max(lengths)} tokens exceeds the largest bucket, {buckets[-1]}")
    order = sorted(range(len(prompts)), key=lambda index: (lengths[index], index))
    batches = [order[start : start + tasks_per_batch] for start in range(0, len(order), tasks_per_batch)]
    return [(batch, next(bucket for bucket in buckets if bucket >= lengths[batch[-1]])) for batch in batches]
