import importlib.util
import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from codeit_jax.policy.torch_weights import torch_tensors
from codeit_jax.policy.weight_formats import WeightsError

_spec = importlib.util.spec_from_file_location("torch_file", Path(__file__).with_name("torch_file.py"))
torch_file = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(torch_file)
Calls, Global, Storage = torch_file.Calls, torch_file.Global, torch_file.Storage
tensor, write_torch, a_torch_file = torch_file.tensor, torch_file.write_torch, torch_file.a_torch_file
FLOATS = torch_file.FLOATS


def refused(read, *parts):
    """Asserts that reading raises one line that has all of these parts in it."""
    with pytest.raises(WeightsError) as caught:
        read()
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert str(part) in message
    return message


def test_tensors_of_torch_are_read_wherever_they_lie_in_their_storage(tmp_path):
    tensors = torch_tensors(a_torch_file(tmp_path))
    expected = {
        "plain": FLOATS,
        "transposed": FLOATS.T,
        "part": FLOATS.ravel()[[[5, 7], [9, 11]]],
        "repeated": FLOATS[:, [1, 1]],
        "number": FLOATS[2, 3],
        "empty": np.zeros((0, 4), np.float32),
        "row": FLOATS[2:],
        "brain": FLOATS.astype(ml_dtypes.bfloat16),
        "half": FLOATS.astype(np.float16),
        "counts": np.arange(12),
    }
    assert tensors.keys() == expected.keys()
    for name, values in expected.items():
        found = tensors[name].read()
        np.testing.assert_array_equal(found, values)
        assert (tensors[name].shape, tensors[name].dtype) == (found.shape, found.dtype)
        assert found.dtype == values.dtype


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (Calls(os.system, "touch executed"), "system"),
        (Calls(eval, "open('executed', 'w')"), "__builtin__.eval"),
        (Calls(Global("builtins", "getattr"), OrderedDict, "__init__"), "builtins.getattr"),
        (Calls(Global("torch.jit", "<lambda>")), "torch.jit.<lambda>"),
        (Calls(Global("collections", "OrderedDict.fromkeys"), "ab"), "collections.OrderedDict.fromkeys"),
        (Calls(Global("torch", "FloatTensor"), 3), "torch.FloatTensor"),
        (Global("os", "system"), "os.system"),
    ],
)
def test_a_pickle_that_asks_for_anything_else_is_refused_and_nothing_is_executed(
    tmp_path, monkeypatch, call, name
):
    monkeypatch.chdir(tmp_path)
    file = write_torch(tmp_path / "pytorch_model.bin", {"weight": call}, {})
    refused(lambda: torch_tensors(file), f"{file}: its pickle asks for ", name)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (pickle.dumps({"weight": os.getenv}, protocol=4), "no state dict needs the instruction FRAME"),
        (pickle.PROTO + b"\x02cos\ngetenv\n)\x81.", "no state dict needs the instruction NEWOBJ"),
        (pickle.PROTO + b"\x02(ios\ngetenv\n.", "no state dict needs the instruction INST"),
        (pickle.PROTO + b"\x02}r\xff\xff\xff\x7f.", "it notes something at place 2147483647"),
        (pickle.PROTO + b"\x02}", "its pickle is damaged"),
        (b"", "its pickle is damaged"),
    ],
)
def test_instructions_that_torch_does_not_write_are_refused(tmp_path, data, message):
    file = write_torch(tmp_path / "pytorch_model.bin", data, {})
    refused(lambda: torch_tensors(file), f"{file}: its pickle is damaged: ", message)


@pytest.mark.parametrize(
    "named",
    [
        ("torch._utils", "_rebuild_tensor_v2"),
        ("torch._utils", "_rebuild_parameter"),
        ("torch", "FloatStorage"),
        ("collections", "OrderedDict"),
    ],
)
@pytest.mark.parametrize("state", [{"__call__": 1}, (None, {"__call__": 1}), (None, {"__class__": 1})])
def test_a_pickle_can_set_nothing_on_what_it_names(tmp_path, named, state):
    build = (
        pickle.PROTO
        + b"\x02c"
        + "\n".join(named).encode()
        + b"\n"
        + torch_file.pickled(state)[2:-1]
        + b"b0}."
    )
    file = write_torch(tmp_path / "pytorch_model.bin", build, {})
    refused(lambda: torch_tensors(file), file, "its pickle is damaged")
    assert "plain" in torch_tensors(a_torch_file(tmp_path))


FOUR = Storage("FloatStorage", "0", 4)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ([1, 2], "holds no state dict but one list"),
        ({"weight": 3}, "'weight' is no tensor"),
        ({"model": {"weight": tensor(FOUR, (4,), (1,))}}, "'model' is no tensor"),
        ({3: tensor(FOUR, (4,), (1,))}, "3 is no tensor"),
        ({"w": tensor(FOUR, (5,), (1,))}, "tensor 'w': reaches beyond its storage '0'"),
        ({"w": tensor(FOUR, (4,), (1,), offset=1)}, "tensor 'w': reaches beyond its storage '0'"),
        ({"w": tensor(FOUR, (2, 2), (3, 1))}, "tensor 'w': reaches beyond its storage '0'"),
        ({"w": tensor(FOUR, (2,), (-1,), offset=3)}, "a tensor's description is damaged"),
        ({"w": tensor(FOUR, (2, 2), (1,))}, "a tensor's description is damaged"),
        ({"w": tensor(FOUR, (True,), (1,))}, "a tensor's description is damaged"),
        ({"w": tensor("0", (4,), (1,))}, "a tensor's description is damaged"),
        ({"w": tensor(Storage("FloatStorage", "0", -4), (0,), (1,))}, "a storage's description is damaged"),
        (
            {"w": tensor(Storage("FloatStorage", "9", 4), (4,), (1,))},
            "tensor 'w': its storage '9' is missing",
        ),
        (
            {"w": tensor(Storage("FloatStorage", "0", 8), (8,), (1,))},
            "tensor 'w': its storage '0' has 16 bytes, not 32",
        ),
    ],
)
def test_a_state_dict_that_is_not_sound_is_refused(tmp_path, state, message):
    file = write_torch(tmp_path / "pytorch_model.bin", state, {"0": bytes(16)})
    refused(lambda: torch_tensors(file), f"{file}: ", message)


def test_archives_that_torch_does_not_write_are_refused(tmp_path):
    file = tmp_path / "pytorch_model.bin"
    state = {"w": tensor(FOUR, (4,), (1,))}
    write_torch(file, state, {"0": bytes(16)}, byteorder=b"big")
    refused(lambda: torch_tensors(file), file, "big-endian")
    write_torch(file, state, {"0": bytes(16)}, compression=zipfile.ZIP_DEFLATED)
    refused(lambda: torch_tensors(file), file, "is compressed")
    write_torch(file, state, {"0": bytes(16)}, **{"other/data.pkl": b""})
    refused(lambda: torch_tensors(file), file, "one data.pkl, not 2")
    file.write_bytes(pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2))
    refused(lambda: torch_tensors(file), file, "in the format of torch before 1.6")
    file.write_text("version 1 of something else\n")
    refused(lambda: torch_tensors(file), file, "neither a zip archive nor anything else that torch writes")


def test_damaged_numbers_are_noticed_by_their_checksum(tmp_path):
    file = a_torch_file(tmp_path)
    content = file.read_bytes()
    file.write_bytes(content.replace(FLOATS.tobytes(), bytes(FLOATS.nbytes)))
    tensors = torch_tensors(file)
    refused(tensors["plain"].read, file, "tensor 'plain': damaged")
    np.testing.assert_array_equal(tensors["counts"].read(), np.arange(12))
