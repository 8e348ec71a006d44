"""Hugging Face's `config.json` of a T5, and the shape it describes.

Read and written as the JSON it is: the classes of transformers change settings as they load them.
"""

import os
from pathlib import Path
from typing import Any

from codeit_jax.errors import naming
from codeit_jax.policy.network import PAD_ID
from codeit_jax.policy.presets import T5Config
from codeit_jax.policy.weight_files import read_config_file
from codeit_jax.policy.weight_formats import WeightsError

# Of the feed-forwards: whether it is gated, and what transformers calls its activation.
_ACTIVATIONS = {"relu": (False, "relu"), "gated-gelu": (True, "gelu_new")}
# Our fields and theirs; those with a default may be missing there.
_REQUIRED = {
    "vocab_size": "vocab_size",
    "d_model": "d_model",
    "d_kv": "d_kv",
    "d_ff": "d_ff",
    "num_encoder_layers": "num_layers",
    "num_heads": "num_heads",
}
_OPTIONAL = ("relative_attention_num_buckets", "relative_attention_max_distance")
_NUMBERS = ("dropout_rate", "layer_norm_epsilon", "initializer_factor")


def read_config(source: str | os.PathLike[str]) -> T5Config:
    """Returns the shape of a published T5; what its `config.json` leaves out is as in T5.

    Args:
        source: a folder, or a name on the Hugging Face hub.

    Raises:
        WeightsError: there is no `config.json`, it is not one of a T5, or this T5 pads or starts with an id
            other than 0, or computes what ours cannot.
    """
    file, raw = read_config_file(source)
    # What is null counts as left out.
    settings = _Settings(file, {key: value for key, value in raw.items() if value is not None})
    if settings.get("model_type", str, "") != "t5":
        raise WeightsError(f"{file}: model_type must be 't5', not {raw.get('model_type')!r}")
    for key in ("pad_token_id", "decoder_start_token_id"):
        if settings.get(key, int, PAD_ID) != PAD_ID:
            raise WeightsError(f"{file}: {key} must be {PAD_ID}, not {raw[key]!r}")
    fields: dict[str, Any] = {ours: settings.get(theirs, int) for ours, theirs in _REQUIRED.items()}
    fields["num_decoder_layers"] = settings.get("num_decoder_layers", int, fields["num_encoder_layers"])
    for key, kind in (*((key, int) for key in _OPTIONAL), *((key, float) for key in _NUMBERS)):
        fields[key] = settings.get(key, kind, getattr(T5Config, key))
    fields["feed_forward"] = _feed_forward(settings)
    fields["tie_word_embeddings"] = _is_tied(settings)
    with naming(file, WeightsError):
        return T5Config(**fields)


def head_is_embedding(source: str | os.PathLike[str]) -> bool:
    """Returns whether a T5 without a head in its files scores the next token by its embedding, unscaled.

    So transformers 5 saves one that was made with an untied head, which it ties all the same. A model whose
    `config.json` says that the head is untied has lost it.

    Raises:
        WeightsError: there is no `config.json`, or it is no JSON object.
    """
    raw = read_config_file(source)[1]
    return raw.get("tie_word_embeddings") is not False and raw.get("scale_decoder_outputs") is False


def config_settings(config: T5Config) -> dict[str, Any]:
    """Returns what a `config.json` says of a shape, and of every model of ours."""
    is_gated, activation = _ACTIVATIONS[config.feed_forward]
    shape = {theirs: getattr(config, ours) for ours, theirs in _REQUIRED.items()}
    rest = {key: getattr(config, key) for key in (*_OPTIONAL, *_NUMBERS)}
    return (
        shape
        | rest
        | {
            "architectures": ["T5ForConditionalGeneration"],
            "model_type": "t5",
            "is_encoder_decoder": True,
            "num_decoder_layers": config.num_decoder_layers,
            "feed_forward_proj": config.feed_forward,
            "is_gated_act": is_gated,
            "dense_act_fn": activation,
            "tie_word_embeddings": config.tie_word_embeddings,
            "pad_token_id": PAD_ID,
            "decoder_start_token_id": PAD_ID,
        }
    )


class _Settings:
    """A `config.json`, by key."""

    def __init__(self, file: Path, raw: dict[str, Any]) -> None:
        self.file = file
        self._raw = raw

    def get(self, key: str, kind: type, default: Any = None) -> Any:
        """Returns the value of a key, which must be there if no default is given; an integer is a float."""
        if key not in self._raw:
            if default is None:
                raise WeightsError(f"{self.file}: {key} is missing")
            return default
        value = self._raw[key]
        if kind is float and type(value) is int:
            return float(value)
        if type(value) is not kind:
            raise WeightsError(f"{self.file}: {key} must be of type {kind.__name__}, not {value!r}")
        return value


def _feed_forward(settings: _Settings) -> str:
    """Returns ours; it may be named, or described by its gate and its activation, or both."""
    described = "gated-gelu" if settings.get("is_gated_act", bool, False) else "relu"
    name = settings.get("feed_forward_proj", str, described)
    if name not in _ACTIVATIONS:
        raise WeightsError(
            f"{settings.file}: feed_forward_proj must be one of {', '.join(_ACTIVATIONS)}, not {name!r}"
        )
    is_gated, activation = _ACTIVATIONS[name]
    for key, expected in (("is_gated_act", is_gated), ("dense_act_fn", activation)):
        found = settings.get(key, type(expected), expected)
        if found != expected:
            raise WeightsError(f"{settings.file}: {key} must be {expected!r} with {name!r}, not {found!r}")
    return name


def _is_tied(settings: _Settings) -> bool:
    """Returns whether the embedding scores the next token, scaled as ours then is.

    transformers 5 calls every T5 tied, and says in a setting of its own whether what is scored is scaled.
    What it does not scale is read as a head of its own, which begins as the embedding where there is none.
    """
    is_tied = settings.get("tie_word_embeddings", bool, True)
    is_scaled = settings.get("scale_decoder_outputs", bool, is_tied)
    if is_scaled and not is_tied:
        raise WeightsError(f"{settings.file}: scale_decoder_outputs must be false for an untied head")
    return is_scaled
