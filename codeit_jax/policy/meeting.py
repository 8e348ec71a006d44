"""The first time that devices of several processes compute together."""

import itertools

import jax
import numpy as np
from jax.sharding import AbstractMesh, Mesh, NamedSharding, PartitionSpec

from codeit_jax.run.peers import Peers


def meet(mesh: Mesh, peers: Peers) -> None:
    """Has the devices of each group that computes together meet, when all processes have come this far.

    On CPUs a process ends where another comes to a group's first collective 30 seconds after it, as one does
    that takes longer to compile. Of later ones it waits for half an hour.

    Args:
        mesh: the devices.
        peers: the processes, all of which call this.
    """
    if peers.count == 1:
        return
    peers.gather(None)
    rows = NamedSharding(mesh, PartitionSpec(mesh.axis_names))
    ones = jax.make_array_from_callback((mesh.size,), rows, lambda index: np.ones(mesh.size, np.int32)[index])

    def summed(shares: jax.Array) -> list[jax.Array]:
        return [jax.lax.psum(shares, axes) for axes in groups(mesh)]

    jax.block_until_ready(
        jax.jit(jax.shard_map(summed, mesh=mesh, in_specs=rows.spec, out_specs=rows.spec))(ones)
    )


def groups(mesh: Mesh | AbstractMesh) -> list[tuple[str, ...]]:
    """Returns the axes of a mesh by which devices are grouped: each set of those that have several."""
    axes = [name for name, size in mesh.shape.items() if size > 1]
    return [each for number in range(len(axes)) for each in itertools.combinations(axes, number + 1)]
