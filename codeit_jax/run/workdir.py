"""A run's folder: claimed by one config, and never shared with another's files."""

import dataclasses
import json

from etils import epath

from codeit_jax.config import Config, ConfigError
from codeit_jax.config.conversion import differences, from_dict
from codeit_jax.errors import UserError
from codeit_jax.run.files import write_json

_CONFIG = "config.json"
_RESULTS = ("checkpoints", "performance.csv", "samples", "solutions.json")


class WorkdirError(UserError):
    """A folder that cannot be a run's; the message names it and says why."""


def open_workdir(path: str, config: Config) -> epath.Path:
    """Claims a folder for a run, or finds the run that it holds.

    The folder is made if need be, and `config.json` is written to it. A run that is found must have the same
    config, but for what may change between a run and its resumption; one that has left no results yet may be
    given another.

    Raises:
        WorkdirError: the folder cannot be written to, holds a run of another config, or holds files named as
            a run's are without its config. Nothing in it is changed then.
    """
    workdir = epath.Path(path).expanduser()
    file = workdir / _CONFIG
    try:
        if workdir.exists() and not workdir.is_dir():
            raise WorkdirError(f"--workdir={path}: is not a folder")
        results = [name for name in _RESULTS if (workdir / name).exists()]
        if file.exists():
            found = _read_config(file)
            if results:
                _check_same(path, found, config)
        elif results:
            raise WorkdirError(f"--workdir={path}: holds {results[0]} but no {_CONFIG} that says whose it is")
        workdir.mkdir(parents=True, exist_ok=True)
        write_json(file, dataclasses.asdict(config))
    except OSError as error:
        raise WorkdirError(f"--workdir={path}: cannot be written to: {error.strerror or error}") from None
    return workdir


def read_run_config(path: str) -> Config:
    """Returns the config of the run in a folder.

    Raises:
        WorkdirError: there is no run in it.
    """
    file = epath.Path(path).expanduser() / _CONFIG
    if not file.exists():
        raise WorkdirError(f"--workdir={path}: holds no run")
    return _read_config(file)


def _read_config(file: epath.Path) -> Config:
    try:
        return from_dict(Config, json.loads(file.read_text()))
    except (ConfigError, ValueError, TypeError) as error:
        raise WorkdirError(f"{file}: not the config of a run of this version: {error}") from None


def _check_same(path: str, old: Config, new: Config) -> None:
    changes = differences(old, new)
    if changes:
        more = f" (and {len(changes) - 1} more)" if len(changes) > 1 else ""
        raise WorkdirError(f"--workdir={path}: holds a run of another config: {changes[0]}{more}")
