"""Every setting of a run, as frozen dataclasses that are checked when made."""

from codeit_jax.config.budget import PAPER_LIMITS, SEARCH_LIMITS, Budget
from codeit_jax.config.settings import (
    CONSTRAINTS,
    DISTILLATION_WORK,
    GRID_TEXTS,
    AugmentationConfig,
    Config,
    ConfigError,
    DataConfig,
    Depth,
    ExecutionConfig,
    LearnerConfig,
    MeshConfig,
    MutationConfig,
    ParentKind,
    PolicyConfig,
    ReplayConfig,
    SamplingConfig,
)

__all__ = [
    "CONSTRAINTS",
    "DISTILLATION_WORK",
    "GRID_TEXTS",
    "PAPER_LIMITS",
    "SEARCH_LIMITS",
    "AugmentationConfig",
    "Budget",
    "Config",
    "ConfigError",
    "DataConfig",
    "Depth",
    "ExecutionConfig",
    "LearnerConfig",
    "MeshConfig",
    "MutationConfig",
    "ParentKind",
    "PolicyConfig",
    "ReplayConfig",
    "SamplingConfig",
]
