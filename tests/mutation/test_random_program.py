import os
import random
import subprocess
import sys
from collections import Counter

import pytest

from codeit_jax.arc import load_tasks
from codeit_jax.dsl.program import INPUT, is_variable, parse_program, without_dead_lines
from codeit_jax.dsl.signatures import CONSTANT_TYPES, SIGNATURES
from codeit_jax.dsl.types import Type
from codeit_jax.execution import Evaluator, Status
from codeit_jax.mutation.random_program import random_lines, random_program
from codeit_jax.mutation.typing import FUNCTION_OF_ARITY, accepts, overlap

NUM_PROGRAMS = 2000


@pytest.fixture(scope="module")
def programs():
    rng = random.Random(0)
    return [random_program(rng) for _ in range(NUM_PROGRAMS)]


@pytest.fixture(scope="module")
def drafts():
    """Programs with their dead lines and the type of each line; long ones too."""
    rng = random.Random(1)
    return [random_lines(rng, 12, end_probability) for end_probability in (0.8, 0.1) for _ in range(1000)]


def type_of(name, types):
    if name == INPUT:
        return Type.GRID
    if is_variable(name):
        return types[int(name[1:]) - 1]
    return CONSTANT_TYPES.get(name) or FUNCTION_OF_ARITY[len(SIGNATURES[name].parameters)]


def test_programs_are_in_canonical_form_without_dead_lines(programs):
    for program in programs:
        assert parse_program(str(program)) == program
        assert without_dead_lines(program) == program


def test_programs_follow_from_the_seed_alone(programs):
    again = random.Random(0)
    assert [random_program(again) for _ in range(NUM_PROGRAMS)] == programs
    other = random.Random(1)
    assert [random_program(other) for _ in range(NUM_PROGRAMS)] != programs


def test_programs_do_not_depend_on_hashing():
    code = (
        "import random; from codeit_jax.mutation.random_program import random_program as draw;"
        "rng = random.Random(0);"
        "print([str(draw(rng)) for _ in range(300)])"
    )
    texts = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert texts[0] == texts[1]


def test_every_argument_fits_its_parameter(drafts):
    for program, types in drafts:
        assert len(types) == len(program)
        for call in program.calls:
            if call.function not in SIGNATURES:
                continue
            parameters = SIGNATURES[call.function].parameters
            for parameter, argument in zip(parameters, call.arguments, strict=True):
                assert overlap(parameter, type_of(argument, types)), f"{argument} in\n{program}"


def test_what_is_surely_of_a_type_is_preferred_to_what_may_be(drafts):
    for program, types in drafts:
        for call in program.calls:
            if call.function in SIGNATURES:
                for parameter, argument in zip(
                    SIGNATURES[call.function].parameters, call.arguments, strict=True
                ):
                    if parameter in (Type.GRID, Type.INTEGER, Type.BOOLEAN, Type.INTEGER_TUPLE):
                        assert accepts(parameter, type_of(argument, types)), f"{argument} in\n{program}"


def test_what_lines_call_is_a_function_of_as_many_arguments(drafts):
    called = Counter()
    for program, types in drafts:
        for call in program.calls:
            if is_variable(call.function):
                assert type_of(call.function, types) is FUNCTION_OF_ARITY[len(call.arguments)]
                called[len(call.arguments)] += 1
    assert called[1] > 100
    assert called[2] > 10


def test_every_primitive_and_constant_is_drawn(drafts):
    names = {
        name for program, _ in drafts for call in program.calls for name in (call.function, *call.arguments)
    }
    assert set(SIGNATURES) | set(CONSTANT_TYPES) <= names


def test_the_last_line_is_a_grid(drafts):
    assert {types[-1] for _, types in drafts} == {Type.GRID}


@pytest.mark.parametrize("end_probability", [0.8, 0.3])
def test_a_line_that_yields_a_grid_ends_the_program_with_a_probability(end_probability):
    rng = random.Random(2)
    drawn = [random_lines(rng, 1000, end_probability)[1] for _ in range(NUM_PROGRAMS)]
    num_grids = sum(types.count(Type.GRID) for types in drawn)
    assert NUM_PROGRAMS / num_grids == pytest.approx(end_probability, abs=0.03)


def test_the_probability_is_the_papers_by_default():
    rng, same = random.Random(3), random.Random(3)
    assert [random_lines(rng) for _ in range(100)] == [random_lines(same, 20, 0.8) for _ in range(100)]


@pytest.mark.parametrize("max_lines", [1, 2, 5])
def test_no_more_lines_are_drawn_than_allowed(max_lines):
    rng = random.Random(4)
    drawn = [random_lines(rng, max_lines, 0.0) for _ in range(300)]
    assert {len(program) for program, _ in drawn} == {max_lines}
    assert {types[-1] for _, types in drawn} == {Type.GRID}


@pytest.mark.parametrize(
    ("settings", "name"),
    [({"max_lines": 0}, "max_lines"), ({"end_probability": 1.5}, "end_probability")],
)
def test_bad_settings_are_refused(settings, name):
    with pytest.raises(ValueError, match=name):
        random_program(random.Random(0), **settings)


def test_a_good_share_runs(programs):
    evaluator = Evaluator()
    grids = [task.train[0].input for task in load_tasks("arc1/training")[:20]]
    ends = Counter(
        evaluator.run(program, grids[number % 20]).status for number, program in enumerate(programs)
    )
    assert ends[Status.OK] > 0.4 * NUM_PROGRAMS


def test_jax_is_not_imported():
    code = "import sys, codeit_jax.mutation.random_program; print('jax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
