"""The host's part of a checkpoint: nested values and arrays, as one text and bytes."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

TEXT = "state"  # the name of the text


def encode(host_state: Mapping[str, Any]) -> dict[str, Any]:
    """Turns the host's state into one JSON text and an array of bytes for each array in it.

    Bytes, because a checkpoint takes neither arrays of strings nor empty ones; the text knows each array's
    place, dtype and shape.
    """
    arrays: list[dict[str, Any]] = []
    encoded: dict[str, Any] = {}

    def stripped(value: Any, path: tuple[str | int, ...]) -> Any:
        if isinstance(value, np.ndarray):
            if np.dtype(value.dtype.str) != value.dtype or value.dtype.hasobject:
                raise ValueError(f"host_state {_text(path)}: arrays of {value.dtype} cannot be saved")
            if value.size:
                # `ravel` first: an array without dimensions has no bytes to view.
                encoded[f"array_{len(arrays)}"] = np.ascontiguousarray(value).ravel().view(np.uint8)
            arrays.append({"path": path, "dtype": value.dtype.str, "shape": value.shape})
            return None
        if isinstance(value, Mapping):
            if not all(type(key) is str for key in value):
                raise ValueError(f"host_state {_text(path)}: keys must be strings")
            return {key: stripped(item, (*path, key)) for key, item in value.items()}
        if type(value) is list:
            return [stripped(item, (*path, index)) for index, item in enumerate(value)]
        if value is None or type(value) in (bool, int, float, str):
            return value
        # Among them NumPy's scalars and tuples, which would come back as something else.
        raise ValueError(f"host_state {_text(path)}: values of type {type(value).__name__} cannot be saved")

    tree = stripped(host_state, ())
    return {TEXT: json.dumps({"tree": tree, "arrays": arrays}), **encoded}


def decode(encoded: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what `encode` was given."""
    state = json.loads(encoded[TEXT])
    for number, array in enumerate(state["arrays"]):
        data = encoded.get(f"array_{number}", np.empty(0, np.uint8))
        container = state["tree"]
        for key in array["path"][:-1]:
            container = container[key]
        container[array["path"][-1]] = data.view(array["dtype"]).reshape(array["shape"])
    return state["tree"]


def without_arrays(text: str) -> dict[str, Any]:
    """Returns the state that a text is of, with None in place of its arrays."""
    return dict(json.loads(text)["tree"])


def _text(path: tuple[str | int, ...]) -> str:
    return "/".join(map(str, path)) or "itself"
