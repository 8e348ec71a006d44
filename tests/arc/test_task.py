import copy
import json

import pytest

from codeit_jax.arc import Pair, Task, TaskError, task_from_json, task_to_json

VALUE = {
    "train": [
        {"input": [[1, 2]], "output": [[2, 1]]},
        {"input": [[3]], "output": [[3]]},
    ],
    "test": [{"input": [[4, 5]], "output": [[5, 4]]}, {"input": [[0]], "output": [[0]]}],
}


def changed(*path, value=None, delete=False):
    """A copy of VALUE in which what stands at a path is replaced, or gone."""
    result = copy.deepcopy(VALUE)
    *parents, last = path
    place = result
    for key in parents:
        place = place[key]
    if delete:
        del place[last]
    else:
        place[last] = value
    return result


def test_a_task_is_read():
    task = task_from_json("abc", VALUE)
    assert task == Task(
        "abc",
        (Pair(((1, 2),), ((2, 1),)), Pair(((3,),), ((3,),))),
        (Pair(((4, 5),), ((5, 4),)), Pair(((0,),), ((0,),))),
    )
    assert task.demonstration_inputs == (((1, 2),), ((3,),))
    assert task.demonstration_outputs == (((2, 1),), ((3,),))
    assert task.test_inputs == (((4, 5),), ((0,),))
    assert task.test_outputs == (((5, 4),), ((0,),))
    assert task.has_test_outputs


def test_writing_a_task_is_the_inverse_of_reading_it():
    assert json.loads(json.dumps(task_to_json(task_from_json("abc", VALUE)))) == VALUE


@pytest.mark.parametrize(
    "value", [changed("test", 1, "output", delete=True), changed("test", 1, "output", value=None)]
)
def test_a_test_output_may_be_withheld(value):
    task = task_from_json("abc", value)
    assert task.test_outputs == (((5, 4),), None)
    assert not task.has_test_outputs
    written = json.loads(json.dumps(task_to_json(task)))
    assert written == changed("test", 1, "output", delete=True)
    assert task_from_json("abc", written) == task


def test_a_task_without_test_pairs_has_no_test_outputs():
    assert not task_from_json("abc", changed("test", value=[])).has_test_outputs


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([], 'a task must be a JSON object with "train" and "test"'),
        (None, 'a task must be a JSON object with "train" and "test"'),
        ({}, '"train" is missing or is not a list of pairs'),
        (changed("train", delete=True), '"train" is missing or is not a list of pairs'),
        (changed("train", value={}), '"train" is missing or is not a list of pairs'),
        (changed("train", value=[]), '"train" holds no pairs'),
        (changed("test", delete=True), '"test" is missing or is not a list of pairs'),
        (changed("test", value="x"), '"test" is missing or is not a list of pairs'),
        (changed("train", 1, value=[]), 'train[1] must be a JSON object with an "input"'),
        (changed("train", 1, "input", delete=True), 'train[1] must be a JSON object with an "input"'),
        (changed("test", 0, "input", delete=True), 'test[0] must be a JSON object with an "input"'),
        (changed("train", 1, "output", delete=True), 'train[1] has no "output"'),
        (changed("train", 0, "output", value=None), 'train[0] has no "output"'),
        (changed("train", 0, "input", value=None), "train[0].input: a grid must be a non-empty list of rows"),
        (
            changed("train", 1, "input", value=[[1, 2], [3]]),
            "train[1].input: ragged rows: row 1 has 1 cells, row 0 has 2",
        ),
        (
            changed("train", 1, "output", value=[[0]] * 31),
            "train[1].output: a grid has at most 30 rows, this one has 31",
        ),
        (
            changed("test", 0, "output", value=[[10]]),
            "test[0].output: row 0, column 0: a colour is an integer from 0 to 9, not 10",
        ),
        (
            changed("test", 1, "input", value=[[False]]),
            "test[1].input: row 0, column 0: a colour is an integer from 0 to 9, not False",
        ),
    ],
)
def test_what_is_wrong_with_a_task(value, reason):
    with pytest.raises(TaskError) as error:
        task_from_json("abc", value)
    assert str(error.value) == reason
