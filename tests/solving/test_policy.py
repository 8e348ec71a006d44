"""What a policy writes joins the populations of its tasks, however it is cut short."""

import dataclasses
import json

import pytest

from codeit_jax import solving, trained
from codeit_jax.errors import UserError
from codeit_jax.policy.program_sampler import SampledTask
from codeit_jax.run.journal import Journal
from codeit_jax.search.ranking import Candidate, Performance
from codeit_jax.search.solutions import Solutions, Source

from .small_tasks import PROGRAMS, answer, results


class Writer:
    """Stands for a policy that knows what solves the tasks, and a run that has a candidate for one."""

    def __init__(self, num_writings):
        self._num_writings = num_writings
        self.meta_iteration = 7
        self.solutions = Solutions()
        candidate = Candidate(PROGRAMS["mirrored"], Performance(1.0, 0.0))
        self.solutions.add("mirrored", candidate, Source.EVOLUTION)

    def sample_programs(self, tasks, *, num_samples, seed, known):
        assert (num_samples, seed) == (3, 0)
        assert all(pair.output is None for task in tasks for pair in task.test)
        self._num_writings.append(len(tasks) - len(known))
        yield from known
        for index, task in list(enumerate(tasks))[len(known) :]:
            texts = "not a program", "x1 =vmirror(I)\nO = vmirror( x1 )", PROGRAMS.get(task.id, "O = trim(I)")
            yield SampledTask(index, texts if task.id != "mirrored" else texts[:1] * 3, 9)


@pytest.fixture
def writings(monkeypatch):
    """The calls of a policy, whose run stands for any workdir."""
    found = []
    monkeypatch.setattr(trained, "load_policy", lambda workdir: Writer(found))
    return found


def test_what_a_policy_writes_joins_its_tasks(writings, tasks, make, tmp_path):
    # With so little work the seeds and what the policy wrote are all that is run.
    config = make(tmp_path / "out", workdir="run", num_samples=3, work=60, turn_work=60)
    solved, printed = answer(tasks, config)
    assert "sampling from the policy of meta-iteration 7" in printed
    assert [each.is_given for each in solved.answers] == [True, True, True, False]
    assert solved.answers[0].candidates[0].program == PROGRAMS["mirrored"]
    written = json.loads((tmp_path / "out" / "written.json").read_text())
    assert written["doubled"] == ["x1 = vmirror(I)\nO = vmirror(x1)", PROGRAMS["doubled"]]
    assert written["mirrored"] == [PROGRAMS["mirrored"]]
    before = results(tmp_path / "out")
    answer(tasks, config)
    assert writings == [4]
    assert results(tmp_path / "out") == before
    with pytest.raises(UserError, match="was begun with other settings: workdir was 'run' and is now ''"):
        answer(tasks, make(tmp_path / "out", work=60, turn_work=60))


def test_other_settings_are_refused_before_a_policy_writes(writings, tasks, make, tmp_path):
    config = make(tmp_path / "out", workdir="run", num_samples=3, work=60, turn_work=60)
    answer(tasks, config)
    (tmp_path / "out" / "written.json").unlink()
    with pytest.raises(UserError, match="was begun with other settings: turn_work was 60 and is now 61"):
        answer(tasks, dataclasses.replace(config, turn_work=61))
    assert writings == [4]


def test_what_a_policy_wrote_is_kept_when_it_is_cut_short(writings, tasks, make, tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    config = make(tmp_path / "out", workdir="run", num_samples=3, work=60, turn_work=60)
    monkeypatch.setattr(solving, "start_pool", stop)
    with pytest.raises(KeyboardInterrupt):
        answer(tasks, config)
    monkeypatch.undo()
    monkeypatch.setattr(trained, "load_policy", stop)
    solved, _ = answer(tasks, config)
    assert sum(each.is_given for each in solved.answers) == 3


def test_a_policy_that_is_cut_short_goes_on(writings, tasks, make, tmp_path, monkeypatch):
    config = make(tmp_path / "out", workdir="run", num_samples=3, work=60, turn_work=60)
    answer(tasks, dataclasses.replace(config, output=str(tmp_path / "whole")))
    add, num_added = Journal.add, 0

    def cut(self, *entry):
        nonlocal num_added
        add(self, *entry)
        num_added += 1
        if num_added in (1, 3):
            raise KeyboardInterrupt

    monkeypatch.setattr(Journal, "add", cut)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            answer(tasks, config)
    with pytest.raises(UserError, match="was begun with other settings: num_samples was 3 and is now 2"):
        answer(tasks, dataclasses.replace(config, num_samples=2))
    answer(tasks, config)
    assert writings == [4, 4, 3, 1]
    assert results(tmp_path / "out") == results(tmp_path / "whole")
    written = [(tmp_path / name / "written.json").read_text() for name in ("out", "whole")]
    assert written[0] == written[1]
    assert not (tmp_path / "out" / "writing").exists()
