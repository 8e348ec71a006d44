"""Answers in every form, scored where test outputs are known, which change nothing else."""

import dataclasses
import json

import pytest

from codeit_jax.arc import Pair
from codeit_jax.dsl import parse_program
from codeit_jax.execution import run
from codeit_jax.results import answer_folder, telling

from .small_tasks import answer, hidden, results


def official_score(submission, tasks):
    """The rule of the ARC Prize, written down anew: one of two attempts gives a test output, or none."""
    total = 0.0
    for task in tasks:
        entries = submission[task.id]
        assert len(entries) == len(task.test)
        hits = 0
        for entry, pair in zip(entries, task.test, strict=True):
            wanted = [list(row) for row in pair.output]
            hits += entry["attempt_1"] == wanted or entry["attempt_2"] == wanted
        total += hits / len(task.test)
    return total / len(tasks)


def check_schema(submission, tasks):
    assert list(submission) == [task.id for task in tasks]
    for task in tasks:
        for entry in submission[task.id]:
            assert list(entry) == ["attempt_1", "attempt_2"]
            for grid in entry.values():
                assert 1 <= len(grid) <= 30
                assert {len(row) for row in grid} <= set(range(1, 31))
                assert len({len(row) for row in grid}) == 1
                assert all(type(cell) is int and 0 <= cell <= 9 for row in grid for cell in row)


def test_answers_are_written_in_every_form_and_scored(uninterrupted, tasks):
    folder, solved, printed = uninterrupted
    submission = json.loads((folder / "submission.json").read_text())
    check_schema(submission, tasks)
    score = official_score(submission, tasks)
    assert score >= 0.5
    assert solved.score.prize_score == pytest.approx(score)
    assert f"score: {score:.1%} by two attempts at each test input" in printed
    kept = json.loads((folder / "score.json").read_text())
    assert kept["prize_score"] == pytest.approx(score)
    assert kept["num_tasks"] == len(kept["tasks"]) == 4
    assert (
        kept["solved_by_candidates"]
        == sum(each["is_solved_by_candidates"] for each in kept["tasks"].values())
        >= 2
    )
    answers = json.loads((folder / "answers.json").read_text())
    assert list(answers) == [task.id for task in tasks]
    for task in tasks:
        found = answers[task.id]
        assert found["num_demonstrations"] == 3
        for entry, submitted, pair in zip(found["test"], submission[task.id], task.test, strict=True):
            for name, guess in entry.items():
                assert guess["output"] == submitted[name]
                if guess["program"] is None:
                    assert guess["demonstrations_given"] == guess["programs_that_agree"] == 0
                    assert guess["near_miss_error"] is None
                    continue
                assert (guess["near_miss_error"] is None) == (guess["demonstrations_given"] > 0)
                program = parse_program(guess["program"])
                assert [list(row) for row in run(program, pair.input).output] == guess["output"]
                right = [run(program, each.input).output == each.output for each in task.train]
                assert sum(right) == guess["demonstrations_given"]
                assert guess["programs_that_agree"] >= 1
    assert answers["mirrored"]["is_given"]
    assert not answers["noise"]["is_given"]
    # Nothing gives a demonstration of it, and what comes near stands in.
    assert all(0 < guess["near_miss_error"] < 3 for guess in answers["noise"]["test"][0].values())
    rows = [json.loads(line) for line in (folder / "programs.jsonl").read_text().splitlines()]
    assert {row["task"] for row in rows} <= {task.id for task in tasks}
    assert {path.stem for path in (folder / "pictures").iterdir()} == {task.id for task in tasks}


def test_known_outputs_change_the_score_alone(uninterrupted, tasks, make, tmp_path):
    solved, printed = answer(hidden(tasks), make(tmp_path / "hidden"))
    assert results(tmp_path / "hidden") == results(uninterrupted[0])
    assert solved.score is None
    assert "score" not in printed
    wrong = [
        dataclasses.replace(task, test=tuple(Pair(pair.input, ((4, 4),)) for pair in task.test))
        for task in tasks
    ]
    solved, _ = answer(wrong, make(tmp_path / "wrong"))
    assert results(tmp_path / "wrong") == results(uninterrupted[0])
    assert solved.score.prize_score == solved.score.solved_by_candidates == 0


def test_some_outputs_may_be_known(tasks, make, tmp_path):
    some = [tasks[0], *hidden(tasks[1:])]
    solved, printed = answer(some, make(tmp_path / "some"))
    assert solved.score.num_tasks == 1
    assert "of 1 tasks in full" in printed
    assert "are not scored" not in printed
    partly = dataclasses.replace(tasks[1], test=(tasks[1].test[0], hidden(tasks[1:2])[0].test[1]))
    solved, printed = answer([tasks[0], partly], make(tmp_path / "partly"))
    assert solved.score.num_tasks == 1
    assert "1 tasks come with but some of their test outputs and are not scored" in printed


def test_concepts_are_scored_each(tasks, make, tmp_path):
    named = [
        dataclasses.replace(task, concept="[/red] lines" if task.id == "noise" else "[b]turns")
        for task in tasks
    ]
    solved, printed = answer(named, make(tmp_path / "out"))
    concepts = solved.score.by_concept()
    assert {name: each.num_tasks for name, each in concepts.items()} == {"[/red] lines": 1, "[b]turns": 3}
    assert concepts["[/red] lines"].prize_score == 0
    rows = [line.split() for line in printed.splitlines()]
    assert ["[/red]", "lines", "1", "0.0%", "0", "0"] in rows
    assert any(row[:2] == ["[b]turns", "3"] for row in rows)


def test_of_many_tasks_the_first_are_drawn(tasks, make, tmp_path, monkeypatch):
    for module in (answer_folder, telling):
        monkeypatch.setattr(module, "MAX_PICTURES", 2)
    _, printed = answer(tasks, make(tmp_path / "out", work=1, turn_work=1))
    assert {path.stem for path in (tmp_path / "out" / "pictures").iterdir()} == {"mirrored", "doubled"}
    assert "pictures/ has the first 2 tasks alone" in printed
    assert len(json.loads((tmp_path / "out" / "submission.json").read_text())) == 4


def test_two_workers_answer_the_same(uninterrupted, tasks, make, tmp_path):
    answer(tasks, make(tmp_path / "two", num_workers=2))
    assert results(tmp_path / "two") == results(uninterrupted[0])


def test_what_was_found_is_given_to_others(uninterrupted, tasks, make, tmp_path):
    solved, _ = answer(
        tasks, make(tmp_path / "again", programs=(uninterrupted[0] / "programs.jsonl",), work=1, turn_work=1)
    )
    assert sum(each.is_given for each in solved.answers) >= 3


def test_a_single_task_has_several_populations(tasks, make, tmp_path):
    solved, _ = answer(tasks[:1], make(tmp_path / "one"))
    kept = [path.name for path in (tmp_path / "one" / "evolution" / "tasks").iterdir()]
    assert sorted(kept) == ["mirrored.json", "mirrored~2.json", "mirrored~3.json", "mirrored~4.json"]
    members = {(tmp_path / "one" / "evolution" / "tasks" / name).read_text() for name in kept}
    assert len(members) > 1
    assert solved.answers[0].is_given
