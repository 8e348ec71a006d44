"""Parts of data sets: by a rule, or by ids in files as people keep them."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeit_jax.arc import Pair, Task, TaskError, load_tasks
from codeit_jax.arc.splits import select

PAIR = {"input": [[1, 2]], "output": [[2, 1]]}
TASK = {"train": [PAIR], "test": [PAIR]}


@pytest.fixture
def folder(tmp_path):
    """A folder of the tasks a, b and c, whose path has an @ in it."""
    path = tmp_path / "me@home" / "tasks"
    path.mkdir(parents=True)
    for name in "abc":
        (path / f"{name}.json").write_text(json.dumps(TASK))
    return path


def ids(source):
    return [task.id for task in load_tasks(source)]


def refusal(source):
    with pytest.raises(TaskError) as error:
        load_tasks(source)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_the_rule_holds_out_as_many_as_the_authors_did():
    validation, rest = ids("arc1/training@validation"), ids("arc1/training@rest")
    assert (len(validation), len(rest)) == (89, 311)
    assert sorted(validation + rest) == ids("arc1/training")
    assert validation == sorted(validation)
    # Whoever held these out must find them again.
    assert validation[:3] == ["007bbfb7", "045e512c", "0d3d703e"]
    assert hashlib.sha256(" ".join(validation).encode()).hexdigest()[:16] == "dc3c190fc975ffed"


@given(st.sets(st.text("abcdef0123456789", min_size=1, max_size=8), min_size=3, max_size=60))
def test_the_two_parts_are_the_whole_whatever_the_order(names):
    tasks = [Task(name, (Pair(((1,),), ((1,),)),), ()) for name in sorted(names)]
    validation, rest = select(tasks, "s", "validation"), select(tasks, "s", "rest")
    assert sorted([*validation, *rest], key=lambda task: task.id) == tasks
    assert len(validation) == round(len(tasks) * 89 / 400)
    assert select(tasks[::-1], "s", "validation") == validation[::-1]


def test_too_few_tasks_are_not_parted(folder):
    file = folder / "a.json"
    assert refusal(f"{file}@rest") == f"{file}@rest: 1 of {file} are too few tasks to be parted"
    assert len(ids(f"{folder}@validation")) == 1


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ("c\na\n", ""),
        ("\ufeff\r\n c \r\n\r\na", ""),
        (' ["c", "a"]', ""),
        ('{"val": ["c", "a"], "train": 5}', ":val"),
        ('{"a:b": ["c", "a"]}', None),
    ],
)
def test_ids_are_read_as_lines_as_a_list_and_by_a_key(folder, content, key):
    file = folder.parent / "ids@1.txt"
    file.write_text(content)
    if key is None:
        # The last colon parts file from key, so that a file may have one in its name.
        assert refusal(f"{folder}@{file}:a:b") == (
            f"{folder}@{file}:a:b: there is no file '{file}:a:b';"
            " parts are validation, rest, FILE and FILE:KEY"
        )
        return
    assert ids(f"{folder}@{file}{key}") == ["a", "c"]


def test_of_two_sources_the_longer_is_meant(folder):
    (folder.parent.parent / "me").mkdir()
    (folder.parent / "ids.txt").write_text("b")
    assert ids(f"{folder}@{folder.parent / 'ids.txt'}") == ["b"]


def test_a_file_with_a_key_may_lie_in_a_home(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder.parent))
    (folder.parent / "split.json").write_text('{"val": ["b"]}')
    assert ids("~/tasks@~/split.json:val") == ["b"]


def test_a_file_may_have_a_colon_in_its_name(folder):
    file = folder.parent / "ids:b"
    file.write_text("a")
    (folder.parent / "ids").write_text('{"b": ["c"]}')
    assert ids(f"{folder}@{file}") == ["a"]
    (folder.parent / "ids:b").unlink()
    assert ids(f"{folder}@{file}") == ["c"]


@pytest.mark.parametrize("part", ["validation", "rest"])
def test_a_file_named_as_a_rule_is_named_by_its_path(folder, part, monkeypatch):
    monkeypatch.chdir(folder.parent)
    (folder.parent / part).write_text("b")
    assert ids(f"tasks@./{part}") == ["b"]


@pytest.mark.parametrize(
    ("content", "key", "reason"),
    [
        ("a\nd\n", "", "'d' is no task of SOURCE"),
        ("a\nb\na\n", "", "names a twice"),
        ("\n \n", "", "holds no task ids"),
        ("[]", "", "holds no task ids"),
        ("[1]", "", "must be a list of task ids"),
        ('["a"', "", "not JSON: Expecting ',' delimiter: line 1 column 5 (char 4)"),
        ('{"train": ["a"], "val": []}', "", "holds the lists train, val: name one, as in FILE:KEY"),
        ('{"train": ["a"], "val": []}', ":test", "holds the lists train, val: there is no 'test'"),
        ('{"train": ["a"], "val": []}', ":val", "holds no task ids"),
        ('{"train": "a"}', ":train", "must be a list of task ids"),
        ('{"train": ["a"], "train": []}', ":train", "the key 'train' stands twice in an object"),
        (
            json.dumps({str(i): [] for i in range(9)}),
            ":x",
            "holds the lists 0, 1, 2, 3, 4, ...: there is no 'x'",
        ),
        ("a", ":x", "is no JSON object, which alone has keys"),
        ('["a"]', ":x", "is no JSON object, which alone has keys"),
        (
            "version https://git-lfs.github.com/spec/v1",
            "",
            "is a Git LFS pointer: fetch the file itself with git lfs pull",
        ),
        ("PK\x03\x04", ":x", "is a zip archive: unpack it first"),
    ],
)
def test_ids_that_make_no_part_are_named(folder, content, key, reason):
    file = folder.parent / "ids.txt"
    file.write_text(content)
    assert refusal(f"{folder}@{file}{key}") == f"{file}{key}: {reason.replace('SOURCE', str(folder))}"


def test_a_part_that_there_is_not(folder):
    assert refusal(f"{folder}@valdation") == (
        f"{folder}@valdation: there is no file 'valdation'; parts are validation, rest, FILE and FILE:KEY"
    )
    assert (
        refusal(f"{folder}@")
        == f"{folder}@: there is no file ''; parts are validation, rest, FILE and FILE:KEY"
    )
    assert refusal(f"{folder}@~nosuchuser/x").startswith(
        f"{folder}@~nosuchuser/x: there is no such user's home"
    )


def test_a_path_that_holds_the_sign_is_a_path(folder):
    assert ids(folder) == ["a", "b", "c"]
    both = folder.parent / "x@validation"
    folder.rename(both)
    assert ids(both) == ["a", "b", "c"]
    assert len(ids(f"{both}@validation")) == 1
    assert refusal(folder.parent / "none").startswith(f"{folder.parent / 'none'}: no such file or folder")
    assert (
        refusal("arc1/trainin@validation")
        == "arc1/trainin@validation: the parts of ARC-1 are training and evaluation"
    )
