"""A run's folder is claimed by one config; another's is left as it is."""

import dataclasses
import json
from pathlib import Path

import pytest

from codeit_jax.config import Config, ExecutionConfig, LearnerConfig, MeshConfig
from codeit_jax.errors import UserError
from codeit_jax.run import workdir as workdirs

from ..peers_of_threads import ThreadPeers, together

CONFIG = Config(num_meta_iterations=3)


def open_workdir(path: str, config: Config) -> Path:
    with workdirs.open_workdir(path, config) as workdir:
        return Path(workdir)


def begun(folder: Path) -> Path:
    """Returns a folder that holds a run with a result."""
    open_workdir(str(folder), CONFIG)
    (folder / "performance.csv").write_text("meta_iteration\n0\n")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_new_folder_is_made_and_claimed(tmp_path: Path) -> None:
    workdir = open_workdir(str(tmp_path / "new" / "run"), CONFIG)
    assert workdir == tmp_path / "new" / "run"
    values = json.loads((tmp_path / "new" / "run" / "config.json").read_text())
    assert values == json.loads(json.dumps(dataclasses.asdict(CONFIG)))
    assert list(contents(tmp_path / "new" / "run")) == ["config.json"]


def test_a_folder_with_files_of_other_names_may_be_claimed(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    open_workdir(str(tmp_path), CONFIG)
    assert set(contents(tmp_path)) == {"notes.txt", "config.json"}


def test_the_home_folder_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    open_workdir("~/run", CONFIG)
    assert (tmp_path / "run" / "config.json").exists()


def test_the_same_config_finds_its_run(tmp_path: Path) -> None:
    before = contents(begun(tmp_path))
    open_workdir(str(tmp_path), CONFIG)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "changes",
    [
        {"num_meta_iterations": 9},
        {"checkpoint_interval": 9},
        {"execution": ExecutionConfig(num_workers=9)},
        {"mesh": MeshConfig(1, 1, 9)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_may_change_is_written_down(tmp_path: Path, changes) -> None:
    config = dataclasses.replace(CONFIG, **changes)
    open_workdir(str(begun(tmp_path)), config)
    assert (tmp_path / "performance.csv").exists()
    values = json.loads((tmp_path / "config.json").read_text())
    assert values == json.loads(json.dumps(dataclasses.asdict(config)))


def test_another_config_is_refused_by_setting_and_nothing_is_written(tmp_path: Path) -> None:
    before = contents(begun(tmp_path))
    other = dataclasses.replace(CONFIG, learner=LearnerConfig(batch_size=8), num_meta_iterations=9)
    with pytest.raises(UserError) as caught:
        open_workdir(str(tmp_path), other)
    assert str(caught.value) == (
        f"--workdir={tmp_path}: was begun with other settings: learner.batch_size was 512 and is now 8"
    )
    with pytest.raises(UserError, match=r"seed was 0 and is now 1 \(and 1 more\)$"):
        open_workdir(str(tmp_path), dataclasses.replace(other, seed=1))
    assert contents(tmp_path) == before


def test_a_run_without_results_may_be_given_another_config(tmp_path: Path) -> None:
    open_workdir(str(tmp_path), CONFIG)
    open_workdir(str(tmp_path), dataclasses.replace(CONFIG, seed=1))
    assert json.loads((tmp_path / "config.json").read_text())["seed"] == 1


def test_a_run_that_is_being_initialized_may_not(tmp_path: Path) -> None:
    """What it would go on from came about under its own config."""
    open_workdir(str(tmp_path), CONFIG)
    (tmp_path / "progress").mkdir()
    before = (tmp_path / "config.json").read_bytes()
    with pytest.raises(UserError, match=r"was begun with other settings: seed was 0 and is now 1$"):
        open_workdir(str(tmp_path), dataclasses.replace(CONFIG, seed=1))
    assert (tmp_path / "config.json").read_bytes() == before
    open_workdir(str(tmp_path), CONFIG)


@pytest.mark.parametrize("name", ["checkpoints", "performance.csv", "progress", "samples", "solutions.json"])
def test_results_without_a_config_are_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("someone's")
    with pytest.raises(UserError, match=f"{tmp_path}: there is {name} but no config.json"):
        open_workdir(str(tmp_path), CONFIG)
    assert contents(tmp_path) == {name: b"someone's"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "Expecting property name"),
        ("[]", "a config must be a group of settings"),
        ('{"learner": []}', "learner must be a group of settings"),
        ('{"name": "another program\'s"}', "there is no setting name"),
        ('{"seed": "0"}', "seed must be of type int"),
    ],
)
def test_a_config_that_is_not_ours_is_left_alone(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(UserError, match=reason) as caught:
        open_workdir(str(tmp_path), CONFIG)
    assert str(caught.value).startswith(f"--workdir={tmp_path}: config.json is no record of this version: ")
    assert "\n" not in str(caught.value)
    assert (tmp_path / "config.json").read_text() == text


def test_a_config_that_is_no_text_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="is no record"):
        open_workdir(str(tmp_path), CONFIG)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="is not a folder"):
        open_workdir(str(tmp_path / "file"), CONFIG)
    with pytest.raises(UserError, match="Not a directory"):
        open_workdir(str(tmp_path / "file" / "run"), CONFIG)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("path", ["/dev/null/x", "/proc/1/run", "/tmp/" + "n" * 300])
def test_a_folder_that_cannot_be_made_is_refused(path: str) -> None:
    with pytest.raises(UserError) as caught:
        open_workdir(path, CONFIG)
    assert str(caught.value).startswith(f"--workdir={path}: ")


def test_a_folder_that_is_open_is_left_alone_until_it_is_not(tmp_path: Path) -> None:
    with workdirs.open_workdir(str(tmp_path), CONFIG):
        before = contents(tmp_path)
        for config in (CONFIG, dataclasses.replace(CONFIG, seed=1)):
            with pytest.raises(UserError, match=r"another process is working in it$"):
                open_workdir(str(tmp_path), config)
        assert contents(tmp_path) == before
    open_workdir(str(tmp_path), dataclasses.replace(CONFIG, seed=1))


def opened_by_two(first: tuple[Path, Config], second: tuple[Path, Config]) -> list[object]:
    """What becomes of two processes, each with a folder and a config."""

    def opened(peers: ThreadPeers) -> str:
        path, config = (first, second)[peers.number]
        with workdirs.open_workdir(str(path), config, peers):
            return "opened"

    return together(2, opened)


def test_processes_open_a_folder_together_with_what_cores_each_has(tmp_path: Path) -> None:
    other = dataclasses.replace(CONFIG, execution=ExecutionConfig(num_workers=7))
    assert opened_by_two((tmp_path, CONFIG), (tmp_path, other)) == ["opened", "opened"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"seed": 9}, "seed is 0 in process 0, and 9 in process 1"),
        ({"mesh": MeshConfig(fsdp=2)}, "mesh.fsdp is 1 in process 0, and 2 in process 1"),
    ],
)
def test_processes_with_other_settings_are_told_and_leave_nothing(tmp_path: Path, changes, told) -> None:
    others = dataclasses.replace(CONFIG, **changes)
    ended = opened_by_two((tmp_path, CONFIG), (tmp_path, others))
    line = f"--distributed: {told}: all are to be given the same flags"
    assert [(type(each), str(each)) for each in ended] == [(UserError, line)] * 2
    assert not contents(tmp_path)


def test_processes_that_do_not_see_one_folder_are_told(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(workdirs, "_SEEN_SECONDS", 0.1)
    ended = opened_by_two((tmp_path / "here", CONFIG), (tmp_path / "there", CONFIG))
    assert all(isinstance(each, UserError) for each in ended)
    assert "process 1 does not see in it what process 0 has written" in str(ended[0])
    assert not (tmp_path / "there").exists()
