"""Checks of single settings; each raises a `ConfigError` that names the field."""

import math

from codeit_jax.errors import UserError


class ConfigError(UserError):
    """A setting that makes no sense; the message names the field."""


def at_least(name: str, value: float, minimum: float) -> None:
    """Checks that a setting is a number no smaller than another."""
    if not minimum <= value < math.inf:
        raise ConfigError(f"{name} must be a number of at least {minimum}, not {value}")


def at_most(name: str, value: float, maximum: float) -> None:
    """Checks that a setting is a number no greater than another."""
    if not value <= maximum:
        raise ConfigError(f"{name} must be a number of at most {maximum:g}, not {value}")


def positive(name: str, value: float) -> None:
    """Checks that a setting is a number above 0."""
    if not 0 < value < math.inf:
        raise ConfigError(f"{name} must be a positive number, not {value}")


def ascending(name: str, lengths: tuple[int, ...]) -> None:
    """Checks that a setting is some lengths, each greater than the one before it."""
    if list(lengths) != sorted(set(lengths)) or min(lengths, default=1) < 1:
        raise ConfigError(f"{name} must be ascending lengths, not {lengths}")
