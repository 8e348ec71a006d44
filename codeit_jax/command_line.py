"""What the programs in `launch/` share: flags that name a config, and exit codes.

A program ends with 0 when it is done, with 2 and one line when its flags, its config or its files are wrong,
and with 1, and a traceback, for anything else.
"""

import sys
from collections.abc import Callable, Sequence

from absl import app, flags, logging
from ml_collections import config_flags
from ml_collections.config_dict import ConfigDict

from codeit_jax.config import Config, ConfigError, from_dict
from codeit_jax.errors import UserError

EXIT_USER_ERROR = 2


class UsageError(UserError):
    """Flags that make no sense; the message names the flag."""


def define_config_flag() -> flags.FlagHolder[ConfigDict]:
    """Defines `--config=FILE[:VARIANT]` and, once it is parsed, a flag for every setting in it."""
    holder: flags.FlagHolder[ConfigDict] = config_flags.DEFINE_config_file(
        "config", help_string="A config file, such as configs/quickstart.py; settings follow as --config.x.y=value."
    )
    return holder


def read_config(holder: flags.FlagHolder[ConfigDict]) -> Config:
    """Returns the config that the flags describe.

    Raises:
        UsageError: `--config` is missing, or its file cannot be loaded.
        ConfigError: a setting makes no sense.
    """
    filename = config_flags.get_config_filename(flags.FLAGS[holder.name]) if holder.value is not None else None
    if filename is None:
        raise UsageError("--config is required, such as --config=configs/quickstart.py")
    try:
        return from_dict(Config, holder.value)
    except ConfigError as error:
        raise ConfigError(f"--config={filename}: {error}") from None


def run(main: Callable[[Sequence[str]], None]) -> None:
    """Runs a program's `main` under the exit codes above."""
    flags.FLAGS.set_default("verbosity", logging.WARNING)  # libraries tell of every step of a save
    app.run(lambda argv: _guarded(main, argv), flags_parser=_parse_flags)


def _guarded(main: Callable[[Sequence[str]], None], argv: Sequence[str]) -> None:
    try:
        if len(argv) > 1:
            raise UsageError(f"unexpected argument {argv[1]!r}")
        main(argv)
    except UserError as error:
        _exit(error)


def _parse_flags(argv: list[str]) -> list[str]:
    try:
        return list(flags.FLAGS(argv))
    except (flags.Error, AttributeError, KeyError, TypeError, ValueError, OSError) as error:
        # config_flags loads the config while flags are parsed, so any error in its file or fields ends here.
        _exit(error)
        raise


def _exit(error: Exception) -> None:
    print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
    sys.exit(EXIT_USER_ERROR)
