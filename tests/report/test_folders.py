import functools
import gzip
import io
import json
import operator
import os
import re
import shutil
from pathlib import Path

import pytest
from etils.epath.gpath import PosixGPath
from rich.console import Console

from codeit_jax.errors import UserError
from codeit_jax.report.command import report, show
from codeit_jax.report.folders import Effort, Kind, read_results
from codeit_jax.report.panels import performance_charts

from .conftest import SOLUTIONS, TASKS, TURN, cut_short


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


def test_a_search_is_read(searched):
    results = read_results(str(searched))
    assert results.kind is Kind.SEARCH
    assert results.near == {"halfway": ["O = hmirror(I)"], "odd": [], "turn": [TURN]}
    assert results.rows[-1] == {
        "num_programs": 300,
        "solved": 1,
        "solved_strict": 1,
        "share": 0.25,
        "seconds": 9.5,
    }


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


DAMAGES = [  # a folder, its file, a place in that, what stands there now, and whether it is told
    ("workdir", "solutions.json", ("mirror",), 5, True),
    ("workdir", "solutions.json", ("mirror", "program"), None, True),
    ("workdir", "solutions.json", ("mirror", "meta_iteration"), "three", True),
    ("workdir", "solutions.json", ("mirror", "meta_iteration"), 10**400, True),
    ("workdir", "solutions.json", ("mirror", "history"), None, True),
    ("workdir", "solutions.json", ("mirror", "history", 0), {"meta_iteration": []}, True),
    ("workdir", "solutions.json", ("mirror", "solved_by"), [None], True),
    ("evolved", "near_misses.json", ("halfway", "program"), 5, True),
    ("evolved", "candidates.json", ("halfway", "candidates"), 0.5, True),
    ("evolved", "candidates.json", ("halfway",), 0.5, True),
    ("evolved", "tasks/turn.json", ("work",), 10**400, True),
    ("evolved", "progress.json", ("points", 0, "work"), 10**400, False),
    ("answers", "answers.json", ("mirror", "test"), "none", True),
    ("answers", "answers.json", ("mirror", "test", 0), 5, True),
    ("answers", "answers.json", ("mirror", "test", 0, "attempt_1"), "x", True),
    ("answers", "answers.json", ("mirror", "test", 0, "attempt_1", "output", 0), 1, True),
    ("answers", "answers.json", ("mirror", "test", 0, "attempt_1", "output", 0), [1, 12, 1], True),
    ("answers", "answers.json", ("mirror", "test", 0, "attempt_1", "programs_that_agree"), "x", True),
    ("answers", "answers.json", ("mirror", "test"), [], False),
]


@pytest.mark.parametrize(("folder", "name", "place", "value", "is_told"), DAMAGES)
def test_of_what_is_no_more_what_it_was_the_rest_is_shown(
    request, tmp_path, folder, name, place, value, is_told
):
    folder = request.getfixturevalue(folder)
    content = json.loads((folder / name).read_text())
    *before, last = place
    functools.reduce(operator.getitem, before, content)[last] = value
    (folder / name).write_text(json.dumps(content))
    notes = read_results(str(folder)).notes
    assert any(note.startswith(f"{name}: ") or f"{name} is " in note for note in notes) == is_told
    report([str(folder)], str(tmp_path / "page.html"))
    if folder.name == "answers" and is_told:
        assert list(read_results(str(folder)).answers) == ["halfway"]
    elif folder.name == "answers":
        show([str(folder)], "mirror", Console(file=io.StringIO()))


@pytest.mark.parametrize("score", [[], {"tasks": {"mirror": 1}}, {"prize_score": "1"}, {"prize_score": 0.5}])
def test_a_score_that_is_none_is_left_out(answers, tmp_path, score):
    (answers / "score.json").write_text(json.dumps(score))
    assert bool(read_results(str(answers)).notes) == (score != {"prize_score": 0.5})
    report([str(answers)], str(tmp_path / "page.html"))


@pytest.mark.parametrize("sample", ["[]", "5", '{"task": 5}', '{"error": null}'])
def test_samples_end_at_what_is_no_sample(workdir, sample):
    lines = gzip.decompress((workdir / "samples/0002.jsonl.gz").read_bytes()).splitlines()
    whole = json.loads(lines[1])
    lines[1] = json.dumps(whole | json.loads(sample) | {"task": 5} if "{" in sample else sample).encode()
    (workdir / "samples/0002.jsonl.gz").write_bytes(gzip.compress(b"\n".join(lines)))
    (workdir / "samples/\N{SUPERSCRIPT TWO}.jsonl.gz").touch()  # a digit, and no number
    results = read_results(str(workdir))
    assert [each.num_samples for each in results.samples][1] == 1
    assert results.notes == (
        "samples/0002.jsonl.gz is cut short, damaged or closed: what can be read of it is shown",
    )


@pytest.mark.parametrize(
    ("folder", "name"),
    [("workdir", "samples/0002.jsonl.gz"), ("workdir", "solutions.json"), ("evolved", "tasks/turn.json")],
)
def test_what_cannot_be_read_leaves_out_what_it_tells(request, folder, name):
    folder = request.getfixturevalue(folder)
    (folder / name).unlink()
    (folder / name).mkdir()
    notes = read_results(str(folder)).notes
    assert any(name in note for note in notes) == (name != "solutions.json")


@pytest.mark.parametrize("name", ["samples", "tasks"])
def test_a_folder_that_may_not_be_read_is_told(workdir, evolved, monkeypatch, name):
    folder = workdir if name == "samples" else evolved
    iterate = PosixGPath.iterdir

    def refuse(path):
        if path.name == name:
            raise PermissionError(13, "Permission denied")
        return iterate(path)

    monkeypatch.setattr(PosixGPath, "iterdir", refuse)
    assert f"{name}/ cannot be read: Permission denied" in read_results(str(folder)).notes


@pytest.mark.parametrize("cell", ["", "inf", "-inf", "1e308", "-1e308"])
def test_figures_that_are_none_are_left_out(workdir, tmp_path, cell):
    lines = (workdir / "performance.csv").read_text().splitlines()
    lines[-1] = ",".join(["3"] + [cell] * (lines[0].count(",")))
    (workdir / "performance.csv").write_text("\n".join(lines))
    report([str(workdir)], str(tmp_path / "page.html"))
    report([str(workdir)], str(tmp_path / "curves.png"), "png")


def test_texts_that_no_encoding_has_are_shown(workdir, capsys):
    solutions = SOLUTIONS | {
        "hostile\ud800": {"program": "O = \ud800\x1b[31m(I)", "found_by": "\x1b]0;\ud800"}
    }
    (workdir / "solutions.json").write_text(json.dumps(solutions))
    folder = workdir.rename(workdir.with_name(os.fsdecode(b"a\xff")))
    report([str(folder)])
    assert r"a\udcff" in (folder / "report.html").read_text()
    show([str(folder)], "hostile\ud800", Console(file=io.TextIOWrapper(io.BytesIO(), "utf-8")))
    show([str(folder)], "hostile\ud800", Console(file=(shown := io.StringIO())))
    assert "\x1b" not in shown.getvalue()
    assert r"O = \ud800\x1b[31m(I)" in shown.getvalue()


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


def test_how_many_tasks_there_are_is_known_without_them(evolved):
    progress = (evolved / "progress.json").read_text()
    there = read_results(str(evolved))
    (evolved / "progress.json").write_text(re.sub(r'"[^"]+ \(4 tasks', '"gone (4 tasks', progress))
    gone = read_results(str(evolved))
    assert (there.num_tasks, gone.num_tasks, len(gone.tasks)) == (4, 4, 0)
    assert performance_charts([gone])[2].series == performance_charts([there])[2].series
    (evolved / "progress.json").write_text(re.sub(r'"[^"]+ \(4 tasks[^"]*"', '"gone"', progress))
    # Programs were counted for all tasks together: no chart can say how many each had.
    charts = performance_charts([read_results(str(evolved))])
    assert [bool(chart.series) for chart in charts[2:]] == [False, True, True]


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
