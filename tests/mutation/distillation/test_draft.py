import random

import pytest

from codeit_jax.arc import Pair
from codeit_jax.dsl import parse_program
from codeit_jax.dsl.signatures import SIGNATURES
from codeit_jax.execution import Evaluator
from codeit_jax.mutation.distillation.draft import Draft
from codeit_jax.mutation.random_program import random_program

SMALL, LARGE = ((0, 0, 3), (0, 5, 0)), ((1, 0, 3, 0), (0, 5, 0, 2), (0, 0, 0, 0))
TEXT = """x1 = height(I)
x2 = width(I)
x3 = multiply(x1, x2)
x4 = size(I)
x5 = canvas(x3, UNITY)
x6 = vmirror(I)
O = hconcat(x6, I)"""


def draft_of(text, grids=(LARGE, SMALL)):
    program = parse_program(text)
    evaluator = Evaluator()
    return Draft(evaluator, program, [Pair(grid, evaluator.run(program, grid).output) for grid in grids])


def test_lines_that_are_not_needed_are_left_out():
    draft = draft_of(TEXT)
    assert draft.order == [5, 6]
    assert str(draft.program()) == "x1 = vmirror(I)\nO = hconcat(x1, I)"


def test_whether_the_outputs_are_right():
    assert draft_of(TEXT).is_right()
    program = parse_program("O = vmirror(I)")
    assert not Draft(Evaluator(), program, [Pair(SMALL, SMALL)]).is_right()
    failing = parse_program("O = vmirror(ONE)")
    assert not Draft(Evaluator(), failing, [Pair(SMALL, SMALL)]).is_right()


def test_values_and_types_are_those_on_the_smallest_grid():
    draft = draft_of("x1 = height(I)\nx2 = astuple(x1, x1)\nO = canvas(ONE, x2)")
    assert [draft.value(node) for node in draft.order] == [2, (2, 2), ((1, 1), (1, 1))]
    assert [str(draft.types[node]) for node in draft.order] == ["Integer", "IntegerTuple", "Grid"]


def test_cones_and_what_is_kept():
    draft = draft_of("x1 = height(I)\nx2 = increment(x1)\nx3 = astuple(x1, x2)\nO = canvas(ONE, x3)")
    assert [draft.cone(node) for node in draft.order] == [0b1, 0b11, 0b111, 0b1111]
    assert draft.cone("I") == 0
    assert draft.kept_without(3) == 0b1000
    assert draft.kept_without(2) == 0b1100
    assert draft.kept_without(1) == 0b1111  # x1 is needed by x3 too


@pytest.mark.parametrize(
    ("rewrite", "holds"),
    [
        ((2, "THREE_BY_THREE"), False),
        ((2, "TWO_BY_TWO"), False),  # on the small grid only
        ((1, "ZERO"), False),
        ((2, ("shape", "I")), False),
        ((1, ("height", "I")), True),
        ((1, 0), True),
        ((3, ("canvas", "ONE", 2)), True),
        ((3, ("canvas", "I", 2)), False),
        ((3, ("vmirror", "ONE")), False),  # a call that fails
    ],
)
def test_what_holds(rewrite, holds):
    draft = draft_of("x1 = height(I)\nx2 = identity(x1)\nx3 = astuple(x1, x2)\nO = canvas(ONE, x3)")
    assert draft.holds(rewrite) is holds
    if holds:
        draft.apply(rewrite)
        assert draft.is_right()


def test_a_rewrite_that_changes_values_but_no_output_holds():
    text = "x1 = objects(I, T, F, T)\nx2 = merge(x1)\nx3 = recolor(TWO, x2)\nO = paint(I, x3)"
    draft = draft_of(text)
    assert draft.holds((1, ("mapply", "toindices", 0)))
    draft.apply((1, ("mapply", "toindices", 0)))
    assert str(draft.program()).splitlines()[1] == "x2 = mapply(toindices, x1)"


def test_the_output_may_become_another_line():
    draft = draft_of("x1 = vmirror(I)\nx2 = identity(x1)\nO = identity(x2)")
    assert draft.holds((2, 0))
    draft.apply((2, 0))
    assert str(draft.program()) == "O = vmirror(I)"


def test_spares_can_be_used():
    draft = draft_of("x1 = hmirror(I)\nx2 = vmirror(x1)\nO = hconcat(x2, I)")
    draft.add_spare(("rot180", "I"))
    (spare,) = draft.spares
    assert str(draft.types[spare]) == "Grid"
    assert draft.holds((1, spare))
    draft.apply((1, spare))
    assert str(draft.program()) == "x1 = rot180(I)\nO = hconcat(x1, I)"
    assert draft.spares == []


def test_work_grows_with_what_is_tried():
    draft = draft_of(TEXT)
    before = draft.work
    draft.holds((5, ("hmirror", "I")))
    between = draft.work
    draft.evaluate(("rot90", "I"))
    assert before < between < draft.work


def random_rewrite(draft, rng):
    """A call at random for a line at random, or another line for it, such that no line needs itself."""
    node = rng.choice(draft.order)
    free = [each for each in draft.order if not draft.cone(each) >> node & 1]
    if rng.random() < 0.3 and free:
        return node, rng.choice(free)
    name = rng.choice(list(SIGNATURES))
    names = ["I", "ONE", "T", "UNITY", "vmirror", "size", *free]
    return node, (name, *(rng.choice(names) for _ in SIGNATURES[name].parameters))


def test_holding_is_what_running_the_rewritten_program_says():
    rng = random.Random(0)
    evaluator = Evaluator()
    num_held = 0
    for _ in range(200):
        program = random_program(rng)
        outcomes = [evaluator.run(program, grid) for grid in (LARGE, SMALL)]
        if any(outcome.output is None for outcome in outcomes):
            continue
        draft = draft_of(str(program))
        for _ in range(30):
            rewrite = random_rewrite(draft, rng)
            holds = draft.holds(rewrite)
            other = draft_of(str(draft.program()))
            node = draft.order.index(rewrite[0])
            replacement = rewrite[1]
            if isinstance(replacement, tuple):
                replacement = tuple(
                    draft.order.index(each) if isinstance(each, int) else each for each in replacement
                )
            else:
                replacement = draft.order.index(replacement)
            other.apply((node, replacement))
            rewritten = other.program()
            given = [evaluator.run(rewritten, grid).output for grid in (LARGE, SMALL)]
            assert holds == (given == [outcome.output for outcome in outcomes])
            num_held += holds
    assert num_held > 20
