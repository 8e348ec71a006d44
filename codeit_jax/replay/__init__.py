"""The memory: experiences, their priorities, and the buffer they are sampled from."""

from codeit_jax.replay.buffer import ReplayBuffer
from codeit_jax.replay.experience import Experience
from codeit_jax.replay.priority import sample_without_replacement, sampling_weights

__all__ = [
    "Experience",
    "ReplayBuffer",
    "sample_without_replacement",
    "sampling_weights",
]
