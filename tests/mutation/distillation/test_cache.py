import itertools
import json
import os

import pytest

from codeit_jax.dsl import parse_program
from codeit_jax.mutation.distillation.cache import DistillationCacheError, load_or_distil
from codeit_jax.mutation.distillation.distil import distil_programs

WORK = 100_000
SHORTEST = {"67a3c6ac": "O = vmirror(I)", "9dfd6313": "O = dmirror(I)"}


def distil(path, pool, tasks, programs, max_work=WORK):
    """The programs, and how many tasks were distilled for them."""
    steps = []
    return load_or_distil(path, pool, tasks, programs, lambda: steps.append(1), max_work), len(steps)


def test_what_was_distilled_is_read_again(path, pool, tasks, programs):
    distilled, num_done = distil(path, pool, tasks, programs)
    assert num_done == 3
    # The program of 29ec7d0e does not solve it.
    assert {task_id: str(program) for task_id, program in distilled.items()} == SHORTEST
    assert distil(path, pool, tasks, programs) == (distilled, 0)


def test_what_was_distilled_from_others_is_not(path, pool, tasks, programs):
    distil(path, pool, tasks, programs)
    assert distil(path, pool, tasks, programs, WORK + 1)[1] == 3
    assert distil(path, pool, tasks[1:], programs, WORK + 1)[1] == 2
    other = {**programs, "67a3c6ac": parse_program("x1 = identity(I)\nO = vmirror(x1)")}
    assert distil(path, pool, tasks[1:], other, WORK + 1)[1] == 2


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"digest": 1', '{"programs": {}}'])
def test_a_file_of_something_else_is_named(path, pool, tasks, programs, text):
    path.write_text(text)
    with pytest.raises(DistillationCacheError, match=r"distilled.json: holds no distilled programs"):
        distil(path, pool, tasks, programs)
    assert path.read_text() == text


def test_a_program_in_the_file_that_does_not_parse(path, pool, tasks, programs):
    distil(path, pool, tasks, programs)
    content = json.loads(path.read_text())
    content["programs"]["67a3c6ac"] = "O = nonsense(I)"
    path.write_text(json.dumps(content))
    with pytest.raises(DistillationCacheError, match="nonsense"):
        distil(path, pool, tasks, programs)


def test_a_file_that_cannot_be_written(path, pool, tasks, programs, monkeypatch):
    def fail(*_):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("codeit_jax.mutation.distillation.cache.write_json", fail)
    with pytest.raises(DistillationCacheError, match=r"distilled.json: No space left"):
        distil(path, pool, tasks, programs)
    assert not path.exists()


def test_what_was_cut_short_is_gone_on_with(path, pool, tasks, programs, monkeypatch):
    monkeypatch.setattr("codeit_jax.mutation.distillation.cache._SAVED_EVERY", 1)
    expected, _ = distil(path, pool, tasks, programs)
    whole = path.read_text()
    path.unlink()

    class Killed(BaseException):
        pass

    def killed():
        if path.exists():
            raise Killed

    with pytest.raises(Killed):
        load_or_distil(path, pool, tasks, programs, killed, WORK)
    assert len(json.loads(path.read_text())["programs"]) == 1
    done = []

    def count(pool, left, *rest):
        done.extend(task.id for task in left)
        return distil_programs(pool, left, *rest)

    monkeypatch.setattr("codeit_jax.mutation.distillation.cache.distil_programs", count)
    assert distil(path, pool, tasks, programs) == (expected, 3)
    assert len(done) == 2
    assert path.read_text() == whole


def test_what_another_process_did_meanwhile_is_kept(path, pool, tasks, programs, monkeypatch):
    monkeypatch.setattr("codeit_jax.mutation.distillation.cache._SAVED_EVERY", 1)
    expected, _ = distil(path, pool, tasks, programs)
    whole = path.read_text()
    path.unlink()
    # The other is done as this one begins, which is killed halfway.
    monkeypatch.setattr(
        "codeit_jax.mutation.distillation.cache.distil_programs",
        lambda *rest: itertools.chain(itertools.islice(distil_programs(*rest), 1), killed()),
    )

    def killed():
        raise KeyboardInterrupt
        yield

    with pytest.raises(KeyboardInterrupt):
        load_or_distil(path, pool, tasks, programs, lambda: path.write_text(whole), WORK)
    assert json.loads(path.read_text())["programs"] == json.loads(whole)["programs"]
    monkeypatch.undo()
    assert distil(path, pool, tasks, programs) == (expected, 0)
