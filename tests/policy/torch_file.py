"""Writes files as `torch.save` does, without torch."""

import io
import pickle
import zipfile
from collections import OrderedDict
from dataclasses import dataclass

import ml_dtypes
import numpy as np

FLOATS = np.arange(12, dtype=np.float32).reshape(3, 4) - 5.5


@dataclass(frozen=True)
class Global:
    """Pickles as a name in a module that need not exist; pickle asks of it that it can be called."""

    module: str
    name: str

    def __call__(self):
        raise NotImplementedError


@dataclass(frozen=True)
class Storage:
    kind: str
    key: str
    size: int


class Calls:
    """Pickles as the call of a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class TorchPickler(pickle._Pickler):
    """Writes what `torch.save` does; in Python, as only there an instruction can be put in."""

    def save(self, value, save_persistent_id=True):
        if isinstance(value, Global):
            self.write(b"c" + f"{value.module}\n{value.name}\n".encode())
        else:
            super().save(value, save_persistent_id)

    def persistent_id(self, value):
        if isinstance(value, Storage):
            return "storage", Global("torch", value.kind), value.key, "cpu", value.size
        return None


def tensor(storage, shape, strides, offset=0):
    rebuild = Global("torch._utils", "_rebuild_tensor_v2")
    return Calls(rebuild, storage, offset, shape, strides, False, OrderedDict())


def parameter(inner):
    return Calls(Global("torch._utils", "_rebuild_parameter"), inner, True, OrderedDict())


def pickled(value):
    stream = io.BytesIO()
    TorchPickler(stream, protocol=2).dump(value)
    return stream.getvalue()


def write_torch(file, state, storages, compression=zipfile.ZIP_STORED, **others):
    data = state if isinstance(state, bytes) else pickled(state)
    entries = {"data.pkl": data, "byteorder": b"little", "version": b"3\n", **others}
    entries |= {f"data/{key}": values for key, values in storages.items()}
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(f"pytorch_model/{name}", content)
    return file


def a_torch_file(folder):
    storages = {
        "0": FLOATS.tobytes(),
        "1": FLOATS.astype(ml_dtypes.bfloat16).tobytes(),
        "2": FLOATS.astype(np.float16).tobytes(),
        "3": np.arange(12).tobytes(),
    }
    floats = Storage("FloatStorage", "0", 12)
    state = OrderedDict(
        plain=tensor(floats, (3, 4), (4, 1)),
        transposed=tensor(floats, (4, 3), (1, 4)),
        part=parameter(tensor(floats, (2, 2), (4, 2), offset=5)),
        repeated=tensor(floats, (3, 2), (4, 0), offset=1),
        number=tensor(floats, (), (), offset=11),
        empty=tensor(floats, (0, 4), (4, 1), offset=12),
        row=tensor(floats, (1, 4), (10**30, 1), offset=8),
        brain=tensor(Storage("BFloat16Storage", "1", 12), (3, 4), (4, 1)),
        half=tensor(Storage("HalfStorage", "2", 12), (3, 4), (4, 1)),
        counts=tensor(Storage("LongStorage", "3", 12), (12,), (1,)),
    )
    # torch notes versions on the dictionary, which is an instruction of its own.
    state._metadata = OrderedDict([("", {"version": 1})])
    return write_torch(folder / "pytorch_model.bin", state, storages)
