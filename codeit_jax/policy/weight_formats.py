"""Tensors in files, to be read one by one, and the format that most of them are in: safetensors.

It is a JSON header before raw numbers, and read here: the `safetensors` package gives NumPy no bfloat16.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import ml_dtypes
import numpy as np

from codeit_jax.errors import UserError, naming
from codeit_jax.reading import documents

_SAFETENSORS_DTYPES = {
    "BOOL": np.dtype(np.bool_),
    "I8": np.dtype(np.int8),
    "U8": np.dtype(np.uint8),
    "I16": np.dtype("<i2"),
    "U16": np.dtype("<u2"),
    "I32": np.dtype("<i4"),
    "U32": np.dtype("<u4"),
    "I64": np.dtype("<i8"),
    "U64": np.dtype("<u8"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
}


class WeightsError(UserError):
    """Weights that cannot be read, do not fit or cannot be written: one line that names file and tensor."""


@dataclass(frozen=True)
class StoredTensor:
    """A tensor in a file.

    Attributes:
        file: where it lies.
        name: what the file calls it.
        shape: its shape.
        dtype: its dtype; bfloat16 is that of `ml_dtypes`.
        read: returns its values, to be read only; raises WeightsError if they are damaged.
    """

    file: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    read: Callable[[], np.ndarray]


def one_line(error: BaseException) -> str:
    """Returns what an error says, or its kind if it says nothing, without line breaks."""
    return " ".join(str(error).split()) or type(error).__name__


def read_json(file: Path) -> dict[str, Any]:
    """Returns the JSON object in a file; WeightsError if there is none."""
    with naming(file, WeightsError):
        return _json_object(documents.read_text(file))


def safetensors_tensors(file: Path) -> dict[str, StoredTensor]:
    """Returns the tensors of a safetensors file by name, memory-mapped: no number is read before its tensor.

    Raises:
        WeightsError: the file is cut short, damaged or of another format.
    """
    with naming(file, WeightsError):
        size = file.stat().st_size
        mapped = np.memmap(file, np.uint8, mode="r") if size else np.zeros(0, np.uint8)
        documents.refuse_pointer(mapped[:64].tobytes())
    start = 8 + int.from_bytes(mapped[:8].tobytes(), "little")
    if len(mapped) < 8 or start > len(mapped):
        raise WeightsError(f"{file}: the header is cut short, or this is no safetensors file")
    with naming(f"{file}: header", WeightsError):
        header = _json_object(documents.decode(mapped[8:start].tobytes()))
    header.pop("__metadata__", None)
    spans: dict[str, tuple[int, int]] = {}
    tensors = {}
    for name, entry in header.items():
        where = f"{file}: tensor {name!r}"
        entry = entry if isinstance(entry, dict) else {}
        dtype_name, shape, span = (entry.get(key) for key in ("dtype", "shape", "data_offsets"))
        if not are_sizes(shape) or not are_sizes(span) or len(span) != 2:
            raise WeightsError(f"{where}: the header's entry is damaged")
        dtype = _SAFETENSORS_DTYPES.get(dtype_name) if isinstance(dtype_name, str) else None
        if dtype is None:
            raise WeightsError(f"{where}: unknown dtype {dtype_name!r}")
        begin, end = span
        if end - begin != math.prod(shape) * dtype.itemsize:
            raise WeightsError(f"{where}: {end - begin} bytes do not hold {dtype} {shape}")
        if start + end > len(mapped):
            raise WeightsError(f"{where}: the file is cut short")
        spans[name] = begin, end
        tensors[name] = StoredTensor(
            file, name, tuple(shape), dtype, _mapped_reader(mapped[start + begin : start + end], dtype, shape)
        )
    # The format leaves no byte over and uses none twice.
    expected = 0
    for name, (begin, end) in sorted(spans.items(), key=lambda item: item[1]):
        if begin != expected:
            raise WeightsError(f"{file}: tensor {name!r}: begins at byte {begin} of the data, not {expected}")
        expected = end
    if start + expected != len(mapped):
        raise WeightsError(f"{file}: {len(mapped)} bytes long, not {start + expected} as its header says")
    return tensors


def _mapped_reader(data: np.ndarray, dtype: np.dtype, shape: Sequence[int]) -> Callable[[], np.ndarray]:
    return lambda: data.view(dtype).reshape(shape)


def _json_object(text: str) -> dict[str, Any]:
    parsed = documents.parse_json(text)
    if not isinstance(parsed, dict):
        raise WeightsError(f"a JSON object is expected, not {type(parsed).__name__}")
    return parsed


def are_sizes(values: Any) -> TypeGuard[Sequence[int]]:
    """Tells whether the values are integers from 0 on; booleans are not."""
    return isinstance(values, list | tuple) and all(type(value) is int and value >= 0 for value in values)
