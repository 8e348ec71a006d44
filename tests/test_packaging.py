"""What is installed from a wheel: the package with its programs and configs, usable without a checkout."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from importlib.metadata import EntryPoint, distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PARTS = ("setup.py", "pyproject.toml", "README.md", "LICENSE", "codeit_jax", "launch", "configs", "tests")
PROGRAMS = sorted(path.stem for path in (ROOT / "launch").glob("[a-z]*.py"))
UNKNOWN = "there is no such file; the package has configs/codeit.py and configs/quickstart.py"


def build(kind: str, source: Path, output: Path) -> Path:
    """Builds a wheel, an editable one or an sdist as pip does, but with the setuptools that is there."""
    output.mkdir()
    script = f"from setuptools import build_meta; build_meta.build_{kind}({str(output)!r})"
    subprocess.run([sys.executable, "-c", script], cwd=source, check=True, capture_output=True)
    (built,) = output.iterdir()
    return built


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """A clean copy of the checkout: building leaves files in it, and must find none of an earlier one."""
    folder = tmp_path_factory.mktemp("source")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, folder / part)
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory) -> Path:
    return build("wheel", source, tmp_path_factory.mktemp("wheel") / "built")


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory) -> Path:
    """The wheel's files where Python finds them."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def commands(site: Path, tmp_path_factory) -> dict[str, Path]:
    """The commands, as installers write them for the wheel's entry points."""
    folder = tmp_path_factory.mktemp("bin")
    (distribution,) = distributions(name="codeit_jax", path=[str(site)])
    paths = {}
    for point in distribution.entry_points:
        assert isinstance(point, EntryPoint)
        assert point.group == "console_scripts"
        paths[point.name] = folder / point.name
        paths[point.name].write_text(
            f"import sys\nfrom {point.module} import {point.attr}\nsys.exit({point.attr}())\n"
        )
    return paths


def run(path: Path, *arguments: str, packages: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(packages)}
    command = [sys.executable, str(path), *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def files_of(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_a_wheel_holds_the_package_its_programs_and_its_configs_alone(wheel: Path):
    package = {str(path.relative_to(ROOT)) for path in (ROOT / "codeit_jax").rglob("*.py")}
    beside = {f"codeit_jax/{path.relative_to(ROOT)}" for path in ROOT.glob("*/*.py")}
    programs_and_configs = {name for name in beside if name.split("/")[1] in ("launch", "configs")}
    assert {"codeit_jax/launch/train.py", "codeit_jax/configs/quickstart.py"} <= programs_and_configs
    templates = {str(path.relative_to(ROOT)) for path in (ROOT / "codeit_jax/report/templates").iterdir()}
    assert "codeit_jax/report/templates/report.html" in templates
    assert files_of(wheel) == package | programs_and_configs | templates | {"codeit_jax/py.typed"}


def test_an_sdist_gives_the_same_wheel(wheel: Path, source: Path, tmp_path: Path):
    with tarfile.open(build("sdist", source, tmp_path / "sdist")) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.glob("codeit_jax-*")
    assert files_of(build("wheel", unpacked, tmp_path / "wheel")) == files_of(wheel)


def test_an_editable_install_has_the_programs_of_the_checkout(source: Path, tmp_path: Path):
    with zipfile.ZipFile(build("editable", source, tmp_path / "built")) as archive:
        archive.extractall(tmp_path / "site")
    script = (
        "import site, sys\n"
        f"site.addsitedir({str(tmp_path / 'site')!r})\n"
        f"sys.path.append({sysconfig.get_path('purelib')!r})\n"
        "import codeit_jax.launch.train as program\n"
        "print(program.__file__)\n"
    )
    # -S keeps out an editable install of this package that the tests themselves may run from.
    command = [sys.executable, "-S", "-c", script]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ended = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (ended.stdout, ended.stderr) == (f"{source / 'launch' / 'train.py'}\n", "")


def test_every_program_is_a_command(commands: dict[str, Path]):
    assert sorted(commands) == [f"codeit-{program}" for program in PROGRAMS]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_command_has_the_help_of_its_script(program, site, commands, tmp_path):
    script, command = ROOT / "launch" / f"{program}.py", commands[f"codeit-{program}"]
    expected = run(script, "--help", packages=ROOT, cwd=tmp_path).stdout
    shown = run(command, "--help", packages=site, cwd=tmp_path).stdout
    assert "\n  --" in shown
    called = _joined(expected).replace(f"python launch/{program}.py", f"codeit-{program}")
    assert _joined(shown) == called.replace(f"\n{script}:\n", f"\n{command}:\n")


def _joined(text: str) -> str:
    """A text with calls that take several lines on one each."""
    return text.replace(" \\\n    ", " ")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("configs/quickstart.py", "--workdir is required"),
        ("configs/quickstart.py:nope", "unknown variant 'nope'"),
        ("quickstart:nope", "unknown variant 'nope'"),
        ("codeit:tiny", "--workdir is required"),
        ("codeit:nope", "unknown variant 'nope'"),
        ("nope", UNKNOWN),
        ("configs/nope.py", UNKNOWN),
        ("configs", UNKNOWN),
    ],
)
def test_configs_are_found_by_name_outside_of_a_checkout(config, message, site, commands, tmp_path):
    ended = run(commands["codeit-train"], f"--config={config}", packages=site, cwd=tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert message in ended.stderr


def test_a_file_goes_before_a_config_of_the_package(site, commands, tmp_path):
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "quickstart.py").write_text("raise ValueError('mine')\n")
    ended = run(commands["codeit-train"], "--config=configs/quickstart.py", packages=site, cwd=tmp_path)
    assert "configs/quickstart.py, line 1: ValueError: mine" in ended.stderr


def test_commands_have_workers_and_templates(site, commands, tmp_path):
    task = {
        "train": [{"input": [[1, 2]], "output": [[2, 1]]}],
        "test": [{"input": [[3, 4]], "output": [[4, 3]]}],
    }
    (tmp_path / "task.json").write_text(json.dumps(task))
    (tmp_path / "programs.jsonl").write_text(json.dumps({"program": "O = vmirror(I)"}) + "\n")
    flags = ["--programs=programs.jsonl", "--tasks=task.json", "--output=found", "--num_workers=1"]
    ended = run(commands["codeit-search"], *flags, packages=site, cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "vmirror" in (tmp_path / "found" / "solutions.json").read_text()
    ended = run(commands["codeit-report"], "--workdir=found", packages=site, cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "vmirror" in (tmp_path / "found" / "report.html").read_text()
