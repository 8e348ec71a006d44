"""The policy network: T5 (1.0 as CodeT5 uses it, or 1.1), for learning and for cached decoding.

The parameters, by path (kernels are `[inputs, outputs]`):

    embedding                                                [vocab_size, d_model]
    encoder|decoder / relative_bias / embedding              [buckets, num_heads]
    encoder|decoder / layers / N / attention_norm / scale    [d_model]
    encoder|decoder / layers / N / attention / query|key|value|output / kernel
    decoder         / layers / N / cross_attention_norm, cross_attention
    encoder|decoder / layers / N / feed_forward_norm / scale
    encoder|decoder / layers / N / feed_forward / input|output / kernel, gate / kernel if gated
    encoder|decoder / norm / scale
    head / kernel                                            [d_model, vocab_size], if not tied
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax

from codeit_jax.policy.attention import Attention, KeysValues, Linear, RelativeBias, normal
from codeit_jax.policy.dropout import dropout, split_key
from codeit_jax.policy.presets import T5Config
from codeit_jax.policy.rematerialization import rematerialized
from codeit_jax.policy.sharding import ShardingRules


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class DecoderContext:
    """All that decoding looks at and does not change, for programs of a length.

    Attributes:
        prompt: of each layer, keys and values of the prompt, `[tasks, heads, source, d_kv]`: one for all of a
            task's samples.
        prompt_mask: bool `[tasks, source]`.
        bias: the position bias of the last token, then nothing: float32 `[heads, 2 * length]`. From it that
            of an earlier one is cut.
        head: what scores the next token, `[columns, d_model]`: a row for each token that may be written.
    """

    prompt: list[KeysValues]
    prompt_mask: jax.Array
    bias: jax.Array
    head: jax.Array


class RMSNorm(nnx.Module):
    """Divides by the root mean square, in float32, and scales; neither mean nor bias."""

    def __init__(self, config: T5Config) -> None:
        self.epsilon = config.layer_norm_epsilon
        self.scale = nnx.Param(jnp.full(config.d_model, config.initializer_factor, jnp.float32))

    def __call__(self, hidden: jax.Array) -> jax.Array:
        exact = hidden.astype(jnp.float32)
        root = lax.rsqrt(jnp.mean(jnp.square(exact), axis=-1, keepdims=True) + self.epsilon)
        return (exact * root * self.scale[...]).astype(hidden.dtype)


class FeedForward(nnx.Module):
    """Two matrices with a ReLU between them, or with a GELU gated by a third matrix."""

    def __init__(self, config: T5Config, *, rngs: nnx.Rngs) -> None:
        self.dropout_rate = config.dropout_rate
        factor = config.initializer_factor
        wide = (config.d_model, config.d_ff, factor * config.d_model**-0.5)
        self.input = Linear(*wide, rngs=rngs)
        self.gate = Linear(*wide, rngs=rngs) if config.feed_forward == "gated-gelu" else None
        self.output = Linear(config.d_ff, config.d_model, factor * config.d_ff**-0.5, rngs=rngs)

    def __call__(self, hidden: jax.Array, *, dropout_key: jax.Array | None = None) -> jax.Array:
        if self.gate is None:
            inner = jax.nn.relu(self.input(hidden))
        else:
            inner = jax.nn.gelu(self.gate(hidden), approximate=True) * self.input(hidden)
        return self.output(dropout(inner, self.dropout_rate, dropout_key))


class EncoderLayer(nnx.Module):
    """Self-attention, then a feed-forward; each normalises what it reads and adds to the stream."""

    def __init__(self, config: T5Config, *, rngs: nnx.Rngs) -> None:
        self.dropout_rate = config.dropout_rate
        self.attention_norm = RMSNorm(config)
        self.attention = Attention(config, rngs=rngs)
        self.feed_forward_norm = RMSNorm(config)
        self.feed_forward = FeedForward(config, rngs=rngs)

    def __call__(
        self, stream: jax.Array, mask: jax.Array, bias: jax.Array, *, dropout_key: jax.Array | None = None
    ) -> jax.Array:
        keys = split_key(dropout_key, 4)
        hidden = self.attention_norm(stream)
        added = self.attention(hidden, self.attention.keys_values(hidden), mask, bias, dropout_key=keys[0])
        stream = stream + dropout(added, self.dropout_rate, keys[1])
        added = self.feed_forward(self.feed_forward_norm(stream), dropout_key=keys[2])
        return stream + dropout(added, self.dropout_rate, keys[3])


class DecoderLayer(nnx.Module):
    """Self-attention over the program so far, attention to the prompt, then a feed-forward."""

    def __init__(self, config: T5Config, *, rngs: nnx.Rngs) -> None:
        self.dropout_rate = config.dropout_rate
        self.attention_norm = RMSNorm(config)
        self.attention = Attention(config, rngs=rngs)
        self.cross_attention_norm = RMSNorm(config)
        self.cross_attention = Attention(config, rngs=rngs)
        self.feed_forward_norm = RMSNorm(config)
        self.feed_forward = FeedForward(config, rngs=rngs)

    def __call__(
        self,
        stream: jax.Array,
        encoded: jax.Array,
        prompt_mask: jax.Array,
        causal_mask: jax.Array,
        bias: jax.Array,
        *,
        dropout_key: jax.Array | None = None,
    ) -> jax.Array:
        keys = split_key(dropout_key, 3)
        hidden = self.attention_norm(stream)
        written = self.attention.keys_values(hidden)
        added = self.attention(hidden, written, causal_mask, bias, dropout_key=keys[0])
        stream = stream + dropout(added, self.dropout_rate, keys[1])
        prompt = self.cross_attention.keys_values(encoded)
        return self._read_prompt_and_think(stream, prompt, prompt_mask, dropout_key=keys[2])

    def step(
        self,
        stream: jax.Array,
        written: KeysValues,
        prompt: KeysValues,
        prompt_mask: jax.Array,
        position: jax.Array,
        bias: jax.Array,
    ) -> tuple[jax.Array, KeysValues]:
        """Decodes one token of every sample: stream `[tasks, samples, d_model]`, bias `[heads, 1, keys]`.

        To its own past every sample is a row of its own; to the prompt a task's samples are like the
        positions of one sequence, so its keys and values are read once for all of them.
        """
        hidden = self.attention_norm(stream).reshape(-1, 1, stream.shape[-1])
        written = written.write(self.attention.keys_values(hidden), position)
        seen = jnp.arange(written.keys.shape[2]) <= position
        stream = stream + self.attention(hidden, written, seen, bias).reshape(stream.shape)
        return self._read_prompt_and_think(stream, prompt, prompt_mask), written

    def _read_prompt_and_think(
        self,
        stream: jax.Array,
        prompt: KeysValues,
        prompt_mask: jax.Array,
        *,
        dropout_key: jax.Array | None = None,
    ) -> jax.Array:
        keys = split_key(dropout_key, 4)
        hidden = self.cross_attention_norm(stream)
        added = self.cross_attention(hidden, prompt, prompt_mask, dropout_key=keys[0])
        stream = stream + dropout(added, self.dropout_rate, keys[1])
        added = self.feed_forward(self.feed_forward_norm(stream), dropout_key=keys[2])
        return stream + dropout(added, self.dropout_rate, keys[3])


class Stack(nnx.Module):
    """The layers of the encoder or of the decoder, with the position bias they share and a last norm."""

    def __init__(
        self,
        layer: Callable[..., Any],
        num_layers: int,
        config: T5Config,
        *,
        bidirectional: bool,
        rngs: nnx.Rngs,
    ) -> None:
        self.relative_bias = RelativeBias(config, bidirectional=bidirectional, rngs=rngs)
        self.layers = nnx.List([layer(config, rngs=rngs) for _ in range(num_layers)])
        self.norm = RMSNorm(config)


class T5(nnx.Module):
    """A T5 encoder-decoder that reads a prompt and writes a program.

    It holds parameters only, all in float32: `nnx.split(model)` gives `(graphdef, params)`, and inside a
    jitted function `nnx.merge(graphdef, params)` gives the model back. Dropout happens only in calls that are
    given a key.

    Initial weights follow Mesh TensorFlow's T5. An untied head starts as the tied one does, at a scale of
    `d_model ** -0.5` (Hugging Face starts it `sqrt(d_model)` times larger).

    Args:
        config: the shape.
        rngs: the random numbers the initial weights are drawn with; not kept.
        dtype: what activations and products are computed in; norms, softmax and logits stay in float32.
    """

    # Heads, hidden units and vocabulary go over `tensor`, so that a kernel that widens and the one that
    # narrows after it need one reduction between them; the dimension that is left goes over `fsdp`.
    sharding_rules: ClassVar[ShardingRules] = (
        (r"\brelative_bias/embedding\b", ()),
        (r"\bembedding\b", ("tensor", "fsdp")),
        (r"\b(query|key|value|input|gate|head)/kernel\b", ("fsdp", "tensor")),
        (r"\boutput/kernel\b", ("tensor", "fsdp")),
    )

    def __init__(self, config: T5Config, *, rngs: nnx.Rngs, dtype: Any = jnp.float32) -> None:
        self.config = config
        self.dtype = jnp.dtype(dtype)
        factor = config.initializer_factor
        self.embedding = normal(rngs, (config.vocab_size, config.d_model), factor)
        self.encoder = Stack(EncoderLayer, config.num_encoder_layers, config, bidirectional=True, rngs=rngs)
        self.decoder = Stack(DecoderLayer, config.num_decoder_layers, config, bidirectional=False, rngs=rngs)
        self.head = (
            None
            if config.tie_word_embeddings
            else Linear(config.d_model, config.vocab_size, factor * config.d_model**-0.5, rngs=rngs)
        )

    def __call__(
        self,
        prompt_ids: jax.Array,
        decoder_ids: jax.Array,
        *,
        prompt_mask: jax.Array,
        dropout_key: jax.Array | None = None,
    ) -> jax.Array:
        """Returns the logits of every next token of given programs.

        Args:
            prompt_ids: int `[batch, source]`.
            decoder_ids: int `[batch, target]`: `PAD_ID`, then the program without its last token.
            prompt_mask: bool `[batch, source]`, False on padding.
            dropout_key: one key for the whole pass, or None for no dropout.

        Returns:
            float32 `[batch, target, vocab_size]`.
        """
        keys = split_key(dropout_key, 2)
        encoded = self.encode(prompt_ids, prompt_mask, dropout_key=keys[0])
        return self.decode(decoder_ids, encoded, prompt_mask, dropout_key=keys[1])

    def hidden_and_head(
        self,
        prompt_ids: jax.Array,
        decoder_ids: jax.Array,
        *,
        prompt_mask: jax.Array,
        dropout_key: jax.Array | None = None,
        rematerialize: bool = False,
    ) -> tuple[jax.Array, jax.Array]:
        """Returns the two factors of the logits; see `Network`."""
        keys = split_key(dropout_key, 2)
        encoded = self.encode(prompt_ids, prompt_mask, dropout_key=keys[0], rematerialize=rematerialize)
        hidden = self._read_programs(
            decoder_ids, encoded, prompt_mask, dropout_key=keys[1], rematerialize=rematerialize
        )
        return hidden, self._head()

    def encode(
        self,
        prompt_ids: jax.Array,
        prompt_mask: jax.Array,
        *,
        dropout_key: jax.Array | None = None,
        rematerialize: bool = False,
    ) -> jax.Array:
        """Returns the encoder's reading of the prompts, `[batch, source, d_model]` in the compute dtype."""
        first, last, *keys = split_key(dropout_key, 2 + len(self.encoder.layers))
        length = prompt_ids.shape[1]
        mask, bias = prompt_mask[:, None, None, :], self.encoder.relative_bias(length, length)
        stream = dropout(self._embed(prompt_ids), self.config.dropout_rate, first)
        for layer, key in zip(self.encoder.layers, keys, strict=True):
            read = rematerialized(layer) if rematerialize else layer
            stream = read(stream, mask, bias, dropout_key=key)
        return dropout(self.encoder.norm(stream), self.config.dropout_rate, last)

    def decode(
        self,
        decoder_ids: jax.Array,
        encoded: jax.Array,
        prompt_mask: jax.Array,
        *,
        dropout_key: jax.Array | None = None,
    ) -> jax.Array:
        """Returns the logits, float32 `[batch, target, vocab_size]`, given what `encode` returned."""
        hidden = self._read_programs(decoder_ids, encoded, prompt_mask, dropout_key=dropout_key)
        return self._logits(hidden, self._head().astype(self.dtype))

    def read_prompts(self, prompt_ids: jax.Array, prompt_mask: jax.Array) -> list[KeysValues]:
        """Returns each decoder layer's keys and values of the prompts, `[tasks, heads, source, d_kv]`."""
        encoded = self.encode(prompt_ids, prompt_mask)
        return [layer.cross_attention.keys_values(encoded) for layer in self.decoder.layers]

    def decoder_context(
        self,
        prompt: list[KeysValues],
        prompt_mask: jax.Array,
        *,
        length: int,
        token_ids: jax.Array | None = None,
    ) -> DecoderContext:
        """Returns what the steps that write programs of at most `length` tokens look at.

        Args:
            prompt: what `read_prompts` returned.
            prompt_mask: bool `[tasks, source]`.
            length: tokens a program.
            token_ids: int `[columns]`, the only tokens whose logits are wanted; None for all.
        """
        head = self._head().astype(self.dtype)
        bias = self.decoder.relative_bias(1, length, first_query=length - 1)[:, 0]
        return DecoderContext(
            prompt=prompt,
            prompt_mask=prompt_mask,
            bias=jnp.pad(bias, ((0, 0), (0, length))),
            head=head if token_ids is None else head[token_ids],
        )

    def empty_cache(self, rows: int, length: int) -> list[KeysValues]:
        """Returns each layer's cache for so many programs of no tokens yet, `[rows, heads, length, d_kv]`."""
        nothing = jnp.zeros((rows, self.config.num_heads, length, self.config.d_kv), self.dtype)
        return [KeysValues(nothing, nothing) for _ in self.decoder.layers]

    def resize_cache(self, cache: list[KeysValues], length: int) -> list[KeysValues]:
        """Returns the cache cut or padded to programs of a length."""

        def resized(leaf: jax.Array) -> jax.Array:
            missing = max(0, length - leaf.shape[2])
            return jnp.pad(leaf[:, :, :length], ((0, 0), (0, 0), (0, missing), (0, 0)))

        return jax.tree.map(resized, cache)

    def decode_step(
        self, tokens: jax.Array, written: list[KeysValues], context: DecoderContext, position: jax.Array
    ) -> tuple[jax.Array, list[KeysValues]]:
        """Reads one token of every sample and returns the logits of the next, without dropout.

        Args:
            tokens: int `[tasks, samples]`; `PAD_ID` at position 0.
            written: of each layer, keys and values of the tokens so far, `[tasks * samples, heads, length,
                d_kv]`: what `empty_cache` or the step for `position - 1` returned.
            context: of programs of this length.
            position: int scalar below `length`, where in the program these tokens are.

        Returns:
            The logits, float32 `[tasks, samples, columns]`, and the cache of the next step.
        """
        length = written[0].keys.shape[2]
        bias = lax.dynamic_slice_in_dim(context.bias, length - 1 - position, length, axis=1)[:, None]
        mask = context.prompt_mask[:, None, None, :]
        stream = self._embed(tokens)
        rows = []
        for layer, past, prompt in zip(self.decoder.layers, written, context.prompt, strict=True):
            stream, row = layer.step(stream, past, prompt, mask, position, bias)
            rows.append(row)
        return self._logits(self._scale(self.decoder.norm(stream)), context.head), rows

    def _read_programs(
        self,
        decoder_ids: jax.Array,
        encoded: jax.Array,
        prompt_mask: jax.Array,
        *,
        dropout_key: jax.Array | None,
        rematerialize: bool = False,
    ) -> jax.Array:
        """Returns the decoder's reading of given programs, `[batch, target, d_model]`, as heads take it."""
        first, last, *keys = split_key(dropout_key, 2 + len(self.decoder.layers))
        length = decoder_ids.shape[1]
        causal_mask, bias = jnp.tri(length, dtype=bool), self.decoder.relative_bias(length, length)
        mask = prompt_mask[:, None, None, :]
        stream = dropout(self._embed(decoder_ids), self.config.dropout_rate, first)
        for layer, key in zip(self.decoder.layers, keys, strict=True):
            read = rematerialized(layer) if rematerialize else layer
            stream = read(stream, encoded, mask, causal_mask, bias, dropout_key=key)
        return self._scale(dropout(self.decoder.norm(stream), self.config.dropout_rate, last))

    def _embed(self, token_ids: jax.Array) -> jax.Array:
        return self.embedding[...][token_ids].astype(self.dtype)

    def _head(self) -> jax.Array:
        """Returns a row for each token, float32 `[vocab_size, d_model]`."""
        return self.embedding[...] if self.head is None else self.head.kernel[...].T

    def _scale(self, hidden: jax.Array) -> jax.Array:
        """Returns what a head is multiplied with: scaled down if the head is the embedding table."""
        return hidden if self.head is not None else hidden * self.config.d_model**-0.5

    def _logits(self, hidden: jax.Array, head: jax.Array) -> jax.Array:
        return jnp.einsum("...d,vd->...v", hidden, head, preferred_element_type=jnp.float32)
