"""What JAX has no public names for yet in how processes find each other, and in its key-value store."""

import os
from typing import Any

from jax._src import distributed
from jax._src.clusters import ClusterEnv

from codeit_jax.run.shared_flags import Rendezvous


def found(rendezvous: Rendezvous) -> Rendezvous:
    """Returns where the coordinator is, how many processes there are and which this is, as JAX finds them.

    What is not found stays None. That is what `jax.distributed.initialize` does at first.
    """
    place, count, number, _ = ClusterEnv.auto_detect_unset_distributed_params(
        rendezvous.coordinator or os.environ.get("JAX_COORDINATOR_ADDRESS"),
        rendezvous.num_processes,
        rendezvous.process_id,
        None,
        None,
        rendezvous.seconds,
    )
    return Rendezvous(place, count, number, rendezvous.seconds)


def key_value_store() -> Any:
    """Returns the coordinator's key-value store, as its client has it."""
    return distributed.global_state.client
