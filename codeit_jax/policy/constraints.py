"""Constraints on what a policy writes: anything, the paper's allowed tokens, or nothing but programs.

A constraint is a tree of arrays that a jitted sampling loop carries through. It says which tokens there are
to choose from, and before each choice which of them are open; a choice is made from the policy's own
distribution, renormalised over these.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np


class Constraint(Protocol):
    """A constraint as the sampling loop needs it.

    Attributes:
        token_ids: int32 `[columns]`: the tokens that may be written at all, ascending; None for every one.
    """

    @property
    def token_ids(self) -> jax.Array | None: ...

    def start(self, rows: tuple[int, ...]) -> Any:
        """Returns the state of programs `rows` before their first token."""

    def restrict(self, logits: jax.Array, state: Any, num_left: jax.Array) -> jax.Array:
        """Returns logits, float32 `[*rows, columns]`, with minus infinity where a token is not open.

        Args:
            logits: the policy's.
            state: of the programs.
            num_left: int scalar, how many tokens a program may still be given, this one included.
        """

    def advance(self, state: Any, columns: jax.Array) -> Any:
        """Returns the state after the tokens of some columns, int32 `[*rows]`, were written."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Unconstrained:
    """Every token is open at any time."""

    token_ids: None = None

    def start(self, rows: tuple[int, ...]) -> tuple[()]:
        return ()

    def restrict(self, logits: jax.Array, state: Any, num_left: jax.Array) -> jax.Array:
        return logits

    def advance(self, state: Any, columns: jax.Array) -> Any:
        return state


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class AllowedTokens:
    """The paper's rule: a program ends at once behind a token that no program is written with.

    Attributes:
        is_allowed: bool `[vocabulary]`.
        eos_id: int32 scalar, the token that ends a program.
    """

    is_allowed: jax.Array
    eos_id: jax.Array
    token_ids: None = None

    def start(self, rows: tuple[int, ...]) -> jax.Array:
        return jnp.ones(rows, bool)

    def restrict(self, logits: jax.Array, state: jax.Array, num_left: jax.Array) -> jax.Array:
        is_end = jnp.arange(logits.shape[-1]) == self.eos_id
        return jnp.where(state[..., None] | is_end, logits, -jnp.inf)

    def advance(self, state: jax.Array, columns: jax.Array) -> jax.Array:
        return self.is_allowed[columns]


def allowed_tokens(allowed_ids: np.ndarray, vocabulary_size: int, eos_id: int) -> AllowedTokens:
    """Returns the paper's rule.

    Args:
        allowed_ids: the tokens that programs are written with.
        vocabulary_size: tokens that the policy knows, which may be more than the tokenizer does.
        eos_id: the token that ends a program.
    """
    is_allowed = np.zeros(vocabulary_size, bool)
    is_allowed[allowed_ids] = True
    return AllowedTokens(jnp.asarray(is_allowed), jnp.int32(eos_id))
