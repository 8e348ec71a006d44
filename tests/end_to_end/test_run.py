"""A small run from its config to its files: complete, repeatable, the same however often it is cut short."""

import csv
import dataclasses
import gzip
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
import pytest
from jax.experimental.compilation_cache import compilation_cache

from codeit_jax.arc import load_tasks
from codeit_jax.build import build
from codeit_jax.config import (
    Config,
    DataConfig,
    ExecutionConfig,
    LearnerConfig,
    MutationConfig,
    PolicyConfig,
    ReplayConfig,
    SamplingConfig,
)
from codeit_jax.errors import UserError
from codeit_jax.execution.host import start_pool
from codeit_jax.experiment import run_experiment
from codeit_jax.learner import learner
from codeit_jax.learner.batching import Example
from codeit_jax.learner.examples import ExampleMaker
from codeit_jax.policy import sampling
from codeit_jax.run.checkpoint import Checkpointer

ROOT = Path(__file__).parents[2]

# The training tasks, by the lines of the program that solves each.
SOLVERS = {
    "flipped": ["O = vmirror(I)"],
    "upturned": ["O = hmirror(I)"],
    "turned": ["O = rot180(I)"],
    "transposed": ["O = dmirror(I)"],
    "beside": ["x1 = vmirror(I)", "O = hconcat(I, x1)"],
    "below": ["x1 = hmirror(I)", "O = vconcat(I, x1)"],
}

# Starts the run that the arguments name, and stops for good while meta-iteration 2 explores.
STUCK_RUN = """
import json, signal, sys
from codeit_jax import experiment, iteration
from codeit_jax.config import Config
from codeit_jax.config.conversion import from_dict

relabel = iteration.relabel

def stuck_relabel(task, attempt, meta_iteration, prioritize):
    if meta_iteration == 2:
        print("stuck", flush=True)
        signal.pause()
    return relabel(task, attempt, meta_iteration, prioritize)

iteration.relabel = stuck_relabel
experiment.run_experiment(from_dict(Config, json.loads(sys.argv[1])), sys.argv[2])
"""


def grid(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 4, (3, 3))


def write_task(path: Path, first: int, solve) -> None:
    pairs = [{"input": grid(n).tolist(), "output": solve(grid(n)).tolist()} for n in range(first, first + 3)]
    path.write_text(json.dumps({"train": pairs[:2], "test": pairs[2:]}))


@pytest.fixture(scope="module", autouse=True)
def compiled(tmp_path_factory) -> Iterator[dict[str, str]]:
    """Lets all runs share what the first one compiles; returns the environment of those outside."""
    settings = {
        "jax_compilation_cache_dir": str(tmp_path_factory.mktemp("compiled")),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    before = {name: getattr(jax.config, name) for name in settings}
    for name, value in settings.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()
    yield {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        **{name.upper(): str(value) for name, value in settings.items()},
    }
    for name, value in before.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> DataConfig:
    folder = tmp_path_factory.mktemp("data")
    outputs = {
        "flipped": np.fliplr,
        "upturned": np.flipud,
        "turned": lambda g: np.rot90(g, 2),
        "transposed": np.transpose,
        "beside": lambda g: np.hstack([g, np.fliplr(g)]),
        "below": lambda g: np.vstack([g, np.flipud(g)]),
    }
    (folder / "training").mkdir()
    (folder / "search").mkdir()
    for number, (name, solve) in enumerate(outputs.items()):
        write_task(folder / "training" / f"{name}.json", 10 * number, solve)
    write_task(folder / "search" / "mirror.json", 100, np.fliplr)
    for number in range(3):  # nothing small solves these
        write_task(folder / "search" / f"hard{number}.json", 110 + 10 * number, lambda g: (g * g + g.T) % 7)
    functions = [
        "\n    ".join([f"def solve_{name}(I):", *lines, "return O"]) for name, lines in SOLVERS.items()
    ]
    (folder / "solvers.py").write_text("\n\n".join(functions) + "\n")
    return DataConfig(str(folder / "training"), str(folder / "solvers.py"), str(folder / "search"))


@pytest.fixture(scope="module")
def config(data: DataConfig) -> Config:
    return Config(
        seed=3,
        num_meta_iterations=2,
        warmup_experiences=400,
        data=data,
        execution=ExecutionConfig(num_workers=1),
        mutation=MutationConfig(num_programs=40),
        replay=ReplayConfig(training_experiences=8, policy_experiences=8),
        policy=PolicyConfig(preset="nano", section_length=16, max_program_length=24),
        sampling=SamplingConfig(num_samples=4, temperature=0.5, tasks_per_batch=2),
        learner=LearnerConfig(batch_size=8, learning_rate=3e-3, prompt_buckets=(34,), program_buckets=(24,)),
    )


@pytest.fixture(scope="module")
def uninterrupted(config: Config, tmp_path_factory) -> Path:
    workdir = tmp_path_factory.mktemp("uninterrupted")
    run_experiment(config, str(workdir))
    return workdir


@pytest.fixture(scope="module")
def abstract_state(config: Config):
    tasks = load_tasks(config.data.search_tasks)
    with start_pool(tasks, config.execution) as pool:
        return build(config, tasks, pool)[1].abstract_state


def rows(workdir: Path) -> list[dict[str, str]]:
    """Returns the rows of `performance.csv` without what the clock says."""
    with (workdir / "performance.csv").open() as file:
        return [
            {name: text for name, text in row.items() if not name.endswith(("_seconds", "_per_second"))}
            for row in csv.DictReader(file)
        ]


def assert_same_run(workdir: Path, expected: Path, abstract_state) -> None:
    assert rows(workdir) == rows(expected)
    files = ["solutions.json", *(f"samples/{path.name}" for path in expected.glob("samples/*"))]
    assert len(files) == 3
    for name in files:
        assert (workdir / name).read_bytes() == (expected / name).read_bytes(), name
    step, learner_state, host_state = Checkpointer(workdir / "checkpoints").restore(abstract_state)
    assert step == 2
    _, expected_learner, expected_host = Checkpointer(expected / "checkpoints").restore(abstract_state)
    jax.tree.map(np.testing.assert_array_equal, learner_state, expected_learner)
    jax.tree.map(np.testing.assert_array_equal, host_state, expected_host)


def processes_with(marker: str) -> list[str]:
    """Returns the ids of the processes that have inherited an environment with `marker` in it."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if marker.encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:  # it has just ended
            continue
    return found


def test_a_run_does_not_go_on_with_another_vocabulary(
    config: Config, uninterrupted: Path, tmp_path: Path, monkeypatch
) -> None:
    shutil.copytree(uninterrupted, tmp_path / "run")
    monkeypatch.setattr(ExampleMaker, "fingerprint", "of another vocabulary")
    with pytest.raises(UserError, match=r"policy\.tokenizer: has another vocabulary"):
        run_experiment(config, str(tmp_path / "run"))


def test_a_run_leaves_its_files(uninterrupted: Path, config: Config) -> None:
    names = {path.name for path in uninterrupted.iterdir()}
    assert names == {
        "config.json",
        "performance.csv",
        "solutions.json",
        "samples",
        "tensorboard",
        "checkpoints",
    }
    assert json.loads((uninterrupted / "config.json").read_text())["seed"] == config.seed
    assert [row["meta_iteration"] for row in rows(uninterrupted)] == ["0", "1", "2"]
    assert list((uninterrupted / "tensorboard").iterdir())
    assert sorted(path.name for path in (uninterrupted / "samples").iterdir()) == [
        "0001.jsonl.gz",
        "0002.jsonl.gz",
    ]


def test_rows_and_samples_agree(uninterrupted: Path, config: Config) -> None:
    for row in rows(uninterrupted)[1:]:
        with gzip.open(uninterrupted / "samples" / f"000{row['meta_iteration']}.jsonl.gz", "rt") as file:
            samples = [json.loads(line) for line in file]
        assert int(row["num_samples"]) == len(samples) == 4 * config.sampling.num_samples
        assert {sample["task"] for sample in samples} == {"mirror", "hard0", "hard1", "hard2"}
        parsed = [sample for sample in samples if sample["error"] is None]
        executed = [sample for sample in parsed if "ok" in sample["outcomes"]]
        assert float(row["parse_share"]) == len(parsed) / len(samples)
        assert float(row["execute_share"]) == len(executed) / len(samples)
        assert all(len(sample["outcomes"]) == 2 for sample in parsed)


def test_the_policy_learns_to_write_programs(uninterrupted: Path) -> None:
    first, *others = rows(uninterrupted)
    assert first["num_learned"] == "400"
    assert all(float(row["execute_share"]) > 0 for row in others)
    sizes = [int(row["policy_buffer_size"]) for row in rows(uninterrupted)]
    assert np.diff(sizes).tolist() == [int(row["new_experiences"]) for row in others]
    assert sizes[-1] > 0


def test_the_mutation_search_counts_as_cumulative_performance(uninterrupted: Path) -> None:
    solutions = json.loads((uninterrupted / "solutions.json").read_text())
    assert solutions["mirror"] == {
        "program": "O = vmirror(I)",
        "demonstration_performance": 1.0,
        "test_performance": 1.0,
        "meta_iteration": 0,
    }
    assert rows(uninterrupted)[0]["cumulative_performance"] == "1"
    assert rows(uninterrupted)[-1]["cumulative_performance"] == str(len(solutions))


def test_test_outputs_do_not_steer(
    config: Config, uninterrupted: Path, tmp_path: Path, abstract_state
) -> None:
    shutil.copytree(config.data.search_tasks, tmp_path / "scrambled")
    for path in (tmp_path / "scrambled").iterdir():
        values = json.loads(path.read_text())
        values["test"] = [{**pair, "output": [[4, 4]]} for pair in values["test"]]
        path.write_text(json.dumps(values))
    data = dataclasses.replace(config.data, search_tasks=str(tmp_path / "scrambled"))
    run_experiment(dataclasses.replace(config, data=data), str(tmp_path / "run"))
    assert json.loads((tmp_path / "run" / "solutions.json").read_text()) == {}
    for path in (uninterrupted / "samples").iterdir():
        assert (tmp_path / "run" / "samples" / path.name).read_bytes() == path.read_bytes()
    (_, one, _), (_, other, _) = (
        Checkpointer(workdir / "checkpoints").restore(abstract_state)
        for workdir in (uninterrupted, tmp_path / "run")
    )
    jax.tree.map(np.testing.assert_array_equal, one, other)


def test_the_command_line_with_two_workers_gives_the_same_run(
    config: Config, uninterrupted: Path, abstract_state, compiled: dict[str, str], tmp_path: Path
) -> None:
    values = json.dumps(dataclasses.asdict(config))
    (tmp_path / "config.py").write_text(
        "import json\n"
        "from codeit_jax.config import Config\n"
        "from codeit_jax.config.conversion import from_dict, to_config_dict\n"
        f"def get_config():\n    return to_config_dict(from_dict(Config, json.loads({values!r})))\n"
    )
    workdir = tmp_path / "run"
    command = [
        sys.executable,
        str(ROOT / "launch" / "train.py"),
        f"--config={tmp_path / 'config.py'}",
        "--config.execution.num_workers=2",
        f"--workdir={workdir}",
    ]
    ended = subprocess.run(command, env=compiled, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "meta-iteration 2" in ended.stdout
    assert_same_run(workdir, uninterrupted, abstract_state)


def test_a_run_that_is_raised_equals_one_that_was_longer_from_the_start(
    config: Config, uninterrupted: Path, abstract_state, tmp_path: Path
) -> None:
    shorter = dataclasses.replace(config, num_meta_iterations=1)
    assert len(run_experiment(shorter, str(tmp_path))) == 2
    assert len(run_experiment(config, str(tmp_path))) == 3
    assert_same_run(tmp_path, uninterrupted, abstract_state)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux's /proc")
def test_a_killed_run_goes_on_as_if_nothing_had_happened(
    config: Config, uninterrupted: Path, abstract_state, compiled: dict[str, str], tmp_path: Path
) -> None:
    marker = f"CODEIT_TEST_RUN={tmp_path}"
    environment = {**compiled, "CODEIT_TEST_RUN": str(tmp_path)}
    command = [sys.executable, "-c", STUCK_RUN, json.dumps(dataclasses.asdict(config)), str(tmp_path)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert "stuck\n" in process.stdout
            assert len(processes_with(marker)) == 2  # the run and its worker
        finally:
            process.kill()
    assert [row["meta_iteration"] for row in rows(tmp_path)] == ["0", "1"]

    deadline = time.monotonic() + 30
    while processes_with(marker) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not processes_with(marker)

    run_experiment(config, str(tmp_path))
    assert_same_run(tmp_path, uninterrupted, abstract_state)


def test_training_programs_that_solve_nothing_are_the_users_mistake(config: Config, tmp_path: Path) -> None:
    (tmp_path / "solvers.py").write_text("def solve_flipped(I):\n    O = identity(I)\n    return O\n")
    data = dataclasses.replace(config.data, training_programs=str(tmp_path / "solvers.py"))
    with pytest.raises(UserError, match=r"data\.training_programs: none of 1 programs"):
        run_experiment(dataclasses.replace(config, data=data), str(tmp_path / "run"))
    # What is left of it does not stand in the way of a run with the mistake put right, and another made.
    policy = dataclasses.replace(config.policy, max_program_length=2)
    learner = dataclasses.replace(config.learner, program_buckets=(2,))
    with pytest.raises(UserError, match=r"policy\.max_program_length: all"):
        run_experiment(dataclasses.replace(config, policy=policy, learner=learner), str(tmp_path / "run"))


def test_a_run_compiles_few_shapes(config: Config, tmp_path: Path, monkeypatch) -> None:
    steps = []

    def make_step(*args, **settings):
        steps.append(learner_make_step(*args, **settings))
        return steps[-1]

    learner_make_step = learner.make_step
    monkeypatch.setattr(learner, "make_step", make_step)
    samplers = sampling._prefill, sampling._decode
    before = [function._cache_size() for function in samplers]
    # Grids from one cell to hundreds: prompts for every length that there is by default.
    (tmp_path / "search").mkdir()
    for size in (1, 2, 3, 4, 5, 7, 9, 12):
        pair = {name: np.arange(size * size).reshape(size, size) % 5 for name in ("input", "output")}
        task = {"train": [pair], "test": [pair]}
        (tmp_path / "search" / f"{size}.json").write_text(json.dumps(task, default=np.ndarray.tolist))
    run_experiment(
        dataclasses.replace(
            config,
            num_meta_iterations=3,
            data=dataclasses.replace(config.data, search_tasks=str(tmp_path / "search")),
            policy=dataclasses.replace(config.policy, section_length=48, max_program_length=48),
            replay=dataclasses.replace(config.replay, policy_experiences=100),
            sampling=dataclasses.replace(config.sampling, num_samples=8),
            learner=dataclasses.replace(config.learner, batch_size=2, prompt_buckets=(), program_buckets=()),
        ),
        str(tmp_path / "run"),
        profiled_iteration=2,
    )
    num_read, num_written = (
        function._cache_size() - count for function, count in zip(samplers, before, strict=True)
    )
    assert num_read == 2
    assert 3 <= num_written <= 6
    (step,) = steps
    assert 3 <= step._cache_size() <= 8
    assert list(tmp_path.glob("run/profile/plugins/profile/*/*.xplane.pb"))


def test_a_meta_iteration_to_profile_must_be_still_to_come(
    uninterrupted: Path, config: Config, tmp_path: Path
) -> None:
    workdir = shutil.copytree(uninterrupted, tmp_path / "run")
    with pytest.raises(UserError, match="--profile=2: all 2 meta-iterations are done"):
        run_experiment(config, str(workdir), profiled_iteration=2)
    longer = dataclasses.replace(config, num_meta_iterations=4)
    for number in (2, 5):
        with pytest.raises(
            UserError, match=f"--profile={number}: meta-iterations 3 to 4 are still to be done"
        ):
            run_experiment(longer, str(workdir), profiled_iteration=number)
    assert len(rows(workdir)) == 3


def test_a_batch_that_goes_wrong_is_saved(config: Config, tmp_path: Path) -> None:
    tasks = load_tasks(config.data.search_tasks)
    diverging = dataclasses.replace(config.learner, learning_rate=1e30)
    with start_pool(tasks, config.execution) as pool:
        _, wrong = build(
            dataclasses.replace(config, learner=diverging), tasks, pool, failure_folder=tmp_path / "failures"
        )
    tokens = np.arange(2, 8, dtype=np.int32)
    with pytest.raises(FloatingPointError, match="the batch is in"):
        wrong.learn([Example(tokens, tokens)] * 40, np.random.default_rng(0))
    (file,) = (tmp_path / "failures").iterdir()
    assert np.load(file)["prompt_ids"].shape == (8, 34)
