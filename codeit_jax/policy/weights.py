"""Hugging Face's T5 weights and ours: one is read into the other, and written back.

Both hold the same numbers. Theirs go by other names (see `hugging_face_name`), a matrix of theirs is
`[outputs, inputs]`, and a tied embedding may lie in their files under up to four names.
"""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from codeit_jax.errors import naming
from codeit_jax.policy.presets import T5Config
from codeit_jax.policy.sharding import on_host
from codeit_jax.policy.t5 import T5
from codeit_jax.policy.weight_files import CONFIG, SAFETENSORS, StoredWeights, open_weights
from codeit_jax.policy.weight_formats import StoredTensor, WeightsError
from codeit_jax.policy.weights_config import config_settings, head_is_embedding, read_config
from codeit_jax.reading.paths import expand_home
from codeit_jax.run.files import replacing, write_text
from codeit_jax.run.peers import ALONE, Peers

__all__ = ["WeightsError", "hugging_face_name", "load_params", "read_config", "save_params"]

_EMBEDDING = "shared.weight"
_HEAD = "lm_head.weight"
_EMBEDDING_COPIES = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
# The first T5 files hold a bias that no version of the model uses.
_UNUSED = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"

_SUBLAYERS = {
    "encoder": {"attention": (0, "SelfAttention"), "feed_forward": (1, "DenseReluDense")},
    "decoder": {
        "attention": (0, "SelfAttention"),
        "cross_attention": (1, "EncDecAttention"),
        "feed_forward": (2, "DenseReluDense"),
    },
}
_ATTENTION = {"query": "q", "key": "k", "value": "v", "output": "o"}
_PLAIN_FEED_FORWARD = {"input": "wi", "output": "wo"}
_GATED_FEED_FORWARD = {"input": "wi_1", "gate": "wi_0", "output": "wo"}


def hugging_face_name(path: tuple[str | int, ...], gated: bool) -> str:
    """Returns what Hugging Face calls one of our parameters.

    Args:
        path: where the parameter is, as in `codeit_jax.policy.t5`. A `kernel` is transposed in their files.
        gated: whether the feed-forward is, whose matrices then have other names.
    """
    if path == ("embedding",):
        return _EMBEDDING
    if path == ("head", "kernel"):
        return _HEAD
    stack, *rest = path
    if rest == ["relative_bias", "embedding"]:
        return f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
    if rest == ["norm", "scale"]:
        return f"{stack}.final_layer_norm.weight"
    _, index, module, leaf, *_ = rest
    sublayer = str(module).removesuffix("_norm")
    number, name = _SUBLAYERS[str(stack)][sublayer]
    prefix = f"{stack}.block.{index}.layer.{number}"
    if sublayer != module:
        return f"{prefix}.layer_norm.weight"
    feed_forward = _GATED_FEED_FORWARD if gated else _PLAIN_FEED_FORWARD
    matrix = (feed_forward if sublayer == "feed_forward" else _ATTENTION)[str(leaf)]
    return f"{prefix}.{name}.{matrix}.weight"


def load_params(source: str | os.PathLike[str], config: T5Config, shardings: Any = None) -> nnx.State:
    """Reads a model's parameters straight onto the devices, one tensor after another.

    Of the host's memory this takes one tensor at a time: what this process's devices hold of it, in float32,
    and for a `pytorch_model.bin` also the storage it lies in. Other files are memory-mapped. Where a file has
    copies of the embedding, two of them are held to be compared. An untied head that is not in the files,
    since there it is the embedding itself, begins as a copy of it.

    Args:
        source: a folder, or a name on the Hugging Face hub (see `open_weights`).
        config: the model's shape, usually `read_config` of the same source.
        shardings: where each parameter goes, as `parameter_sharding` says it; the default device if None.

    Returns:
        `nnx.split(T5(config, ...))[1]` with these weights, in float32 whatever the file's dtype.

    Raises:
        WeightsError: files are missing or damaged, or are not those of this shape: a tensor is missing, has
            another shape, is not of floating-point numbers, holds one that is not finite in float32, or is
            unknown to the model.
    """
    parameters, structure = _parameters(config)
    targets = [None] * len(parameters)
    if shardings is not None:
        by_path = dict(_leaves(shardings))
        targets = [by_path[parameter.path] for parameter in parameters]
    weights = open_weights(source)
    # Only where it matters: weights of a preset's shape need no config.
    copies_head = (
        _HEAD not in weights.tensors and not config.tie_word_embeddings and head_is_embedding(source)
    )
    chosen = _match(weights, parameters, config.tie_word_embeddings, copies_head)
    leaves = [
        _put(stored, parameter.is_transposed, sharding)
        for stored, parameter, sharding in zip(chosen, parameters, targets, strict=True)
    ]
    return jax.tree.unflatten(structure, leaves)


def save_params(
    folder: str | os.PathLike[str],
    config: T5Config,
    params: Any,
    extra: Mapping[str, Any] | None = None,
    peers: Peers = ALONE,
) -> None:
    """Writes a folder that transformers opens as a `T5ForConditionalGeneration`.

    The two files, `config.json` and `model.safetensors`, appear whole or not at all. Tensors are brought
    together one at a time, as float32. `initial_recency` says how weights begin, and is not kept.

    Args:
        folder: made if it is not there; files of these names in it are replaced.
        config: the model's shape.
        params: `nnx.split(model)[1]`, on devices of any of the processes.
        extra: what else `config.json` is to say: `eos_token_id`, 1 if it is not given, or anything else but
            the shape.
        peers: the processes, all of which call this; the first writes.

    Raises:
        WeightsError: the parameters are not those of the shape, `extra` contradicts it, or the folder cannot
            be written.
    """
    with naming(folder, WeightsError):
        folder = Path(expand_home(os.fspath(folder)))
    settings = config_settings(config)
    contradicted = sorted(settings.keys() & (extra or {}).keys())
    if contradicted:
        raise WeightsError(f"{folder / CONFIG}: {contradicted[0]} follows from the model and cannot be given")
    parameters, _ = _parameters(config)
    by_path = dict(_leaves(params))
    if by_path.keys() != {parameter.path for parameter in parameters}:
        raise WeightsError(f"{folder / SAFETENSORS}: the parameters are not those of {config}")
    leaves = [by_path[parameter.path] for parameter in parameters]
    for parameter, leaf in zip(parameters, leaves, strict=True):
        if leaf.shape != parameter.shape or leaf.dtype != jnp.float32:
            raise WeightsError(
                f"{folder / SAFETENSORS}: tensor {parameter.name!r}: ours must be float32 "
                f"{list(parameter.shape)}, not {leaf.dtype} {list(leaf.shape)}"
            )
    text = json.dumps(settings | {"eos_token_id": 1} | dict(extra or {}), indent=2, sort_keys=True)
    if peers.number:
        with open(os.devnull, "wb") as nowhere:  # it has its part in bringing tensors together
            _write_safetensors(nowhere, parameters, leaves)
        return
    with naming(folder, WeightsError):
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(folder / SAFETENSORS) as stream:
            _write_safetensors(stream, parameters, leaves)
        write_text(folder / CONFIG, f"{text}\n")


class _Parameter(NamedTuple):
    """A parameter of ours, and what it is in their files."""

    path: tuple[str | int, ...]
    name: str
    shape: tuple[int, ...]

    @property
    def is_transposed(self) -> bool:
        return self.path[-1] == "kernel"

    @property
    def stored_shape(self) -> tuple[int, ...]:
        return self.shape[::-1] if self.is_transposed else self.shape


def _parameters(config: T5Config) -> tuple[list[_Parameter], Any]:
    """Returns the parameters of a shape in the order of the tree's leaves, and the tree's structure."""
    abstract = nnx.split(nnx.eval_shape(lambda: T5(config, rngs=nnx.Rngs(0))))[1]
    gated = config.feed_forward == "gated-gelu"
    parameters = [
        _Parameter(path, hugging_face_name(path, gated), leaf.shape) for path, leaf in _leaves(abstract)
    ]
    return parameters, jax.tree.structure(abstract)


def _leaves(tree: Any) -> list[tuple[tuple[str | int, ...], Any]]:
    """Returns a tree's leaves in order with their paths, less the last step, which leads into a variable."""
    return [
        (tuple(key.key for key in keys if isinstance(key, jax.tree_util.DictKey)), leaf)
        for keys, leaf in jax.tree_util.tree_leaves_with_path(tree)
    ]


def _match(
    weights: StoredWeights, parameters: list[_Parameter], tied: bool, copies_head: bool
) -> list[StoredTensor]:
    """Returns the parameters' tensors, having checked all that is to be known before reading them."""
    stored = weights.tensors
    embeddings = [
        stored[name]
        for name in (_EMBEDDING, *_EMBEDDING_COPIES, *((_HEAD,) if tied else ()))
        if name in stored
    ]
    chosen = []
    for parameter in parameters:
        where = f"{weights.file}: tensor {parameter.name!r}"
        is_embedding = parameter.name == _EMBEDDING or (copies_head and parameter.name == _HEAD)
        alternatives = embeddings if is_embedding else [stored[n] for n in (parameter.name,) if n in stored]
        if not alternatives:
            raise WeightsError(f"{where}: is missing")
        for tensor in alternatives:
            if tensor.shape != parameter.stored_shape:
                raise WeightsError(
                    f"{tensor.file}: tensor {tensor.name!r}: has the shape {list(tensor.shape)}, "
                    f"not {list(parameter.stored_shape)}"
                )
            if not jnp.issubdtype(tensor.dtype, jnp.floating):
                raise WeightsError(
                    f"{tensor.file}: tensor {tensor.name!r}: must be floating-point, not {tensor.dtype}"
                )
        chosen.append(alternatives[0])
    known = {tensor.name for tensor in (*chosen, *embeddings)} | {_UNUSED}
    unknown = sorted(stored.keys() - known)
    if unknown:
        raise WeightsError(f"{stored[unknown[0]].file}: tensor {unknown[0]!r}: is unknown to this T5")
    first, *copies = embeddings
    for copy in copies:
        _check_finite(first, first.read())  # NaN equals nothing, itself neither
        if not np.array_equal(copy.read(), first.read()):
            raise WeightsError(
                f"{copy.file}: tensor {copy.name!r}: differs from {first.name!r}, of which it must be a copy"
            )
    return chosen


def _check_finite(tensor: StoredTensor, values: np.ndarray) -> None:
    if not np.isfinite(values).all():
        raise WeightsError(f"{tensor.file}: tensor {tensor.name!r}: holds NaN or infinity")


def _put(tensor: StoredTensor, is_transposed: bool, sharding: Any) -> jax.Array:
    values = tensor.read().T if is_transposed else tensor.read()

    def part(index: Any) -> np.ndarray:
        # Always a copy: on CPUs an array may share the memory it was made from, here that of a file.
        with np.errstate(over="ignore"):
            copy = np.array(values[index], np.float32, order="C")
        _check_finite(tensor, copy)
        return copy

    if sharding is None:
        array = jax.device_put(part(...))
    else:
        array = jax.make_array_from_callback(values.shape, sharding, part)
    # Otherwise many copies could be on their way at once.
    return array.block_until_ready()


def _write_safetensors(stream: IO[bytes], parameters: list[_Parameter], leaves: list[jax.Array]) -> None:
    ordered = sorted(zip(parameters, leaves, strict=True), key=lambda pair: pair[0].name)
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for parameter, _ in ordered:
        begin, end = end, end + 4 * math.prod(parameter.shape)
        shape = list(parameter.stored_shape)
        header[parameter.name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    stream.write(len(text).to_bytes(8, "little") + text)
    for parameter, leaf in ordered:
        # An array keeps what the host fetched of it for as long as it lives: these end here.
        whole = on_host(leaf.T if parameter.is_transposed else jnp.copy(leaf))
        stream.write(np.ascontiguousarray(whole, "<f4").data)
