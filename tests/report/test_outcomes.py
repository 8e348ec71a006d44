import pytest

from codeit_jax.arc import load_tasks
from codeit_jax.dsl import parse_program
from codeit_jax.execution import Budget, run
from codeit_jax.execution.attempt import timed_out
from codeit_jax.execution.outcome import Status
from codeit_jax.report.outcomes import Fate, failing_primitive, fate_of, parse_fault
from codeit_jax.report.sampled import read_samples
from codeit_jax.run.files import user_path, write_json_lines

from .conftest import LONG_MIRROR, MIRROR, NEAR, samples_of

# A text, and what becomes of it for the task `mirror`; for `halfway` where that is said.
FATES = [
    (MIRROR, Fate.ALL, None),
    ("O = hmirror(I)", Fate.GRID, None),
    ("O = size(I)", Fate.NO_GRID, None),
    ("O = first(I)", Fate.NO_GRID, None),
    ("x1 = first(ONE)\nO = hmirror(x1)", Fate.FAILS, "first"),
    ("x1 = size(I)\nO = x1(I)", Fate.FAILS, None),
    ("x1 = upscale(I, TEN)\nO = upscale(x1, TEN)", Fate.BUDGET, "upscale"),
    ("O = nope(I)", Fate.NO_PROGRAM, None),
]


@pytest.mark.parametrize(("text", "fate", "primitive"), FATES)
def test_what_becomes_of_a_text(text, fate, primitive, tasks_folder):
    budget_is_small = fate is Fate.BUDGET
    (sample,) = samples_of(load_tasks(tasks_folder), {"mirror": [text]})
    if budget_is_small:
        outcome = run(parse_program(text), ((1, 2), (3, 4)), Budget(max_work=300))
        assert outcome.status is Status.OVER_BUDGET
        sample["outcomes"] = [outcome.error]
        primitive = failing_primitive(sample)  # of the work in all no primitive is to blame
    assert fate_of(sample) is fate
    assert failing_primitive(sample) == primitive


def test_a_text_may_give_some_demonstrations(tasks_folder):
    (sample,) = samples_of(load_tasks(tasks_folder), {"halfway": [NEAR]})
    assert fate_of(sample) is Fate.SOME


def test_a_worker_that_was_stopped_is_told(tasks_folder):
    (sample,) = samples_of(load_tasks(tasks_folder), {"mirror": ["O = size(I)"]})
    sample["outcomes"] = [each.error for each in timed_out("O = size(I)", 2).outcomes]
    assert fate_of(sample) is Fate.STOPPED


def test_faults_that_differ_in_names_alone_are_one():
    faults = {parse_fault(f"line {n}: unknown name 'x{n}y'") for n in (1, 22)}
    assert faults == {"unknown name …"}
    assert parse_fault("line 3: fill takes 3 arguments, got 2") == "fill takes … arguments, got …"


def test_samples_are_summed_up(workdir):
    first, second, third = read_samples(user_path(str(workdir / "samples")))
    assert first.fates == {Fate.NO_PROGRAM: 2, Fate.GRID: 1, Fate.SOME: 1}
    assert first.faults == {"unknown name …": 1, "expected …": 1}
    assert (first.solved, second.solved, third.solved) == (frozenset(), {"mirror"}, {"mirror"})
    assert [text for *_, text in first.nearest["halfway"]] == [NEAR]
    assert [text for *_, text in second.nearest["mirror"]] == [LONG_MIRROR]


def test_a_file_that_has_changed_is_read_again(workdir, tasks_folder):
    folder = user_path(str(workdir / "samples"))
    assert sum(read_samples(folder)[0].fates.values()) == 4
    write_json_lines(folder / "0001.jsonl.gz", samples_of(load_tasks(tasks_folder), {"mirror": [MIRROR]}))
    assert read_samples(folder)[0].fates == {Fate.ALL: 1}
