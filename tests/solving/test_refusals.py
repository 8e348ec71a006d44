"""What does not fit is refused in one line, and files of others are left alone."""

import math

import pytest

from codeit_jax.arc import Task
from codeit_jax.errors import UserError

from .small_tasks import answer


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 1}, r"--output=.*: was begun with other settings: seed was 0 and is now 1"),
        ({"num_populations": 2}, r"was begun with other settings: num_populations was 1 and is now 2"),
        ({"programs": ()}, "--programs: there are no programs to begin with, and --parents=none"),
        ({"work": 0}, "--work=0: must be at least 1"),
        ({"minutes": 0.0}, r"--minutes=0.0: must be a number above 0"),
        ({"minutes": math.nan}, r"--minutes=nan: must be a number above 0"),
        ({"minutes": math.inf}, r"--minutes=inf: must be a number above 0"),
        ({"num_populations": -1}, "--num_populations=-1: must be at least 0"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_changed(uninterrupted, tasks, make, changes, message):
    folder = uninterrupted[0]
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=message):
        answer(tasks, make(folder, **changes))
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_tasks_that_cannot_be_answered_are_refused(tasks, make, tmp_path):
    with pytest.raises(UserError, match="tasks: holds no tasks"):
        answer([], make(tmp_path / "none"))
    with pytest.raises(UserError, match="tasks: bare: has no test input to be answered"):
        answer([Task("bare", tasks[0].train, ())], make(tmp_path / "bare"))
    assert not list(tmp_path.iterdir())


def test_a_folder_without_results_may_be_given_other_settings(tasks, make, tmp_path):
    with pytest.raises(UserError, match=r"--workdir=.*: there is no such folder"):
        answer(tasks, make(tmp_path / "out", workdir=str(tmp_path / "nowhere")))
    answer(tasks, make(tmp_path / "out", work=1))


def test_other_tasks_do_not_go_on_in_a_folder(uninterrupted, tasks, make):
    with pytest.raises(UserError, match="was begun with other settings: tasks was 'tasks"):
        answer(tasks[:2], make(uninterrupted[0]))


def test_anothers_files_are_left_alone(tasks, make, tmp_path):
    (tmp_path / "submission.json").write_text("{}")
    with pytest.raises(UserError, match=r"there is submission.json but no settings.json that says whose"):
        answer(tasks, make(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["submission.json"]
