import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeit_jax.arc import load_tasks
from codeit_jax.dsl import load_training_programs, parse_program, without_dead_lines
from codeit_jax.dsl.signatures import CONSTANT_TYPES, SIGNATURES
from codeit_jax.dsl.types import Type
from codeit_jax.execution import Evaluator, GraphRun, ProgramGraph
from codeit_jax.mutation.mutate import MutationKind, Mutator
from codeit_jax.mutation.subject import Subject
from codeit_jax.mutation.typing import accepts, line_types, overlap

# A program of which everything can be replaced, and the types of its lines.
SUM = parse_program("O = add(ONE, TWO)")
SUM_TYPES = [Type.INTEGER]
ONLY_ARGUMENTS, ONLY_FUNCTIONS, ONLY_CALLS = Mutator(1, 0), Mutator(0, 1), Mutator(0, 0)


def mutants(mutator, program, types, count, seed=0):
    rng = random.Random(seed)
    drawn = (mutator.draw(Subject(program, [(each,) for each in types]), rng) for _ in range(count))
    return [(kind, mutant) for kind, mutant in drawn if mutant is not None]


@pytest.fixture(scope="module")
def parents():
    """Training programs with the types of their lines."""
    programs = load_training_programs()
    result = []
    for task in random.Random(0).sample(load_tasks("arc1/training"), 40):
        run = GraphRun(ProgramGraph([programs[task.id]]), Evaluator(), task.train[0].input)
        result.append((programs[task.id], line_types(programs[task.id], run.values(0))))
    return result


def test_kinds_are_drawn_by_their_shares():
    # Arguments and the function of a sum can always be replaced; a call drawn anew may lack an argument.
    kinds = Counter(kind for kind, _ in mutants(Mutator(), SUM, SUM_TYPES, 4000))
    assert kinds[MutationKind.ARGUMENT] / 4000 == pytest.approx(0.5, abs=0.03)
    assert kinds[MutationKind.FUNCTION] / 4000 == pytest.approx(0.25, abs=0.03)
    assert 0.15 < kinds[MutationKind.CALL] / 4000 <= 0.28


@pytest.mark.parametrize(
    ("mutator", "kind"),
    [
        (ONLY_ARGUMENTS, MutationKind.ARGUMENT),
        (ONLY_FUNCTIONS, MutationKind.FUNCTION),
        (ONLY_CALLS, MutationKind.CALL),
    ],
)
def test_shares_can_be_chosen(mutator, kind):
    assert {kind for kind, _ in mutants(mutator, SUM, SUM_TYPES, 100)} == {kind}


def test_mutants_are_programs_that_differ_from_their_parent(parents):
    total = 0
    for program, types in parents:
        for _, mutant in mutants(Mutator(), program, types, 50):
            # Parsing is what knows of scope, arity and canonical names.
            assert parse_program(str(mutant)) == mutant
            assert without_dead_lines(mutant) == mutant
            assert mutant != without_dead_lines(program)
            assert len(mutant) <= len(program)
            total += 1
    assert total > 0.6 * 50 * len(parents)


def test_one_line_changes_at_most(parents):
    for program, types in parents:
        for kind, mutant in mutants(Mutator(), program, types, 20):
            # The lines of a mutant are the parent's but one, those left out aside, under other numbers.
            before = Counter((call.function, len(call.arguments)) for call in program.calls)
            after = Counter((call.function, len(call.arguments)) for call in mutant.calls)
            assert (after - before).total() <= (0 if kind is MutationKind.ARGUMENT else 1) + _variables(
                mutant
            )


def _variables(program):
    """How many of a program's callees are variables, whose numbers may change."""
    return sum(call.function not in SIGNATURES for call in program.calls)


def changes(mutator, text, types, count=300):
    """The replaced last lines of a program's mutants."""
    program = parse_program(text)
    return [mutant.calls[-1] for _, mutant in mutants(mutator, program, types, count)]


def test_an_argument_is_replaced_by_one_of_a_type_its_parameter_takes():
    found = {call.arguments for call in changes(ONLY_ARGUMENTS, "O = canvas(ONE, UNITY)", [Type.GRID])}
    integers = {name for name, declared in CONSTANT_TYPES.items() if declared is Type.INTEGER}
    pairs = {name for name, declared in CONSTANT_TYPES.items() if declared is Type.INTEGER_TUPLE}
    expected = {(name, "UNITY") for name in integers - {"ONE"}} | {
        ("ONE", name) for name in pairs - {"UNITY"}
    }
    assert found == expected


def test_an_argument_may_become_an_earlier_variable_or_the_input_but_no_later_one():
    text = "x1 = hmirror(I)\nx2 = vmirror(I)\nO = hconcat(I, x2)"
    found = {str(mutant) for _, mutant in mutants(ONLY_ARGUMENTS, parse_program(text), [Type.GRID] * 3, 300)}
    assert found == {
        "x1 = vmirror(I)\nO = hconcat(x1, x1)",
        "x1 = hmirror(I)\nx2 = vmirror(I)\nO = hconcat(x1, x2)",
        "x1 = hmirror(I)\nO = hconcat(I, x1)",
        "O = hconcat(I, I)",
        "x1 = hmirror(I)\nx2 = vmirror(x1)\nO = hconcat(I, x2)",
    }


def test_a_function_given_as_an_argument_is_replaced_by_one_like_it():
    calls = changes(ONLY_ARGUMENTS, "x1 = asobject(I)\nO = argmax(x1, size)", [Type.OBJECT, Type.ANY], 600)
    functions = {call.arguments[1] for call in calls if call.function == "argmax"} - {"size"}
    assert len(functions) > 3
    for name in functions:
        assert len(SIGNATURES[name].parameters) == 1
        assert SIGNATURES[name].result in (Type.INTEGER, Type.NUMERICAL, Type.ANY)


def test_a_function_is_replaced_by_one_that_takes_the_arguments_and_gives_the_type():
    found = {call.function for call in changes(ONLY_FUNCTIONS, "O = vmirror(I)", [Type.GRID], 1000)}
    assert "vmirror" not in found
    assert {"hmirror", "rot90", "tophalf", "identity", "compress", "trim"} <= found
    for name in found:
        (parameter,) = SIGNATURES[name].parameters
        assert accepts(parameter, Type.GRID)
        assert overlap(SIGNATURES[name].result, Type.GRID)


def test_a_call_is_replaced_by_any_that_gives_the_type():
    calls = changes(ONLY_CALLS, "O = vmirror(I)", [Type.GRID], 3000)
    found = {call.function for call in calls}
    assert {"hconcat", "canvas", "hmirror", "replace", "crop"} <= found
    assert found.isdisjoint({"size", "palette", "asobject", "shoot"})
    for call in calls:
        if call.function == "canvas":
            value, dimensions = call.arguments
            assert CONSTANT_TYPES[value] is Type.INTEGER
            assert CONSTANT_TYPES[dimensions] is Type.INTEGER_TUPLE


def test_nothing_is_drawn_where_nothing_else_fits():
    program = parse_program("O = vmirror(I)")
    assert mutants(ONLY_ARGUMENTS, program, [Type.GRID], 50) == []
    program = parse_program("O = switch(I, ONE, TWO)")
    assert {call.function for call in changes(ONLY_FUNCTIONS, str(program), [Type.GRID])} <= {"replace"} | {
        name for name, signature in SIGNATURES.items() if len(signature.parameters) == 3
    }


def test_a_change_of_a_dead_line_is_no_mutant():
    text = "x1 = vmirror(I)\nO = canvas(ONE, UNITY)"
    for _, mutant in mutants(Mutator(), parse_program(text), [Type.GRID, Type.GRID], 200):
        assert mutant != parse_program("O = canvas(ONE, UNITY)")


def test_the_generator_decides_everything(parents):
    for program, types in parents[:5]:
        assert mutants(Mutator(), program, types, 20, seed=3) == mutants(
            Mutator(), program, types, 20, seed=3
        )
        assert mutants(Mutator(), program, types, 20, seed=3) != mutants(
            Mutator(), program, types, 20, seed=4
        )


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**63), st.floats(0, 1))
def test_any_shares_and_seed_give_programs(seed, share):
    mutator = Mutator(share, (1 - share) / 2)
    program = parse_program(
        "x1 = objects(I, T, F, T)\nx2 = argmax(x1, size)\nx3 = rbind(shift, UNITY)\n"
        "x4 = x3(x2)\nO = paint(I, x4)"
    )
    types = [Type.OBJECTS, Type.OBJECT, Type.FUNCTION_1, Type.OBJECT, Type.GRID]
    for _, mutant in mutants(mutator, program, types, 5, seed):
        assert parse_program(str(mutant)) == mutant
