"""The ablations: by name, the settings in which each differs from a config."""

from collections.abc import Iterable, Mapping
from typing import Any

from ml_collections.config_dict import ConfigDict

from codeit_jax.config import Config, ConfigError
from codeit_jax.config.conversion import from_dict, to_config_dict

# Those of the paper first.
ABLATIONS: Mapping[str, Mapping[str, Any]] = {
    "no_expert_iteration": {"replay.policy_experiences": 0},
    "no_relabeling": {"replay.relabeling": False},
    "no_priority": {"replay.prioritized": False},
    "random_weights": {"policy.weights": ""},
    "one_demonstration": {"policy.max_demonstrations": 1},
    "no_mutation": {"mutation.num_programs": 0},
    "length_priority": {"replay.priority.length": 1.0},
    "age_priority": {"replay.priority.age": 1.0},
    "distance_priority": {"replay.priority.distance": 1.0},
    "evolution": {"evolution.turn_work": 4_000_000},
    "no_evolution": {"evolution.turn_work": 0},
    "dense": {"policy.grid_text": "dense"},
    "grammar": {"sampling.constraint": "grammar"},
    "bf16": {"policy.dtype": "bfloat16"},
}


def vary(config: ConfigDict, names: Iterable[str]) -> ConfigDict:
    """Gives a config the settings of some ablations, and returns it.

    Raises:
        ConfigError: there is no ablation of that name.
    """
    for name in names:
        if name not in ABLATIONS:
            raise ConfigError(f"unknown variant {name!r}; known are {', '.join(ABLATIONS)}")
        config.update_from_flattened_dict(ABLATIONS[name])
    return config


def ablated(config: Config, names: Iterable[str]) -> Config:
    """Returns a config with the settings of some ablations.

    Raises:
        ConfigError: there is no ablation of that name, or its settings do not go with the config's.
    """
    return from_dict(Config, vary(to_config_dict(config), names))
