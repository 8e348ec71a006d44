"""The writer: samples programs for every task of the search set, as text."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np
from flax import nnx

from codeit_jax.config import SamplingConfig
from codeit_jax.policy.constraints import Constraint
from codeit_jax.policy.sampling import Sampler, Samples
from codeit_jax.policy.tokenizers import Tokenizer
from codeit_jax.run.background import run_ahead


@dataclasses.dataclass(frozen=True)
class SampledTask:
    """Programs sampled for a task.

    Attributes:
        task_index: the task's.
        texts: the programs.
        num_tokens: tokens of all of them.
    """

    task_index: int
    texts: tuple[str, ...]
    num_tokens: int


class ProgramSampler:
    """Samples programs for a fixed set of tasks.

    A task's programs depend on its prompt, the parameters, the seed and the meta-iteration, and not on the
    tasks it is sampled beside.

    Args:
        graphdef: what `nnx.split` returned beside the policy's parameters.
        tokenizer: the policy's.
        prompts: each task's prompt, int32 `[source]`.
        config: how many programs, and how they are drawn; with lengths to which prompts are padded.
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
        config: SamplingConfig,
        max_program_length: int,
        constraint: Constraint,
        sharding: jax.sharding.Sharding,
        seed: int,
    ) -> None:
        self._tokenizer = tokenizer
        self._prompts = prompts
        self._tasks_per_batch = config.tasks_per_batch
        self._sharding = sharding
        self._key = jax.random.key(seed)
        self._batches = _plan(prompts, config.prompt_buckets, config.tasks_per_batch)
        self._sampler = Sampler(
            graphdef,
            num_samples=config.num_samples,
            max_length=max_program_length,
            temperature=config.temperature,
            eos_id=tokenizer.eos_id,
            constraint=constraint,
        )

    def sample(self, params: Any, meta_iteration: int) -> Iterator[SampledTask]:
        """Samples programs for every task.

        The devices work on while the caller has the texts of a task.

        Args:
            params: the policy's parameters.
            meta_iteration: decides the random keys, with the seed.

        Yields:
            Each task's programs as they are done, tasks with short prompts first.
        """
        key = jax.random.fold_in(self._key, meta_iteration)
        for index, samples in run_ahead(self._draw(params, key)):
            texts = tuple(map(self._tokenizer.decode_program, samples.tokens))
            yield SampledTask(index, texts, int(samples.lengths.sum()))

    def _draw(self, params: Any, key: jax.Array) -> Iterator[tuple[int, Samples]]:
        for indices, length in self._batches:
            ids = np.zeros((self._tasks_per_batch, length), np.int32)
            mask = np.zeros((self._tasks_per_batch, length), bool)
            for row, index in enumerate(indices):
                prompt = self._prompts[index]
                ids[row, : len(prompt)] = prompt
                mask[row, : len(prompt)] = True
            tasks = np.zeros(self._tasks_per_batch, np.uint32)
            tasks[: len(indices)] = indices
            keys = jax.vmap(jax.random.fold_in, (None, 0))(key, self._put(tasks))
            for row, samples in self._sampler.sample(params, self._put(ids), self._put(mask), keys):
                if row < len(indices):
                    yield indices[row], samples

    def _put(self, array: np.ndarray) -> jax.Array:
        return jax.make_array_from_callback(array.shape, self._sharding, array.__getitem__)


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
