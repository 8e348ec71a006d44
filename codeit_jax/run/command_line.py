"""The parts that the programs in `launch/` share: how flags are read, and exit codes.

A program ends with 0 when it is done, with 2 and one line when its flags, its config or its files are wrong,
with 130 or 143 and one line when it is interrupted or terminated (see `interruption`), and with 1, and a
traceback, for anything else.
"""

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from absl import app, flags, logging

from codeit_jax.errors import UserError, naming
from codeit_jax.reading.documents import read_text
from codeit_jax.reading.paths import expand_home
from codeit_jax.run import config_flag, interruption
from codeit_jax.run.help_flags import define_help, introduce
from codeit_jax.run.mistyped import meant
from codeit_jax.run.number_flags import read_numbers
from codeit_jax.run.standard_output import tell_refusals

EXIT_USER_ERROR = 2

_GO_ON = "the same command goes on from here"

flags.disclaim_key_flags()  # those defined here belong to the program that asks for them, and to its --help

_FLAG_FILE = re.compile(r"--?flagfile(?:=(.*))?", re.DOTALL)


class UsageError(UserError):
    """Flags that make no sense; the message names the flag."""


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
        define_help()
        introduce(sys.modules[main.__module__])
        app.run(lambda argv: _guarded(main, argv, num_arguments), flags_parser=_parse_flags)


def _local_path(flag: str, path: str) -> Path:
    with naming(f"--{flag}={path}", UsageError):
        return Path(expand_home(path))


def _guarded(main: Callable[[Sequence[str]], None], argv: Sequence[str], num_arguments: int) -> None:
    try:
        if len(argv) > 1 + num_arguments:
            raise UsageError(f"unexpected argument {argv[1 + num_arguments]!r}")
        main(argv)
        print(end="", flush=True)  # what is refused at the very end is told as well
    except UserError as error:
        _exit(error)


def _parse_flags(argv: list[str]) -> list[str]:
    program = argv[0]
    read_numbers()
    try:
        given = config_flag.prepare([*_with_flag_files(argv[1:])])
        arguments = list(flags.FLAGS([program, *given]))
    except SystemExit:  # of --help and its like, which absl takes for a failure
        sys.exit(0)
    except flags.UnrecognizedFlagError as error:
        _exit(UsageError(f"--{error.flagname}: {_unknown(error.flagname)}"))
    except (flags.Error, ValueError) as error:  # of some flags absl tells by plain ones
        _exit(error)
    if flags.FLAGS["verbosity"].using_default_value:
        logging.set_verbosity(logging.WARNING)  # libraries tell of every step of a save
    return arguments


def _unknown(name: str) -> str:
    known = [flag.name for flag in flags.FLAGS.get_key_flags_for_module(sys.argv[0])]
    return f"there is no such flag{meant(name, known, config_flag.settings()) or '; --help lists them'}"


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


def _exit(error: Exception) -> NoReturn:
    line = " ".join(str(error).split())
    shown = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in line)
    print(f"error: {shown}", file=sys.stderr)
    sys.exit(EXIT_USER_ERROR)
