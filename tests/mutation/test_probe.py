"""What is known of a program that is to be mutated, and which calls can stand in it."""

import random

import pytest

from codeit_jax.arc import is_grid, load_tasks
from codeit_jax.dsl import load_training_programs, parse_program, without_dead_lines
from codeit_jax.dsl.program import Call, Program
from codeit_jax.dsl.types import Function, Type
from codeit_jax.execution import Evaluator, GraphRun, ProgramGraph
from codeit_jax.mutation.call_sampling import sample_call
from codeit_jax.mutation.mutate import MutationKind, Mutator
from codeit_jax.mutation.probe import Probe
from codeit_jax.mutation.subject import Subject

GRID = ((0, 1, 1), (2, 0, 3))
LARGEST = "x1 = objects(I, T, F, T)\nx2 = argmax(x1, size)\nO = subgrid(x2, I)"
NESTED = """
x1 = objects(I, T, F, T)
x2 = rbind(greater, ONE)
x3 = compose(x2, size)
x4 = sfilter(x1, x3)
x5 = fork(combine, normalize, toindices)
x6 = lbind(recolor, TWO)
x7 = chain(x6, backdrop, normalize)
x8 = mapply(x7, x1)
x9 = rbind(shift, UNITY)
x10 = x9(x8)
x11 = merge(x4)
x12 = paint(I, x10)
O = paint(x12, x11)
"""


def subject_of(text, grid=GRID):
    program, evaluator = parse_program(text), Evaluator()
    values = GraphRun(ProgramGraph([program]), evaluator, grid).values(0)
    probe = Probe(program, values, evaluator, grid)
    return Subject(program, probe.shapes, probe)


def parse_call(text):
    function, arguments = text.rstrip(")").split("(")
    return Call(function, tuple(arguments.split(", ")))


@pytest.mark.parametrize(
    ("line", "call", "expected"),
    [
        (0, "objects(I, F, F, F)", True),
        (0, "fgpartition(I)", True),
        (0, "asobject(I)", False),  # not objects, but cells
        (0, "objects(I, T, F, SIX)", True),
        (1, "first(x1)", True),
        (1, "asindices(I)", True),  # `subgrid` takes indices as well
        (1, "size(x1)", False),
        (1, "argmax(I, size)", False),
        (1, "extract(x1, hline)", True),
        (1, "extract(x1, portrait)", False),  # there is none
        (2, "subgrid(x1, I)", False),  # fails
        (2, "canvas(ONE, UNITY)", True),
        (2, "canvas(TEN, UNITY)", False),  # ten is no colour
        (2, "shape(I)", False),
    ],
)
def test_what_works_in_place_of_a_line(line, call, expected):
    subject = subject_of(LARGEST)
    assert subject.works(line, parse_call(call)) is expected
    assert subject.works(line, parse_call(call)) is expected


@pytest.mark.parametrize(
    ("line", "call", "expected"),
    [
        (2, "compose(x2, width)", True),
        (2, "compose(x2, palette)", False),  # no number to compare
        (2, "matcher(size, ONE)", True),
        (2, "matcher(uppermost, ONE)", True),
        (2, "compose(size, palette)", False),  # a number, where a truth value is wanted
        (2, "rbind(adjacent, I)", False),
        (1, "rbind(greater, FIVE)", True),
        (1, "lbind(greater, FIVE)", True),
        (1, "rbind(add, FIVE)", False),
        (1, "rbind(switch, FIVE)", False),  # of another number of arguments
        (5, "lbind(toobject, I)", False),
        (5, "lbind(recolor, NINE)", True),
        (8, "lbind(shift, x8)", False),
        (8, "rbind(shift, DOWN)", True),
        (4, "fork(combine, toindices, toindices)", True),  # its use is not known
    ],
)
def test_functions_are_tried_on_what_they_are_given(line, call, expected):
    assert subject_of(NESTED).works(line, parse_call(call)) is expected


def test_how_functions_are_used_is_learned_through_combinators():
    subject = subject_of(NESTED)
    uses = {line: subject.use_of(line) for line in range(13)}
    assert [line for line, use in uses.items() if use] == [1, 2, 5, 6, 8]
    assert uses[2].row_shapes == ((Type.OBJECT,),)
    assert uses[2].result == (Type.BOOLEAN,)
    assert uses[1].row_shapes == ((Type.INTEGER,),)
    assert uses[6].result == uses[5].result == (Type.OBJECT,)
    assert uses[5].row_shapes == ((Type.INDICES,),)
    assert uses[8].row_shapes == ((Type.OBJECT,),)


def test_a_call_that_is_far_more_work_does_not_work():
    program, evaluator = parse_program("x1 = hupscale(I, TWO)\nO = tophalf(x1)"), Evaluator()
    values = GraphRun(ProgramGraph([program]), evaluator, GRID).values(0)
    call = Call("hupscale", ("I", "TEN"))
    assert Probe(program, values, evaluator, GRID).works(0, call)
    assert not Probe(program, values, evaluator, GRID, max_work=20).works(0, call)
    assert Probe(program, values, evaluator, GRID, max_work=20).works(0, Call("lefthalf", ("I",)))


@pytest.fixture(scope="module")
def subjects():
    programs, evaluator = load_training_programs(), Evaluator()
    result = []
    for task in random.Random(1).sample(load_tasks("arc1/training"), 40):
        program, grid = without_dead_lines(programs[task.id]), min(task.demonstration_inputs, key=len)
        values = GraphRun(ProgramGraph([program]), evaluator, grid).values(0)
        if len(values) == len(program):
            probe = Probe(program, values, evaluator, grid)
            result.append((Subject(program, probe.shapes, probe), grid, values))
    return result


def test_the_programs_own_calls_work(subjects):
    for subject, _, _ in subjects:
        for line in subject.lines:
            assert subject.works(line, subject.program.calls[line])


def test_a_use_is_one_that_really_happens(subjects):
    evaluator, num_uses = Evaluator(), 0
    for subject, _, values in subjects:
        for line, value in enumerate(values):
            use = subject.use_of(line)
            if use is not None:
                num_uses += 1
                assert isinstance(value, Function)
                assert len(use.row) == value.arity
                assert isinstance(evaluator.call(value, use.row)[1], int)
    assert num_uses > 50


def test_the_line_that_changes_does_not_fail_on_the_input_it_was_tried_on(subjects):
    evaluator, total = Evaluator(), 0
    for subject, grid, _ in subjects:
        rng = random.Random(5)
        for _ in range(25):
            line = rng.choice(subject.lines)
            call = sample_call(subject, line, subject.shapes[line], subject.use_of(line), rng)
            if call is None or not subject.works(line, call):
                continue
            total += 1
            calls = (*subject.program.calls[:line], call)
            outcome = evaluator.run(Program(calls), grid)
            assert outcome.error is None or "the output is no valid grid" in outcome.error
            if line == len(subject.program) - 1:
                assert is_grid(outcome.output)
    assert total > 300


def test_calls_are_drawn_from_what_the_line_may_use(subjects):
    for subject, _, _ in subjects:
        rng = random.Random(6)
        for _ in range(25):
            line = rng.choice(subject.lines)
            call = sample_call(subject, line, subject.shapes[line], subject.use_of(line), rng)
            if call is not None:
                # Parsing is what knows of scope and arity.
                assert parse_program(str(Program((*subject.program.calls[:line], call))))


def test_most_whole_calls_work_at_once(subjects):
    drawn = working = 0
    for subject, _, _ in subjects:
        rng = random.Random(7)
        for _ in range(25):
            line = rng.choice(subject.lines)
            call = sample_call(subject, line, subject.shapes[line], subject.use_of(line), rng)
            drawn += 1
            working += call is not None and subject.works(line, call)
    assert working / drawn > 0.35


@pytest.mark.parametrize("kind", MutationKind)
def test_most_draws_of_every_kind_run_on_that_input(subjects, kind):
    shares = {
        MutationKind.ARGUMENT: Mutator(1, 0),
        MutationKind.FUNCTION: Mutator(0, 1),
        MutationKind.CALL: Mutator(0, 0),
        MutationKind.NEW_LINE: Mutator(new_line_share=1),
    }
    evaluator, drawn, fine = Evaluator(), 0, 0
    for subject, grid, _ in subjects:
        rng = random.Random(8)
        for _ in range(10):
            found, mutant = shares[kind].draw(subject, rng)
            assert found is kind
            drawn += 1
            fine += mutant is not None and evaluator.run(mutant, grid).output is not None
    assert fine / drawn > 0.7


def test_a_new_line_is_used_by_the_line_after_it():
    subject = subject_of(LARGEST)
    rng, mutator = random.Random(9), Mutator(new_line_share=1)
    lengths = set()
    for _ in range(200):
        _, mutant = mutator.draw(subject, rng)
        if mutant is None:
            continue
        assert parse_program(str(mutant)) == mutant
        assert without_dead_lines(mutant) == mutant
        lengths.add(len(mutant) - len(subject.canonical))
    assert max(lengths) == 1
    assert min(lengths) <= 0
