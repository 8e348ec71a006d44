"""A small run: its tasks, its config, and what is compiled for it."""

import os
from collections.abc import Iterator

import jax
import pytest
from jax.experimental.compilation_cache import compilation_cache

from codeit_jax.config import Config, DataConfig

from .small_run import ROOT, abstract_state_of, small_config, write_data


@pytest.fixture(scope="session")
def compiled_folder(tmp_path_factory) -> str:
    return str(tmp_path_factory.mktemp("compiled"))


@pytest.fixture(scope="module")
def compiled(compiled_folder: str) -> Iterator[dict[str, str]]:
    """Lets all runs share what the first one compiles; returns the environment of those outside."""
    settings = {
        "jax_compilation_cache_dir": compiled_folder,
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    before = {name: getattr(jax.config, name) for name in settings}
    for name, value in settings.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()
    yield {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        **{name.upper(): str(value) for name, value in settings.items()},
    }
    for name, value in before.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> DataConfig:
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def config(data: DataConfig, compiled: dict[str, str]) -> Config:
    return small_config(data)


@pytest.fixture(scope="module")
def abstract_state(config: Config):
    return abstract_state_of(config)
