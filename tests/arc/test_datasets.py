import dataclasses
import gzip
import hashlib
import json
import math

import pytest

from codeit_jax.arc import TaskError, is_grid, load_tasks
from codeit_jax.arc.datasets import identify_tasks

PAIR = {"input": [[1, 2]], "output": [[2, 1]]}
TASK = {"train": [PAIR], "test": [PAIR]}
UNSOLVED = {"train": [PAIR], "test": [{"input": [[7]]}, {"input": [[8]]}]}


def write(path, value):
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


@pytest.mark.parametrize(("part", "first"), [("training", "007bbfb7"), ("evaluation", "00576224")])
def test_the_400_tasks_of_a_part_of_arc1(part, first):
    tasks = load_tasks(f"arc1/{part}")
    ids = [task.id for task in tasks]
    assert len(set(ids)) == 400
    assert ids == sorted(ids)
    assert ids[0] == first
    assert all(task.has_test_outputs for task in tasks)
    assert all(
        is_grid(grid)
        for task in tasks
        for pair in (*task.train, *task.test)
        for grid in (pair.input, pair.output)
    )


def test_the_parts_of_arc1_have_no_task_in_common():
    assert not {task.id for task in load_tasks("arc1/training")} & {
        task.id for task in load_tasks("arc1/evaluation")
    }


def test_a_folder_of_task_files(tmp_path):
    for name in ("bb", "aa", "cc"):
        write(tmp_path / f"{name}.json", TASK)
    write(tmp_path / "notes.txt", "nothing")
    tasks = load_tasks(tmp_path)
    assert [task.id for task in tasks] == ["aa", "bb", "cc"]
    assert load_tasks(str(tmp_path)) == tasks


def test_a_byte_order_mark_is_no_matter(tmp_path):
    (task,) = load_tasks(write(tmp_path / "aa.json", "\ufeff" + json.dumps(TASK)))
    assert task.id == "aa"


def test_a_single_task_file(tmp_path):
    (task,) = load_tasks(write(tmp_path / "aa.json", TASK))
    assert task.id == "aa"
    assert task.test_outputs == (((2, 1),),)


def test_a_file_of_many_tasks(tmp_path):
    tasks = load_tasks(write(tmp_path / "many.json", {"bb": UNSOLVED, "aa": TASK}))
    assert [task.id for task in tasks] == ["aa", "bb"]
    assert tasks[1].test_outputs == (None, None)


def test_challenges_take_their_outputs_from_the_solutions_beside_them(tmp_path):
    path = write(tmp_path / "arc_test_challenges.json", {"aa": UNSOLVED, "bb": UNSOLVED})
    assert not any(task.has_test_outputs for task in load_tasks(path))
    write(tmp_path / "arc_test_solutions.json", {"aa": [[[1]], [[2]]]})
    solved, unsolved = load_tasks(path)
    assert solved.test_inputs == (((7,),), ((8,),))
    assert solved.test_outputs == (((1,),), ((2,),))
    assert unsolved.test_outputs == (None, None)


@pytest.mark.parametrize(
    ("solutions", "reason"),
    [
        ("{", "not JSON: "),
        ([], "must map task ids to lists of outputs"),
        ({"aa": 5}, "aa: must be a list of outputs"),
        ({"aa": [[[1]]]}, "aa: 1 solutions for 2 test inputs"),
        ({"aa": [[[1]], None]}, "aa[1]: a grid must be a non-empty list of rows"),
        ({"aa": [[[1]], [[1, 12]]]}, "aa[1]: row 0, column 1: a colour is an integer from 0 to 9, not 12"),
    ],
)
def test_malformed_solutions_are_named(tmp_path, solutions, reason):
    path = write(tmp_path / "challenges.json", {"aa": UNSOLVED})
    beside = write(tmp_path / "solutions.json", solutions)
    with pytest.raises(TaskError) as error:
        load_tasks(path)
    assert str(error.value).startswith(f"{beside}: {reason}")
    assert "\n" not in str(error.value)


DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "not JSON: "),
        ("{", "not JSON: "),
        (DEEP, "not JSON that can be read: it is nested too deeply"),
        ("9" * 5_000, "not JSON that can be read: a number in it has too many digits"),
        (
            [],
            "a list of examples must hold 5, 4 demonstrations and a test pair, and this one holds 0",
        ),
        ([PAIR] * 4 + [5], 'test[0] must be a JSON object with an "input"'),
        ('{"train": [], "test": [], "train": []}', "the key 'train' stands twice in an object"),
        ('{"train": [{"input": [[1]], "input": [[1]]}], "test": []}', "the key 'input' stands twice"),
        ('{"bb": {}, "bb": {}}', "the key 'bb' stands twice in an object"),
        ("3", 'a task must be a JSON object with "train" and "test"'),
        ({}, "the file holds no tasks"),
        ({"train": [PAIR]}, '"test" is missing or is not a list of pairs'),
        ({"test": [PAIR]}, '"train" is missing or is not a list of pairs'),
        ({"train": [], "test": []}, '"train" holds no pairs'),
        ({"train": [{"input": [[1]]}], "test": []}, 'train[0] has no "output"'),
        ({"train": [PAIR], "test": [{}]}, 'test[0] must be a JSON object with an "input"'),
        (
            {"train": [PAIR], "test": [{"input": [[1], [2, 3]]}]},
            "test[0].input: ragged rows: row 1 has 2 cells",
        ),
        ({"train": [PAIR], "test": [{"input": [[0]] * 31}]}, "test[0].input: a grid has at most 30 rows"),
        ({"train": [PAIR], "test": [{"input": [[0] * 31]}]}, "test[0].input: a grid has at most 30 columns"),
        ({"train": [PAIR], "test": [{"input": [[10]]}]}, "test[0].input: row 0, column 0: a colour is"),
        ({"train": [PAIR], "test": [{"input": [[True]]}]}, "test[0].input: row 0, column 0: a colour is"),
        ({"train": [PAIR], "test": [{"input": [[1.5]]}]}, "test[0].input: row 0, column 0: a colour is"),
        ({"train": [PAIR], "test": [{"input": [[10.0]]}]}, "test[0].input: row 0, column 0: a colour is"),
        ({"train": [PAIR], "test": [{"input": [[math.nan]]}]}, "test[0].input: row 0, column 0: a colour"),
        ('{"train": [], "test": [{"input": [[1e999]]}]}', '"train" holds no pairs'),
        (
            '{"train": [{"input": [[1e999]], "output": [[1]]}], "test": []}',
            "train[0].input: row 0, column 0: a colour is an integer from 0 to 9, not inf",
        ),
        ({"train": [PAIR], "test": [{"input": [[[[[]]]]]}]}, "test[0].input: row 0, column 0: a colour is"),
        ({"aa": TASK, "bb": 5}, 'bb: a task must be a JSON object with "train" and "test"'),
        ({"aa": TASK, "bb": {"train": [PAIR]}}, 'bb: "test" is missing or is not a list of pairs'),
    ],
)
@pytest.mark.parametrize("as_folder", [False, True])
def test_a_malformed_file_is_named_with_the_place_in_it(tmp_path, content, reason, as_folder):
    write(tmp_path / "aa.json", TASK)
    path = write(tmp_path / "bad.json", content)
    with pytest.raises(TaskError) as error:
        load_tasks(tmp_path if as_folder else path)
    assert str(error.value).startswith(f"{path}: {reason}")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300 + len(str(path))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{\xff}", "is not text in UTF-8: invalid start byte at byte 1"),
        (json.dumps(TASK).encode("utf-16"), "is text in UTF-16: save it as UTF-8"),
        (json.dumps(TASK).encode("utf-16-le"), "is text in UTF-16: save it as UTF-8"),
        (b"PK\x03\x04\x14\0", "is a zip archive: unpack it first"),
        (gzip.compress(json.dumps(TASK).encode(), mtime=0), "is gzipped: unpack it first"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
            "is a Git LFS pointer: fetch the file itself with git lfs pull",
        ),
    ],
)
@pytest.mark.parametrize("name", ["bad.json", "solutions.json"])
def test_a_file_that_holds_something_else_is_told_for_what_it_is(tmp_path, content, reason, name):
    path = tmp_path / name
    path.write_bytes(content)
    challenges = write(tmp_path / "challenges.json", {"aa": UNSOLVED})
    with pytest.raises(TaskError) as error:
        load_tasks(path if name == "bad.json" else challenges)
    assert str(error.value) == f"{path}: {reason}"


def test_whole_numbers_may_be_written_with_a_point(tmp_path):
    text = json.dumps(TASK).replace("1", "1.0").replace("2", "2e0")
    assert load_tasks(write(tmp_path / "aa.json", text)) == load_tasks(write(tmp_path / "aa.json", TASK))
    (task,) = load_tasks(write(tmp_path / "aa.json", text))
    assert all(type(cell) is int for row in task.train[0].input for cell in row)
    challenges = write(tmp_path / "challenges.json", {"aa": UNSOLVED})
    write(tmp_path / "solutions.json", {"aa": [[[3.0]], [[4]]]})
    assert load_tasks(challenges)[0].test_outputs == (((3,),), ((4,),))


def test_a_list_of_examples_is_a_task_of_the_first_five(tmp_path):
    examples = [{"input": [[i]], "output": [[i + 1]]} for i in range(5)]
    (task,) = load_tasks(write(tmp_path / "aa.json", [*examples, {"input": "what follows is not looked at"}]))
    assert task.id == "aa"
    assert task.demonstration_inputs == (((0,),), ((1,),), ((2,),), ((3,),))
    assert task.test_inputs == (((4,),),)
    assert task.test_outputs == (((5,),),)


def test_a_home_may_be_named_by_its_sign(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "aa.json", TASK)
    write(tmp_path / "ids.txt", "aa\n")
    expected = load_tasks(tmp_path / "aa.json")
    assert load_tasks("~/aa.json") == load_tasks("~/aa.json@~/ids.txt") == expected
    with pytest.raises(TaskError) as error:
        load_tasks("~nosuchuser/aa.json")
    home = "there is no such user's home; for a file of that name put ./ before it"
    assert str(error.value) == f"~nosuchuser/aa.json: {home}"


def test_what_tells_tasks_from_others_stays_as_it_is(tmp_path):
    # Runs, searches and files of programs that were begun before are recognised by these.
    tasks = load_tasks("arc1/training")
    assert identify_tasks("arc1/training", tasks) == "arc1/training (400 tasks, bcd85d302de7c135)"
    assert hashlib.sha256(repr(tasks).encode()).hexdigest()[:16] == "65b8586ea99d75a0"
    filed = [dataclasses.replace(task, concept="Count") for task in tasks]
    assert identify_tasks("arc1/training", filed) == identify_tasks("arc1/training", tasks)


def test_an_empty_folder(tmp_path):
    with pytest.raises(TaskError) as error:
        load_tasks(tmp_path)
    assert str(error.value) == f"{tmp_path}: the folder holds no .json files"


def test_a_missing_path(tmp_path):
    path = tmp_path / "none"
    with pytest.raises(TaskError) as error:
        load_tasks(path)
    names = "arc1/training, arc1/evaluation, arc2/training, arc2/evaluation"
    expected = f"{path}: no such file or folder, and not one of {names}"
    assert str(error.value) == expected


def test_two_tasks_of_a_folder_that_share_an_id(tmp_path):
    write(tmp_path / "aa.json", TASK)
    write(tmp_path / "many.json", {"aa": TASK})
    with pytest.raises(TaskError) as error:
        load_tasks(tmp_path)
    both = f"{tmp_path / 'aa.json'} and {tmp_path / 'many.json'}"
    assert str(error.value) == f"{both}: two tasks share an id, aa"


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../evil", "/tmp/evil", "a/b", "a\nb", "a\0b", "x" * 101, "\ud800", ".hidden", "[red]"],
)
def test_a_name_that_no_file_can_have_is_refused(tmp_path, name):
    path = write(tmp_path / "tasks.json", {"fine": TASK, name: TASK})
    with pytest.raises(TaskError, match=r"tasks.json: '.*: no task can be named so"):
        load_tasks(path)


@pytest.mark.parametrize("name", ["007bbfb7", "AboveBelow1", "my task (2)", "a.b-c_d+e", "Übung"])
def test_other_names_are_not(tmp_path, name):
    assert load_tasks(write(tmp_path / "tasks.json", {name: TASK}))[0].id == name


@pytest.mark.parametrize("source", ["", "x" * 300])
def test_a_source_that_names_nothing_is_refused(source):
    with pytest.raises(TaskError):
        load_tasks(source)
