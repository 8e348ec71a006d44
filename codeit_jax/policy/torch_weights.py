"""Weights in torch's own format, read without torch: a zip archive of raw numbers, and a pickle about them.

A pickle is a program. The one here may build dictionaries and describe tensors, and call nothing else.
"""

import io
import pickle
import pickletools
import struct
import zipfile
import zlib
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

from codeit_jax.errors import naming
from codeit_jax.policy.weight_formats import StoredTensor, WeightsError, are_sizes, one_line
from codeit_jax.reading.documents import refuse_pointer

_DTYPES = {
    "BoolStorage": np.dtype(np.bool_),
    "CharStorage": np.dtype(np.int8),
    "ByteStorage": np.dtype(np.uint8),
    "ShortStorage": np.dtype("<i2"),
    "IntStorage": np.dtype("<i4"),
    "LongStorage": np.dtype("<i8"),
    "HalfStorage": np.dtype("<f2"),
    "BFloat16Storage": np.dtype(ml_dtypes.bfloat16),
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
}
# What `torch.save` writes a state dict with.
_INSTRUCTIONS = (
    *("PROTO", "STOP", "MARK", "GLOBAL", "REDUCE", "BUILD", "BINPERSID"),
    *("BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET"),
    *("NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE"),
    *("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_LIST", "APPEND", "APPENDS"),
    *("EMPTY_DICT", "SETITEM", "SETITEMS"),
)


def torch_tensors(file: Path) -> dict[str, StoredTensor]:
    """Returns the tensors of a file that `torch.save` wrote of a state dict, by name.

    A tensor's read takes the storage it lies in, all of it, into memory and checks its checksum.

    Raises:
        WeightsError: the file is cut short or damaged, in the format of torch before 1.6, or its pickle asks
            for anything but tensors.
    """
    try:
        beginning = _beginning(file)
        archive = zipfile.ZipFile(file) if beginning.startswith(b"PK") else None
    # A damaged directory raises nearly any of them.
    except (OSError, zipfile.BadZipFile, ValueError, RuntimeError, EOFError, struct.error) as error:
        raise WeightsError(f"{file}: cut short or damaged: {one_line(error)}") from error
    if archive is None:
        with naming(file, WeightsError):
            refuse_pointer(beginning)
        known = (
            "is in the format of torch before 1.6, or no weights at all; save it anew with torch"
            if beginning.startswith(b"\x80")
            else "is neither a zip archive nor anything else that torch writes"
        )
        raise WeightsError(f"{file}: {known}")
    pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise WeightsError(f"{file}: a file of torch holds one data.pkl, not {len(pickles)}")
    folder = pickles[0].removesuffix("data.pkl")
    byte_order = f"{folder}byteorder"
    if byte_order in archive.namelist() and _entry(file, archive, byte_order) != b"little":
        raise WeightsError(f"{file}: its numbers are big-endian")
    return {
        name: _torch_tensor(file, archive, folder, name, record)
        for name, record in _unpickle(file, _entry(file, archive, pickles[0])).items()
    }


class _StorageType(NamedTuple):
    """Stands for a torch storage class. A named tuple, as all below: a pickle can set nothing on it."""

    dtype: np.dtype


class _Storage(NamedTuple):
    key: str
    dtype: np.dtype
    size: int


class _Record(NamedTuple):
    """A pickle's description of a tensor; offset and strides count numbers, not bytes."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _RebuildTensor:
    """Stands for `torch._utils._rebuild_tensor_v2`; an object and not a function, which has attributes."""

    __slots__ = ()

    def __call__(self, storage: Any, offset: Any, shape: Any, strides: Any, *rest: Any) -> _Record:
        # The rest are requires_grad, hooks, and flags such as "to be negated", which no weights have.
        sound = isinstance(storage, _Storage) and are_sizes((offset,)) and len(rest) <= 2
        if not sound or not are_sizes(shape) or not are_sizes(strides) or len(shape) != len(strides):
            raise pickle.UnpicklingError("a tensor's description is damaged")
        return _Record(storage, offset, tuple(shape), tuple(strides))


class _RebuildParameter:
    """Stands for `torch._utils._rebuild_parameter`."""

    __slots__ = ()

    def __call__(self, tensor: Any, requires_grad: Any, hooks: Any) -> Any:
        return tensor


class _Unpickler(pickle.Unpickler):
    """Knows what a state dict is made of, and refuses every other name."""

    def __init__(self, data: bytes, file: Path) -> None:
        super().__init__(io.BytesIO(data))
        self._file = file
        self._globals: dict[tuple[str, str], Any] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _RebuildTensor(),
            ("torch._utils", "_rebuild_parameter"): _RebuildParameter(),
        }
        for name, dtype in _DTYPES.items():
            self._globals["torch", name] = _StorageType(dtype)

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._globals:
            raise WeightsError(f"{self._file}: its pickle asks for {module}.{name}, which is no tensor")
        return self._globals[module, name]

    def persistent_load(self, identifier: Any) -> _Storage:
        kind, storage_type, key, _, size = identifier
        sound = kind == "storage" and isinstance(storage_type, _StorageType) and isinstance(key, str)
        if not sound or not are_sizes((size,)):
            raise pickle.UnpicklingError("a storage's description is damaged")
        return _Storage(key, storage_type.dtype, size)


def _unpickle(file: Path, data: bytes) -> dict[str, _Record]:
    try:
        _check_instructions(data)
        state = _Unpickler(data, file).load()
    except WeightsError:
        raise
    # Damaged bytes are instructions too, and may come to anything.
    except Exception as error:
        raise WeightsError(f"{file}: its pickle is damaged: {one_line(error)}") from error
    if not isinstance(state, dict):
        raise WeightsError(f"{file}: holds no state dict but one {type(state).__name__}")
    for name, record in state.items():
        if not isinstance(name, str) or not isinstance(record, _Record):
            raise WeightsError(f"{file}: {name!r} is no tensor")
    return dict(state)


def _check_instructions(data: bytes) -> None:
    for instruction, argument, _ in pickletools.genops(data):
        if instruction.name not in _INSTRUCTIONS:
            raise pickle.UnpicklingError(f"no state dict needs the instruction {instruction.name}")
        # To note something at a place, room is made for all places before it.
        if instruction.name == "LONG_BINPUT" and int(argument or 0) > len(data):
            raise pickle.UnpicklingError(f"it notes something at place {argument}")


def _torch_tensor(
    file: Path, archive: zipfile.ZipFile, folder: str, name: str, record: _Record
) -> StoredTensor:
    storage, where = record.storage, f"{file}: tensor {name!r}"
    last = sum((size - 1) * stride for size, stride in zip(record.shape, record.strides, strict=True))
    if 0 not in record.shape and record.offset + last >= storage.size:
        raise WeightsError(f"{where}: reaches beyond its storage {storage.key!r}")
    entry, itemsize = f"{folder}data/{storage.key}", storage.dtype.itemsize
    try:
        found = archive.getinfo(entry).file_size
    except KeyError as error:
        raise WeightsError(f"{where}: its storage {storage.key!r} is missing") from error
    if found != storage.size * itemsize:
        raise WeightsError(
            f"{where}: its storage {storage.key!r} has {found} bytes, not {storage.size * itemsize}"
        )

    def read() -> np.ndarray:
        numbers = np.frombuffer(_entry(file, archive, entry, name), storage.dtype)
        return np.lib.stride_tricks.as_strided(
            numbers[record.offset :],
            record.shape,
            # Where there is no second place the stride is idle, and may be any number.
            [
                stride * itemsize if size > 1 else 0
                for size, stride in zip(record.shape, record.strides, strict=True)
            ],
            writeable=False,
        )

    return StoredTensor(file, name, record.shape, storage.dtype, read)


def _entry(file: Path, archive: zipfile.ZipFile, entry: str, tensor: str | None = None) -> bytes:
    """Returns the bytes of an archive's entry, all of them."""
    where = f"{file}: {entry}" if tensor is None else f"{file}: tensor {tensor!r}"
    info = archive.getinfo(entry)
    # torch compresses nothing, and what is compressed could unfold to any size.
    if info.compress_type != zipfile.ZIP_STORED:
        raise WeightsError(f"{where}: is compressed, as torch never writes it")
    try:
        data = archive.read(info)
    except (
        OSError,
        zipfile.BadZipFile,
        ValueError,
        RuntimeError,
        EOFError,
        struct.error,
        zlib.error,
    ) as error:
        raise WeightsError(f"{where}: damaged: {one_line(error)}") from error
    if len(data) != info.file_size:
        raise WeightsError(f"{where}: damaged: {len(data)} bytes instead of {info.file_size}")
    return data


def _beginning(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(64)
