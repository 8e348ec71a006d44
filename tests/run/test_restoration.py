"""A run goes on from the newest checkpoint that is whole, whatever became of those after it."""

import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from codeit_jax.errors import UserError
from codeit_jax.run.checkpoint import Checkpointer
from codeit_jax.run.restoration import NoneWholeError, restore_first

LEARNER_STATE = {"kernel": jnp.arange(12.0).reshape(3, 4), "step": jnp.int32(7)}


def abstract(tree):
    return jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding), tree
    )


def restore_newest(folder, wanted, tell):
    """Returns what the newest whole step of a folder has, or None."""
    checkpointer = Checkpointer(folder)
    steps = [(checkpointer, step) for step in reversed(checkpointer.steps())]
    return restore_first(steps, wanted, lambda *restored: restored, tell)


def damaged_copies(folder, copy):
    """Yields what was done to each file of the newest step, on a copy of the folder made anew each time."""
    changes = {
        "cut": lambda content: content[: len(content) // 2],
        "emptied": lambda content: b"",
        "flipped": lambda content: content[:-1] + bytes([content[-1] ^ 255]),
        "removed": None,
    }
    newest = folder / "2"
    for file in sorted(path.relative_to(newest) for path in newest.rglob("*") if path.is_file()):
        for name, change in changes.items():
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(folder, copy)
            if change is None:
                (copy / "2" / file).unlink()
            else:
                (copy / "2" / file).write_bytes(change((newest / file).read_bytes()))
            yield f"{file} {name}"


def test_a_damaged_step_is_left_out_for_the_one_before(tmp_path):
    with Checkpointer(tmp_path / "whole") as checkpointer:
        for step in (1, 2):
            state = {"leaf": jnp.full((40, 30), step)}
            checkpointer.save(step, learner_state=state, host_state={"array": np.full(9, step)})
    wanted = abstract({"leaf": jnp.zeros((40, 30), jnp.int32)})
    num_cases = 0
    for case in damaged_copies(tmp_path / "whole", tmp_path / "copy"):
        told = []
        step, state, host_state = restore_newest(tmp_path / "copy", wanted, told.append)
        # Without the manifest nothing else is damaged.
        assert step == (2 if case == "manifest.json removed" else 1), case
        assert (state["leaf"] == step).all(), case
        assert (host_state["array"] == step).all(), case
        kept = [path.name for path in (tmp_path / "copy").iterdir()]
        if step == 1:
            (line,) = told
            assert line.startswith("checkpoint 2 is left out and kept as damaged_2_1: "), case
            assert case.split()[0] in line, case
            assert sorted(kept) == ["1", "damaged_2_1"], case
        num_cases += 1
    assert num_cases > 30
    # What was set aside is in nobody's way.
    (tmp_path / "copy" / "2" / "manifest.json").write_text("{")
    assert restore_newest(tmp_path / "copy", wanted, told.append)[0] == 1
    with Checkpointer(tmp_path / "copy") as checkpointer:
        checkpointer.save(2, learner_state={"leaf": jnp.full((40, 30), 3)}, host_state={})
    assert Checkpointer(tmp_path / "copy").steps() == [1, 2]


def make_a_folder(path):
    path.unlink()
    path.mkdir()


def make_a_file(path):
    shutil.rmtree(path)
    path.touch()


@pytest.mark.parametrize(
    ("part", "change", "told"),
    [
        ("manifest.json", make_a_folder, "manifest.json is a folder"),
        ("manifest.json", lambda path: path.write_text("{}"), "manifest.json is damaged"),
        ("host/_METADATA", make_a_folder, "_METADATA is a folder"),
        ("learner/d", make_a_file, "is gone"),
    ],
)
def test_what_has_become_something_else_is_damage(tmp_path, part, change, told):
    with Checkpointer(tmp_path) as checkpointer:
        for step in (1, 2):
            checkpointer.save(step, learner_state=LEARNER_STATE, host_state={})
    change(tmp_path / "2" / part)
    lines = []
    assert restore_newest(tmp_path, abstract(LEARNER_STATE), lines.append)[0] == 1
    (line,) = lines
    assert line.startswith("checkpoint 2 is left out and kept as damaged_2_1: ")
    assert line.endswith(told)


def test_a_file_in_place_of_the_folder_is_told(tmp_path):
    (tmp_path / "checkpoints").touch()
    with pytest.raises(UserError, match=r"checkpoints: is not a folder$"):
        Checkpointer(tmp_path / "checkpoints").steps()


@pytest.mark.parametrize("leave", [lambda step: None, lambda step: (step / "host").mkdir()])
def test_a_step_of_which_nothing_is_left_is_left_out(tmp_path, leave):
    with Checkpointer(tmp_path) as checkpointer:
        for step in (1, 2):
            checkpointer.save(step, learner_state=LEARNER_STATE, host_state={"step": step})
    shutil.rmtree(tmp_path / "2")
    (tmp_path / "2").mkdir()
    leave(tmp_path / "2")
    told = []
    assert restore_newest(tmp_path, abstract(LEARNER_STATE), told.append)[0] == 1
    assert len(told) == 1


def test_where_none_is_whole_nothing_is_lost(tmp_path):
    with Checkpointer(tmp_path) as checkpointer:
        for step in (1, 2):
            checkpointer.save(step, learner_state=LEARNER_STATE, host_state={"array": np.arange(5)})
    for step in "12":
        (tmp_path / step / "host" / "manifest.ocdbt").write_bytes(b"")
    for _ in range(2):
        with pytest.raises(NoneWholeError, match=r"none of 2 checkpoints is whole: .*2/host/manifest\.ocdbt"):
            restore_newest(tmp_path, abstract(LEARNER_STATE), print)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2"]
    assert restore_newest(tmp_path / "none", abstract(LEARNER_STATE), print) is None


def test_a_model_of_another_shape_is_no_damage(tmp_path):
    with Checkpointer(tmp_path) as checkpointer:
        checkpointer.save(1, learner_state=LEARNER_STATE, host_state={})
    other = abstract({**LEARNER_STATE, "step": jnp.zeros(2)})
    with pytest.raises(ValueError, match="is of another model or optimiser"):
        restore_newest(tmp_path, other, print)
    assert [path.name for path in tmp_path.iterdir()] == ["1"]
