"""Configs as ConfigDicts, which the command line can override, and as JSON; what of them a run keeps."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from ml_collections import config_dict

from codeit_jax.config import Config, ConfigError

ConfigType = TypeVar("ConfigType")

# Settings that may differ between a run and its resumption: none of them changes what has been computed.
RESUMABLE_FIELDS = (
    "num_meta_iterations",
    "checkpoint_interval",
    "checkpoint_minutes",
    "kept_checkpoints",
    "kept_checkpoint_interval",
    "validation_interval",
    "report_interval",
    "data.validation_tasks",
    "data.allow_overlap",
    "mesh",
    "execution.num_workers",
    "learner.rematerialize",
)


_MAX_BITS = 63  # of a number, without its sign


def to_config_dict(config: Any) -> config_dict.ConfigDict:
    """Turns a config dataclass into the ConfigDict whose fields `--config.room.field=value` can set."""
    fields = {}
    hints = typing.get_type_hints(type(config))
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            value = to_config_dict(value)
        elif isinstance(hints[field.name], types.UnionType) and value is None:
            value = config_dict.placeholder(typing.get_args(hints[field.name])[0])
        fields[field.name] = value
    return config_dict.ConfigDict(fields, convert_dict=False)


def from_dict(config_type: type[ConfigType], values: Any, path: str = "") -> ConfigType:
    """Builds a config dataclass from a ConfigDict or from parsed JSON.

    Raises:
        ConfigError: a field is unknown, has a value of another type, or a value that makes no sense.
    """
    if not isinstance(values, Mapping | config_dict.ConfigDict):
        raise ConfigError(
            f"{path.removesuffix('.') or 'a config'} must be a group of settings, not {values!r}"
        )
    hints = typing.get_type_hints(config_type)
    for name in values:
        if name not in hints:
            raise ConfigError(f"there is no setting {path}{name}")
    arguments: dict[str, Any] = {}
    for name, value in values.items():
        hint = hints[name]
        if dataclasses.is_dataclass(hint):
            arguments[name] = from_dict(typing.cast(type, hint), value, f"{path}{name}.")
        else:
            arguments[name] = _convert(hint, value, f"{path}{name}")
    try:
        return config_type(**arguments)
    except ConfigError:
        raise
    except ValueError as error:
        # A room's own message names its fields from the room on.
        parent = path.removesuffix(".").rpartition(".")[0]
        raise ConfigError(f"{parent}.{error}" if parent else str(error)) from None


def setting_names(config_type: type) -> list[str]:
    """Returns the settings of a config dataclass and of those in it, such as `learner.batch_size`."""
    return [name for name, _ in _flat(dataclasses.asdict(config_type()))]


def optional_settings(config_type: type, path: str = "") -> frozenset[str]:
    """Returns those of `setting_names` that may be None."""
    found: set[str] = set()
    for name, hint in typing.get_type_hints(config_type).items():
        if dataclasses.is_dataclass(hint):
            found |= optional_settings(typing.cast(type, hint), f"{path}{name}.")
        elif isinstance(hint, types.UnionType) and type(None) in typing.get_args(hint):
            found.add(f"{path}{name}")
    return frozenset(found)


def lasting_settings(config: Config) -> dict[str, Any]:
    """Returns the settings, such as `learner.batch_size`, that a run keeps when it is resumed."""
    return {
        name: value
        for name, value in _flat(dataclasses.asdict(config))
        if not any(name == field or name.startswith(f"{field}.") for field in RESUMABLE_FIELDS)
    }


def common_settings(config: Config) -> dict[str, Any]:
    """Returns the settings in which all processes of a run are alike; hosts may have more or fewer cores."""
    return {
        name: value for name, value in _flat(dataclasses.asdict(config)) if name != "execution.num_workers"
    }


def _flat(values: dict[str, Any], path: str = "") -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for name, value in values.items():
        flat += _flat(value, f"{path}{name}.") if isinstance(value, dict) else [(f"{path}{name}", value)]
    return flat


def _convert(hint: Any, value: Any, name: str) -> Any:
    if isinstance(hint, types.UnionType):
        if value is None:
            return None
        hint = typing.get_args(hint)[0]
    if typing.get_origin(hint) is tuple:
        if isinstance(value, list | tuple) and all(type(item) is int for item in value):
            return tuple(value)
    elif type(value) is hint:
        if hint is int and value.bit_length() > _MAX_BITS:
            raise ConfigError(f"{name} must be below 2**{_MAX_BITS}, and not of so many digits")
        return value
    elif hint is float and type(value) is int:
        return float(value)
    raise ConfigError(f"{name} must be of type {getattr(hint, '__name__', hint)}, not {value!r}")
