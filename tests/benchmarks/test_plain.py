import random
import sys

import pytest

from codeit_jax.arc import load_tasks
from codeit_jax.benchmarks.plain import load_reference, run_guarded
from codeit_jax.dsl import load_training_programs, parse_program
from codeit_jax.execution import Evaluator, Status


@pytest.fixture(scope="module")
def reference():
    return load_reference()


def test_plain_evaluation_agrees_with_ours_and_with_the_reference_programs(reference):
    evaluator = Evaluator()
    programs = load_training_programs()
    tasks = [task for task in load_tasks("arc1/training") if task.id not in {"a64e4611"}]
    num_solved = 0
    for task in random.Random(0).sample(tasks, 40):
        pair = task.train[0]
        value = reference.run(programs[task.id], pair.input)
        assert value == reference.verifiers[task.id](pair.input)
        outcome = evaluator.run(programs[task.id], pair.input)
        if outcome.status is Status.OK:
            assert value == outcome.output
        num_solved += value == pair.output
    assert num_solved >= 38


def test_there_is_a_reference_program_for_each_of_ours(reference):
    assert set(reference.verifiers) == set(load_training_programs())


def test_what_a_program_raises_is_an_end(reference):
    program = parse_program("x1 = first(I)\nO = vmirror(x1)")
    run = run_guarded(reference.run, program, ((1, 2),), guard_seconds=10)
    assert run.value is None
    assert not run.is_stopped
    with pytest.raises(TypeError):
        reference.run(program, ((1, 2),))


def test_the_value_of_a_guarded_call_is_returned():
    run = run_guarded(divmod, 7, 2, guard_seconds=10)
    assert run.value == (3, 1)
    assert 0 <= run.seconds <= 10
    assert not run.is_stopped


def test_what_takes_too_long_is_stopped_and_counts_as_the_guards_time():
    def spin():
        while True:
            pass

    run = run_guarded(spin, guard_seconds=0.05)
    assert run.is_stopped
    assert run.seconds == 0.05
    assert run.value is None


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not enforce the limit")
def test_what_wants_too_much_memory_is_an_end():
    run = run_guarded(lambda: bytes(6 << 30), guard_seconds=10)
    assert run.value is None
    assert not run.is_stopped
