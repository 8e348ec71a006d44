"""The documents: the picture is of the source as it is, and what they name exists."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


def test_the_picture_of_the_dependencies_is_of_the_source_as_it_is():
    spec = importlib.util.spec_from_file_location("draw_dependencies", ROOT / "docs" / "draw_dependencies.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PICTURE.read_text() == module.picture(), "run python docs/draw_dependencies.py"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_what_a_document_names_exists(document):
    text = document.read_text(encoding="utf-8")
    named = re.findall(r"`((?:codeit_jax|configs|launch|tests|docs)/[\w/]*(?:\.\w+)?)`", text)
    linked = re.findall(r"\]\(([^)#:]+)\)", text)
    missing = [name for name in named if not (ROOT / name).exists()]
    missing += [link for link in linked if not (document.parent / link).exists()]
    assert not missing


EXAMPLES = [
    example
    for document in ("README.md", "docs/library.md")
    for example in re.findall(
        r"```python\n(.*?)```", (ROOT / document).read_text(encoding="utf-8"), re.DOTALL
    )
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
