"""Holding one of our primitives against the reference, and against itself."""

import random
from collections.abc import Callable

from codeit_jax.dsl.types import Value
from tests.dsl.oracle import permuted
from tests.dsl.ordered_oracle import assert_agree, ours


def agree(primitive: Callable[..., Value], arguments: tuple[Value, ...]) -> None:
    """Asserts that we answer as the reference does, or that both fail, however the sets were built."""
    name = primitive.__name__
    answer = assert_agree(name, *arguments)
    rng = random.Random(0)
    for _ in range(2):
        assert ours(name, *permuted(arguments, rng)) == answer
