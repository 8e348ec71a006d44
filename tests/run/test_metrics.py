"""The table of a run: what its file says, and what is left of it when the run goes on."""

import contextlib
import csv
import dataclasses
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from etils import epath

from codeit_jax.errors import UserError
from codeit_jax.run import metrics as metrics_module
from codeit_jax.run.metrics import IterationMetrics, MetricsLog, read_rows

FIRST = IterationMetrics(0, cumulative_performance=3, explore_seconds=1.5)
SECOND = IterationMetrics(
    meta_iteration=1,
    loss=0.1234567,
    token_accuracy=0.75,
    num_samples=96,
    parse_share=0.5,
    execute_share=1 / 3,
    error_share=0.125,
    invalid_output_share=0.03125,
    over_budget_share=1 / 96,
    timeout_share=0.0,
    repeat_share=0.25,
    pass_at_1=1 / 96,
    pass_at_all=0.25,
    new_experiences=10,
    policy_performance=1,
    cumulative_performance=4,
    first_solved=1,
    shortened=0,
    policy_buffer_size=10,
    num_learned=1_234_567,
    learned_age=0.5,
    training_loss=0.25,
    policy_loss=1.5,
    explore_seconds=2.0,
    learn_seconds=3.25,
    num_updates=7,
    gradient_norm=0.5,
    padding_share=0.25,
    training_buffer_size=20,
    priority_10=0.0,
    priority_50=1 / 3,
    priority_90=1.0,
    sampled_tokens=1000,
    learned_tokens=650,
    sampled_tokens_per_second=500.0,
    learned_tokens_per_second=200.0,
    validation_performance=2.0,
)


class RecordingFile:
    """Stands for TensorBoard's file and remembers what it was told."""

    def __init__(self, folder: epath.Path, first_step: int) -> None:
        self.folder, self.first_step = folder, first_step
        self.rows: list[tuple[int, dict[str, float]]] = []
        self.is_closed = False

    def add(self, step: int, values: dict[str, float]) -> None:
        self.rows.append((step, values))

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def files(monkeypatch) -> list[RecordingFile]:
    made: list[RecordingFile] = []

    def make(folder: epath.Path, first_step: int) -> RecordingFile:
        made.append(RecordingFile(folder, first_step))
        return made[-1]

    monkeypatch.setattr(metrics_module, "EventFile", make)
    return made


def write(folder: Path, *rows: IterationMetrics, before: Sequence[IterationMetrics] = ()) -> MetricsLog:
    log = MetricsLog(epath.Path(folder), before)
    for row in rows:
        log.append(row)
    log.close()
    return log


def read(folder: Path) -> list[dict[str, str]]:
    with (folder / "performance.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.usefixtures("files")
def test_a_row_is_a_line_with_a_column_a_field(tmp_path: Path) -> None:
    write(tmp_path, FIRST, SECOND)
    first, second = read(tmp_path)
    assert list(first) == [field.name for field in dataclasses.fields(IterationMetrics)]
    assert first["loss"] == first["parse_share"] == ""  # there is none
    assert first["num_samples"] == "0"
    assert second["loss"] == "0.123457"
    assert second["execute_share"] == "0.333333"
    assert second["num_learned"] == "1234567"
    assert second["learn_seconds"] == "3.25"


@pytest.mark.usefixtures("files")
def test_each_row_is_on_disk_as_soon_as_it_is_there(tmp_path: Path) -> None:
    log = MetricsLog(epath.Path(tmp_path))
    for number in range(3):
        log.append(IterationMetrics(number))
        assert [row["meta_iteration"] for row in read(tmp_path)] == list(map(str, range(number + 1)))


@pytest.mark.usefixtures("files")
def test_rows_come_back(tmp_path: Path) -> None:
    write(tmp_path, FIRST, SECOND)
    first, second = read_rows(epath.Path(tmp_path))
    assert math.isnan(first.loss)
    assert {name: value for name, value in dataclasses.asdict(first).items() if value == value} == {
        name: value for name, value in dataclasses.asdict(FIRST).items() if value == value
    }
    for name, value in dataclasses.asdict(SECOND).items():
        assert type(getattr(second, name)) is type(value), name
        np.testing.assert_allclose(getattr(second, name), value, rtol=1e-5, err_msg=name)


@pytest.mark.usefixtures("files")
def test_a_file_of_fewer_columns_goes_on_with_all(tmp_path: Path) -> None:
    write(tmp_path, FIRST, SECOND)
    names = [field.name for field in dataclasses.fields(IterationMetrics)]
    names = names[: names.index("learn_seconds") + 1]
    rows = read(tmp_path)
    with (tmp_path / "performance.csv").open("w") as file:
        writer = csv.DictWriter(file, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    write(tmp_path, dataclasses.replace(SECOND, meta_iteration=2), before=read_rows(epath.Path(tmp_path)))
    first, second, third = read(tmp_path)
    assert [row["learn_seconds"] for row in (first, second, third)] == ["0", "3.25", "3.25"]
    assert [row["num_updates"] for row in (first, second, third)] == ["0", "0", "7"]
    assert [row["gradient_norm"] for row in (first, second, third)] == ["", "", "0.5"]


@pytest.mark.usefixtures("files")
def test_writing_rows_that_came_back_changes_nothing(tmp_path: Path) -> None:
    third = dataclasses.replace(SECOND, meta_iteration=2)
    (tmp_path / "once").mkdir()
    (tmp_path / "twice").mkdir()
    write(tmp_path / "twice", FIRST, SECOND)
    write(tmp_path / "twice", third, before=read_rows(epath.Path(tmp_path / "twice")))
    write(tmp_path / "once", FIRST, SECOND, third)
    assert (tmp_path / "twice/performance.csv").read_bytes() == (
        tmp_path / "once/performance.csv"
    ).read_bytes()


@pytest.mark.parametrize("spoil", [lambda file: None, Path.unlink, lambda file: file.write_text("?")])
def test_the_file_is_made_of_the_rows_that_are_gone_on_from(
    tmp_path: Path, files: list[RecordingFile], spoil: Callable[[Path], object]
) -> None:
    write(tmp_path, *map(IterationMetrics, range(3)))
    spoil(tmp_path / "performance.csv")
    log = MetricsLog(epath.Path(tmp_path), map(IterationMetrics, range(2)))
    assert [row["meta_iteration"] for row in read(tmp_path)] == ["0", "1"]
    assert [row.meta_iteration for row in log.rows] == [0, 1]
    assert files[-1].first_step == 2
    assert files[-1].folder == tmp_path / "tensorboard"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("meta_iteration,loss\nx,1\n", "line 2 is no row of a run's table: invalid literal for int"),
        ("meta_iteration,nonsense\n1,1\n", "line 2 is no row of a run's table: 'nonsense'"),
        ("meta_iteration\n1,1\n", "line 2 is no row of a run's table: "),
        ("\0", "line 1 is no row|line contains NUL|no row of a run's table"),
    ],
)
def test_a_garbled_file_is_told_in_a_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "performance.csv").write_text(text)
    if text == "\0":
        assert read_rows(epath.Path(tmp_path)) == []
        return
    with pytest.raises(UserError, match=rf"performance.csv: {message}"):
        read_rows(epath.Path(tmp_path))


def test_tensorboard_gets_every_number(tmp_path: Path, files: list[RecordingFile]) -> None:
    log = MetricsLog(epath.Path(tmp_path))
    (file,) = files
    log.append(FIRST)
    log.append(SECOND)
    (step, first), second = file.rows
    assert step == 0
    assert first["cumulative_performance"] == 3
    assert not any(math.isnan(value) for value in first.values())
    expected = dataclasses.asdict(SECOND)
    del expected["meta_iteration"]
    assert second == (1, expected)
    log.close()
    assert file.is_closed


def test_tensorboard_files_are_left(tmp_path: Path) -> None:
    with contextlib.closing(MetricsLog(epath.Path(tmp_path))) as log:
        log.append(SECOND)
    (file,) = (tmp_path / "tensorboard").iterdir()
    assert b"policy_performance" in file.read_bytes()
