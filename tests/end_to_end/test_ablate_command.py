"""Ablations run one after another: each as training runs it, none twice, and none of another's."""

import csv
import dataclasses
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from etils import epath
from rich.console import Console

from codeit_jax import ablation
from codeit_jax.ablation import on_validation_split, run_ablations, variant_configs
from codeit_jax.config import Config, DataConfig
from codeit_jax.errors import UserError
from codeit_jax.experiment import run_experiment
from codeit_jax.run.metrics import IterationMetrics, MetricsLog

from .small_run import ROOT, assert_same_run, write_config


class StandIn:
    """Stands for runs: each takes no time and solves what its settings and its seed say."""

    def __init__(self) -> None:
        self.runs: list[str] = []
        self.cut_after = 1_000

    def run(self, config: Config, workdir: str) -> list[IterationMetrics]:
        if len(self.runs) == self.cut_after:
            raise KeyboardInterrupt
        self.runs.append(Path(workdir).name)
        solved = 10 * config.replay.prioritized + config.seed
        rows = [IterationMetrics(number, policy_performance=solved + number) for number in range(3)]
        Path(workdir).mkdir(parents=True, exist_ok=True)
        MetricsLog(epath.Path(workdir), rows).close()
        return rows

    def latest(self, workdir: epath.Path) -> int | None:
        return 2 if workdir.exists() else None


@pytest.fixture
def stand_in(monkeypatch) -> StandIn:
    made = StandIn()
    monkeypatch.setattr(ablation, "run_experiment", made.run)
    monkeypatch.setattr(ablation, "latest_snapshot", made.latest)
    return made


@pytest.fixture
def short(data: DataConfig) -> Config:
    return Config(seed=3, num_meta_iterations=2, data=data)


def shown(config: Config, variants: list[str], num_seeds: int, output: Path) -> str:
    console = Console(file=io.StringIO(), width=80)
    run_ablations(config, variants, num_seeds, str(output), console)
    return console.file.getvalue()


def table(output: Path) -> dict[str, dict[str, str]]:
    with (output / "ablations.csv").open() as file:
        return {line["variant"]: line for line in csv.DictReader(file)}


def test_all_variants_are_run_seed_by_seed(stand_in: StandIn, short: Config, tmp_path: Path) -> None:
    text = shown(short, ["no_priority", "no_priority+no_relabeling"], 2, tmp_path)
    names = ("base", "no_priority", "no_priority+no_relabeling")
    assert stand_in.runs == [f"{name}-{seed}" for seed in (3, 4) for name in names]
    lines = table(tmp_path)
    assert (lines["base"]["policy_performance_mean"], lines["base"]["num_seeds"]) == ("15.5", "2")
    assert lines["no_priority"]["policy_performance_difference_mean"] == "-10"
    assert lines["no_priority"]["policy_performance_difference_std"] == "0"
    assert "run 6 of 6: no_priority+no_relabeling, seed 4" in text
    assert "15.5±0.7" in text
    assert "-10.0±0.0" in text
    assert max(map(len, text.splitlines())) <= 80
    first_words = "".join(line.split()[0] for line in text.splitlines() if line.strip())
    assert first_words.endswith("no_priority+no_relabeling")  # folded, but not cut
    assert "-10.0±0.0" in (tmp_path / "ablations.md").read_text()
    assert "<svg " in (tmp_path / "ablations.svg").read_text()


def test_a_wide_table_fits_into_80_columns(stand_in: StandIn, short: Config, tmp_path: Path) -> None:
    stand_in.run = lambda config, workdir: [  # type: ignore[method-assign]
        IterationMetrics(2, policy_performance=(number := 400 - 12 * config.seed * config.replay.relabeling),
                         policy_cumulative=number, cumulative_performance=number)
    ]  # fmt: skip
    ablation.run_experiment = stand_in.run
    text = shown(short, ["no_relabeling", "no_expert_iteration"], 3, tmp_path)
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("352±12") == 6  # neither cut nor folded
    assert text.count("+48.0±12.0") == 3


def test_runs_that_are_done_are_not_repeated(stand_in: StandIn, short: Config, tmp_path: Path) -> None:
    stand_in.cut_after = 3
    with pytest.raises(KeyboardInterrupt):
        shown(short, ["no_priority"], 2, tmp_path)
    assert table(tmp_path)["base"]["num_seeds"] == "2"
    stand_in.cut_after = 1_000
    shown(short, ["no_priority"], 2, tmp_path)
    assert stand_in.runs == ["base-3", "no_priority-3", "base-4", "no_priority-4"]
    first = table(tmp_path)
    # More of both are added, and what is not asked for is not told.
    shown(short, ["no_mutation"], 3, tmp_path)
    assert stand_in.runs[4:] == ["no_mutation-3", "no_mutation-4", "base-5", "no_mutation-5"]
    assert set(table(tmp_path)) == {"base", "no_mutation"}
    shown(short, ["no_priority"], 2, tmp_path)
    assert table(tmp_path) == first


def test_a_run_without_its_last_checkpoint_goes_on(
    stand_in: StandIn, short: Config, tmp_path: Path, monkeypatch
) -> None:
    shown(short, [], 1, tmp_path)
    monkeypatch.setattr(ablation, "latest_snapshot", lambda _: 1)
    shown(short, [], 1, tmp_path)
    assert stand_in.runs == ["base-3", "base-3"]


@pytest.mark.parametrize(
    ("variants", "message"),
    [
        (["nope"], "--variants=nope: unknown variant 'nope'; known are no_expert_iteration, "),
        (["no_priority+nope"], r"--variants=no_priority\+nope: unknown variant 'nope'"),
        (["", ""], "--variants=,: there is a comma or a plus beside no name"),
        (
            ["no_priority", "no_mutation+"],
            r"--variants=no_priority,no_mutation\+: there is a comma or a plus",
        ),
        (["random_weights"], "--variants=random_weights: changes nothing of this config"),
        (["dense"], "--variants=dense: policy.grid_text must be sparse"),
        (["no_priority", "no_priority"], "--variants=no_priority: no_priority stands twice"),
        (["base", "base"], "--variants=base: base stands twice"),
        (["no_priority+no_priority"], r"--variants=no_priority\+no_priority: no_priority stands twice"),
        (
            ["no_priority+no_mutation", "no_mutation+no_priority"],
            r"--variants=no_mutation\+no_priority: is the same as no_priority\+no_mutation",
        ),
    ],
)
def test_variants_that_make_no_sense_are_refused(variants: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        variant_configs(Config(), variants)


def test_a_variant_is_the_config_with_what_its_name_says() -> None:
    config = Config(seed=7)
    found = variant_configs(config, ["base", "no_priority+one_demonstration"])
    assert found["base"] == config
    assert found["no_priority+one_demonstration"] == dataclasses.replace(
        config,
        replay=dataclasses.replace(config.replay, prioritized=False),
        policy=dataclasses.replace(config.policy, max_demonstrations=1),
    )


def test_other_settings_are_refused(stand_in: StandIn, short: Config, tmp_path: Path) -> None:
    shown(short, ["no_priority"], 1, tmp_path)
    other = dataclasses.replace(short, learner=dataclasses.replace(short.learner, batch_size=64))
    message = r"was begun with other settings: base\.learner\.batch_size was 512 and is now 64 \(and 1 more\)"
    with pytest.raises(UserError, match=message):
        shown(other, ["no_priority"], 1, tmp_path)
    assert len(stand_in.runs) == 2
    shown(dataclasses.replace(short, report_interval=0), ["no_priority"], 1, tmp_path)


def test_the_folder_of_another_command_is_refused(short: Config, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text("{}")
    with pytest.raises(UserError, match=r"there is config\.json, by which it belongs to another command"):
        shown(short, [], 1, tmp_path / "run")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "ablations.csv").write_text("theirs")
    with pytest.raises(UserError, match=r"there is ablations\.csv but no ablations\.json"):
        shown(short, [], 1, tmp_path / "mine")


def test_the_search_set_may_be_held_out_of_the_training_tasks() -> None:
    data = on_validation_split(Config()).data
    assert data == DataConfig("arc1/training@rest", "", "arc1/training@validation")
    named = Config(data=DataConfig("a@keys.json:train", validation_tasks="a@keys.json:val"))
    assert on_validation_split(named).data == DataConfig("a@keys.json:train", "", "a@keys.json:val")


@pytest.fixture(scope="module")
def tiny(config: Config) -> Config:
    return dataclasses.replace(
        config,
        num_meta_iterations=1,
        warmup_experiences=40,
        mutation=dataclasses.replace(config.mutation, parents="both", distillation_work=10_000),
    )


def test_a_run_is_that_of_training(tiny: Config, abstract_state, tmp_path: Path) -> None:
    shown(tiny, ["no_mutation"], 1, tmp_path / "ablated")
    run_experiment(tiny, str(tmp_path / "run"))
    assert_same_run(tmp_path / "ablated" / "runs" / "base-3", tmp_path / "run", abstract_state)
    lines = table(tmp_path / "ablated")
    assert lines["base"]["cumulative_performance_mean"] == "1"
    # Programs are distilled once.
    distilled = [*(tmp_path / "ablated").rglob("distilled_programs.json")]
    assert len(distilled) == 3
    assert len({path.read_bytes() for path in distilled}) == 1


def test_ctrl_c_ends_it_with_one_line_and_it_goes_on(
    tiny: Config, compiled: dict[str, str], tmp_path: Path
) -> None:
    write_config(tiny, tmp_path / "config.py")
    command = [sys.executable, str(ROOT / "launch" / "ablate.py"), f"--config={tmp_path / 'config.py'}"]
    command += ["--scored_on=search", "--seeds=1", f"--output={tmp_path / 'out'}"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, env=compiled, text=True, start_new_session=True, **pipes)
    assert process.stdout is not None
    assert any("warming the policy up" in line for line in process.stdout)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (130, "interrupted; the same command goes on from here\n")
    ended = subprocess.run(command, env=compiled, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "resumed before the first meta-iteration" in ended.stdout
    assert table(tmp_path / "out")["base"]["num_seeds"] == "1"
