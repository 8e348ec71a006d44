"""The flag that names a config file, and a flag for every setting in it."""

import functools
import inspect
import re
import runpy
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from absl import flags
from ml_collections import config_flags
from ml_collections.config_dict import ConfigDict

from codeit_jax.config import Config, ConfigError
from codeit_jax.config.conversion import from_dict, optional_settings, setting_names
from codeit_jax.errors import UserError, naming
from codeit_jax.reading.paths import expand_home
from codeit_jax.run.mistyped import meant

flags.disclaim_key_flags()  # see `command_line`

_CONFIG = "config"
_MISSING = "--config is required, such as --config=configs/quickstart.py"
_CONFIG_FLAG = re.compile(rf"--?{_CONFIG}(?:=.*)?", re.DOTALL)
_SETTING_FLAG = re.compile(rf"--?(?:no)?{_CONFIG}\.([^=]*)")
_SUFFIX = ".py"
_FUNCTION = "get_config"


def define_config_flag() -> flags.FlagHolder[ConfigDict]:
    """Defines `--config=FILE[:VARIANT]` and, once it is parsed, a flag for every setting in it."""
    command_line: list[str] = []  # ml_collections finds the settings in it that are to be flags
    holder: flags.FlagHolder[ConfigDict] = config_flags.DEFINE_config_file(
        _CONFIG,
        sys_argv=command_line,
        help_string="A config file or one that comes with the package, such as configs/quickstart.py or"
        " quickstart; settings follow as --config.x.y=value.",
    )
    flags.FLAGS[_CONFIG].parser = _ConfigFileParser(command_line)
    return holder


def read_config(holder: flags.FlagHolder[ConfigDict]) -> Config:
    """Returns the config that the flags describe.

    Raises:
        UserError: `--config` is missing.
        ConfigError: a setting makes no sense.
    """
    if holder.value is None:
        raise UserError(_MISSING)
    with naming(f"--config={config_name()}", ConfigError):
        return from_dict(Config, holder.value)


def named_config(name: str) -> Config:
    """Returns the config that `--config=NAME` would be.

    Args:
        name: a config file, or one that comes with the package, and a variant, such as "quickstart:bf16".

    Raises:
        ConfigError: there is no such config.
    """
    with naming(name, ConfigError):
        return from_dict(Config, _ConfigFileParser([]).parse(name))


def config_name() -> str:
    """Returns what `--config` was given, the variant included."""
    return str(config_flags.get_config_filename(flags.FLAGS[_CONFIG]))


def settings() -> list[str]:
    """Returns the settings that the program has flags for; none where it has no `--config`."""
    return setting_names(Config) if _CONFIG in flags.FLAGS else []


def prepare(arguments: Sequence[str]) -> list[str]:
    """Takes note of what concerns the config, and returns the arguments that absl is to parse.

    Raises:
        UserError: a flag names a setting that there is not, or comes before the config.
    """
    parser = flags.FLAGS[_CONFIG].parser if _CONFIG in flags.FLAGS else None
    if not isinstance(parser, _ConfigFileParser):
        return list(arguments)
    known = settings()
    is_named = False
    for argument in arguments:
        is_named = is_named or _CONFIG_FLAG.fullmatch(argument) is not None
        match = _SETTING_FLAG.match(argument)
        if match and match[1] not in known:
            raise UserError(f"{argument}: there is no setting {match[1]}{meant(match[1], [], known)}")
        if match and not is_named:
            raise UserError(f"{argument}: {_MISSING}, and comes before its settings")
    return parser.expect(arguments)


class _ConfigFileParser(flags.ArgumentParser):
    """Loads a config file, in place of ml_collections' parser, which lets some of a file's errors through.

    Attributes:
        unset: optional settings that are to be None, for which ml_collections has no flag.

    Args:
        command_line: filled by `expect`.
    """

    def __init__(self, command_line: list[str]) -> None:
        self.unset: list[str] = []
        self._command_line = command_line

    def expect(self, arguments: Sequence[str]) -> list[str]:
        """Takes note of what concerns the config, and returns the arguments that absl is to parse."""
        optional = optional_settings(Config)
        given: list[tuple[str, str]] = []  # with the optional setting that each is of
        left = iter(arguments)
        for argument in left:
            match = _SETTING_FLAG.match(argument)
            name = match[1] if match and match[1] in optional else ""
            given.append((name, argument if not name or "=" in argument else f"{argument}={next(left, '')}"))
        last = {name: argument for name, argument in given if name}
        self.unset = [name for name, argument in last.items() if _is_none(argument)]
        self._command_line[:] = [
            argument for name, argument in given if not name or not (name in self.unset or _is_none(argument))
        ]
        return list(self._command_line)

    def parse(self, argument: str) -> ConfigDict:
        name, *variant = argument.split(":", 1)
        config = _load(_find_config(name), name, variant)
        if not isinstance(config, ConfigDict):
            raise UserError(
                f"{_FUNCTION} must return a ConfigDict, which to_config_dict makes of a Config, and not"
                f" {type(config).__name__}"
            )
        for name in self.unset:
            *rooms, field = name.split(".")
            setattr(functools.reduce(getattr, rooms, config), field, None)
        return config.lock()


def _load(path: Path, name: str, variant: Sequence[str]) -> object:
    """Returns what a config file's function returns.

    Args:
        path: the file.
        name: what it was called.
        variant: the one that is asked for; empty for none.
    """
    with naming("cannot be read", UserError):
        path.open("rb").close()
    try:
        get_config = runpy.run_path(str(path)).get(_FUNCTION)
        if callable(get_config) and _takes(get_config, variant):
            return get_config(*variant)
    except (Exception, SystemExit) as error:  # the file is the user's own, whatever it raises
        raise UserError(_describe(error, path)) from error
    if not callable(get_config):
        raise UserError(f"there is no function {_FUNCTION} in it, which is to return the config")
    if variant:
        raise UserError(f"has no variants, and so no {variant[0]!r}")
    raise UserError(f"is to be asked for a variant: --{_CONFIG}={name}:VARIANT")


def _takes(function: Callable[..., object], arguments: Sequence[str]) -> bool:
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError:
        return False
    return True


def _is_none(argument: str) -> bool:
    return argument.partition("=")[2].lower() == "none"


def _find_config(name: str) -> Path:
    """Returns the file of that name, or else the config of the package that is called so."""
    with naming("cannot be read", UserError):
        path = Path(expand_home(name))
        is_file, is_folder = path.is_file(), path.is_dir()
    if is_file and path.suffix == _SUFFIX:
        return path
    packaged = {f"configs/{file.name}": file for file in _packaged()}
    named = packaged | {file.stem: file for file in packaged.values()}
    if name in named:
        return named[name]
    what = (
        "is no Python file, as configs are"
        if is_file
        else "is a folder"
        if is_folder and name
        else "there is no such file"
    )
    raise UserError(f"{what}; the package has {' and '.join(packaged)}")


def _packaged() -> list[Path]:
    package = Path(__file__).parents[1]
    folder = package / "configs"  # where it is installed; in a checkout they lie beside it
    return sorted((folder if folder.is_dir() else package.parent / "configs").glob(f"*{_SUFFIX}"))


def _describe(error: BaseException, path: Path) -> str:
    """Returns what a config file raised, and the file and, where there is one, the line it came from."""
    place, line, reason = str(path), None, str(error)
    if isinstance(error, SyntaxError) and error.filename:
        place, line, reason = error.filename, error.lineno, error.msg
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == str(path):
            line = frame.lineno
    if not isinstance(error, UserError):
        reason = f"{type(error).__name__}: {reason}"
    elif path in _packaged():  # which is right, and so the variant is wrong
        return reason
    return f"{place}{f', line {line}' if line else ''}: {reason}"
