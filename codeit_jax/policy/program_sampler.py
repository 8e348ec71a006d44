"""The writer: samples programs for every task of the search set, as text."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from flax import nnx

from codeit_jax.config import SamplingConfig
from codeit_jax.policy.constraints import Constraint
from codeit_jax.policy.sampling import Sampler, Samples
from codeit_jax.policy.sharding import gathered
from codeit_jax.policy.tokenizers import Tokenizer
from codeit_jax.run.background import run_ahead
from codeit_jax.run.journal import SAMPLED, Journal

Batch = tuple[list[int], int]  # tasks' numbers, and the length to which their prompts are padded


@dataclasses.dataclass(frozen=True)
class SampledTask:
    """Programs sampled for a task.

    Attributes:
        task_index: the task's.
        texts: the programs.
        num_tokens: tokens of all of them.
        time: how often the task had been sampled for before, in one call.
    """

    task_index: int
    texts: tuple[str, ...]
    num_tokens: int
    time: int = 0


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
        self._lengths = dict(enumerate(map(len, prompts)))
        self._buckets = config.prompt_buckets
        self._batches = self._plan(self._lengths)
        self._sampler = Sampler(
            graphdef,
            num_samples=config.num_samples,
            max_length=max_program_length,
            temperature=config.temperature,
            eos_id=tokenizer.eos_id,
            constraint=constraint,
        )

    def sample(
        self,
        params: Any,
        meta_iteration: int,
        times: Sequence[int] | None = None,
        known: Sequence[SampledTask] = (),
    ) -> Iterator[SampledTask]:
        """Samples programs for every task.

        The devices work on while the caller has the texts of a task.

        Args:
            params: the policy's parameters.
            meta_iteration: decides the random keys, with the seed.
            times: how often each task is sampled for; None for once. The first time gives the same always.
            known: what an earlier call with these arguments yielded before it was cut short, in that order.
                It is not sampled again, but for what that call had of a batch which it had not ended.

        Yields:
            Each task's programs as they are done, tasks with short prompts first; those of another time by
            themselves.
        """
        key = jax.random.fold_in(self._key, meta_iteration)
        batches = self._batches
        if times is not None:
            # A task sampled for again counts as another one, with the same prompt.
            batches = self._plan(
                {
                    index + time * len(self._prompts): self._lengths[index]
                    for index, count in enumerate(times)
                    for time in range(count)
                }
            )
        num_whole, num_known = self._whole(batches, known)
        yield from known[:num_known]
        for number, samples in run_ahead(self._draw(params, key, batches[num_whole:])):
            texts = tuple(map(self._tokenizer.decode_program, samples.tokens))
            time, index = divmod(number, len(self._prompts))
            yield SampledTask(index, texts, int(samples.lengths.sum()), time)

    def _whole(self, batches: Sequence[Batch], known: Sequence[SampledTask]) -> tuple[int, int]:
        """Returns how many batches are known as a whole, and how many tasks they have together."""
        numbers = [each.time * len(self._prompts) + each.task_index for each in known]
        num_known = 0
        for count, (batch, _) in enumerate(batches):
            if set(numbers[num_known : num_known + len(batch)]) != set(batch):
                return count, num_known
            num_known += len(batch)
        return len(batches), num_known

    def _index_of(self, number: int) -> int:
        return number % len(self._prompts)

    def _plan(self, lengths: Mapping[int, int]) -> list[Batch]:
        return _plan(lengths, self._buckets, self._tasks_per_batch)

    def _draw(self, params: Any, key: jax.Array, batches: Sequence[Batch]) -> Iterator[tuple[int, Samples]]:
        params = gathered(params)
        for numbers, length in batches:
            ids = np.zeros((self._tasks_per_batch, length), np.int32)
            mask = np.zeros((self._tasks_per_batch, length), bool)
            for row, number in enumerate(numbers):
                prompt = self._prompts[self._index_of(number)]
                ids[row, : len(prompt)] = prompt
                mask[row, : len(prompt)] = True
            folded = np.zeros(self._tasks_per_batch, np.uint32)
            folded[: len(numbers)] = numbers
            keys = jax.vmap(jax.random.fold_in, (None, 0))(key, self._put(folded))
            for row, samples in self._sampler.sample(params, self._put(ids), self._put(mask), keys):
                if row < len(numbers):
                    yield numbers[row], samples

    def _put(self, array: np.ndarray) -> jax.Array:
        return jax.make_array_from_callback(array.shape, self._sharding, array.__getitem__)


def journaled(
    journal: Journal, sample: Callable[[Sequence[SampledTask]], Iterator[SampledTask]]
) -> Iterator[SampledTask]:
    """Writes down what is sampled as it comes.

    Args:
        journal: where it is written, and where an earlier call has written.
        sample: samples, but for what is known from that call; see `ProgramSampler.sample`.

    Yields:
        What that yields.
    """
    known = [
        SampledTask(index, tuple(texts), num_tokens, time)
        for index, texts, num_tokens, time in journal.entries(SAMPLED)
    ]
    for number, sampled in enumerate(sample(known)):
        if number >= len(known) or sampled != known[number]:
            journal.add(SAMPLED, dataclasses.astuple(sampled))
        yield sampled


def num_known_tokens(journal: Journal) -> int:
    """Returns the tokens of what a journal had of samples when it was gone on with."""
    return sum(num_tokens for _, _, num_tokens, _ in journal.entries(SAMPLED))


def _plan(lengths: Mapping[int, int], buckets: Sequence[int], tasks_per_batch: int) -> list[Batch]:
    """Returns batches of tasks' numbers, each with the length to which its prompts are padded."""
    longest = max(lengths.values(), default=0)
    if longest > buckets[-1]:
        raise ValueError(f"a prompt of {longest} tokens exceeds the largest bucket, {buckets[-1]}")
    order = sorted(lengths, key=lambda number: (lengths[number], number))
    batches = [order[start : start + tasks_per_batch] for start in range(0, len(order), tasks_per_batch)]
    return [(batch, next(bucket for bucket in buckets if bucket >= lengths[batch[-1]])) for batch in batches]
