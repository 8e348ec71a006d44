import json
import shutil
from pathlib import Path

import pytest

from codeit_jax.errors import UserError
from codeit_jax.report.folders import Effort, Kind, read_results

from .conftest import SOLUTIONS, TASKS, cut_short


def test_a_run_is_read(workdir):
    results = read_results(str(workdir))
    assert (results.name, results.kind, results.notes) == ("first_run", Kind.TRAIN, ())
    assert results.solutions == SOLUTIONS
    assert results.tasks.keys() == TASKS.keys()
    assert [row["policy_performance"] for row in results.rows] == [0, 0, 1, 1]
    assert [each.meta_iteration for each in results.samples] == [1, 2, 3]


def test_an_evolution_is_read(evolved):
    results = read_results(str(evolved))
    assert (results.kind, results.notes) == (Kind.EVOLVE, ())
    assert [row["solved"] for row in results.rows] == [0, 1]  # before it has published a table
    assert results.efforts == {"turn": Effort(1000, 50, 2), "halfway": Effort(1000, 50, 1)}


def test_programs_have_the_budget_that_they_had(workdir, evolved, answers):
    config = json.loads((workdir / "config.json").read_text())
    config["execution"]["budget"]["max_work"] = 77
    (workdir / "config.json").write_text(json.dumps(config))
    budgets = [read_results(str(folder)).budget for folder in (workdir, evolved, answers)]
    assert [budget.max_work for budget in budgets] == [77, 6_000, 1_000_000]
    assert {budget.max_items for budget in budgets} == {1_000}


def test_answers_are_read(answers):
    results = read_results(str(answers))
    assert (results.kind, list(results.answers)) == (Kind.SOLVE, ["halfway", "mirror"])
    assert results.tasks.keys() == TASKS.keys()


def test_a_search_is_read(workdir):
    for path in ("config.json", "samples", "solutions.json"):
        shutil.rmtree(workdir / path) if path == "samples" else (workdir / path).unlink()
    (workdir / "performance.csv").write_text(
        "num_programs,solved,solved_strict,share,seconds\n300,1,1,0.2,9.5\n"
    )
    candidates = {"halfway": [{"program": "O = hmirror(I)", "number": 4}], "odd": []}
    (workdir / "candidates.json").write_text(json.dumps(candidates))
    results = read_results(str(workdir))
    assert results.kind is Kind.SEARCH
    assert results.near == {"halfway": ["O = hmirror(I)"], "odd": []}
    assert results.rows == (
        {"num_programs": 300, "solved": 1, "solved_strict": 1, "share": 0.2, "seconds": 9.5},
    )


@pytest.mark.parametrize(
    "name", ["config.json", "solutions.json", "performance.csv", "samples/0002.jsonl.gz"]
)
def test_of_what_is_cut_short_the_rest_is_shown(workdir, name):
    cut_short(workdir / name)
    results = read_results(str(workdir))
    assert results.kind is Kind.TRAIN
    assert any(name in note for note in results.notes)
    whole = {"config.json": 2, "solutions.json": 0}
    assert len(results.solutions) == whole.get(name, 2)
    assert len(results.rows) == (1 if name == "performance.csv" else 4)
    assert len(results.samples) == 3
    assert sum(each.num_samples for each in results.samples) > 8
    assert bool(results.tasks) == (name != "config.json")


@pytest.mark.parametrize("name", ["config.json", "solutions.json", "performance.csv", "samples"])
def test_what_is_missing_leaves_out_what_it_tells(workdir, name):
    shutil.rmtree(workdir / name) if name == "samples" else (workdir / name).unlink()
    results = read_results(str(workdir))
    assert results.kind is Kind.TRAIN
    assert results.notes == ()


def test_tasks_that_are_not_there_any_more_are_told(workdir):
    config = json.loads((workdir / "config.json").read_text())
    config["data"]["search_tasks"] = str(workdir / "gone")
    (workdir / "config.json").write_text(json.dumps(config))
    results = read_results(str(workdir))
    assert (results.tasks, len(results.solutions)) == ({}, 2)
    assert "no such file or folder" in results.notes[0]


def test_tasks_by_a_relative_path_are_found_around_the_folder(workdir, tmp_path, monkeypatch):
    config = json.loads((workdir / "config.json").read_text())
    tasks = Path(config["data"]["search_tasks"])
    base = tmp_path / "base"
    (base / "runs").mkdir(parents=True)
    shutil.copytree(tasks, base / "mine") if tasks.is_dir() else shutil.copy(tasks, base / "mine")
    config["data"]["search_tasks"] = "mine"
    (workdir / "config.json").write_text(json.dumps(config))
    moved = shutil.move(workdir, base / "runs" / "first")
    monkeypatch.chdir(tmp_path)
    results = read_results(str(moved))
    assert (results.tasks.keys(), results.notes) == (TASKS.keys(), ())


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "\0"])
def test_a_folder_of_somebody_elses_is_none_of_these(tmp_path, content):
    (tmp_path / "performance.csv").write_text(content)
    with pytest.raises(UserError, match="holds no results of train, search, evolve or solve"):
        read_results(str(tmp_path))
