"""Commands that other processes help with: the first runs the command, with the workers of all."""

from collections.abc import Callable

from codeit_jax.execution.led_pool import Leader, lead
from codeit_jax.run.shared_flags import Rendezvous


def run_helped(
    rendezvous: Rendezvous | None, num_workers: int, command: Callable[[Leader | None], object]
) -> None:
    """Runs a command in the first of some processes, or in this one where it is alone.

    Args:
        rendezvous: how the processes find each other; None for a process alone.
        num_workers: workers of this process.
        command: the command, which takes who leads the others, or None.

    Raises:
        UserError: the processes do not find each other, or what the command raises.
    """
    if rendezvous is None:
        command(None)
        return
    from codeit_jax.run.distribution import joined  # JAX takes a second to start

    with joined(rendezvous) as peers:
        lead(peers, num_workers, command)
