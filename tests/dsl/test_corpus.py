import json
import subprocess
import sys

import pytest

from codeit_jax.arc import load_tasks
from codeit_jax.dsl import CorpusError, load_training_programs
from codeit_jax.dsl.program import parse_program

SCRIPT = """
import json, sys
from codeit_jax.dsl import load_training_programs
programs = load_training_programs()
print(json.dumps([len(programs), sorted(name for name in sys.modules if name.startswith("reasoning_gym"))]))
"""


def test_the_programs_of_the_package_are_read_without_importing_it():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [400, []]


def test_there_is_a_program_for_each_training_task():
    programs = load_training_programs()
    assert sorted(programs) == [task.id for task in load_tasks("arc1/training")]
    assert all(parse_program(str(program)) == program for program in programs.values())


def test_a_literal_pair_is_an_astuple():
    assert "astuple(" in str(load_training_programs()["0dfd9992"])


def write(tmp_path, text):
    path = tmp_path / "solvers.py"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_local_file_of_solvers(tmp_path):
    path = write(
        tmp_path,
        """
from dsl import *
raise RuntimeError("this file must never run")


def helper(x):
    return x


def solve_aa(I: Grid) -> Grid:
    x1 = vmirror(I)
    O = hconcat(I, x1)
    return O


def verify_bb(I):
    x0 = compose(rot90, rot90)
    x1 = (ONE, TWO)
    x2 = canvas(THREE, x1)
    x3 = x0(x2)
    return x3
""",
    )
    programs = load_training_programs(path)
    assert load_training_programs(str(path)) == programs
    assert {name: str(program) for name, program in programs.items()} == {
        "aa": "x1 = vmirror(I)\nO = hconcat(I, x1)",
        "bb": "x1 = compose(rot90, rot90)\nx2 = astuple(ONE, TWO)\nx3 = canvas(THREE, x2)\nO = x1(x3)",
    }


def function(*lines):
    return "def solve_aa(I):\n" + "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "holds no functions named solve_<task id> or verify_<task id>"),
        ("def helper(x):\n    return x\n", "holds no functions named solve_<task id> or verify_<task id>"),
        ("def solve_aa(I:\n", "not a Python file: "),
        ("x = '\0'", "not a Python file: "),
        ("x = " + "-" * 100_000 + "1", "not a Python file: "),
        (function("return vmirror(I)"), "solve_aa: line 1: the last statement must return a variable"),
        (function("O = vmirror(I)"), "solve_aa: line 1: the last statement must return a variable"),
        (function("O = vmirror(I)", "return"), "solve_aa: line 2: the last statement must return a variable"),
        (
            function("x2 = vmirror(I)", "return x1"),
            "solve_aa: the program is empty or its last line does not",
        ),
        (function("return O"), "solve_aa: the program is empty or its last line does not assign O"),
        (
            function("if I:", "    x1 = I", "return x1"),
            "solve_aa: line 1: expected an assignment of a call to a variable",
        ),
        (function("O = I", "return O"), "solve_aa: line 1: expected an assignment of a call to a variable"),
        (
            function("x1 = x2 = rot90(I)", "return x1"),
            "solve_aa: line 1: expected an assignment of a call to a variable",
        ),
        (
            function("O = I.rot90(I)", "return O"),
            "solve_aa: line 1: expected an assignment of a call to a variable",
        ),
        (
            function("O = hconcat(I, b=I)", "return O"),
            "solve_aa: line 1: expected an assignment of a call to a variable",
        ),
        (function("O = vmirror(hmirror(I))", "return O"), "solve_aa: line 1: arguments must be names"),
        (function("O = hconcat(*I)", "return O"), "solve_aa: line 1: arguments must be names"),
        (function("O = canvas(0, UNITY)", "return O"), "solve_aa: line 1: arguments must be names"),
        (function("x1 = rot90(I)", "O = paste(I, x1)", "return O"), "solve_aa: line 2: unknown name 'paste'"),
        (function("O = hconcat(I)", "return O"), "solve_aa: line 1: hconcat takes 2 arguments, got 1"),
        (function("O = (I, I, I)", "return O"), "solve_aa: line 1: astuple takes 2 arguments, got 3"),
        (
            function("x1 = rot90(I)", "x1 = rot90(x1)", "return x1"),
            "solve_aa: line 2: O is assigned before the last line",
        ),
        (
            function("x1 = rot90(I)", "x2 = rot90(I)", "return x1"),
            "solve_aa: line 2: O is assigned before the last line",
        ),
        (function("y = rot90(I)", "x1 = rot90(y)", "return x1"), "solve_aa: line 1: 'y' is no variable"),
    ],
)
def test_a_malformed_file_is_named_with_the_function_at_fault(tmp_path, text, reason):
    path = write(tmp_path, text)
    with pytest.raises(CorpusError) as error:
        load_training_programs(path)
    assert str(error.value).startswith(f"{path}: {reason}")
    assert "\n" not in str(error.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(CorpusError) as error:
        load_training_programs(tmp_path / "none.py")
    assert str(error.value) == f"{tmp_path / 'none.py'}: No such file or directory"


def test_a_missing_package(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        CorpusError, match="the reasoning-gym package, which carries the training programs, is"
    ):
        load_training_programs()
