"""A small run from its config to its files: complete, repeatable, the same however often it is cut short."""

import dataclasses
import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from codeit_jax import experiment
from codeit_jax.arc import load_tasks
from codeit_jax.build import build
from codeit_jax.config import Config
from codeit_jax.errors import UserError
from codeit_jax.execution.host import start_pool
from codeit_jax.experiment import run_experiment
from codeit_jax.learner import learner
from codeit_jax.learner.batching import Example
from codeit_jax.learner.examples import ExampleMaker
from codeit_jax.policy import sampling
from codeit_jax.run.checkpoint import Checkpointer

from .small_run import ROOT, assert_same_run, rows, write_config


@pytest.fixture(scope="module")
def uninterrupted(config: Config, tmp_path_factory) -> Path:
    workdir = tmp_path_factory.mktemp("uninterrupted")
    run_experiment(config, str(workdir))
    return workdir


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
        "progress",
        "report.html",
    }
    assert json.loads((uninterrupted / "config.json").read_text())["seed"] == config.seed
    assert [row["meta_iteration"] for row in rows(uninterrupted)] == ["0", "1", "2"]
    assert list((uninterrupted / "tensorboard").iterdir())
    assert sorted(path.name for path in (uninterrupted / "samples").iterdir()) == [
        "0001.jsonl.gz",
        "0002.jsonl.gz",
    ]


def test_when_a_run_reports(config: Config, uninterrupted: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    shutil.copytree(uninterrupted, tmp_path / "run")
    (tmp_path / "run" / "report.html").unlink()
    never = dataclasses.replace(config, report_interval=0)
    run_experiment(never, str(tmp_path / "run"))
    assert not (tmp_path / "run" / "report.html").exists()
    assert "to look at" not in capsys.readouterr().out
    run_experiment(config, str(tmp_path / "run"))  # as if it had been killed before it could
    assert (tmp_path / "run" / "report.html").exists()
    assert capsys.readouterr().out.endswith(f"to look at: {tmp_path / 'run' / 'report.html'}\n")
    reported = []
    monkeypatch.setattr(experiment, "write_report", lambda workdir, tell: reported.append(workdir.name))
    run_experiment(
        dataclasses.replace(config, num_meta_iterations=4, report_interval=3), str(tmp_path / "run")
    )
    assert reported == ["run", "run"]


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
        failed = sum(
            float(row[f"{how}_share"]) for how in ("error", "invalid_output", "over_budget", "timeout")
        )
        assert failed == pytest.approx((len(parsed) - len(executed)) / len(samples))
        distinct = {(sample["task"], sample["text"]) for sample in samples}
        assert float(row["repeat_share"]) >= 1 - len(distinct) / len(samples)
        is_right = [
            sample["demonstration_performance"] > 0 and sample["test_performance"] == 1 for sample in samples
        ]
        assert float(row["pass_at_1"]) == pytest.approx(sum(is_right) / len(samples))
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
        "found_by": "mutation",
        "solved_by": ["mutation"],
        "history": [{"program": "O = vmirror(I)", "meta_iteration": 0, "found_by": "mutation"}],
    }
    first = rows(uninterrupted)[0]
    assert (first["cumulative_performance"], first["mutation_performance"]) == ("1", "1")
    assert (first["policy_cumulative"], first["evolution_performance"]) == ("0", "0")
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
    write_config(config, tmp_path / "config.py")
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
    (workdir / "profile").mkdir()  # the command that has left a trace, given again
    run_experiment(config, str(workdir), profiled_iteration=2)
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
