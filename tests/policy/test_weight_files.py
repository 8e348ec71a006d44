import importlib.util
import json
import logging
import struct
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from codeit_jax.policy.tokenizers import make_tokenizer
from codeit_jax.policy.weight_files import open_weights
from codeit_jax.policy.weight_formats import WeightsError, safetensors_tensors

_spec = importlib.util.spec_from_file_location("torch_file", Path(__file__).with_name("torch_file.py"))
torch_file = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(torch_file)
a_torch_file, FLOATS = torch_file.a_torch_file, torch_file.FLOATS


def refused(read, *parts):
    """Asserts that reading raises one line that has all of these parts in it."""
    with pytest.raises(WeightsError) as caught:
        read()
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert str(part) in message
    return message


def read_all(tensors):
    return {name: found.read() for name, found in tensors.items()}


def a_safetensors_file(folder):
    file = folder / "model.safetensors"
    tensors = {
        "a": FLOATS,
        "b": FLOATS.astype(ml_dtypes.bfloat16),
        "c": FLOATS.astype(np.float16)[:, :3].copy(),
        "d": np.arange(3, dtype=np.int8),
        "e": np.array(3.5),
        "f": np.zeros((0, 2), np.float32),
    }
    save_file(tensors, file, metadata={"format": "pt"})
    return file, tensors


def test_safetensors_are_read_with_their_dtypes_and_only_mapped(tmp_path):
    file, expected = a_safetensors_file(tmp_path)
    tensors = safetensors_tensors(file)
    assert tensors.keys() == expected.keys()
    for name, values in expected.items():
        found = tensors[name].read()
        assert (found.shape, found.dtype) == (values.shape, values.dtype)
        np.testing.assert_array_equal(found, values)
        assert not found.flags.owndata
        assert not found.flags.writeable


@pytest.mark.parametrize("write", [a_torch_file, lambda folder: a_safetensors_file(folder)[0]])
def test_files_cut_short_anywhere_are_refused(tmp_path, write):
    file = write(tmp_path)
    content = file.read_bytes()
    for length in {0, 1, 4, 7, 8, 9, len(content) - 1, *range(0, len(content), 41)}:
        file.write_bytes(content[:length])
        refused(lambda: open_weights(tmp_path), file)


@pytest.mark.parametrize("write", [a_torch_file, lambda folder: a_safetensors_file(folder)[0]])
def test_damaged_files_are_read_or_refused_but_raise_nothing_else(tmp_path, write):
    file = write(tmp_path)
    content = bytearray(file.read_bytes())
    generator = np.random.default_rng(0)
    outcomes = set()
    for place in generator.integers(0, len(content), 400):
        damaged = content.copy()
        damaged[place] ^= 1 << int(generator.integers(8))
        file.write_bytes(damaged)
        try:
            read_all(open_weights(tmp_path).tensors)
            outcomes.add("read")
        except WeightsError as error:
            outcomes.add(str(file) in str(error) and "\n" not in str(error))
    assert outcomes <= {"read", True}
    assert True in outcomes


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (3, "tensor 'w': the header's entry is damaged"),
        ({"dtype": "F32", "shape": [4]}, "tensor 'w': the header's entry is damaged"),
        (
            {"dtype": "F32", "shape": [-4], "data_offsets": [0, 16]},
            "tensor 'w': the header's entry is damaged",
        ),
        ({"dtype": "F32", "shape": [4], "data_offsets": [0, 4, 16]}, "the header's entry is damaged"),
        ({"dtype": "F4", "shape": [4], "data_offsets": [0, 16]}, "tensor 'w': unknown dtype 'F4'"),
        ({"dtype": [], "shape": [4], "data_offsets": [0, 16]}, "tensor 'w': unknown dtype []"),
        ({"dtype": "F32", "shape": [5], "data_offsets": [0, 16]}, "16 bytes do not hold float32 [5]"),
        ({"dtype": "F32", "shape": [5], "data_offsets": [0, 20]}, "tensor 'w': the file is cut short"),
        ({"dtype": "F32", "shape": [3], "data_offsets": [4, 16]}, "tensor 'w': begins at byte 4 of the data"),
        ({"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}, "bytes long, not"),
    ],
)
def test_a_header_that_is_not_sound_is_refused(tmp_path, entry, message):
    file = tmp_path / "model.safetensors"
    header = json.dumps({"w": entry}).encode()
    file.write_bytes(struct.pack("<Q", len(header)) + header + bytes(16))
    refused(lambda: safetensors_tensors(file), f"{file}: ", message)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"not json", "not JSON: "),
        (b"[1]", "a JSON object is expected, not list"),
        (b"[" * 100_000, "not JSON that can be read: it is nested too deeply"),
        (b"\xff", "is not text in UTF-8: "),
    ],
)
def test_a_header_that_is_no_json_object_is_refused(tmp_path, header, message):
    file = tmp_path / "model.safetensors"
    file.write_bytes(struct.pack("<Q", len(header)) + header)
    refused(lambda: safetensors_tensors(file), f"{file}: header: {message}")


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin", "pytorch_model.bin.index.json"])
def test_a_pointer_of_git_lfs_is_told_as_one(tmp_path, name):
    file = tmp_path / name
    file.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    message = refused(lambda: open_weights(tmp_path), file)
    assert message == f"{file}: is a Git LFS pointer: fetch the file itself with git lfs pull"


def test_a_home_may_be_named_by_its_sign(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "weights").mkdir()
    file, tensors = a_safetensors_file(tmp_path / "weights")
    found = open_weights("~/weights")
    assert (found.file, found.tensors.keys()) == (file, tensors.keys())
    message = refused(lambda: open_weights("~nosuchuser/weights"))
    assert message.startswith("~nosuchuser/weights: there is no such user's home")


def test_the_files_are_looked_for_in_order(tmp_path):
    refused(lambda: open_weights(tmp_path), tmp_path, "holds no weights", "model.safetensors")
    torch_file = a_torch_file(tmp_path)
    index = tmp_path / "pytorch_model.bin.index.json"
    index.write_text(json.dumps({"weight_map": {"plain": "pytorch_model.bin"}}))
    assert open_weights(tmp_path).file == torch_file
    torch_file.rename(tmp_path / "pytorch_model-1.bin")
    index.write_text(json.dumps({"weight_map": {"plain": "pytorch_model-1.bin"}}))
    assert open_weights(str(tmp_path)).file == index
    np.testing.assert_array_equal(open_weights(tmp_path).tensors["plain"].read(), FLOATS)
    file, _ = a_safetensors_file(tmp_path)
    assert open_weights(tmp_path).file == file


def test_shards_are_found_through_their_index(tmp_path):
    save_file({"a": FLOATS, "x": FLOATS}, tmp_path / "model-1.safetensors")
    save_file({"b": FLOATS + 1, "x": FLOATS + 2}, tmp_path / "model-2.safetensors")
    index = tmp_path / "model.safetensors.index.json"
    names = {"a": "model-1.safetensors", "b": "model-2.safetensors", "x": "model-2.safetensors"}
    index.write_text(json.dumps({"metadata": {"total_size": 96}, "weight_map": names}))
    weights = open_weights(tmp_path)
    assert weights.file == index
    assert weights.tensors["b"].file == tmp_path / "model-2.safetensors"
    found = read_all(weights.tensors)
    assert found.keys() == {"a", "b", "x"}
    for name, added in (("a", 0), ("b", 1), ("x", 2)):
        np.testing.assert_array_equal(found[name], FLOATS + added)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ({}, "weight_map must be an object"),
        ({"weight_map": []}, "weight_map must be an object"),
        ({"weight_map": {"a": 3}}, "tensor 'a': 3 is no name of a file"),
        ({"weight_map": {"a": "../model-1.safetensors"}}, "tensor 'a': '../model-1.safetensors' is no name"),
        ({"weight_map": {"a": ".."}}, "tensor 'a': "),
        ({"weight_map": {"a": ""}}, "tensor 'a': "),
        ({"weight_map": {"a": "model-9.safetensors"}}, "tensor 'a': there is no weights file"),
        ({"weight_map": {"a": "model.safetensors.index.json"}}, "tensor 'a': there is no weights file"),
        ({"weight_map": {"b": "model-1.safetensors"}}, "tensor 'b': is not in"),
    ],
)
def test_an_index_that_does_not_fit_its_files_is_refused(tmp_path, index, message):
    save_file({"a": FLOATS}, tmp_path / "model-1.safetensors")
    file = tmp_path / "model.safetensors.index.json"
    file.write_text(json.dumps(index))
    refused(lambda: open_weights(tmp_path), f"{file}: ", message)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The folder of a hub name, `owner/small`, in a cache that nothing can be added to."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    model = tmp_path / "models--owner--small"
    commit = "0123456789abcdef0123456789abcdef01234567"
    (model / "refs").mkdir(parents=True)
    (model / "refs" / "main").write_text(commit)
    folder = model / "snapshots" / commit
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize("write", [a_torch_file, lambda folder: a_safetensors_file(folder)[0]])
def test_a_hub_name_is_found_in_the_cache_without_a_network(hub, write):
    file = write(hub)
    assert open_weights("owner/small").file == file


@pytest.mark.parametrize("name", ["owner/other", "other", "owner/bad name"])
def test_a_hub_name_that_cannot_be_had_is_refused(hub, name):
    refused(
        lambda: open_weights(name), f"{name!r}: is no folder, and cannot be had from the Hugging Face hub"
    )


def test_the_hubs_retries_are_not_told(monkeypatch):
    told = []
    handler = logging.Handler()
    handler.emit = told.append
    client = logging.getLogger("huggingface_hub.utils._http")

    def unreachable(*_, **__):
        client.warning("Retrying in 1s [Retry 1/5].")
        raise ConnectionError("Connection refused")

    monkeypatch.setattr("huggingface_hub.snapshot_download", unreachable)
    monkeypatch.setattr("transformers.AutoTokenizer.from_pretrained", unreachable)
    client.addHandler(handler)
    try:
        refused(lambda: open_weights("owner/small"), "Connection refused")
        with pytest.raises(ValueError, match="nor found on the Hugging Face hub"):
            make_tokenizer("owner/small")
    finally:
        client.removeHandler(handler)
    assert told == []


def test_a_path_is_not_taken_for_a_hub_name(tmp_path):
    for source in (tmp_path / "missing", str(tmp_path / "missing"), "./missing", "~/missing", "a/b/c"):
        refused(lambda source=source: open_weights(source), "there is no such folder")
    file, _ = a_safetensors_file(tmp_path)
    refused(lambda: open_weights(file), file, "is a file")
