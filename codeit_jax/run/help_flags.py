"""What a program tells of itself: `--help`, `-h` and `--version`."""

import importlib.metadata
import platform
import sys
import textwrap
from pathlib import Path
from types import ModuleType

from absl import app, flags

import codeit_jax

_BESIDE = ("jax", "flax")
_REMARK = "  # "  # in a call


class _ShortHelpFlag(app.HelpFlag):
    NAME = "h"
    SHORT_NAME = None


class _VersionFlag(flags.BooleanFlag):
    """Tells the version, and those of what it matters most to, and ends the program."""

    def __init__(self) -> None:
        super().__init__("version", False, "show the version", allow_hide_cpp=True)

    def parse(self, arg: str | bool) -> None:
        if self._parse(arg):
            beside = [f"{name} {importlib.metadata.version(name)}" for name in _BESIDE]
            beside.append(f"Python {platform.python_version()}")
            print(f"codeit_jax {codeit_jax.__version__} ({', '.join(beside)})")
            sys.exit()


def define_help() -> None:
    """Defines `-h`, which is what `--help` is, and `--version`."""
    flags.DEFINE_flag(_ShortHelpFlag())
    flags.DEFINE_flag(_VersionFlag())


def introduce(program: ModuleType) -> None:
    """Lets --help, which tells of the main module, tell of a program that a command has imported, too."""
    text = program.__doc__ or ""
    if program.__name__ != "__main__":
        script = f"python launch/{program.__name__.rpartition('.')[2]}.py"
        text = text.replace(script, Path(sys.argv[0]).name)
        for flag in flags.FLAGS.get_key_flags_for_module(program.__name__):
            flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)
    sys.modules["__main__"].__doc__ = fitted(text, flags.get_help_width())


def fitted(text: str, width: int) -> str:
    """Returns a program's docstring with lines no longer than that.

    Args:
        text: a summary, a paragraph of calls, a line each, and others.
        width: that of the terminal.
    """
    summary, *paragraphs = text.strip().split("\n\n")
    calls = ["\n".join(_call(line, width) for line in part.splitlines()) for part in paragraphs[:1]]
    prose = [textwrap.fill(part, width) for part in paragraphs[1:]]
    return "\n\n".join([textwrap.fill(summary, width), *calls, *prose]) + "\n"


def _call(line: str, width: int) -> str:
    """Returns a call on lines that a shell takes for one."""
    call, mark, remark = line.partition(_REMARK)
    lines = textwrap.wrap(
        call, width - 2, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
    if len(call) <= width:
        lines = [call]
    return " \\\n".join(lines) + mark + remark
