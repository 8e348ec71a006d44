"""docs/mistakes.md is true: every mistake in it ends with exit code 2, its line, and nothing else."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "mistakes.md"
_ROW = re.compile(r"\| `(?P<arguments>.+)` \| `(?P<line>error: .+)` \|")
LONG = "x" * 300

TASK = {"train": [{"input": [[1, 2]], "output": [[2, 1]]}], "test": [{"input": [[1, 3]], "output": [[3, 1]]}]}
FILES = {
    "task.json": json.dumps(TASK),
    "cut.json": json.dumps(TASK)[:40],
    "empty.json": "",
    "ragged.json": json.dumps(TASK).replace("[[1, 2]]", "[[1, 2], [1]]"),
    "good.jsonl": '{"program": "O = vmirror(I)"}\n',
    "empty.jsonl": "",
    "unknown.jsonl": '{"program": "O = vmirror(I)"}\n{"program": "O = nope(I)"}\n',
    "digits.jsonl": f'{{"program": "O = vmirror(I)", "task": {"9" * 5000}}}\n',
    "deep.jsonl": "[" * 100_000,
    "number.jsonl": '{"program": "O = vmirror(I)", "task": 5}\n',
    "solvers.py": "def solve_task(I):\n    O = vmirror(I)\n    return O\n",
    "nope_solvers.py": "def solve_task(I):\n    O = nope(I)\n    return O\n",
    "small.py": "from codeit_jax.config import Config, DataConfig\n"
    "from codeit_jax.config.conversion import to_config_dict\n\n\n"
    "def get_config():\n"
    '    data = DataConfig("task.json", "solvers.py", "task.json", allow_overlap=True)\n'
    "    return to_config_dict(Config(data=data))\n",
    "syntax.py": "\n\ndef get_config(:\n",
    "exits.py": "import sys\n\nsys.exit(0)\n",
    "plain.py": "def get_config():\n    return {}\n",
    "sized.py": "def get_config(size):\n    return size\n",
    "settings.yaml": "seed: 1\n",
    "raises.py": "def get_config():\n    return 1 / 0\n",
    "unknown.flags": "--config=quickstart\n--config.nope=1\n",
    "loop.flags": "--flagfile=loop.flags\n",
    "nul.flags": "--programs=a\0b\n--output=out\n",
    "bart/config.json": '{"model_type": "bart"}',
    "listed/config.json": "[]",
    "weightless/config.json": json.dumps(
        {"model_type": "t5", "vocab_size": 9, "d_model": 8, "d_kv": 4, "d_ff": 8}
        | {"num_layers": 1, "num_heads": 1}
    ),
    "mine/performance.csv": "theirs",
    "ablated/ablations.csv": "theirs",
    "searched/performance.csv": "num_programs,solved,solved_strict,share,seconds\n",
    "searched/solutions.json": '{"task": {"program": "O = vmirror(I)", "number": 0}}',
    "closed/x": "",
}


def rows():
    """The command, the arguments and the line of each row of the page."""
    command = ""
    for text in PAGE.read_text(encoding="utf-8").splitlines():
        if text.startswith("## codeit-"):
            command = text.removeprefix("## codeit-")
        elif found := _ROW.fullmatch(text):
            arguments, line = (
                part.replace("x…x", LONG).replace(r"\|", "|") for part in found.group("arguments", "line")
            )
            yield command, arguments, line


class Commands:
    """Every command, imported once."""

    def __init__(self, folder):
        self._folder = folder
        self._processes = {}

    def run(self, name, arguments):
        if name not in self._processes:
            self._processes[name] = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("command_runner.py")), name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=self._folder,
                env={
                    **os.environ,
                    "PYTHONPATH": str(ROOT),
                    "JAX_PLATFORMS": "cpu",
                    "HF_HUB_OFFLINE": "1",
                },
            )
        process = self._processes[name]
        process.stdin.write(json.dumps({"arguments": arguments}) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    def close(self):
        for process in self._processes.values():
            with process:
                process.stdin.close()


@pytest.fixture(scope="module")
def commands(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mistakes")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    (folder / "latin1.flags").write_bytes("# für den Lauf\n".encode("latin-1"))
    (folder / "utf16.jsonl").write_bytes(FILES["good.jsonl"].encode("utf-16"))
    (folder / "closed").chmod(0)
    commands = Commands(folder)
    yield commands
    commands.close()
    (folder / "closed").chmod(0o700)


@pytest.mark.parametrize(("command", "arguments", "line"), [*rows()])
def test_a_mistake_is_the_line_that_the_page_says(commands, command, arguments, line):
    code, _, errors = commands.run(command, shlex.split(arguments))
    assert errors == f"{line}\n"
    assert code == 2


def test_the_page_has_every_command():
    assert {command for command, _, _ in rows()} == {
        path.stem for path in (ROOT / "launch").glob("[a-z]*.py")
    }
