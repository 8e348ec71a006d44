"""Where parameters and batches lie on the devices."""

import math
import re
from collections.abc import Sequence
from typing import Any

import jax
from jax.experimental import multihost_utils
from jax.sharding import AbstractMesh, AxisType, Mesh, NamedSharding, PartitionSpec

AXES = ("data", "fsdp", "tensor")

# The axes over which a batch's rows are spread.
ROW_AXES = ("data", "fsdp")

# From a pattern in a parameter's path to the mesh axis that splits each of its dimensions; the first pattern
# found counts.
ShardingRules = tuple[tuple[str, tuple[str | None, ...]], ...]


def make_mesh(data: int, fsdp: int, tensor: int, devices: Sequence[jax.Device] | None = None) -> Mesh:
    """Lays the devices out as a mesh with the axes `data`, `fsdp` and `tensor`.

    Args:
        data: groups of devices that hold the same parameters; -1 for as many as the devices allow.
        fsdp: devices over which parameters and batches are split.
        tensor: devices over which heads, hidden units and the vocabulary are split.
        devices: those to use, all of every process by default.

    Raises:
        ValueError: the axes do not use exactly these devices.
    """
    devices = jax.devices() if devices is None else devices
    if min(fsdp, tensor) < 1 or (data < 1 and data != -1):
        raise ValueError(f"mesh axes must be at least 1 (data may be -1): {data=}, {fsdp=}, {tensor=}")
    if data == -1:
        data = max(len(devices) // (fsdp * tensor), 1)
    if data * fsdp * tensor != len(devices):
        raise ValueError(
            f"mesh axes {data=}, {fsdp=}, {tensor=} take {data * fsdp * tensor} devices, "
            f"but there are {len(devices)}"
        )
    return jax.make_mesh((data, fsdp, tensor), AXES, axis_types=(AxisType.Auto,) * 3, devices=devices)


def parameter_sharding(params: Any, mesh: Mesh | AbstractMesh, rules: ShardingRules) -> Any:
    """Returns the tree's shardings, leaf by leaf.

    The leaf's path decides, so whatever mirrors the parameters, such as an optimiser's moments, is laid out
    as they are. A dimension that the axis does not divide is not split; norms, biases and scalars are on
    every device.

    Args:
        params: a tree of arrays, or of anything with a shape.
        mesh: the mesh to lay it out on.
        rules: the network's.
    """

    def sharding(path: Any, leaf: Any) -> NamedSharding:
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        axes = next((axes for pattern, axes in rules if re.search(pattern, name)), ())
        if len(axes) != len(leaf.shape):
            return NamedSharding(mesh, PartitionSpec())
        divided = (
            axis if axis is not None and size % mesh.shape[axis] == 0 else None
            for axis, size in zip(axes, leaf.shape, strict=True)
        )
        return NamedSharding(mesh, PartitionSpec(*divided))

    return jax.tree_util.tree_map_with_path(sharding, params)


def gathered_sharding(shardings: Any) -> Any:
    """Returns the shardings parameters have while they are computed with: those given, whole over `fsdp`.

    Stored in slices and gathered for use: left to itself, the compiler moves activations about instead, which
    are far larger.
    """

    def gathered(sharding: NamedSharding) -> NamedSharding:
        axes = (None if axis == "fsdp" else axis for axis in sharding.spec)
        return NamedSharding(sharding.mesh, PartitionSpec(*axes))

    return jax.tree.map(gathered, shardings)


def gathered(params: Any) -> Any:
    """Returns parameters as `gathered_sharding` has them, for what computes with them many times.

    Arrays that lie on no mesh, or on one whose `fsdp` is 1, are returned as they are.

    Args:
        params: a tree of arrays.
    """
    shardings = jax.tree.map(lambda leaf: leaf.sharding, params)
    if not any(
        isinstance(sharding, NamedSharding) and sharding.mesh.shape["fsdp"] > 1
        for sharding in jax.tree.leaves(shardings)
    ):
        return params
    return jax.jit(_same, out_shardings=gathered_sharding(shardings))(params)


def _same(tree: Any) -> Any:
    return tree


def batch_sharding(mesh: Mesh) -> NamedSharding:
    """Returns the sharding of a batch's arrays: rows over `data` and `fsdp`, sequences whole."""
    return NamedSharding(mesh, PartitionSpec(ROW_AXES))


def describe(mesh: Mesh, batch_size: int) -> str:
    """Returns a line that tells what a run computes on.

    Args:
        mesh: its devices.
        batch_size: examples of an update.
    """
    device = mesh.devices.flat[0]
    axes = " x ".join(f"{name} {size}" for name, size in mesh.shape.items())
    return (
        f"{jax.process_count()} processes with {mesh.size} devices in all, {device.platform}"
        f" ({device.device_kind}); mesh {axes}; {batch_size} examples a batch"
    )


def on_host(arrays: Any) -> Any:
    """Returns a tree of arrays as NumPy arrays, whole in every process; all processes ask for the same."""
    if all(leaf.is_fully_addressable or leaf.is_fully_replicated for leaf in jax.tree.leaves(arrays)):
        return jax.device_get(arrays)
    return multihost_utils.process_allgather(arrays, tiled=True)


def row_shares(mesh: Mesh | AbstractMesh) -> int:
    """Returns into how many parts a batch's rows are split."""
    return math.prod(mesh.shape[axis] for axis in ROW_AXES)
