"""The seam between a policy's network and those who sample from it and learn with it."""

from typing import Any, ClassVar, Protocol, TypeVar

import jax

from codeit_jax.policy.sharding import ShardingRules

# Pads prompts and programs, and is what a network reads before a program's first token.
PAD_ID = 0

Prompt = TypeVar("Prompt")
Cache = TypeVar("Cache")
Context = TypeVar("Context")


class Network(Protocol[Prompt, Cache, Context]):
    """A network that reads prompts and writes programs.

    It is an `nnx.Module` that holds parameters only: `nnx.split(network)` gives `(graphdef, params)`, and
    inside a jitted function `nnx.merge(graphdef, params)` gives the network back. A row is a sample of a
    task; the rows of a task stand together.

    Attributes:
        sharding_rules: how its parameters are split over a mesh.
    """

    sharding_rules: ClassVar[ShardingRules]

    def hidden_and_head(
        self,
        prompt_ids: jax.Array,
        decoder_ids: jax.Array,
        *,
        prompt_mask: jax.Array,
        dropout_key: jax.Array | None = None,
        rematerialize: bool = False,
    ) -> tuple[jax.Array, jax.Array]:
        """Returns the two factors of the logits, for a loss that never holds all of them.

        Args:
            prompt_ids: int `[batch, source]`.
            decoder_ids: int `[batch, target]`: `PAD_ID`, then the program without its last token.
            prompt_mask: bool `[batch, source]`, False on padding.
            dropout_key: one key for the whole pass, or None for no dropout.
            rematerialize: whether activations are computed anew for the gradient rather than kept.

        Returns:
            `hidden`, `[batch, target, width]`, and `head`, `[vocabulary, width]`; the logits of every next
            token are `hidden @ head.T`, the head brought to the dtype of `hidden`.
        """

    def read_prompts(self, prompt_ids: jax.Array, prompt_mask: jax.Array) -> Prompt:
        """Returns what decoding needs of the prompts, of which both arguments are `[tasks, source]`."""

    def empty_cache(self, rows: int, length: int) -> Cache:
        """Returns a cache of programs of no tokens yet: arrays `[rows, ...]`, for `length` tokens."""

    def resize_cache(self, cache: Cache, length: int) -> Cache:
        """Returns a cache for programs of another length, with all of it that fits."""

    def decoder_context(
        self, prompt: Prompt, prompt_mask: jax.Array, *, length: int, token_ids: jax.Array | None = None
    ) -> Context:
        """Returns all that steps look at and do not change.

        Args:
            prompt: what `read_prompts` returned.
            prompt_mask: bool `[tasks, source]`.
            length: tokens that the cache is for.
            token_ids: int `[columns]`, the only tokens whose logits are wanted; None for all.
        """

    def decode_step(
        self, tokens: jax.Array, written: Cache, context: Context, position: jax.Array
    ) -> tuple[jax.Array, Cache]:
        """Reads one token of every sample and returns the logits of the next, without dropout.

        Args:
            tokens: int `[tasks, samples]`; `PAD_ID` at position 0.
            written: what `empty_cache` or the step for `position - 1` returned.
            context: what `decoder_context` returned.
            position: int scalar, where in the program these tokens are.

        Returns:
            The logits, float32 `[tasks, samples, columns]`, and the cache of the next step.
        """


AnyNetwork = Network[Any, Any, Any]
