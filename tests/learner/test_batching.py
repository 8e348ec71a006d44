import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeit_jax.learner.batching import Example, count_tokens, make_batches, padding_share

PROMPT_BUCKETS = (4, 8, 16)
PROGRAM_BUCKETS = (3, 6)
LENGTHS = st.lists(st.tuples(st.integers(1, 16), st.integers(1, 6)), max_size=60)


def make_examples(lengths):
    """Examples told apart by their first prompt token; no token is 0, the padding."""
    return [
        Example(np.full(source, 1 + number, np.int32), np.arange(1, target + 1, dtype=np.int32))
        for number, (source, target) in enumerate(lengths)
    ]


def batches_of(examples, batch_size, seed=0):
    rng = np.random.default_rng(seed)
    return list(make_batches(examples, batch_size, PROMPT_BUCKETS, PROGRAM_BUCKETS, rng))


@given(LENGTHS, st.integers(1, 9), st.integers(0, 2**32))
def test_each_example_is_in_exactly_one_row_unaltered(lengths, batch_size, seed):
    examples = make_examples(lengths)
    seen = []
    for batch in batches_of(examples, batch_size, seed):
        for row in range(batch_size):
            prompt = batch.prompt_ids[row][batch.prompt_mask[row]]
            program = batch.program_ids[row][batch.program_mask[row]]
            if len(prompt):
                seen.append(prompt[0] - 1)
                np.testing.assert_array_equal(prompt, examples[prompt[0] - 1].prompt)
                np.testing.assert_array_equal(program, examples[prompt[0] - 1].program)
            else:
                assert not len(program)
    assert sorted(seen) == list(range(len(examples)))


@given(LENGTHS, st.integers(1, 9))
def test_shapes_come_from_the_buckets_and_batches_are_as_few_as_can_be(lengths, batch_size):
    batches = batches_of(make_examples(lengths), batch_size)
    assert len(batches) == -(-len(lengths) // batch_size)
    for batch in batches:
        assert batch.prompt_ids.shape == batch.prompt_mask.shape
        assert batch.program_ids.shape == batch.program_mask.shape
        assert batch.prompt_ids.shape[0] == batch.program_ids.shape[0] == batch_size
        assert batch.prompt_ids.dtype == batch.program_ids.dtype == np.int32
        # The smallest pair that holds the batch's examples.
        longest = [mask.sum(axis=1).max() for mask in (batch.prompt_mask, batch.program_mask)]
        assert batch.prompt_ids.shape[1] == min(bucket for bucket in PROMPT_BUCKETS if bucket >= longest[0])
        assert batch.program_ids.shape[1] == min(bucket for bucket in PROGRAM_BUCKETS if bucket >= longest[1])
    assert sum(not batch.prompt_mask.any(axis=1).all() for batch in batches) <= 1


@given(LENGTHS, st.integers(1, 9), st.integers(0, 2**32))
def test_the_same_random_state_gives_the_same_batches(lengths, batch_size, seed):
    examples = make_examples(lengths)
    for first, second in zip(
        batches_of(examples, batch_size, seed), batches_of(examples, batch_size, seed), strict=True
    ):
        np.testing.assert_array_equal(first.prompt_ids, second.prompt_ids)
        np.testing.assert_array_equal(first.program_ids, second.program_ids)


def test_epochs_differ_in_who_shares_a_batch_and_in_the_batches_order():
    examples = make_examples([(3, 3)] * 40 + [(14, 3)] * 40)
    rng = np.random.default_rng(0)
    epochs = [list(make_batches(examples, 8, PROMPT_BUCKETS, PROGRAM_BUCKETS, rng)) for _ in range(2)]
    companions, widths = (
        [[frozenset(batch.prompt_ids[:, 0]) for batch in batches] for batches in epochs],
        [[batch.prompt_ids.shape[1] for batch in batches] for batches in epochs],
    )
    assert set(companions[0]) != set(companions[1])
    assert widths[0] != widths[1]
    assert widths[0] != sorted(widths[0])


def test_lengths_are_kept_together():
    lengths = [(source, target) for source in (4, 8, 16) for target in (3, 6) for _ in range(20)]
    batches = batches_of(make_examples(lengths), 10)
    assert len({(batch.prompt_ids.shape, batch.program_ids.shape) for batch in batches}) == 6
    assert padding_share(batches) == 0


def test_empty_rows_go_to_the_shortest_examples():
    batches = batches_of(make_examples([(16, 6)] * 6 + [(2, 3)] * 3), 6)
    partial = next(batch for batch in batches if not batch.prompt_mask.any(axis=1).all())
    assert partial.prompt_ids.shape == (6, 4)
    assert partial.prompt_mask.any(axis=1).sum() == 3


def test_padding_is_counted():
    (batch,) = batches_of(make_examples([(4, 1), (2, 3)]), 3)
    assert count_tokens(batch) == (10, 3 * (4 + 3))
    assert padding_share([batch]) == pytest.approx(11 / 21)
    assert padding_share([]) == 0


@pytest.mark.parametrize(
    ("lengths", "arguments", "message"),
    [
        ([(17, 1)], {}, "prompt of 17 tokens exceeds the largest of prompt_buckets, 16"),
        ([(1, 7)], {}, "program of 7 tokens exceeds the largest of program_buckets, 6"),
        ([], {"prompt_buckets": ()}, "prompt_buckets must be ascending"),
        ([], {"program_buckets": (6, 3)}, "program_buckets must be ascending"),
        ([], {"batch_size": 0}, "batch_size must be at least 1"),
    ],
)
def test_mistakes_are_named_before_the_first_batch(lengths, arguments, message):
    settings = {"batch_size": 2, "prompt_buckets": PROMPT_BUCKETS, "program_buckets": PROGRAM_BUCKETS}
    with pytest.raises(ValueError, match=message):
        make_batches(make_examples(lengths), **{**settings, **arguments}, rng=np.random.default_rng(0))
