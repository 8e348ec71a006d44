"""The documents: pictures and tables are of the source as it is, and what they name exists."""

import ast
import importlib
import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from codeit_jax import __version__

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
PROGRAMS = sorted(path.stem for path in (ROOT / "launch").glob("[a-z]*.py"))

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CALL = re.compile(r"(?:^|&& )(?:python launch/(\w+)\.py|codeit-(\w+))( .*)?$", re.MULTILINE)
_DOTTED = re.compile(r"`(codeit_jax(?:\.\w+)+)`")
_IN_FILE = re.compile(r"`((?:codeit_jax|tests)/[\w/]+\.py)::(\w+)`")


def text_of(document):
    return document.read_text(encoding="utf-8")


def blocks(document):
    """Its code blocks, each with its language."""
    return _BLOCK.findall(text_of(document))


def prose(document):
    """What is no code block in it."""
    return _BLOCK.sub("", text_of(document))


def anchors(document):
    """The names of its headings, which GitHub and the site must agree on."""
    found = set()
    for heading in re.findall(r"^#+ (.+)$", prose(document), re.MULTILINE):
        words = re.sub(r"[^\w\s-]", "", heading.lower()).strip()
        if re.sub(r"\s", "-", words) == re.sub(r"[-\s]+", "-", words):
            found.add(re.sub(r"\s", "-", words))
    return found


def names_in(path):
    """The names that a Python file defines, those of a class behind its own name."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        for each, owner in [
            (node, ""),
            *((inner, f"{node.name}.") for inner in getattr(node, "body", ()) if hasattr(node, "name")),
        ]:
            if hasattr(each, "name"):
                names.add(owner + each.name)
            targets = getattr(each, "targets", [getattr(each, "target", None)])
            names |= {owner + target.id for target in targets if isinstance(target, ast.Name)}
            if isinstance(each, ast.ImportFrom):
                names |= {owner + (alias.asname or alias.name) for alias in each.names}
    return names


def exists(dotted):
    """Whether there is a module, or something in a module, of that name."""
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        path = ROOT.joinpath(*parts[:count])
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.is_file():
                return count == len(parts) or ".".join(parts[count:]) in names_in(file)
    return False


def test_the_picture_of_the_dependencies_is_of_the_source_as_it_is():
    spec = importlib.util.spec_from_file_location("draw_dependencies", ROOT / "docs" / "draw_dependencies.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PICTURE.read_text() == module.picture(), "run python docs/draw_dependencies.py"


def test_the_tables_of_flags_and_settings_are_of_the_source_as_it_is():
    command = [sys.executable, str(ROOT / "docs" / "write_tables.py"), "--check"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_what_a_document_names_exists(document):
    text = text_of(document)
    named = re.findall(r"`((?:codeit_jax|configs|launch|tests|docs)/[\w/]*(?:\.\w+)?)`", text)
    missing = [name for name in named if not (ROOT / name).exists()]
    missing += [name for name in _DOTTED.findall(text) if not exists(name)]
    for path, name in _IN_FILE.findall(text):
        if not (ROOT / path).is_file() or name not in names_in(ROOT / path):
            missing.append(f"{path}::{name}")
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(document)):
        if re.match(r"https?:", link):
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


def test_the_navigation_has_every_page():
    # The site's own build, which CI does, tells of the others; this one needs no mkdocs.
    listed = re.findall(r"\b(\w+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    pages = [path.name for path in (ROOT / "docs").glob("*.md")]
    assert sorted(listed) == sorted([*pages, "CHANGELOG.md", "CONTRIBUTING.md"])


def calls():
    """The calls of each program in the documents' code blocks: documents, and arguments."""
    found = {program: [] for program in PROGRAMS}
    for document in DOCUMENTS:
        for _, block in blocks(document):
            for script, command, arguments in _CALL.findall(block.replace("\\\n", " ")):
                found[script or command].append((document.name, shlex.split(arguments, comments=True)))
    return found


@pytest.mark.parametrize("program", PROGRAMS)
def test_calls_in_the_documents_have_flags_that_there_are(program):
    documented = calls()[program]
    assert documented
    ended = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "flag_checker.py"), program],
        input=json.dumps([arguments for _, arguments in documented]),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    wrong = [(*call, told) for call, told in zip(documented, json.loads(ended.stdout), strict=True) if told]
    assert not wrong


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_python_in_a_document_compiles_and_imports_what_there_is(document):
    for language, block in blocks(document):
        if language != "python":
            continue
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    importlib.import_module(alias.name)
            elif isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module)
                assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []


def test_each_rule_beside_the_paper_names_its_code_and_its_test():
    rows = [row for row in text_of(ROOT / "docs" / "fidelity.md").splitlines() if row.startswith("| ")]
    rules = [row for row in rows if not row.startswith(("| rule |", "|---"))]
    assert len(rules) > 30
    assert [row for row in rules if not (_DOTTED.search(row) and _IN_FILE.search(row))] == []


def test_the_citation_is_in_the_citation_file_format():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors", "version", "license"} <= citation.keys()
    assert citation["version"] == __version__
    paper = citation["preferred-citation"]
    assert {"type", "title", "authors", "year"} <= paper.keys()
    for author in [*citation["authors"], *paper["authors"]]:
        assert author.keys() in ({"family-names", "given-names"}, {"name"})


EXAMPLES = [
    block
    for document in ("README.md", "docs/library.md")
    for language, block in blocks(ROOT / document)
    if language == "python"
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("example", "printed"), list(zip(EXAMPLES, ["((9, 8, 7),) O = vmirror(I) ", "ok (("], strict=True))
)
def test_the_examples_run(example, printed, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", example],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert printed in run.stdout
