"""The parts that the programs in `launch/` share: flags that name a config, and exit codes.

A program ends with 0 when it is done, with 2 and one line when its flags, its config or its files are wrong,
with 130 or 143 and one line when it is interrupted or terminated (see `interruption`), and with 1, and a
traceback, for anything else.
"""

import difflib
import functools
import inspect
import math
import re
import runpy
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from absl import app, flags, logging
from ml_collections import config_flags
from ml_collections.config_dict import ConfigDict

from codeit_jax.config import Config, ConfigError
from codeit_jax.config.conversion import from_dict, optional_settings, setting_names
from codeit_jax.errors import UserError, naming
from codeit_jax.reading.documents import read_text
from codeit_jax.reading.paths import expand_home
from codeit_jax.run import interruption
from codeit_jax.run.standard_output import tell_refusals

EXIT_USER_ERROR = 2

_GO_ON = "the same command goes on from here"

flags.disclaim_key_flags()  # those defined here belong to the program that asks for them, and to its --help

_CONFIG = "config"
_SETTING_FLAG = re.compile(rf"--?(?:no)?{_CONFIG}\.([^=]*)")
_FLAG_FILE = re.compile(r"--?flagfile(?:=(.*))?", re.DOTALL)


class UsageError(UserError):
    """Flags that make no sense; the message names the flag."""


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
        UsageError: `--config` is missing.
        ConfigError: a setting makes no sense.
    """
    if holder.value is None:
        raise UsageError("--config is required, such as --config=configs/quickstart.py")
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


def local_path(holder: flags.FlagHolder[str | None]) -> Path:
    """Returns the path that a flag names, which must have a value.

    Raises:
        UsageError: there is no such home as it begins with.
    """
    return _local_path(holder.name, holder.value or "")


def local_paths(holder: flags.FlagHolder[list[str] | None]) -> list[Path]:
    """Returns the paths that a flag names; see `local_path`."""
    return [_local_path(holder.name, path) for path in holder.value or ()]


def run(main: Callable[[Sequence[str]], None], *, num_arguments: int = 0, is_resumable: bool = False) -> None:
    """Runs a program's `main` under the exit codes above.

    Args:
        main: the program.
        num_arguments: how many arguments that are no flags it takes.
        is_resumable: whether it goes on where it was interrupted; the line that tells of that then says so.
    """
    tell_refusals()
    with interruption.handled(_GO_ON if is_resumable else ""):
        _introduce(sys.modules[main.__module__])
        app.run(lambda argv: _guarded(main, argv, num_arguments), flags_parser=_parse_flags)


def _local_path(flag: str, path: str) -> Path:
    with naming(f"--{flag}={path}", UsageError):
        return Path(expand_home(path))


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
        filename = str(_find_config(name))
        try:
            get_config = runpy.run_path(filename)["get_config"]
            config = get_config(*variant) if not variant or _takes_variant(get_config) else None
        except Exception as error:  # the file is the user's own, whatever it raises
            raise UsageError(_describe(error, filename)) from error
        if config is None and variant:
            raise UsageError(f"has no variants, and so no {variant[0]!r}")
        if not isinstance(config, ConfigDict):
            raise UsageError(f"get_config must return a ConfigDict, not {config!r}")
        for name in self.unset:
            *rooms, field = name.split(".")
            setattr(functools.reduce(getattr, rooms, config), field, None)
        return config.lock()


def _takes_variant(get_config: Callable[..., object]) -> bool:
    try:
        inspect.signature(get_config).bind("")
    except TypeError:
        return False
    return True


def _is_none(argument: str) -> bool:
    return argument.partition("=")[2].lower() == "none"


def _find_config(name: str) -> Path:
    """Returns the file of that name, or else the config of the package that is called so."""
    with naming("cannot be read", UsageError):
        path = Path(expand_home(name))
        if path.is_file():
            return path
    package = Path(__file__).parents[1]
    folder = package / "configs"  # where it is installed; in a checkout they lie beside it
    files = sorted((folder if folder.is_dir() else package.parent / "configs").glob("*.py"))
    packaged = {f"configs/{file.name}": file for file in files}
    named = packaged | {file.stem: file for file in files}
    if name not in named:
        raise UsageError(f"there is no such file; the package has {' and '.join(packaged)}")
    return named[name]


def _describe(error: Exception, filename: str) -> str:
    """Returns what a config file raised and the line of the file it came from, where there is one."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [f"line {frame.lineno}: " for frame in frames if frame.filename == filename]
    reason = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
    return lines[-1] + reason if lines else reason


def _introduce(program: ModuleType) -> None:
    """Lets --help, which tells of the main module, tell of a program that a console command has imported."""
    if program.__name__ == "__main__":
        return
    script = f"python launch/{program.__name__.rpartition('.')[2]}.py"
    sys.modules["__main__"].__doc__ = (program.__doc__ or "").replace(script, Path(sys.argv[0]).name)
    for flag in flags.FLAGS.get_key_flags_for_module(program.__name__):
        flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)


def _guarded(main: Callable[[Sequence[str]], None], argv: Sequence[str], num_arguments: int) -> None:
    try:
        if len(argv) > 1 + num_arguments:
            raise UsageError(f"unexpected argument {argv[1 + num_arguments]!r}")
        main(argv)
        print(end="", flush=True)  # what is refused at the very end is told as well
    except UserError as error:
        _exit(error)


def _parse_flags(argv: list[str]) -> list[str]:
    try:
        given = [argv[0], *_with_flag_files(argv[1:])]
        parser = flags.FLAGS[_CONFIG].parser if _CONFIG in flags.FLAGS else None
        if isinstance(parser, _ConfigFileParser):
            _check_settings(given)
            given = parser.expect(given)
        arguments = list(flags.FLAGS(given))
        _check_numbers()
    except SystemExit:  # of --help and its like, which absl takes for a failure
        sys.exit(0)
    except (flags.Error, ValueError) as error:  # of some flags absl tells by plain ones
        _exit(error)
    if flags.FLAGS["verbosity"].using_default_value:
        logging.set_verbosity(logging.WARNING)  # libraries tell of every step of a save
    return arguments


def _check_numbers() -> None:
    """Checks numbers that have bounds for one that is none, which absl finds within any."""
    for name in flags.FLAGS:
        value, parser = flags.FLAGS[name].value, flags.FLAGS[name].parser
        bound = getattr(parser, "lower_bound", None)
        if isinstance(value, float) and math.isnan(value) and bound is not None:
            raise UsageError(f"flag --{name}={value}: is not {parser.syntactic_help}")


def _with_flag_files(arguments: Sequence[str], read: tuple[Path, ...] = ()) -> Iterator[str]:
    """Yields arguments, those of flag files in the place of `--flagfile=FILE`; absl lets errors through."""
    left = iter(arguments)
    for argument in left:
        match = _FLAG_FILE.fullmatch(argument)
        if argument == "--":
            yield from (argument, *left)
        elif match is None:
            yield argument
        else:
            name = next(left, "") if match[1] is None else match[1]
            if not name:
                raise UsageError("--flagfile: a file is expected")
            with naming(f"--flagfile={name}", UsageError):
                path = Path(expand_home(name))
                if path in read:
                    raise UsageError("names itself, or a file that names it")
                lines = [line.strip() for line in read_text(path).splitlines()]
            yield from _with_flag_files(
                [line for line in lines if line and not line.startswith(("#", "//"))], (*read, path)
            )


def _check_settings(argv: Sequence[str]) -> None:
    """Checks that there are the settings that flags name, of which ml_collections says too little."""
    known = setting_names(Config)
    for argument in argv[1:]:
        match = _SETTING_FLAG.match(argument)
        if match and match[1] not in known:
            raise UsageError(f"{argument}: there is no setting {match[1]}{_suggestion(match[1], known)}")


def _suggestion(name: str, known: Sequence[str]) -> str:
    """Returns what to say of the setting that was meant: one spelled alike, or called so in another group."""
    found = [each for each in known if each.rpartition(".")[2] == name.rpartition(".")[2]]
    found = found or difflib.get_close_matches(name, known, n=1, cutoff=0.75)
    return f"; did you mean {found[0]}?" if found else ""


def _exit(error: Exception) -> NoReturn:
    line = " ".join(str(error).split())
    shown = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in line)
    print(f"error: {shown}", file=sys.stderr)
    sys.exit(EXIT_USER_ERROR)
