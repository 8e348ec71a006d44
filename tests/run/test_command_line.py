"""What a user gets wrong ends with exit code 2 and one line that says what and where, and no traceback."""

import ast
import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from codeit_jax import __version__
from codeit_jax.build import build
from codeit_jax.config import (
    Config,
    ConfigError,
    DataConfig,
    ExecutionConfig,
    LearnerConfig,
    MeshConfig,
    PolicyConfig,
    SamplingConfig,
)
from codeit_jax.errors import UserError
from codeit_jax.execution.host import start_pool
from codeit_jax.experiment import run_experiment
from codeit_jax.run.help_flags import fitted
from codeit_jax.run.workdir import open_workdir

ROOT = Path(__file__).parents[2]
QUICKSTART = f"--config={ROOT / 'configs' / 'quickstart.py'}"
TASK = {"train": [{"input": [[1]], "output": [[2]]}], "test": [{"input": [[1]], "output": [[2]]}]}


def run_python(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def train(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run_python([str(ROOT / "launch" / "train.py"), *arguments])


def assert_refused(ended: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert ended.returncode == 2
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert line.startswith("error: ")
    assert "Traceback" not in line
    for part in parts:
        assert part in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--config is required"),
        ([QUICKSTART], "--workdir is required"),
        ([QUICKSTART, "--workdir=/dev/null/x", "extra"], "unexpected argument 'extra'"),
        (["--nope=1"], "--nope: there is no such flag; --help lists them"),
        ([QUICKSTART, "--config.nope=1"], "--config.nope=1: there is no setting nope"),
        ([QUICKSTART, "--config.learner.nope=1"], "there is no setting learner.nope"),
        ([QUICKSTART, "--noconfig.mutation.nope"], "there is no setting mutation.nope"),
        ([QUICKSTART, "--config.seed.x=1"], "there is no setting seed.x"),
        ([QUICKSTART, "--config.learner=1"], "there is no setting learner"),
        (
            [QUICKSTART, "--config.learner.batch_size=x"],
            "--config.learner.batch_size=x: a whole number is expected",
        ),
        ([QUICKSTART, "--config.mutation.search=perhaps"], "--config.mutation.search=perhaps"),
        ([QUICKSTART, "--config.learner.prompt_buckets=a"], "learner.prompt_buckets must be of type tuple"),
        ([QUICKSTART, "--config.learner.batch_size=0"], "quickstart.py: learner.batch_size must be"),
        ([QUICKSTART, "--config.execution.budget.max_work=0"], "execution.budget.max_work must be"),
        ([QUICKSTART, "--noconfig.mutation.search=1"], "--noconfig.mutation.search=1"),
        ([QUICKSTART, "--config.execution.memory_gigabytes=1e30"], "execution.memory_gigabytes must be"),
        ([QUICKSTART, "--config.execution.timeout_seconds=1e10"], "execution.timeout_seconds must be"),
        (["--config=" + "x" * 300], "File name too long"),
        ([QUICKSTART, "--workdir=~nosuchuser/x"], "--workdir=~nosuchuser/x: there is no such user's home"),
        ([QUICKSTART, "--workdir=http://x/y"], "--workdir=http://x/y: there is no way to this kind of place"),
        (["--config.seed=1", QUICKSTART], "--config.seed=1: --config is required"),
        (["--config.seed=1"], "--config.seed=1: --config is required"),
        (["--config"], "--config"),
        (["--config="], "flag --config=: there is no such file"),
        (
            ["--config=nope.py"],
            "flag --config=nope.py: there is no such file; the package has configs/codeit.py",
        ),
        (["--config=quickstart"], "--workdir is required"),
        (
            ["--config=codeit:nope"],
            "flag --config=codeit:nope: unknown variant 'nope'",
        ),
        ([f"--config={ROOT / 'configs'}"], "configs: is a folder; the package has configs/codeit.py"),
        (
            ["--config=~nosuchuser/x.py"],
            "flag --config=~nosuchuser/x.py: cannot be read: there is no such user",
        ),
        (
            [QUICKSTART, "--config.batch_size=1"],
            "no setting batch_size; did you mean --config.learner.batch_size?",
        ),
        ([QUICKSTART, "--config.learner.batchsize=1"], "did you mean --config.learner.batch_size?"),
        (["--seed=3"], "--seed: there is no such flag; did you mean --config.seed?"),
        ([QUICKSTART, "--workdri=x"], "--workdri: there is no such flag; did you mean --workdir?"),
        ([QUICKSTART + ":nope"], "unknown variant 'nope'; known are no_expert_iteration, no_relabeling"),
        ([QUICKSTART, "--workdir=/dev/null/x"], "--workdir=/dev/null/x: "),
    ],
)
def test_wrong_flags_are_refused(arguments: list[str], message: str) -> None:
    assert_refused(train(*arguments), message)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "1.0"),
        (["--config.learner.max_gradient_norm=None"], "None"),
        (["--config.learner.max_gradient_norm", "none"], "None"),
        (["--config.learner.max_gradient_norm=none", "--config.learner.max_gradient_norm=0.5"], "0.5"),
        (["--config.learner.max_gradient_norm=0.5", "--config.learner.max_gradient_norm=NONE"], "None"),
        (["--flagfile=set.flags"], "None"),
    ],
)
def test_an_optional_setting_may_be_none(tmp_path: Path, arguments: list[str], expected: str) -> None:
    (tmp_path / "set.flags").write_text("# of a run\n\n--config.learner.max_gradient_norm=None\n")
    script = (
        "from codeit_jax.run import command_line, config_flag\n"
        "holder = config_flag.define_config_flag()\n"
        "def main(_):\n    print(config_flag.read_config(holder).learner.max_gradient_norm)\n"
        "command_line.run(main)\n"
    )
    (tmp_path / "script.py").write_text(script)
    arguments = [each.replace("set.flags", str(tmp_path / "set.flags")) for each in arguments]
    ended = run_python([str(tmp_path / "script.py"), QUICKSTART, *arguments])
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"{expected}\n", "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def get_config(:\n", "mine.py, line 1: SyntaxError: "),
        ("settings = 1\n", "mine.py: there is no function get_config in it"),
        ("get_config = 1\n", "mine.py: there is no function get_config in it"),
        ("def get_config(variant):\n    pass\n", "is to be asked for a variant: --config="),
        ("import sys\n\nsys.exit(0)\n", "mine.py, line 3: SystemExit: 0"),
        ("x = '\0'\n", "mine.py: SyntaxError: source code string cannot contain null bytes"),
        (
            "def get_config():\n    pass\n",
            "get_config must return a ConfigDict, which to_config_dict makes of a Config, and not",
        ),
        (
            "import sys\n\n\nsys.nope\n",
            "mine.py, line 4: AttributeError: module 'sys' has no attribute 'nope'",
        ),
        ("import nope\n", "mine.py, line 1: ModuleNotFoundError: No module named 'nope'"),
        ("def get_config():\n    return 1 / 0\n", "mine.py, line 2: ZeroDivisionError: division by zero"),
        (
            "from codeit_jax.config import Config\n\n\ndef get_config():\n    return Config(seed=-1)\n",
            "mine.py, line 5: seed must be from 0",
        ),
    ],
)
def test_a_wrong_config_file_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "mine.py").write_text(text)
    assert_refused(train(f"--config={tmp_path / 'mine.py'}"), str(tmp_path / "mine.py"), message)


@pytest.mark.parametrize("name", ["mine.yaml", "mine.json", "mine"])
def test_a_file_of_another_kind_is_no_config(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("seed: 1\n")
    assert_refused(
        train(f"--config={tmp_path / name}"), f"{name}: is no Python file, as configs are; the package"
    )


def test_a_config_file_may_lie_in_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.py").write_text("def get_config():\n    return 1 / 0\n")
    assert_refused(
        train("--config=~/mine.py"), f"--config=~/mine.py: {tmp_path / 'mine.py'}, line 2: ZeroDivisionError"
    )


def test_tasks_that_are_not_there_are_refused(tmp_path: Path) -> None:
    ended = train(QUICKSTART, f"--workdir={tmp_path / 'run'}", "--config.data.search_tasks=nope")
    assert_refused(ended, "nope: no such file or folder")
    assert not (tmp_path / "run").exists()


def test_another_programs_exception_is_no_mistake_of_the_user() -> None:
    ended = run_python(
        [
            "-c",
            "from codeit_jax.run import command_line, config_flag\n"
            "def main(_):\n    raise ValueError('a bug')\n"
            "command_line.run(main)\n",
        ]
    )
    assert ended.returncode == 1
    assert "Traceback" in ended.stderr
    assert "ValueError: a bug" in ended.stderr


def test_an_interruption_is_one_line() -> None:
    script = (
        "from codeit_jax.run import command_line, config_flag\n"
        "def main(_):\n    raise KeyboardInterrupt\n"
        "command_line.run(main)"
    )
    ended = run_python(["-c", script])
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "interrupted\n")


@pytest.mark.parametrize("flag", ["--help", "-h", "--helpfull"])
def test_help_names_the_flags(flag: str) -> None:
    ended = train(flag)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "\n  --config: " in ended.stdout
    assert "\n  --workdir: " in ended.stdout
    assert ("--flagfile" in ended.stdout) == (flag == "--helpfull")


def test_the_version_is_told_without_another_flag() -> None:
    ended = train("--version")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert re.fullmatch(
        rf"codeit_jax {re.escape(__version__)} \(jax \S+, flax \S+, Python \S+\)\n", ended.stdout
    )


@pytest.mark.parametrize("path", sorted((ROOT / "launch").glob("[a-z]*.py")), ids=lambda path: path.stem)
def test_what_a_program_says_of_itself_fits_80_columns(path: Path) -> None:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    shown = fitted(text, 80)
    assert max(map(len, shown.splitlines())) <= 80
    assert shown.replace(" \\\n    ", " ").split() == text.split()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A config that is right, so that each test can spoil one thing."""
    for part in ("training", "search"):
        (tmp_path / part).mkdir()
        (tmp_path / part / "task.json").write_text(json.dumps(TASK))
    (tmp_path / "solvers.py").write_text("def solve_task(I):\n    O = rot90(I)\n    return O\n")
    return Config(
        data=DataConfig(
            str(tmp_path / "training"),
            str(tmp_path / "solvers.py"),
            str(tmp_path / "search"),
            allow_overlap=True,
        ),
        execution=ExecutionConfig(num_workers=1),
        policy=PolicyConfig(preset="nano", section_length=16, max_program_length=24),
    )


def refusal(config: Config, workdir: Path) -> str:
    with pytest.raises(UserError) as caught:
        run_experiment(config, str(workdir))
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_malformed_task_is_refused_by_file(config: Config, tmp_path: Path) -> None:
    file = tmp_path / "search" / "task.json"
    file.write_text(json.dumps({**TASK, "train": [{"input": [[1]]}]}))
    assert refusal(config, tmp_path / "run") == f'{file}: train[0] has no "output"'


def test_malformed_training_programs_are_refused_by_file(config: Config, tmp_path: Path) -> None:
    file = tmp_path / "solvers.py"
    file.write_text("def solve_task(I):\n    O = nope(I)\n    return O\n")
    assert refusal(config, tmp_path / "run") == f"{file}: solve_task: line 1: unknown name 'nope'"


def test_a_folder_of_another_run_stays_as_it_is(config: Config, tmp_path: Path) -> None:
    workdir = tmp_path / "run"
    with open_workdir(str(workdir), dataclasses.replace(config, seed=1)):
        pass
    (workdir / "performance.csv").write_text("theirs")
    before = {path.name: path.read_bytes() for path in workdir.iterdir()}
    assert "seed was 1 and is now 0" in refusal(config, workdir)
    assert {path.name: path.read_bytes() for path in workdir.iterdir()} == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"policy": PolicyConfig(preset="nope")}, r"policy\.preset: unknown preset 'nope'"),
        ({"policy": PolicyConfig(tokenizer="/dev/null/x")}, r"policy\.tokenizer: tokenizer '/dev/null/x'"),
        ({"mesh": MeshConfig(data=4096)}, r"mesh: .* take 4096 devices, but there "),
        ({"mesh": MeshConfig(tensor=4096)}, r"mesh: .* take 4096 devices, but there "),
        ({"sampling": SamplingConfig(prompt_buckets=(33,))}, r"sampling\.prompt_buckets must reach 34"),
        ({"learner": LearnerConfig(prompt_buckets=(33,))}, r"learner\.prompt_buckets must reach 34"),
        ({"learner": LearnerConfig(program_buckets=(23,))}, r"learner\.program_buckets must reach .*, 24"),
    ],
    ids=["preset", "tokenizer", "data", "tensor", "sampled_prompts", "prompt_buckets", "program_buckets"],
)
def test_settings_that_cannot_be_met_are_refused_by_name(config: Config, changes, message: str) -> None:
    with start_pool([], config.execution) as pool, pytest.raises(ConfigError, match=message) as caught:
        build(dataclasses.replace(config, **changes), [], pool)
    assert "\n" not in str(caught.value)


def test_batches_that_the_mesh_does_not_divide_are_refused() -> None:
    script = """
import os
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"
from codeit_jax import __version__
from codeit_jax.build import build
from codeit_jax.config import Config, ConfigError, LearnerConfig, SamplingConfig
for room in (
    {"learner": LearnerConfig(batch_size=6)},
    {"learner": LearnerConfig(batch_size=8, num_micro_batches=4)},
    {"sampling": SamplingConfig(tasks_per_batch=2)},
):
    try:
        build(Config(**room), [], None)
    except ConfigError as error:
        print(error)
"""
    ended = run_python(["-c", script])
    assert ended.stdout.splitlines() == [
        "learner.batch_size must be a multiple of mesh.data x mesh.fsdp = 4, not 6",
        "learner.batch_size must be a multiple of learner.num_micro_batches x mesh.data x mesh.fsdp"
        " = 4 x 4 = 16, not 8",
        "sampling.tasks_per_batch must be a multiple of mesh.data x mesh.fsdp = 4, not 2",
    ]
