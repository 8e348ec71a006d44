"""Writes the tables of flags and settings anew: python docs/write_tables.py.

A table stands between marks such as `<!-- flags of train -->` and `<!-- end -->`; what lies around is written
by hand. A program that has no section yet gets one at the end of the page. With --check nothing is
written, and a page that is not as it would be ends the program.
"""

import ast
import dataclasses
import enum
import importlib
import inspect
import os
import re
import sys
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
COMMANDS, SETTINGS = ROOT / "docs" / "commands.md", ROOT / "docs" / "settings.md"

_CORES = 7_654_321  # stands for the number of cores, which is this machine's own
_KINDS = {
    "bool": "",
    "string": "text",
    "multi string": "text, given once or more",
    "comma separated list of strings": "texts, with commas between them",
    "int": "whole number",
    "float": "number",
}
_PAGE = re.compile(r"docs/(\w+\.md)")
_ATTRIBUTE = re.compile(r"^(\w+): (.*(?:\n(?:    .*)?)*)", re.MULTILINE)


def programs() -> list[str]:
    """Returns the names of the programs in `launch/`."""
    return sorted(path.stem for path in (ROOT / "launch").glob("[a-z]*.py"))


def commands_page(text: str) -> str:
    """Returns the page of commands with the tables as they should be.

    Args:
        text: the page as it is.
    """
    for program in programs():
        if f"<!-- flags of {program} -->" not in text:
            text += f"\n## codeit-{program}\n\n<!-- flags of {program} -->\n<!-- end -->\n"
        text = _replaced(text, f"flags of {program}", _command(program))
    return text


def settings_page(text: str) -> str:
    """Returns the page of settings with the tables as they should be.

    Args:
        text: the page as it is.
    """
    from codeit_jax.config import Config
    from codeit_jax.config.conversion import RESUMABLE_FIELDS

    resumable = ", ".join(f"`{name}`" for name in RESUMABLE_FIELDS)
    tables = "\n\n".join(
        [f"{resumable} may change between a run and its resumption.", *_groups(Config(), "")]
    )
    configs = "\n\n".join(map(_config_file, sorted((ROOT / "configs").glob("*.py"))))
    return _replaced(_replaced(text, "configs", configs), "settings", tables)


def _replaced(text: str, name: str, content: str) -> str:
    """Returns a text with what stands between two marks replaced."""
    before, mark, rest = text.partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition("<!-- end -->")
    if not (mark and end):
        raise SystemExit(f"there are no marks <!-- {name} --> and <!-- end -->")
    return f"{before}{mark}\n{content}\n\n{end}{after}"


def _command(program: str) -> str:
    """Returns what a program is, how it is called, and its flags."""
    from absl import flags

    cores, os.cpu_count = os.cpu_count, lambda: _CORES
    try:
        module = importlib.import_module(f"launch.{program}")
    finally:
        os.cpu_count = cores
    summary, _, calls = inspect.getdoc(module).partition("\n\n")
    calls, _, remarks = calls.partition("\n\n")
    own = {flag.name: flag for flag in flags.FLAGS.get_key_flags_for_module(module.__name__)}
    for name in [*own, "config"]:  # the next program may have flags of these names, too
        if name in flags.FLAGS:
            delattr(flags.FLAGS, name)
    rows = ["| flag | values | default | |", "|---|---|---|---|"]
    rows += [_flag_row(flag) for flag in own.values()]
    called = calls.replace(f"python launch/{program}.py", f"codeit-{program}")
    return "\n\n".join(filter(None, [summary, f"```bash\n{called}\n```", remarks, "\n".join(rows)]))


def _flag_row(flag: Any) -> str:
    values = getattr(flag.parser, "enum_values", None)
    low, high = getattr(flag.parser, "lower_bound", None), getattr(flag.parser, "upper_bound", None)
    bounds = [f"{word} {bound}" for word, bound in (("from", low), ("to", high)) if bound is not None]
    told = ", ".join(f"`{value}`" for value in values or ()) or " ".join([_KINDS[flag.flag_type()], *bounds])
    name = f"`--{flag.name}`, `--no{flag.name}`" if flag.boolean else f"`--{flag.name}`"
    help_text = flag.help.removeprefix(f"<{'|'.join(values or ())}>: ")  # absl puts this there, and that:
    help_text = help_text.partition(";\n    repeat this option")[0]
    return _row(name, told, _flag_default(flag.default), _PAGE.sub(r"[\1](\1)", help_text))


def _flag_default(value: Any) -> str:
    if value in (None, "", []):
        return ""
    if value == _CORES:
        return "one a CPU core"
    return f"`{value.value if isinstance(value, enum.Enum) else value}`"


def _config_file(path: Path) -> str:
    """Returns what a config file says of itself."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    summary, _, rest = docstring.partition("\n\n")
    return f"`configs/{path.name}`: {summary}\n\n```text\n{rest}\n```"


def _groups(config: Any, path: str) -> list[str]:
    """Returns the tables of a config's own settings and of those in its groups."""
    hints, told = typing.get_type_hints(type(config)), _attributes(type(config))
    rows, groups = [], []
    for field in dataclasses.fields(config):
        default = getattr(config, field.name)
        if dataclasses.is_dataclass(default):
            groups += _groups(default, f"{path}{field.name}.")
            continue
        names = f"`{path}{field.name}`", f"`{_type_name(hints[field.name])}`"
        rows.append(_row(*names, f"`{default!r}`".replace("'", '"'), told[field.name]))
    title = path.removesuffix(".") or "The run"
    summary = inspect.getdoc(type(config)).partition("\n")[0]
    head = ["| setting | type | default | |", "|---|---|---|---|"]
    return ["\n".join([f"### {title}", "", summary, "", *head, *rows]), *groups]


def _attributes(config: type) -> dict[str, str]:
    """Returns what a docstring says of each attribute."""
    _, _, section = inspect.getdoc(config).partition("Attributes:\n")
    return dict(_ATTRIBUTE.findall(inspect.cleandoc(section)))


def _type_name(hint: Any) -> str:
    return str(hint) if isinstance(hint, types.GenericAlias | types.UnionType) else hint.__name__


def _row(*cells: str) -> str:
    return f"| {' | '.join(' '.join(cell.replace('|', chr(92) + '|').split()) for cell in cells)} |"


def write_pages(pages: Mapping[Path, Callable[[str], str]]) -> None:
    """Writes pages, or with --check ends the program where one is not as it would be.

    Args:
        pages: by their files what makes a page anew of the page as it is.
    """
    sys.path.insert(0, str(ROOT))
    for path, page in pages.items():
        old = path.read_text(encoding="utf-8")
        new = page(old)
        if "--check" in sys.argv and new != old:
            raise SystemExit(f"docs/{path.name} is stale: run python docs/{Path(sys.argv[0]).name}")
        path.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    write_pages({COMMANDS: commands_page, SETTINGS: settings_page})
