"""What the site has beyond the pages here: a reference page for each room, and top-level documents."""

import ast
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "codeit_jax"
DOCUMENTS = ("CONTRIBUTING.md", "CHANGELOG.md")
_DOTTED = re.compile(r"`(codeit_jax(?:\.\w+)+)`")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Puts the reference into the navigation."""
    assert config.nav is not None
    config.nav.append({"Reference": [{name: f"reference/{name}.md"} for name in _pages()]})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages of the reference, and the documents."""
    for name, modules in _pages().items():
        content = "\n\n".join([f"# {name}", *map(_section, modules)])
        files.append(File.generated(config, f"reference/{name}.md", content=content))
    for name in DOCUMENTS:
        text = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, name, content=text.replace("](docs/", "](")))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Leads links to top-level documents to their pages here, and names of code to the reference."""
    markdown = re.sub(rf"\]\(\.\./({'|'.join(DOCUMENTS)})", r"](\1", markdown)
    return _DOTTED.sub(r'<autoref optional identifier="\1"><code>\1</code></autoref>', markdown)


def _pages() -> dict[str, list[str]]:
    """Returns the modules that each page of the reference tells of: those of a room, or those beside them."""
    pages = {"codeit_jax": [_name(path) for path in sorted(PACKAGE.glob("*.py"))]}
    for room in sorted(path.parent for path in PACKAGE.glob("*/__init__.py")):
        pages[room.name] = [_name(path) for path in sorted(room.rglob("*.py")) if _is_documented(path)]
    return pages


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _is_documented(path: Path) -> bool:
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) is not None


def _section(module: str) -> str:
    """Returns the directive for a module; of a package its docstring alone."""
    options = ["heading_level: 2"]
    if (ROOT / Path(*module.split("."))).is_dir():
        options.append("members: false")
    return "\n".join([f"::: {module}", "    options:", *(f"      {option}" for option in options)])
