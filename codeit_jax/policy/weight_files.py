"""Finding a model's files in a folder or on the Hugging Face hub, and its tensors in them."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeit_jax.errors import naming
from codeit_jax.policy.torch_weights import torch_tensors
from codeit_jax.policy.weight_formats import (
    StoredTensor,
    WeightsError,
    one_line,
    read_json,
    safetensors_tensors,
)
from codeit_jax.reading.paths import expand_home
from codeit_jax.run.silence import without_warnings

CONFIG = "config.json"
SAFETENSORS = "model.safetensors"
TORCH = "pytorch_model.bin"
_INDEX_SUFFIX = ".index.json"
_READERS = {".safetensors": safetensors_tensors, ".bin": torch_tensors}


@dataclass(frozen=True)
class StoredWeights:
    """The tensors of a model, still in their files.

    Attributes:
        file: the file that holds all of them, or the index of those that do.
        tensors: by name.
    """

    file: Path
    tensors: dict[str, StoredTensor]


def open_weights(source: str | os.PathLike[str]) -> StoredWeights:
    """Returns a model's tensors, of which none is read before its `read` is called.

    Looked for are, in this order, `model.safetensors`, `model.safetensors.index.json` and what it lists,
    `pytorch_model.bin`, and `pytorch_model.bin.index.json` and what it lists.

    Args:
        source: a folder, or a name on the Hugging Face hub, which is fetched through the hub's own cache.

    Raises:
        WeightsError: there are no weights, or their files are damaged or contradict one another.
    """
    for single in (SAFETENSORS, TORCH):
        index = f"{single}{_INDEX_SUFFIX}"
        stem, suffix = single.rsplit(".", maxsplit=1)
        folder = _local_folder(source, single, index, f"{stem}-*.{suffix}")
        if _is_file(folder / single):
            return StoredWeights(folder / single, _read(folder / single))
        if _is_file(folder / index):
            return StoredWeights(folder / index, _read_sharded(folder / index))
    raise WeightsError(
        f"{source}: holds no weights: none of {SAFETENSORS}, {TORCH}, nor one of them with {_INDEX_SUFFIX}"
    )


def read_config_file(source: str | os.PathLike[str]) -> tuple[Path, dict[str, Any]]:
    """Returns where a model's `config.json` is, and what is in it, taken literally.

    Raises:
        WeightsError: there is no such file, or it is no JSON object.
    """
    file = _local_folder(source, CONFIG) / CONFIG
    if not _is_file(file):
        raise WeightsError(f"{file}: there is no such file")
    return file, read_json(file)


def _is_file(path: Path) -> bool:
    with naming(path, WeightsError):
        return path.is_file()


def _read(file: Path) -> dict[str, StoredTensor]:
    return _READERS[file.suffix](file)


def _read_sharded(index: Path) -> dict[str, StoredTensor]:
    names = read_json(index).get("weight_map")
    if not isinstance(names, dict) or not names:
        raise WeightsError(f"{index}: weight_map must be an object that is not empty")
    files: dict[str, dict[str, StoredTensor]] = {}
    tensors = {}
    for name, file_name in names.items():
        where = f"{index}: tensor {name!r}"
        if not isinstance(file_name, str) or not file_name or Path(file_name).name != file_name:
            raise WeightsError(f"{where}: {file_name!r} is no name of a file beside the index")
        file = index.with_name(file_name)
        if file_name not in files:
            if file.suffix not in _READERS or not _is_file(file):
                raise WeightsError(f"{where}: there is no weights file {file}")
            files[file_name] = _read(file)
        if name not in files[file_name]:
            raise WeightsError(f"{where}: is not in {file}, where the index says it is")
        tensors[name] = files[file_name][name]
    return tensors


def _local_folder(source: str | os.PathLike[str], *patterns: str) -> Path:
    """Returns a folder, or that of the hub's cache into which the files of these patterns were fetched."""
    name = os.fspath(source)
    with naming(name, WeightsError):
        folder = Path(expand_home(name))
        is_folder, is_there = folder.is_dir(), folder.exists()
    if is_folder:
        return folder
    if is_there:
        raise WeightsError(f"{folder}: is a file; the folder it lies in is what is expected")
    # On the hub a name is that of a model, or of its owner and a model.
    if not isinstance(source, str) or name.startswith((".", "~", "/")) or name.count("/") > 1:
        raise WeightsError(f"{folder}: there is no such folder")
    from huggingface_hub import snapshot_download

    try:
        with without_warnings():
            return Path(snapshot_download(name, allow_patterns=list(patterns)))
    # Its own errors and those of the network's libraries beneath it have no base in common.
    except Exception as error:
        raise WeightsError(
            f"{name!r}: is no folder, and cannot be had from the Hugging Face hub: {one_line(error)}"
        ) from error
