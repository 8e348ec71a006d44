"""Shapes of the T5 models the policy may be: our own small ones and CodeT5's."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

FEED_FORWARDS = ("relu", "gated-gelu")


@dataclass(frozen=True)
class T5Config:
    """The shape of a T5 encoder-decoder.

    Token id 0 is the padding, and also what the decoder starts from.

    Attributes:
        vocab_size: tokens the model knows; one embedding table serves prompts and programs.
        d_model: width of the residual stream.
        d_kv: width of one attention head; `num_heads * d_kv` need not equal `d_model`.
        d_ff: width of the feed-forward's hidden layer.
        num_encoder_layers: layers that read the prompt.
        num_decoder_layers: layers that write the program.
        num_heads: attention heads of every layer.
        relative_attention_num_buckets: classes of relative distance with a learnt bias of their own.
        relative_attention_max_distance: distance from which all share the last bucket.
        dropout_rate: share of activations dropped while learning, in [0, 1).
        layer_norm_epsilon: added to the mean square before the root.
        feed_forward: "relu" (T5 1.0, CodeT5) or "gated-gelu" (T5 1.1).
        tie_word_embeddings: whether the embedding table also scores the next token.
        initializer_factor: scale of all initial weights.
        initial_recency: how much the decoder's head `h`, from 0, prefers the token `h + 1` places back before
            any learning, in nats; 0 as in T5. It helps small models that start from random weights to learn
            the form of programs in few updates.

    Raises:
        ValueError: a field is out of its range; the message names it.
    """

    vocab_size: int
    d_model: int
    d_kv: int
    d_ff: int
    num_encoder_layers: int
    num_decoder_layers: int
    num_heads: int
    relative_attention_num_buckets: int = 32
    relative_attention_max_distance: int = 128
    dropout_rate: float = 0.1
    layer_norm_epsilon: float = 1e-6
    feed_forward: str = "relu"
    tie_word_embeddings: bool = True
    initializer_factor: float = 1.0
    initial_recency: float = 0.0

    def __post_init__(self) -> None:
        for field in (
            "vocab_size",
            "d_model",
            "d_kv",
            "d_ff",
            "num_encoder_layers",
            "num_decoder_layers",
            "num_heads",
        ):
            value = getattr(self, field)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"T5Config.{field} must be a positive integer, not {value!r}")
        buckets = self.relative_attention_num_buckets
        # A quarter of the buckets names the exact short distances of one direction: one there must be.
        if buckets < 4 or buckets % 4:
            raise ValueError(
                f"T5Config.relative_attention_num_buckets must be a positive multiple of 4, not {buckets!r}"
            )
        if self.relative_attention_max_distance <= buckets // 2:
            raise ValueError(
                "T5Config.relative_attention_max_distance must exceed half of relative_attention_num_buckets"
                f" ({buckets // 2}), not be {self.relative_attention_max_distance!r}"
            )
        if not 0 <= self.dropout_rate < 1:
            raise ValueError(f"T5Config.dropout_rate must be in [0, 1), not {self.dropout_rate!r}")
        if not 0 <= self.initial_recency < float("inf"):
            raise ValueError(f"T5Config.initial_recency must be at least 0, not {self.initial_recency!r}")
        for field in ("layer_norm_epsilon", "initializer_factor"):
            if not getattr(self, field) > 0:
                raise ValueError(f"T5Config.{field} must be positive, not {getattr(self, field)!r}")
        if self.feed_forward not in FEED_FORWARDS:
            raise ValueError(
                f"T5Config.feed_forward must be one of {', '.join(FEED_FORWARDS)}, not {self.feed_forward!r}"
            )


NetworkConfig = T5Config  # the shapes that a policy's network may have: there is one kind so far

CODET5_VOCAB_SIZE = 32100


def _shape(d_model: int, d_kv: int, d_ff: int, layers: int, heads: int) -> T5Config:
    return T5Config(
        vocab_size=CODET5_VOCAB_SIZE,
        d_model=d_model,
        d_kv=d_kv,
        d_ff=d_ff,
        num_encoder_layers=layers,
        num_decoder_layers=layers,
        num_heads=heads,
    )


def _from_scratch(shape: T5Config) -> T5Config:
    """Returns a shape as it learns best from random weights: with a head of its own, and recency."""
    return replace(shape, tie_word_embeddings=False, initial_recency=4.0)


PRESETS: Mapping[str, T5Config] = {
    "nano": _from_scratch(_shape(d_model=64, d_kv=32, d_ff=256, layers=2, heads=2)),
    "mini": _from_scratch(_shape(d_model=128, d_kv=32, d_ff=512, layers=2, heads=4)),
    "tiny": _from_scratch(_shape(d_model=256, d_kv=64, d_ff=1024, layers=4, heads=4)),
    "codet5-small": _shape(d_model=512, d_kv=64, d_ff=2048, layers=6, heads=8),
    "codet5p-220m": _shape(d_model=768, d_kv=64, d_ff=3072, layers=12, heads=12),
    "codet5p-770m": _shape(d_model=1024, d_kv=64, d_ff=4096, layers=24, heads=16),
}


def preset(name: str, vocab_size: int = CODET5_VOCAB_SIZE) -> T5Config:
    """Returns the shape called `name` for a vocabulary of `vocab_size` tokens.

    "nano", "mini" and "tiny" are our own, to be trained from random weights; "codet5-small", "codet5p-220m"
    (the paper's policy) and "codet5p-770m" are those of the published weights, whose vocabulary is 32,100.

    Raises:
        ValueError: no preset has this name, or the vocabulary is empty.
    """
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}; known presets: {', '.join(PRESETS)}")
    return replace(PRESETS[name], vocab_size=vocab_size)
