"""Paths as people write them."""

import os

from codeit_jax.errors import UserError


def expand_home(path: str) -> str:
    """Returns a path with the home that a `~` or `~user` at its beginning stands for.

    Raises:
        UserError: there is no such home, or it is no path.
    """
    if "\0" in path:
        raise UserError("a path cannot hold a NUL character")
    expanded = os.path.expanduser(path)
    if expanded.startswith("~"):
        raise UserError("there is no such user's home; for a file of that name put ./ before it")
    return expanded
