import pytest

from codeit_jax.arc import load_tasks
from codeit_jax.dsl.constants import CONSTANTS
from codeit_jax.execution.evaluator import Evaluator
from codeit_jax.report.pictures import encode, grid_text, text_of
from codeit_jax.report.steps import run_steps

from .conftest import NEAR

CELL, OTHER = (3, (0, 1)), (2, (1, 0))
FUNCTIONS = Evaluator().names


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (((1, 2), (3, 4)), {"g": "12/34", "t": "2 by 2"}),
        (((0,) * 5, (True, 0, 0, 0, 0)), {"g": "0{5}/10{4}", "t": "2 by 5"}),
        (frozenset({CELL, OTHER}), {"g": ".3./2..", "t": "2 cells"}),
        (frozenset({(3, (5, 9)), (2, (6, 8))}), {"g": ".3/2.", "t": "2 cells"}),  # beyond the frame
        (frozenset({(-1, 0), (0, 1)}), {"g": "x./.x", "t": "2 places"}),
        (frozenset({(0, 0), (0, 40)}), {"t": "{(0, 0), (0, 40)}"}),
        (frozenset({frozenset({CELL}), frozenset({OTHER})}), {"g": ".3./2..", "t": "2 objects"}),
        (frozenset({frozenset({(0, 0)}), frozenset()}), {"g": "x../...", "t": "2 sets of places"}),
        (frozenset({frozenset()}), {"t": "{{}}"}),
        ((((1,),), ((2,), (3,))), {"gs": ["1", "2/3"], "t": "2 grids"}),
        ((frozenset({CELL}),), {"gs": [".3./..."], "t": "1 object"}),
        (frozenset({3, 1}), {"t": "{1, 3}"}),
        ((), {"t": "()"}),
        ((0, 2), {"t": "(0, 2)"}),
        (True, {"t": "true"}),
        (None, {"t": "nothing"}),
        (12, {"t": "12"}),
        (FUNCTIONS["size"], {"t": "size"}),
        (FUNCTIONS["compose"].call(FUNCTIONS["size"], FUNCTIONS["first"]), {"t": "compose(size, first)"}),
    ],
)
def test_a_value_is_a_picture_where_it_can_be(value, encoded):
    assert encode(value, (2, 3)) == encoded


def test_what_is_within_a_value_is_told_in_short():
    bind = FUNCTIONS["lbind"].call
    assert text_of(bind(FUNCTIONS["paint"], ((1, 2), (3, 4)))) == "lbind(paint, a grid of 2 by 2)"
    assert text_of(bind(FUNCTIONS["shift"], frozenset(range(9)))) == "lbind(shift, a set of 9)"


def test_long_values_are_cut_short():
    text = text_of(tuple(range(1000)))
    assert (len(text), text[-1]) == (160, "…")
    nested = CONSTANTS["UNITY"]
    for _ in range(90):
        nested = (nested, nested)
    assert len(text_of(nested)) <= 160


def test_runs_are_written_once():
    assert grid_text([[0] * 30, [1, 1, 1, 2] + [2] * 3]) == "0{30}/1112{4}"


def test_a_program_is_run_step_by_step(tasks_folder):
    task = next(each for each in load_tasks(tasks_folder) if each.id == "halfway")
    run = run_steps(Evaluator(), NEAR, task)
    assert run.num_right == 1
    assert [each.is_right for each in (*run.train, *run.test)] == [True, False, False]
    assert run.train[1].num_wrong == 1
    assert [step["g"] for step in run.train[1].steps] == ["31", "13"]
    assert run.train[1].to_json() == {"steps": run.train[1].steps, "right": False, "out": "13"}


def test_a_program_that_fails_is_shown_up_to_there(tasks_folder):
    task = next(each for each in load_tasks(tasks_folder) if each.id == "mirror")
    run = run_steps(Evaluator(), "x1 = hmirror(I)\nx2 = first(ONE)\nO = vmirror(I)", task)
    assert [len(each.steps) for each in run.train] == [1, 1]
    assert run.train[0].to_json()["error"].startswith("line 2: first fails on")
    assert run_steps(Evaluator(), "O = nope(I)", task) is None
