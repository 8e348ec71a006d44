"""Answering that is cut short, or given more work or time, goes on; it ends in time."""

import dataclasses
import json
import math
import random

from codeit_jax import solving
from codeit_jax.config import ParentKind
from codeit_jax.evolution.jobs import Stock
from codeit_jax.mutation.parents import OutOfTimeError
from codeit_jax.run import files

from .small_tasks import answer, results


def test_answering_cut_short_anywhere_goes_on_to_the_same(uninterrupted, tasks, make, tmp_path, monkeypatch):
    rng, num_cuts, write_bytes = random.Random(0), 0, files.write_bytes

    def cut(path, content):
        nonlocal num_cuts
        if rng.random() < 0.1:
            num_cuts += 1
            raise KeyboardInterrupt
        write_bytes(path, content)

    while True:
        monkeypatch.setattr(files, "write_bytes", cut)
        try:
            answer(tasks, make(tmp_path / "cut"))
        except KeyboardInterrupt:
            continue
        finally:
            monkeypatch.undo()
        break
    assert num_cuts >= 2
    assert results(tmp_path / "cut") == results(uninterrupted[0])


def test_more_work_goes_on_from_less(uninterrupted, tasks, make, tmp_path):
    for work in (600_000, 2_500_000):
        answer(tasks, make(tmp_path / "more", work=work))
    assert results(tmp_path / "more") == results(uninterrupted[0])


def test_without_time_to_distil_the_training_programs_are_taken_as_they_are(
    tasks, make, tmp_path, monkeypatch
):
    asked = []

    def gather(kind, *, deadline=math.inf, given, **_):
        asked.append((kind, deadline < math.inf))
        if kind is not ParentKind.ORIGINAL:
            raise OutOfTimeError
        return Stock(tuple(given))

    monkeypatch.setattr(solving, "gather_stock", gather)
    config = make(tmp_path / "out", parents=ParentKind.BOTH, work=600_000, minutes=3)
    _, printed = answer(tasks, config)
    assert "there is no time to distil the training programs, which are taken as they are" in printed
    answer(tasks, dataclasses.replace(config, work=1_200_000))
    assert asked == [(ParentKind.BOTH, True), (ParentKind.ORIGINAL, False), (ParentKind.ORIGINAL, True)]


def test_a_few_tasks_are_answered_before_training_programs_are_distilled(tasks, make, tmp_path, monkeypatch):
    asked = []

    def gather(kind, *, deadline=math.inf, given, folder, **_):
        asked.append((kind, (folder / "answers.json").exists()))
        if deadline < 0 and "distilling" in str(folder):
            raise OutOfTimeError
        return Stock(tuple(given))

    monkeypatch.setattr(solving, "gather_stock", gather)
    monkeypatch.setattr(solving, "stock_folder", lambda kind, folder, display: folder)
    for name in ("distilling", "distilled"):
        config = make(tmp_path / name, parents=ParentKind.BOTH, work=600_000, turn_work=300_000)
        _, printed = answer(tasks[:3], config)
        assert ("of 3 tasks have a program for all demonstrations, found before" in printed) == (
            name == "distilling"
        )
    assert asked == [
        *((ParentKind.BOTH, False), (ParentKind.ORIGINAL, False), (ParentKind.BOTH, True)),
        (ParentKind.BOTH, False),
    ]
    assert results(tmp_path / "distilling") == results(tmp_path / "distilled")


def test_thorough_goes_on_where_a_short_program_is_known(tasks, make, tmp_path):
    whole, _ = answer(tasks[:1], make(tmp_path / "out", work=60_000_000))
    turns = json.loads((tmp_path / "out" / "evolution" / "tasks" / "mirrored.json").read_text())["turn"]
    config = make(tmp_path / "out", work=60_000_000, is_thorough=True)
    again, _ = answer(tasks[:1], config)
    state = json.loads((tmp_path / "out" / "evolution" / "tasks" / "mirrored.json").read_text())
    assert state["turn"] > turns
    assert state["num_populations"] == 6
    assert again.answers[0].answers[0].num_programs >= whole.answers[0].answers[0].num_programs


def test_it_ends_in_time_with_an_answer_to_everything(tasks, make, tmp_path):
    solved, printed = answer(tasks, make(tmp_path / "late", work=None, minutes=1e-6))
    assert all(guess.program is None for each in solved.answers for given in each.attempts for guess in given)
    assert "no time to breed any programs: what is answered is but of likely sizes" in printed
    submission = json.loads((tmp_path / "late" / "submission.json").read_text())
    assert [len(submission[task.id]) for task in tasks] == [len(task.test) for task in tasks]
    solved, _ = answer(tasks, make(tmp_path / "late", work=2_500_000, minutes=10))
    assert any(each.is_given for each in solved.answers)
