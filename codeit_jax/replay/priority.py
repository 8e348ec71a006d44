"""Priorities and sampling by them (CodeIt, prioritized hindsight replay)."""

import numpy as np

# So small that it changes no positive priority, and that an entry without priority is drawn only once every
# entry with one is: what decides is an exponential variable, between 1e-19 and 1e3, divided by the weight.
EPSILON = 1e-30
_SMALLEST_DRAW = 1e-19


def sampling_weights(priorities: np.ndarray, uniform: bool) -> np.ndarray:
    """Returns float64 weights `[size]`: the priorities plus a tiny epsilon, or all ones when `uniform`."""
    priorities = np.asarray(priorities, np.float64)
    return np.ones_like(priorities) if uniform else priorities + EPSILON


def sample_without_replacement(weights: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draws `n` different indices, one after another in proportion to the weights that are left.

    Every index gets an exponential variable divided by its weight and the `n` smallest win (Efraimidis and
    Spirakis, 2006, whose keys `log(u) / w` these are but for the sign), which takes O(size) time.

    Args:
        weights: `[size]`, positive.
        n: how many indices; all of them where it is the size or more.
        rng: the source of randomness.

    Returns:
        int64 indices `[min(n, size)]` in random order.

    Raises:
        ValueError: `n` is negative.
    """
    if n < 0:
        raise ValueError(f"cannot sample {n} entries")
    if n >= len(weights):
        return rng.permutation(len(weights))
    keys = rng.standard_exponential(len(weights))
    np.maximum(keys, _SMALLEST_DRAW, out=keys)
    keys /= weights
    # A partition leaves its halves in an order that differs between processors; a sorted one does not.
    return rng.permutation(np.sort(np.argpartition(keys, n)[:n]))
