"""The training programs: one hand-written program for each ARC training task."""

import ast
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

from codeit_jax.dsl.program import OUTPUT, Program, ProgramError, parse_program
from codeit_jax.errors import UserError, naming
from codeit_jax.reading.documents import refuse_pointer
from codeit_jax.reading.paths import expand_home

_FUNCTION_PREFIXES = ("verify_", "solve_")


class CorpusError(UserError):
    """A file of programs that cannot be read; the message names the file and the function."""


def load_training_programs(path: str | Path | None = None) -> dict[str, Program]:
    """Loads the programs of the ARC training tasks, by task id.

    Args:
        path: a Python file of functions `solve_<task id>` or `verify_<task id>`, such as arc-dsl's
            `solvers.py`. By default the 400 programs that the reasoning-gym package carries. The file is only
            ever parsed, never imported.

    Raises:
        CorpusError: the file is missing, is not Python, or a function in it is no straight-line program.
    """
    if path is None:
        file = _reasoning_gym_file()
    else:
        with naming(path, CorpusError):
            file = Path(expand_home(os.fspath(path)))
    with naming(file, CorpusError):
        source = file.read_bytes()
        refuse_pointer(source)
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise CorpusError(f"{file}: not a Python file: {error}") from None
    programs = {}
    for node in module.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith(_FUNCTION_PREFIXES):
            task_id = node.name.split("_", 1)[1]
            with naming(f"{file}: {node.name}", CorpusError):
                programs[task_id] = parse_program("\n".join(_lines(node)))
    if not programs:
        raise CorpusError(f"{file}: holds no functions named solve_<task id> or verify_<task id>")
    return programs


def _reasoning_gym_file() -> Path:
    # Located without importing it: the package's import takes seconds.
    spec = importlib.util.find_spec("reasoning_gym")
    if spec is None or not spec.submodule_search_locations:
        raise CorpusError("the reasoning-gym package, which carries the training programs, is not installed")
    return Path(spec.submodule_search_locations[0], "arc", "rearc_utils", "verifiers.py")


def _lines(function: ast.FunctionDef) -> Iterator[str]:
    """Yields the function's assignments as lines of a program; the returned variable becomes `O`."""
    *body, final = function.body
    if not isinstance(final, ast.Return) or not isinstance(final.value, ast.Name):
        raise ProgramError(len(function.body), "the last statement must return a variable")
    result = final.value.id
    for line, statement in enumerate(body, start=1):
        match statement:
            case ast.Assign(
                targets=[ast.Name(id=target)],
                value=ast.Call(func=ast.Name(id=callee), args=arguments, keywords=[]),
            ):
                pass
            case ast.Assign(targets=[ast.Name(id=target)], value=ast.Tuple(elts=arguments)):
                callee = "astuple"
            case _:
                raise ProgramError(line, "expected an assignment of a call to a variable")
        names = [argument.id for argument in arguments if isinstance(argument, ast.Name)]
        if len(names) != len(arguments):
            raise ProgramError(line, "arguments must be names")
        yield f"{OUTPUT if target == result else target} = {callee}({', '.join(names)})"
