"""Batches of few shapes, made of examples of many lengths."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Example:
    """One experience as tokens.

    Attributes:
        prompt: what the policy reads, int32 `[source]`.
        program: what it shall write, int32 `[target]`, the end-of-sequence token included.
    """

    prompt: np.ndarray
    program: np.ndarray


@dataclass(frozen=True)
class Batch:
    """Examples padded to a common shape; a row whose masks are False throughout holds no example.

    Attributes:
        prompt_ids: int32 `[batch, source]`, zero where padded.
        prompt_mask: bool `[batch, source]`, False where padded.
        program_ids: int32 `[batch, target]`, the labels; zero where padded.
        program_mask: bool `[batch, target]`, False where padded.
    """

    prompt_ids: np.ndarray
    prompt_mask: np.ndarray
    program_ids: np.ndarray
    program_mask: np.ndarray


def make_batches(
    examples: Sequence[Example],
    batch_size: int,
    prompt_buckets: Sequence[int],
    program_buckets: Sequence[int],
    rng: np.random.Generator,
) -> Iterator[Batch]:
    """Yields one epoch: every example exactly once, in `ceil(len(examples) / batch_size)` batches.

    Examples are shuffled, ordered by the buckets their lengths fall into and cut into batches; a batch takes
    the smallest pair of buckets that holds all its examples, so there are at most `len(prompt_buckets) *
    len(program_buckets)` shapes however many examples there are. If these do not come out even, the batch of
    the shortest ones gets the empty rows, where they cost least. The batches come in random order, and are
    padded only when asked for.

    Args:
        examples: what to learn from.
        batch_size: rows of every batch.
        prompt_buckets: lengths prompts are padded to, ascending.
        program_buckets: lengths programs are padded to, ascending.
        rng: what shuffles; the same state gives the same batches.

    Raises:
        ValueError: the batch size or a bucket list makes no sense, or an example is longer than the largest
            bucket.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, not {batch_size}")
    prompt_cells = _bucket_indices([len(example.prompt) for example in examples], prompt_buckets, "prompt")
    program_cells = _bucket_indices(
        [len(example.program) for example in examples], program_buckets, "program"
    )

    # Program buckets run back and forth as prompt buckets go up: examples that follow one another then differ
    # by one bucket, so a batch that spans two of them pads little.
    snake = np.where(prompt_cells % 2 == 0, program_cells, len(program_buckets) - 1 - program_cells)
    shuffled = rng.permutation(len(examples))
    order = shuffled[np.lexsort((snake[shuffled], prompt_cells[shuffled]))]
    # A negative first start is a batch that is not full.
    starts = np.arange(-(-len(examples) % batch_size), len(examples), batch_size)
    groups = [order[max(start, 0) : start + batch_size] for start in rng.permutation(starts)]
    return (
        _pad(
            [examples[index] for index in group],
            batch_size,
            prompt_buckets[prompt_cells[group].max()],
            program_buckets[program_cells[group].max()],
        )
        for group in groups
    )


def count_tokens(batch: Batch) -> tuple[int, int]:
    """Returns how many tokens of prompts and programs a batch holds, and how many with its padding."""
    kept = np.count_nonzero(batch.prompt_mask) + np.count_nonzero(batch.program_mask)
    return int(kept), batch.prompt_mask.size + batch.program_mask.size


def padding_share(batches: Iterable[Batch]) -> float:
    """Returns the share of all tokens, of prompts and programs, that are padding; 0 if there are none."""
    counts = np.array([count_tokens(batch) for batch in batches]).reshape(-1, 2)
    kept, total = counts.sum(axis=0)
    return 1 - float(kept / total) if total else 0.0


def _bucket_indices(lengths: Sequence[int], buckets: Sequence[int], name: str) -> np.ndarray:
    if not buckets or list(buckets) != sorted(set(buckets)) or buckets[0] < 1:
        raise ValueError(f"{name}_buckets must be ascending lengths, not {tuple(buckets)}")
    if max(lengths, default=0) > buckets[-1]:
        raise ValueError(
            f"a {name} of {max(lengths)} tokens exceeds the largest of {name}_buckets, {buckets[-1]}"
        )
    return np.searchsorted(buckets, lengths)


def _pad(examples: Sequence[Example], rows: int, source: int, target: int) -> Batch:
    prompt_ids, prompt_mask = _pad_rows([example.prompt for example in examples], rows, source)
    program_ids, program_mask = _pad_rows([example.program for example in examples], rows, target)
    return Batch(prompt_ids, prompt_mask, program_ids, program_mask)


def _pad_rows(sequences: Sequence[np.ndarray], rows: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    ids = np.zeros((rows, length), np.int32)
    mask = np.zeros((rows, length), bool)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = sequence
        mask[row, : len(sequence)] = True
    return ids, mask
