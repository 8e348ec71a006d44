import dataclasses
from collections import Counter

import pytest

from codeit_jax.arc import load_tasks
from codeit_jax.dsl import parse_program
from codeit_jax.dsl.types import canonical_sorted
from codeit_jax.execution import Budget, Evaluator, Outcome, Status
from tests.dsl.ordered_oracle import primitive
from tests.execution import oracle_agreement
from tests.execution.oracle_agreement import BLOCK_SIZE, Category, compare, compare_all, main
from tests.execution.oracle_variants import AS_HASHED, CANONICAL, REVERSED, SHUFFLED, load_variant, to_ours

GRID = ((0, 1, 2), (3, 4, 5), (6, 7, 8))
NUM_PROGRAMS = 300
EQUAL_OR_NOT = "x4 = branch(x3, ONE, TWO)\nO = canvas(x4, UNITY)"
LAST_ROW_INDEX = "x1 = asindices(I)\nx2 = last(x1)\nx3 = first(x2)\nO = canvas(x3, UNITY)"


def category(text, evaluator=None):
    return compare(evaluator or Evaluator(), parse_program(text), GRID).category


class Wrong(Evaluator):
    """An evaluator that gives the same for everything."""

    def __init__(self, outcome):
        super().__init__()
        self._outcome = outcome

    def run(self, program, grid):
        return self._outcome


@pytest.fixture(scope="module")
def tasks():
    return load_tasks("arc1/evaluation")


def test_we_agree_on_programs_that_nobody_wrote(tasks):
    counts = Counter(each.category for each in compare_all(tasks, NUM_PROGRAMS, seed=11))
    assert counts[Category.DISAGREEMENT] == 0
    assert counts[Category.OTHER_ORDER] == 0
    # What is told apart by the variants, or cannot be compared, must stay the exception.
    assert counts[Category.GRID] > 0.25 * NUM_PROGRAMS
    assert counts[Category.VALUE] > 0.05 * NUM_PROGRAMS
    assert counts[Category.FAILURE] > 0.2 * NUM_PROGRAMS
    assert counts[Category.ORDER] + counts[Category.IDENTITY] < 0.1 * NUM_PROGRAMS
    assert counts[Category.NOT_COMPARABLE] + counts[Category.OVER_BUDGET] < 0.05 * NUM_PROGRAMS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("O = rot90(I)", Category.GRID),
        ("x1 = canvas(T, UNITY)\nO = hconcat(x1, x1)", Category.GRID),
        ("O = height(I)", Category.VALUE),
        ("x1 = compose(rot90, rot90)\nO = initset(x1)", Category.VALUE),
        ("O = identity(rot90)", Category.VALUE),
        ("x1 = divide(ONE, ZERO)\nO = rot90(I)", Category.FAILURE),
        ("x1 = power(rot90, ZERO)\nO = x1(I)", Category.FAILURE),
        (LAST_ROW_INDEX, Category.ORDER),
        ("x1 = asindices(I)\nx2 = totuple(x1)\nO = first(x2)", Category.ORDER),
        (
            f"x1 = compose(rot90, flip)\nx2 = compose(rot90, flip)\nx3 = equality(x1, x2)\n{EQUAL_OR_NOT}",
            Category.IDENTITY,
        ),
        (
            f"x1 = power(rot90, TEN)\nx2 = power(rot90, TEN)\nx3 = equality(x1, x2)\n{EQUAL_OR_NOT}",
            Category.IDENTITY,
        ),
        (f"x1 = power(rot90, ONE)\nx3 = equality(x1, rot90)\n{EQUAL_OR_NOT}", Category.GRID),
    ],
)
def test_categories(text, expected):
    assert category(text) is expected


def test_what_ends_over_budget_is_not_compared():
    assert category("O = rot90(I)", Evaluator(Budget(max_work=1))) is Category.OVER_BUDGET


@pytest.mark.parametrize("text", ["O = rot90(I)", "O = divide(I, ZERO)", "O = height(I)"])
def test_a_wrong_grid_is_a_disagreement(text):
    comparison = compare(Wrong(Outcome(Status.OK, ((9, 9),))), parse_program(text), GRID)
    assert comparison.category is Category.DISAGREEMENT
    assert {"ours", "oracle", CANONICAL} <= {name for name, _ in comparison.answers}


@pytest.mark.parametrize("text", ["O = rot90(I)", "x1 = divide(ONE, ZERO)\nO = rot90(I)"])
def test_a_failure_of_ours_alone_or_at_another_line_is_a_disagreement(text):
    wrong = Wrong(Outcome(Status.ERROR, error="line 2: rot90: TypeError: no reason"))
    assert category(text, wrong) is Category.DISAGREEMENT


@pytest.mark.parametrize("number", [1, 0, 9])
def test_what_depends_on_order_must_still_be_the_answer_in_canonical_order(number):
    # The oracle itself gives 1, as hashed; in reverse order it gives 0.
    wrong = Wrong(Outcome(Status.OK, ((number,),)))
    assert category(LAST_ROW_INDEX, wrong) is Category.OTHER_ORDER


def test_variants_read_sets_in_their_order():
    items = frozenset((i, j) for i in range(4) for j in range(4))
    read = {
        order: to_ours(load_variant(order).totuple(_as_set(order, items))) for order in (CANONICAL, REVERSED)
    }
    assert list(read[CANONICAL]) == canonical_sorted(items)
    assert read[REVERSED] == read[CANONICAL][::-1]
    shuffled = {load_variant(order).totuple(_as_set(order, items)) for order in SHUFFLED}
    assert len(shuffled) == len(SHUFFLED)


def _as_set(order, items):
    return load_variant(order).frozenset(items)


@pytest.mark.parametrize("order", [AS_HASHED, CANONICAL])
def test_functions_of_variants_are_equal_when_built_alike(order):
    oracle = load_variant(order)
    first, second = (oracle.lbind(oracle.compose, oracle.rot90) for _ in range(2))
    assert first == second
    assert hash(first) == hash(second)
    assert first(oracle.flip) == second(oracle.flip)
    assert first(oracle.flip) != first(oracle.rot180)
    assert oracle.power(oracle.rot90, 1) == oracle.rot90
    assert oracle.power(oracle.rot90, 2)(GRID) == oracle.rot180(GRID)
    assert oracle.rbind(oracle.fill, frozenset({(0, 0)}))(GRID, 9)[0] == (9, 1, 2)
    assert to_ours(oracle.rot90) == primitive("rot90")


def test_a_program_that_outlasts_its_worker_is_not_comparable(tasks):
    counts = Counter(each.category for each in compare_all(tasks, 3, 0, 1, timeout_seconds=1e-6))
    assert counts == {Category.NOT_COMPARABLE: 3}


def test_the_script_prints_counts_and_fails_where_answers_differ(capsys, monkeypatch):
    assert main([f"--programs={BLOCK_SIZE}", "--num_workers=1"]) == 0
    assert f"{BLOCK_SIZE} programs in" in capsys.readouterr().out
    wrong = oracle_agreement.Comparison(Category.DISAGREEMENT, (("ours", oracle_agreement.Answer(1)),))
    monkeypatch.setattr(oracle_agreement, "compare_all", lambda *_: [dataclasses.replace(wrong)])
    assert main(["--programs=1"]) == 1
    assert "--- 0: disagreement" in capsys.readouterr().out
