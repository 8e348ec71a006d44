"""A run's folder: claimed by one config, and never shared with another's files."""

import contextlib
import dataclasses
import time
from collections.abc import Iterator

from etils import epath

from codeit_jax.config import Config
from codeit_jax.config.conversion import common_settings, from_dict, lasting_settings
from codeit_jax.errors import UserError, naming
from codeit_jax.run.claim import check_claim, claim_folder, read_claim
from codeit_jax.run.files import existing_folder, user_path, write_json
from codeit_jax.run.peers import ALONE, Peers, by_first

_CONFIG = "config.json"
_RESULTS = ("checkpoints", "performance.csv", "progress", "samples", "solutions.json")
_SEEN_SECONDS = 20.0  # in which what one host writes is seen by the others of a file system that they share


@contextlib.contextmanager
def open_workdir(path: str, config: Config, peers: Peers = ALONE) -> Iterator[epath.Path]:
    """Claims a folder for a run, or finds the run that it holds.

    The folder is made if need be, and `config.json` is written to it. A run that is found must have the same
    config, but for what may change between a run and its resumption; one that has left nothing yet to go on
    from may be given another. No other process may open it until this one is done.

    Args:
        path: the folder.
        config: the run.
        peers: the processes of the run, of which the first alone opens it.

    Raises:
        UserError: the folder cannot be written to, is open elsewhere, holds a run of another config, or holds
            files named as a run's are without its config, or the processes have not been given the same
            settings. Nothing in it is changed then. Or it is none that all processes see.
    """
    _check_alike(config, peers)
    with contextlib.ExitStack() as stack:
        by_first(peers, lambda: stack.enter_context(_opened(path, config)))
        _check_seen(path, config, peers)
        yield user_path(path)


@contextlib.contextmanager
def _opened(path: str, config: Config) -> Iterator[None]:
    with naming(f"--workdir={path}"):
        if path.encode(errors="ignore").decode() != path:
            raise UserError("is no text in UTF-8, as checkpoints need it")
        workdir, hold, found = claim_folder(path, _CONFIG, _RESULTS, _parse)
    with hold:
        with naming(f"--workdir={path}"):
            if found is not None and any((workdir / name).exists() for name in _RESULTS):
                check_claim(lasting_settings(found), lasting_settings(config))
            write_json(workdir / _CONFIG, dataclasses.asdict(config))
        yield


def read_run_config(path: str) -> Config:
    """Returns the config of the run in a folder.

    Raises:
        UserError: there is no such folder, or no run in it, or one of another version.
    """
    with naming(f"--workdir={path}"):
        config = read_claim(existing_folder(path) / _CONFIG, (), _parse)
        if config is None:
            raise UserError("holds no run")
    return config


def _check_alike(config: Config, peers: Peers) -> None:
    first, *others = peers.gather(common_settings(config))
    for number, settings in enumerate(others, start=1):
        for name in first | settings:
            if first.get(name) != settings.get(name):
                raise UserError(
                    f"--distributed: {name} is {first.get(name)!r} in process 0, and"
                    f" {settings.get(name)!r} in process {number}: all are to be given the same flags"
                )


def _check_seen(path: str, config: Config, peers: Peers) -> None:
    """Checks that the folder in which the first process has written the config is the one that all have."""
    if peers.count == 1:
        return
    deadline = time.monotonic() + _SEEN_SECONDS
    while not (is_seen := _is_seen(path, config)) and time.monotonic() < deadline:
        time.sleep(_SEEN_SECONDS / 100)
    unseen = [number for number, seen in enumerate(peers.gather(is_seen)) if not seen]
    if unseen:
        raise UserError(
            f"--workdir={path}: process {unseen[0]} does not see in it what process 0 has written: it must be"
            " a folder that all processes share, or one of a bucket"
        )


def _is_seen(path: str, config: Config) -> bool:
    try:
        found = read_run_config(path)
    except UserError:
        return False
    return common_settings(found) == common_settings(config)


def _parse(values: object) -> Config:
    return from_dict(Config, values)
