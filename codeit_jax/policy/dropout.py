"""Dropout, with random bits that cost next to nothing."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax


def split_key(key: jax.Array | None, number: int) -> list[jax.Array] | list[None]:
    """Returns `number` keys made of one, or as many Nones: no key, no dropout."""
    return [None] * number if key is None else list(jax.random.split(key, number))


def dropout(values: jax.Array, rate: float, key: jax.Array | None) -> jax.Array:
    """Returns the values with a share `rate` of them zeroed and the rest scaled up to keep the mean.

    Without a key the values come back unchanged.
    """
    if key is None or rate == 0:
        return values
    is_kept = random_words(key, values.shape) >= np.uint32(min(round(rate * 2**32), 2**32 - 1))
    return jnp.where(is_kept, values / (1 - rate), 0)


def random_words(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Returns random bits for dropout: uint32 of a shape, a function of the key and their place.

    `jax.random.bits` makes better ones, and takes a sixth of an update on a CPU for it. These are good enough
    to drop with: an item's place in its row is scrambled twice, with two words of the row's own. They need no
    memory, since they are made anew within whatever reads them, and each device makes its own.
    """
    if len(shape) < 2:
        return random_words(key, (1, *shape))[0]
    # Two for each row of the first axis: a batch may have more items than there are words.
    first, second = jax.random.bits(key, (2, shape[0], *(1,) * (len(shape) - 1)), jnp.uint32)
    place = jnp.zeros((1, *shape[1:]), jnp.uint32)
    for axis in range(1, len(shape)):
        place = place * np.uint32(shape[axis]) + lax.broadcasted_iota(jnp.uint32, place.shape, axis)
    return _scramble(_scramble(place ^ first) ^ second)


def _scramble(words: jax.Array) -> jax.Array:
    """Returns a permutation of the 32-bit words in which every bit of a word decides over every bit.

    The shifts and factors are those of Wellons' lowbias32, which were searched for that.
    """
    words = (words ^ (words >> 16)) * np.uint32(0x7FEB352D)
    words = (words ^ (words >> 15)) * np.uint32(0x846CA68B)
    return words ^ (words >> 16)
