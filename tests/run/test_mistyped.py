"""A flag that there is not is told together with the one that was meant."""

import pytest

from codeit_jax.run.mistyped import meant

FLAGS = ["workdir", "profile"]
SETTINGS = ["seed", "learner.batch_size", "learner.dropout", "sampling.dropout", "data.search_tasks"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("seed", "--config.seed"),
        ("batch_size", "--config.learner.batch_size"),
        ("sampling.dropout", "--config.sampling.dropout"),
        ("policy.dropout", "--config.learner.dropout or --config.sampling.dropout"),
        ("dropout", "--config.learner.dropout or --config.sampling.dropout"),
        ("workdri", "--workdir"),
        ("lerner.batch_size", "--config.learner.batch_size"),
        ("learner.batchsize", "--config.learner.batch_size"),
        ("batchsize", "--config.learner.batch_size"),
        ("sed", "--config.seed"),
    ],
)
def test_what_was_meant_is_told(name: str, expected: str) -> None:
    assert meant(name, FLAGS, SETTINGS) == f"; did you mean {expected}?"


@pytest.mark.parametrize("name", ["nope", "", "x", "learner."])
def test_nothing_is_told_of_what_is_like_none(name: str) -> None:
    assert meant(name, FLAGS, SETTINGS) == ""
    assert meant(name, [], []) == ""
