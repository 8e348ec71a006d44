"""A small run whose search set is bred for while the policy learns: the same however it is cut short."""

import contextlib
import dataclasses
import gzip
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from codeit_jax import snapshots
from codeit_jax.config import Config, EvolutionConfig
from codeit_jax.evolution.rounds import Evolver, Rounds
from codeit_jax.experiment import run_experiment
from codeit_jax.run.checkpoint import Checkpointer
from codeit_jax.run.journal import Journal

from .small_run import assert_same_run, rows


@pytest.fixture(scope="module")
def evolving(config: Config) -> Config:
    evolution = EvolutionConfig(turn_work=400_000, views_work=0, capacity=20, num_experiences=3)
    # Nothing is searched with, so that what is solved is so by the policy or the expert.
    mutation = dataclasses.replace(config.mutation, search=False)
    return dataclasses.replace(config, evolution=evolution, mutation=mutation)


@pytest.fixture(scope="module")
def whole(evolving: Config, tmp_path_factory) -> Path:
    workdir = tmp_path_factory.mktemp("whole")
    run_experiment(evolving, str(workdir))
    return workdir


def populations_of(workdir: Path, abstract_state) -> Rounds:
    host_state = Checkpointer(workdir / "checkpoints").restore(abstract_state)[2]
    return Rounds.from_state(host_state["populations"])


def test_the_expert_solves_tasks_and_is_counted_apart(whole: Path) -> None:
    first, *others = rows(whole)
    assert first["evolution_performance"] == first["cumulative_performance"] == "1"
    assert (first["mutation_performance"], first["policy_cumulative"]) == ("0", "0")
    assert {row["evolution_performance"] for row in others} == {"1"}
    solution = json.loads((whole / "solutions.json").read_text())["mirror"]
    assert solution["program"] == "O = vmirror(I)"
    assert "evolution" in solution["solved_by"]
    assert solution["found_by"] in {"evolution", "policy"}


def test_what_it_finds_is_learned_from(whole: Path) -> None:
    sizes = [int(row["policy_buffer_size"]) for row in rows(whole)]
    assert sizes[0] > 0
    new = [int(row["new_experiences"]) for row in rows(whole)[1:]]
    assert sizes[-1] > sizes[0] + sum(new)  # what the expert has found since is in it, too


def test_what_the_policy_wrote_joins_the_populations(
    evolving: Config, whole: Path, abstract_state, tmp_path: Path, monkeypatch
) -> None:
    populations = populations_of(whole, abstract_state)
    assert populations.number == 3
    assert all(task.work for task in populations.tasks)
    joined = []
    give_turns = Evolver.give_turns

    def recorded(self: Evolver, rounds: Rounds, places: list[int], joining: dict) -> Iterator[int]:
        joined.append({self.tasks[place].id: set(texts) for place, texts in joining.items()})
        return give_turns(self, rounds, places, joining)

    monkeypatch.setattr(Evolver, "give_turns", recorded)
    run_experiment(evolving, str(tmp_path))
    assert joined[0] == {}
    for number, programs in enumerate(joined[1:], start=1):
        with gzip.open(tmp_path / "samples" / f"{number:04d}.jsonl.gz", "rt") as file:
            samples = [json.loads(line) for line in file]
        assert any(programs.values())
        for task_id, texts in programs.items():
            assert texts <= {sample["text"] for sample in samples if sample["task"] == task_id}
            assert len(texts) <= evolving.evolution.num_newcomers


def test_two_workers_give_the_same_run(
    evolving: Config, whole: Path, abstract_state, compiled: dict[str, str], tmp_path: Path
) -> None:
    two = dataclasses.replace(evolving, execution=dataclasses.replace(evolving.execution, num_workers=2))
    run_experiment(two, str(tmp_path))
    assert_same_run(tmp_path, whole, abstract_state)


def test_a_run_that_is_asked_to_end_while_it_learns_goes_on_there(
    evolving: Config, whole: Path, abstract_state, tmp_path: Path, monkeypatch
) -> None:
    """No update is made twice, and nothing is lost where not every meta-iteration leaves a checkpoint."""
    num_updates = 0
    cuts = {17, 52, 53, 55}  # the last of the warm-up and the first that follows it among them

    is_due = snapshots.Snapshots.is_due

    def counting(self: snapshots.Snapshots) -> bool:
        nonlocal num_updates
        num_updates += 1
        return is_due(self)

    def raise_requested() -> None:
        if num_updates in cuts:
            raise KeyboardInterrupt

    monkeypatch.setattr(snapshots.Snapshots, "is_due", counting)
    monkeypatch.setattr(snapshots, "is_requested", lambda: num_updates in cuts)
    monkeypatch.setattr(snapshots, "raise_requested", raise_requested)
    cut = dataclasses.replace(evolving, checkpoint_interval=5)
    num_cut = 0
    while True:
        try:
            run_experiment(cut, str(tmp_path))
            break
        except KeyboardInterrupt:
            num_cut += 1
    assert num_cut == len(cuts)
    assert num_updates == sum(int(row["num_updates"]) for row in rows(whole)) == 56
    assert_same_run(tmp_path, whole, abstract_state)
    assert not (tmp_path / "progress" / "checkpoints").exists()


def test_a_run_cut_anywhere_goes_on_where_it_was(
    evolving: Config, whole: Path, abstract_state, tmp_path: Path, monkeypatch
) -> None:
    """What is in the journal is neither sampled nor bred again."""
    added: list[str] = []
    add = Journal.add

    def cut(self: Journal, kind: str, value: object) -> None:
        add(self, kind, value)
        added.append(kind)
        if len(added) % 3 == 0:
            raise KeyboardInterrupt

    monkeypatch.setattr(Journal, "add", cut)
    for _ in range(30):
        with contextlib.suppress(KeyboardInterrupt):
            run_experiment(evolving, str(tmp_path))
            break
    monkeypatch.undo()
    assert_same_run(tmp_path, whole, abstract_state)
    samples = gzip.decompress((whole / "samples" / "0001.jsonl.gz").read_bytes()).splitlines()
    num_tasks = len({json.loads(line)["task"] for line in samples})
    assert added.count("sampled") <= 2 * num_tasks + 2
    assert added.count("turn") <= 3 * num_tasks


def test_test_outputs_do_not_steer(evolving: Config, whole: Path, abstract_state, tmp_path: Path) -> None:
    shutil.copytree(evolving.data.search_tasks, tmp_path / "scrambled")
    for path in (tmp_path / "scrambled").iterdir():
        values = json.loads(path.read_text())
        values["test"] = [{**pair, "output": [[4, 4]]} for pair in values["test"]]
        path.write_text(json.dumps(values))
    data = dataclasses.replace(evolving.data, search_tasks=str(tmp_path / "scrambled"))
    run_experiment(dataclasses.replace(evolving, data=data), str(tmp_path / "run"))
    assert json.loads((tmp_path / "run" / "solutions.json").read_text()) == {}
    one, other = (populations_of(workdir, abstract_state) for workdir in (whole, tmp_path / "run"))
    assert [task.members for task in one.tasks] == [task.members for task in other.tasks]
    assert one.finds == other.finds


def test_an_error_while_learning_ends_the_expert_too(evolving: Config, tmp_path: Path, monkeypatch) -> None:
    def fail(*_: object) -> None:
        raise FloatingPointError("the loss is not finite")

    monkeypatch.setattr("codeit_jax.initialization.train_epoch", fail)
    with pytest.raises(FloatingPointError, match="not finite"):
        run_experiment(evolving, str(tmp_path))
    assert "drawn_ahead" not in {thread.name for thread in threading.enumerate()}


def test_a_run_without_an_expert_has_no_populations(config: Config, tmp_path: Path, abstract_state) -> None:
    run_experiment(dataclasses.replace(config, num_meta_iterations=1), str(tmp_path))
    assert populations_of(tmp_path, abstract_state).tasks == []


def test_a_run_may_sample_where_it_helps(config: Config, tmp_path: Path) -> None:
    sampling = dataclasses.replace(config.sampling, allocation="adaptive")
    run_experiment(dataclasses.replace(config, sampling=sampling), str(tmp_path))
    # The mutants give the demonstrations of one of the four tasks.
    num_samples = [int(row["num_samples"]) for row in rows(tmp_path)]
    assert num_samples[1] == 5 * config.sampling.num_samples
    assert num_samples[2] % config.sampling.num_samples == 0


def test_a_limit_on_turns_gives_them_one_after_another(
    evolving: Config, abstract_state, tmp_path: Path
) -> None:
    evolution = dataclasses.replace(evolving.evolution, max_turns=1)
    run_experiment(dataclasses.replace(evolving, evolution=evolution), str(tmp_path))
    turns = [task.turn for task in populations_of(tmp_path, abstract_state).tasks]
    assert sum(turns) == len(turns) + 2  # one each to begin with, and one in each of two meta-iterations
    assert max(turns) == 2
