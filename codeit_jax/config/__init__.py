"""Every setting of a run, as frozen dataclasses that are checked when made."""

from codeit_jax.config.budget import PAPER_LIMITS, SEARCH_LIMITS, Budget
from codeit_jax.config.checks import ConfigError
from codeit_jax.config.programs import (
    DISTILLATION_WORK,
    TURN_WORK,
    AugmentationConfig,
    Depth,
    EvolutionConfig,
    MutationConfig,
    ParentKind,
    SyntheticConfig,
)
from codeit_jax.config.settings import (
    CONSTRAINTS,
    GRID_TEXTS,
    Config,
    DataConfig,
    ExecutionConfig,
    LearnerConfig,
    MeshConfig,
    PolicyConfig,
    PriorityConfig,
    ReplayConfig,
    SamplingConfig,
)

__all__ = [
    "CONSTRAINTS",
    "DISTILLATION_WORK",
    "GRID_TEXTS",
    "PAPER_LIMITS",
    "SEARCH_LIMITS",
    "TURN_WORK",
    "AugmentationConfig",
    "Budget",
    "Config",
    "ConfigError",
    "DataConfig",
    "Depth",
    "EvolutionConfig",
    "ExecutionConfig",
    "LearnerConfig",
    "MeshConfig",
    "MutationConfig",
    "ParentKind",
    "PolicyConfig",
    "PriorityConfig",
    "ReplayConfig",
    "SamplingConfig",
    "SyntheticConfig",
]
