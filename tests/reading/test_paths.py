"""A home may be named by its sign in every path that a command takes."""

import pwd
import runpy
import sys
from pathlib import Path

import pytest
from absl import flags

from codeit_jax.dsl import load_training_programs
from codeit_jax.dsl.corpus import CorpusError
from codeit_jax.errors import UserError
from codeit_jax.reading.paths import expand_home
from codeit_jax.run import command_line

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_a_home_at_the_beginning_is_found(home):
    assert expand_home("~/a/~") == f"{home}/a/~"
    assert expand_home("~") == str(home)
    owner = pwd.getpwuid(0)
    assert expand_home(f"~{owner.pw_name}/a") == f"{owner.pw_dir.rstrip('/')}/a"
    for path in ("", "a", "./~", "/a/~", "gs://a/~"):
        assert expand_home(path) == path


def test_a_home_that_there_is_not():
    with pytest.raises(UserError, match=r"^there is no such user's home; "):
        expand_home("~nosuchuser/a")


def test_training_programs(home):
    (home / "solvers.py").write_text("def solve_task(I):\n    O = rot90(I)\n    return O\n")
    assert list(load_training_programs("~/solvers.py")) == ["task"]
    with pytest.raises(CorpusError, match=r"^~nosuchuser/solvers.py: there is no such user's home"):
        load_training_programs("~nosuchuser/solvers.py")


class Called(Exception):  # noqa: N818
    """A command was reached, with these arguments."""

    def __init__(self, *args, **kwargs):
        super().__init__()
        self.args, self.kwargs = args, kwargs


def reached(monkeypatch, script, function, *arguments):
    """What a program of `launch/` hands to the command that it runs."""

    def stand_in(*args, **kwargs):
        raise Called(*args, **kwargs)

    monkeypatch.setattr(function, stand_in)
    monkeypatch.setattr(command_line, "run", lambda main, **_: None)
    values = flags.FlagValues()
    monkeypatch.setattr(flags, "FLAGS", values)
    for define in (
        "DEFINE_string",
        "DEFINE_list",
        "DEFINE_enum",
        "DEFINE_integer",
        "DEFINE_float",
        "DEFINE_bool",
    ):
        original = getattr(flags, define)
        monkeypatch.setattr(
            flags,
            define,
            lambda *args, original=original, **more: original(*args, flag_values=values, **more),
        )
    main = runpy.run_path(str(ROOT / "launch" / script))["main"]
    with pytest.raises(Called) as called:
        main(values([sys.argv[0], *arguments]))
    return called.value.args, called.value.kwargs


def test_search(home, monkeypatch):
    args, options = reached(
        monkeypatch,
        "search.py",
        "codeit_jax.search.command.run_search",
        "--programs=~/a.jsonl,b.jsonl",
        "--tasks=~/tasks",
        "--output=~/out",
        "--compare=~/c.csv",
    )
    assert args[0] == [home / "a.jsonl", Path("b.jsonl")]
    assert options["compared"] == [home / "c.csv"]


def test_evolve(home, monkeypatch):
    args, _ = reached(
        monkeypatch,
        "evolve.py",
        "codeit_jax.evolution.command.run_evolution",
        "--programs=~/a.jsonl",
        "--output=~/out",
    )
    assert args[0].programs == (home / "a.jsonl",)


def test_mutate(home, monkeypatch):
    args, _ = reached(
        monkeypatch,
        "mutate.py",
        "codeit_jax.mutation.growth.command.grow_file",
        "--output=~/a.jsonl",
        "--num_programs=1",
    )
    assert args[0].output == home / "a.jsonl"


def test_benchmark(home, monkeypatch):
    args, _ = reached(
        monkeypatch,
        "benchmark.py",
        "codeit_jax.benchmarks.suites.run_suite",
        "--suite=execution",
        "--json=~/a.json",
    )
    assert args[2] == home / "a.json"


def test_a_path_holds_no_nul():
    with pytest.raises(UserError, match="NUL"):
        expand_home("a\0b")
