"""A policy scored while it learns and afterwards: alike, and without a trace in the run."""

import dataclasses
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from rich.console import Console

from codeit_jax.arc import Pair, Task, load_tasks
from codeit_jax.build import make_constraint, make_sampler
from codeit_jax.config import Config, ConfigError, DataConfig
from codeit_jax.errors import UserError
from codeit_jax.evaluation import Evaluation, evaluate, tables
from codeit_jax.experiment import run_experiment
from codeit_jax.policy import tokenizers
from codeit_jax.policy.program_sampler import ProgramSampler
from codeit_jax.policy.sampling import Sampler
from codeit_jax.policy.symbolic import SymbolicTokenizer
from codeit_jax.results.scoring import TaskResult, score_task, summarize, summarize_concepts
from codeit_jax.run.checkpoint import Checkpointer
from codeit_jax.run.workdir import open_workdir
from codeit_jax.trained import load_policy
from codeit_jax.validation import check_overlap, load_validation_tasks

from .small_run import ROOT, assert_same_run, grid, rows

NUM_SAMPLES = 10  # three rounds of the run's four


@pytest.fixture(scope="module")
def watched(config: Config, tmp_path_factory) -> Config:
    """The small run, scored in every second meta-iteration on tasks of which some are easy."""
    folder = tmp_path_factory.mktemp("validation")
    changes = {
        "left": np.fliplr,
        "down": np.flipud,
        "about": lambda g: np.rot90(g, 2),
        "over": np.transpose,
        "hard": lambda g: (g * g + g.T) % 7,
    }
    for number, (name, change) in enumerate(changes.items()):
        grids = [grid(200 + 10 * number + each) for each in range(4)]
        pairs = [{"input": g.tolist(), "output": change(g).tolist()} for g in grids]
        task = {"train": pairs[:2], "test": pairs[2 : 2 + 1 + number % 2]}
        (folder / f"{name}.json").write_text(json.dumps(task))
    data = dataclasses.replace(config.data, validation_tasks=str(folder))
    return dataclasses.replace(config, data=data, validation_interval=2)


@pytest.fixture(scope="module")
def run(watched: Config, tmp_path_factory) -> Path:
    workdir = tmp_path_factory.mktemp("watched")
    run_experiment(watched, str(workdir))
    return workdir


def quiet(*arguments, **settings) -> Evaluation:
    return evaluate(*arguments, **settings, num_workers=1, console=Console(file=io.StringIO(), width=80))


@pytest.fixture(scope="module")
def found(run: Path, watched: Config) -> Evaluation:
    return quiet(str(run), watched.data.validation_tasks, num_samples=NUM_SAMPLES)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def change_last_column(workdir: Path, cut: str) -> None:
    """Puts something else in place of what follows the last comma of each line of a run's table."""
    path = workdir / "performance.csv"
    head, *lines = path.read_text().splitlines()
    assert head.endswith(",validation_performance")
    if not cut:
        head = head.rpartition(",")[0]
    path.write_text(
        "".join(f"{line}\n" for line in (head, *(line.rpartition(",")[0] + cut for line in lines)))
    )


def test_validation_is_a_column_and_nothing_else(
    config: Config, run: Path, abstract_state, tmp_path: Path
) -> None:
    scored = [row["validation_performance"] for row in rows(run)]
    assert scored[:2] == ["", ""]
    assert 1 <= int(scored[2]) <= 4  # so that there is something to agree on
    # Begun by a version that knew nothing of it, and gone on with.
    older = tmp_path / "older"
    run_experiment(dataclasses.replace(config, num_meta_iterations=1), str(older))
    values = json.loads((older / "config.json").read_text())
    del values["validation_interval"], values["data"]["validation_tasks"], values["data"]["allow_overlap"]
    (older / "config.json").write_text(json.dumps(values))
    change_last_column(older, "")
    run_experiment(config, str(older))
    unscored = shutil.copytree(run, tmp_path / "unscored")
    change_last_column(unscored, ",")
    assert_same_run(older, unscored, abstract_state)


def test_resumed_it_is_the_same(
    watched: Config, run: Path, abstract_state, tmp_path: Path, monkeypatch
) -> None:
    sample, drawn = ProgramSampler.sample, []

    def recorded(self, params, meta_iteration, *arguments):
        drawn.append(meta_iteration)
        return sample(self, params, meta_iteration, *arguments)

    monkeypatch.setattr(ProgramSampler, "sample", recorded)
    run_experiment(dataclasses.replace(watched, num_meta_iterations=1), str(tmp_path))
    run_experiment(watched, str(tmp_path))
    assert_same_run(tmp_path, run, abstract_state)
    assert drawn == [1, 2, 2]


def test_an_evaluation_as_the_run_samples_is_what_its_validation_was(run: Path, watched: Config) -> None:
    evaluation = quiet(str(run), watched.data.validation_tasks)
    assert str(evaluation.scores.solved) == rows(run)[2]["validation_performance"]
    assert evaluation.settings.meta_iteration == 2
    tasks, trained = load_tasks(watched.data.validation_tasks), load_policy(str(run))
    parts = trained.config, trained.policy, trained.mesh
    sampler = make_sampler(*parts, make_constraint(*parts), tasks)
    assert list(trained.sample_programs(tasks)) == list(sampler.sample(trained.policy.params, 2))
    assert (evaluation.scores.num_tasks, evaluation.scores.num_inputs) == (5, 7)


def test_fewer_samples_are_the_first_of_more(run: Path, watched: Config) -> None:
    tasks = load_tasks(watched.data.validation_tasks)
    policy = load_policy(str(run))

    def sampled(num_samples: int) -> list[tuple[str, ...]]:
        texts: list[tuple[str, ...]] = [()] * len(tasks)
        for each in policy.sample_programs(tasks, num_samples=num_samples):
            texts[each.task_index] += each.texts
        return texts

    ten = sampled(10)
    assert {len(texts) for texts in ten} == {10}
    assert any(texts[:4] != texts[4:8] for texts in ten)
    for number in (2, 6):
        assert sampled(number) == [texts[:number] for texts in ten]
    assert next(policy.sample_programs([], num_samples=3), None) is None
    with pytest.raises(ConfigError, match=r"sampling\.num_samples"):
        next(policy.sample_programs(tasks, num_samples=0))


def test_sampling_that_is_cut_short_goes_on_to_the_same(run: Path, watched: Config, monkeypatch) -> None:
    tasks, policy = load_tasks(watched.data.validation_tasks), load_policy(str(run))
    whole = list(policy.sample_programs(tasks, num_samples=10))
    num_drawn, draw = 0, Sampler.sample

    def counted(self, *arguments):
        nonlocal num_drawn
        num_drawn += 1
        return draw(self, *arguments)

    monkeypatch.setattr(Sampler, "sample", counted)
    # Three rounds of five tasks in batches of two.
    for num_known, num_batches in ((0, 9), (1, 9), (2, 8), (5, 6), (8, 5), (15, 0)):
        num_drawn = 0
        assert list(policy.sample_programs(tasks, num_samples=10, known=whole[:num_known])) == whole
        assert num_drawn == num_batches


def test_a_run_that_goes_on_is_only_read(
    run: Path, watched: Config, found: Evaluation, tmp_path: Path
) -> None:
    before = contents(run)
    output = tmp_path / "new" / "scores.json"
    with open_workdir(str(run), watched):
        again = quiet(str(run), watched.data.validation_tasks, num_samples=NUM_SAMPLES, output=str(output))
    assert contents(run) == before
    assert again == found
    values = json.loads(output.read_text())
    assert values["settings"]["num_samples"] == NUM_SAMPLES
    assert values["scores"]["pass_at"].keys() == {"1", "2", "4", "8", "10"}
    left = next(task for task in values["tasks"] if task["task_id"] == "left")
    assert left["num_samples"] == NUM_SAMPLES
    assert len(left["attempts"]) == 1


def test_another_seed_and_temperature_are_other_samples(run: Path, watched: Config) -> None:
    def programs(**settings):
        evaluation = quiet(str(run), watched.data.validation_tasks, **settings)
        return [result.programs for result in evaluation.results]

    assert programs(seed=watched.seed) == programs()
    assert programs(seed=watched.seed + 1) != programs()
    assert all(len(found) <= 1 for found in programs(temperature=0.0))


def test_tasks_without_their_outputs_are_left_out(
    run: Path, watched: Config, found: Evaluation, tmp_path: Path
) -> None:
    folder = shutil.copytree(watched.data.validation_tasks, tmp_path / "tasks")
    values = json.loads((folder / "down.json").read_text())
    del values["test"][1]["output"]
    (folder / "down.json").write_text(json.dumps(values))
    evaluation = quiet(str(run), str(folder))
    assert [score.task_id for score in evaluation.task_scores] == ["about", "hard", "left", "over"]
    with pytest.raises(ConfigError, match=r"data\.validation_tasks: down comes without all its test outputs"):
        load_validation_tasks(DataConfig(validation_tasks=str(folder)))
    for path in folder.glob("[!d]*.json"):
        path.unlink()
    with pytest.raises(UserError, match=f"--tasks={folder}: no task comes with its test outputs"):
        quiet(str(run), str(folder))


def test_on_four_devices_the_command_gives_what_one_gives(
    run: Path, watched: Config, compiled: dict[str, str], tmp_path: Path
) -> None:
    command = [
        sys.executable,
        str(ROOT / "launch" / "evaluate.py"),
        f"--workdir={run}",
        f"--tasks={watched.data.validation_tasks}",
        f"--output={tmp_path / 'scores.json'}",
        "--num_workers=2",
        "--fsdp=2",
    ]
    environment = {
        **compiled,
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
    }
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert max(map(len, ended.stdout.splitlines())) <= 80
    quiet(str(run), watched.data.validation_tasks, output=str(tmp_path / "expected.json"))
    assert (tmp_path / "scores.json").read_text() == (tmp_path / "expected.json").read_text()


def test_a_folder_that_holds_no_policy_is_named(run: Path, tmp_path: Path, watched: Config) -> None:
    def refused(workdir: Path) -> str:
        with pytest.raises(UserError) as caught:
            load_policy(str(workdir))
        message = str(caught.value)
        assert message.startswith(f"--workdir={workdir}: ")
        assert "\n" not in message
        return message.removeprefix(f"--workdir={workdir}: ")

    assert refused(tmp_path / "nowhere") == "there is no such folder"
    (tmp_path / "empty").mkdir()
    assert refused(tmp_path / "empty") == "holds no run"
    with open_workdir(str(tmp_path / "new"), watched):
        assert refused(tmp_path / "new") == "there is no complete checkpoint yet"
    (tmp_path / "new" / "checkpoints" / "7.orbax-checkpoint-tmp").mkdir(parents=True)
    assert refused(tmp_path / "new") == "there is no complete checkpoint yet"

    def copy(name: str) -> Path:
        return shutil.copytree(run, tmp_path / name)

    values = json.loads((run / "config.json").read_text())
    (copy("later") / "config.json").write_text(json.dumps(values | {"invented": 1}))
    assert refused(tmp_path / "later") == (
        "config.json is no record of this version: there is no setting invented"
    )
    (copy("spoiled") / "config.json").write_text("{")
    assert "config.json is no record of this version" in refused(tmp_path / "spoiled")
    values["policy"]["preset"] = "mini"
    (copy("larger") / "config.json").write_text(json.dumps(values))
    assert "is of another model or optimiser: params/" in refused(tmp_path / "larger")


# Cuts files of a copy of the run to a half, or removes them, and prints what is said of it.
DAMAGE = """
import shutil, sys
from pathlib import Path
from codeit_jax.errors import UserError
from codeit_jax.trained import load_policy

workdir = Path(sys.argv[1])
for name in sys.argv[2:]:
    for is_gone in (True, False):
        shutil.rmtree(workdir.with_name("copy"), ignore_errors=True)
        copy = shutil.copytree(workdir, workdir.with_name("copy"))
        place = copy / "checkpoints" / "2" / name
        for path in place.iterdir() if place.is_dir() else [place]:
            content = path.read_bytes()
            path.unlink()
            if not is_gone:
                path.write_bytes(content[: len(content) // 2])
        try:
            load_policy(str(copy))
        except UserError as error:
            print(error)
"""


def test_a_damaged_checkpoint_is_told_in_a_line(run: Path, compiled: dict[str, str], tmp_path: Path) -> None:
    parts = ("_METADATA", "manifest.ocdbt", "d", "ocdbt.process_0/d")
    damaged = [*(f"learner/{part}" for part in parts), "host/_METADATA", "host/_strings.json"]
    workdir = shutil.copytree(run, tmp_path / "run")
    # In a process of its own: what TensorStore still reads may call on an event loop that is closed.
    command = [sys.executable, "-c", DAMAGE, str(workdir), *damaged]
    ended = subprocess.run(command, env=compiled, capture_output=True, text=True, check=True)
    lines = ended.stdout.splitlines()
    assert len(lines) == 2 * len(damaged)
    place = f"--workdir={tmp_path}/copy: {tmp_path}/copy/checkpoints/2/"
    assert all(line.startswith(place) and line.endswith((" is damaged", " is gone")) for line in lines)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("there is no complete checkpoint of step 1"),
        FileNotFoundError(2, "No such file or directory", "checkpoints/1"),
    ],
)
def test_a_step_that_the_run_has_just_removed_is_followed_by_the_next(
    run: Path, monkeypatch, error: Exception
) -> None:
    steps = iter([1, 2])
    latest_step, restore_part = Checkpointer.latest_step, Checkpointer.restore_part

    def gone(self, abstract, step):
        if step == 1:
            raise error
        return restore_part(self, abstract, step)

    monkeypatch.setattr(Checkpointer, "latest_step", lambda self: next(steps, None) or latest_step(self))
    monkeypatch.setattr(Checkpointer, "restore_part", gone)
    assert load_policy(str(run)).meta_iteration == 2


def test_steps_that_go_while_they_are_listed_are_listed_again(run: Path, monkeypatch) -> None:
    num_listings, latest_step = 0, Checkpointer.latest_step

    def listed(self):
        nonlocal num_listings
        num_listings += 1
        if num_listings <= num_failing:
            raise FileNotFoundError(2, "No such file or directory", "checkpoints/1")
        return latest_step(self)

    monkeypatch.setattr(Checkpointer, "latest_step", listed)
    num_failing = 3
    assert load_policy(str(run)).meta_iteration == 2
    num_listings, num_failing = 0, 1_000
    with pytest.raises(UserError, match=f"^--workdir={run}: No such file or directory$"):
        load_policy(str(run))


def test_the_policy_is_read_without_what_is_remembered(
    run: Path, watched: Config, abstract_state, monkeypatch
) -> None:
    _, learner_state, host_state = Checkpointer(run / "checkpoints").restore(abstract_state)
    assert host_state["policy_buffer"]
    parts = []
    restore_part = Checkpointer.restore_part

    def recorded(self, *arguments):
        parts.append(restore_part(self, *arguments))
        return parts[-1]

    monkeypatch.setattr(Checkpointer, "restore_part", recorded)
    policy = load_policy(str(run)).policy
    jax.tree.map(np.testing.assert_array_equal, policy.params, learner_state.params)
    ((_, fields, values),) = parts
    assert fields.keys() == {"params"}
    assert not any(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(values))
    assert any(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(host_state))


def test_another_vocabulary_is_refused(run: Path, monkeypatch) -> None:
    class OtherTokenizer(SymbolicTokenizer):
        def __init__(self) -> None:
            super().__init__()
            self.fingerprint = "of another"

    monkeypatch.setattr(tokenizers, "SymbolicTokenizer", OtherTokenizer)
    with pytest.raises(UserError, match=r"policy\.tokenizer has another vocabulary"):
        load_policy(str(run))


def test_an_output_that_cannot_be_is_refused_before_anything_is_sampled(run: Path, tmp_path: Path) -> None:
    for output, message in [
        (run / "scores.json", "lies in the run's folder, which is only read"),
        (run / "new" / ".." / "scores.json", "lies in the run's folder"),
        (tmp_path, "is a folder"),
    ]:
        with pytest.raises(UserError, match=message):
            quiet(str(run), output=str(output))
    assert not (run / "new").exists()


def test_training_tasks_are_not_searched_nor_validated_with(watched: Config, tmp_path: Path) -> None:
    training = watched.data.training_tasks
    for name in ("search_tasks", "validation_tasks"):
        data = dataclasses.replace(watched.data, **{name: training})
        with pytest.raises(ConfigError) as caught:
            run_experiment(dataclasses.replace(watched, data=data), str(tmp_path / "run"))
        assert str(caught.value) == (
            f"data.{name}: 6 of 6 tasks are training tasks, too, the first of them below, which is below of"
            " data.training_tasks; data.allow_overlap admits them"
        )
    assert not (tmp_path / "run").exists()


def test_tasks_are_told_by_their_demonstrations() -> None:
    one, two, three = (Pair(((colour,),), ((colour,),)) for colour in range(3))
    training = [Task("a", (one, two), (three,)), Task("b", (three,), (one,))]
    same, other = Task("c", (two, one), (one,)), Task("a", (one, three), (three,))
    check_overlap(DataConfig(), "search_tasks", [other], training)
    with pytest.raises(ConfigError, match=r"data\.search_tasks: 1 of 2 tasks .* c, which is a of"):
        check_overlap(DataConfig(), "search_tasks", [other, same], training)
    check_overlap(DataConfig(allow_overlap=True), "search_tasks", [other, same], training)


def test_the_parts_of_arc1_share_no_task_but_the_one_they_are_known_to_share() -> None:
    training, evaluation = map(load_tasks, ("arc1/training", "arc1/evaluation"))
    check_overlap(DataConfig(), "search_tasks", evaluation, training)
    known = {frozenset(task.train) for task in training}
    (twin,) = (task for task in evaluation if frozenset(task.train) in known)
    assert twin.id == "070dd51e"
    with pytest.raises(ConfigError, match="1 of 1 tasks"):
        check_overlap(DataConfig(), "search_tasks", [dataclasses.replace(twin, id="copy")], training)


def test_concepts_have_a_table_within_80_columns(found: Evaluation) -> None:
    assert len(tables(found)) == 1
    results = tuple(
        TaskResult(dataclasses.replace(each.task, concept=concept), each.num_samples, each.programs)
        for each, concept in zip(
            found.results, ["ExtractObjects", "ExtractObjects", "[/red]Outside", "", ""], strict=True
        )
    )
    scores = tuple(map(score_task, results))
    evaluation = Evaluation(found.settings, results, scores, summarize(scores), summarize_concepts(scores))
    console = Console(file=io.StringIO(), width=80)
    for table in tables(evaluation):
        console.print(table)
    text = console.file.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    (line,) = (line for line in text.splitlines() if "[/red]Outside" in line)
    assert line.split()[:2] == ["[/red]Outside", "1"]
    assert text.count("ExtractObjects") == 1
