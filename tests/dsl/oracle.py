"""The reference primitives, and how to load them.

The reference is one file of the `reasoning-gym` package. It is loaded by its path, because importing the
package takes seconds.
"""

import importlib.util
import random
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from codeit_jax.dsl.types import Function, Value

FAILED = "failed"


def _folder() -> Path:
    spec = importlib.util.find_spec("reasoning_gym")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "arc" / "rearc_utils"


@cache
def load_oracle() -> ModuleType:
    """Returns the module of reference primitives and constants."""
    spec = importlib.util.spec_from_file_location("reference_dsl", _folder() / "dsl.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def verifiers_text() -> str:
    """Returns the text of the reference training programs."""
    return (_folder() / "verifiers.py").read_text(encoding="utf-8")


def permuted(value: Value, rng: random.Random) -> Value:
    """Returns an equal value whose sets, at any depth, were built in a random order.

    Items of a set whose hashes collide are then iterated in another order.
    """
    if isinstance(value, frozenset):
        items = [permuted(item, rng) for item in value]
        rng.shuffle(items)
        return frozenset(items)
    if isinstance(value, tuple):
        return tuple([permuted(item, rng) for item in value])
    return value


def is_value(value: Any) -> bool:
    """Whether something is a value of the language, made of exactly the types it allows."""
    if type(value) in (tuple, frozenset):
        return all(map(is_value, value))
    return value is None or type(value) in (int, bool, Function)
