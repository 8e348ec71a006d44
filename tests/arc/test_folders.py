"""Folders are understood as data sets come, and what is ambiguous is told."""

import json

import pytest

from codeit_jax.arc import TaskError, load_tasks

PAIR = {"input": [[1, 2]], "output": [[2, 1]]}
TASK = {"train": [PAIR], "test": [PAIR]}
UNSOLVED = {"train": [PAIR], "test": [{"input": [[7]]}]}


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")


def refusal(source):
    with pytest.raises(TaskError) as error:
        load_tasks(source)
    return str(error.value)


def test_a_folder_of_folders_files_each_task_under_a_concept(tmp_path):
    for concept, number in (("Count", 2), ("AboveBelow", 1), ("Count", 1)):
        write(tmp_path / concept / f"{concept}{number}.json", TASK)
    write(tmp_path / "README.md", "not read")
    assert [(task.id, task.concept) for task in load_tasks(tmp_path)] == [
        ("AboveBelow1", "AboveBelow"),
        ("Count1", "Count"),
        ("Count2", "Count"),
    ]


def test_elsewhere_there_are_no_concepts(tmp_path):
    write(tmp_path / "aa.json", TASK)
    write(tmp_path / "Count" / "bb.json", TASK)
    assert [(task.id, task.concept) for task in load_tasks(tmp_path)] == [("aa", "")]
    assert load_tasks(tmp_path / "Count")[0].concept == ""
    assert load_tasks(tmp_path / "Count" / "bb.json")[0].concept == ""
    assert {task.concept for task in load_tasks("arc1/training")} == {""}


def test_files_of_one_name_in_two_folders_are_both_named(tmp_path):
    write(tmp_path / "Count" / "aa.json", TASK)
    write(tmp_path / "Order" / "aa.json", TASK)
    both = f"{tmp_path / 'Count' / 'aa.json'} and {tmp_path / 'Order' / 'aa.json'}"
    assert refusal(tmp_path) == f"{both}: two tasks share an id, aa"


@pytest.mark.parametrize("inside", ["notes.txt", "deeper/bb.json"])
def test_a_folder_among_them_without_tasks_is_named(tmp_path, inside):
    write(tmp_path / "Count" / "aa.json", TASK)
    write(tmp_path / "Order" / inside, TASK)
    assert refusal(tmp_path) == f"{tmp_path / 'Order'}: the folder holds no .json files"


def test_what_archivers_leave_is_passed_over(tmp_path):
    for folder in (tmp_path, tmp_path / "__MACOSX", tmp_path / "Count", tmp_path / ".git"):
        for name in ("._aa.json", ".DS_Store"):
            write(folder / name, "\0\5\26\7")
    write(tmp_path / "__MACOSX" / "bb.json", "\0\5\26\7")
    write(tmp_path / "Count" / "aa.json", TASK)
    assert [task.id for task in load_tasks(tmp_path)] == ["aa"]
    write(tmp_path / "cc.json", TASK)
    assert [task.id for task in load_tasks(tmp_path)] == ["cc"]


def test_a_folder_of_nothing_but_what_is_hidden(tmp_path):
    write(tmp_path / "._aa.json", "\0")
    write(tmp_path / "__MACOSX" / "aa.json", "\0")
    assert refusal(tmp_path) == f"{tmp_path}: the folder holds no .json files"


def test_one_file_of_challenges_is_read_with_its_solutions(tmp_path):
    write(tmp_path / "arc-agi_training_challenges.json", {"aa": UNSOLVED})
    write(tmp_path / "arc-agi_training_solutions.json", {"aa": [[[3]]]})
    write(tmp_path / "sample_submission.json", {"aa": [{"attempt_1": [[0]], "attempt_2": [[0]]}]})
    (task,) = load_tasks(tmp_path)
    assert (task.id, task.test_outputs) == ("aa", (((3,),),))
    (tmp_path / "arc-agi_training_solutions.json").unlink()
    (task,) = load_tasks(tmp_path)
    assert task.test_outputs == (None,)


def test_of_several_files_of_challenges_one_is_to_be_named(tmp_path):
    for part in ("training", "evaluation", "test"):
        write(tmp_path / f"arc-agi_{part}_challenges.json", {part: UNSOLVED})
        write(tmp_path / f"arc-agi_{part}_solutions.json", {part: [[[3]]]})
    write(tmp_path / "sample_submission.json", {})
    names = (
        "arc-agi_evaluation_challenges.json, arc-agi_test_challenges.json, arc-agi_training_challenges.json"
    )
    assert refusal(tmp_path) == (
        f"{tmp_path}: the folder holds several files of challenges, {names}: name one of them"
    )
    (task,) = load_tasks(tmp_path / "arc-agi_training_challenges.json")
    assert (task.id, task.test_outputs) == ("training", (((3,),),))


def test_the_folder_above_re_arcs_tasks_stands_for_them(tmp_path):
    write(tmp_path / "metadata.json", {"aa": {"n_examples": 5}})
    write(tmp_path / "tasks" / "aa.json", [PAIR] * 5)
    (task,) = load_tasks(tmp_path)
    assert (task.id, task.concept, len(task.train), len(task.test)) == ("aa", "", 4, 1)


def test_a_file_that_cannot_be_found_again_is_named(tmp_path):
    (tmp_path / "aa.json").symlink_to(tmp_path / "nowhere")
    assert refusal(tmp_path) == f"{tmp_path / 'aa.json'}: No such file or directory"
