"""Two attempts at every test input, which differ wherever two answers are known."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from codeit_jax.arc import Pair, Task, is_grid
from codeit_jax.evolution.jobs import Answer
from codeit_jax.results.submission import guesses, submission
from codeit_jax.search.ranking import Candidate, Performance

GRIDS = [((number,),) for number in range(4)]


def answer(outputs, *, demonstration=1.0, num_programs=1, program="O = hmirror(I)"):
    return Answer(tuple(outputs), Candidate(program, Performance(demonstration, 0.0)), num_programs)


def task_of(num_inputs):
    return Task(
        "a", (Pair(((1, 2),), ((2, 1),)),), tuple(Pair(((number, 0),), None) for number in range(num_inputs))
    )


@given(st.lists(st.tuples(*[st.sampled_from(GRIDS)] * 2), max_size=3, unique=True))
def test_attempts_are_the_first_answers_that_differ(outputs):
    given_attempts = guesses(task_of(2), [answer(each) for each in outputs])
    assert len(given_attempts) == 2
    for place, attempts in enumerate(given_attempts):
        known = list(dict.fromkeys(each[place] for each in outputs))[:2]
        assert [guess.output for guess in attempts[: len(known)]] == known
        assert all(guess.program is None for guess in attempts[len(known) :])
        assert len({guess.output for guess in attempts}) == len(attempts) == 2
        assert all(is_grid(guess.output) for guess in attempts)


def test_what_is_known_for_one_input_alone_is_of_use_there():
    partly = answer([GRIDS[0], None])
    wholly = answer([GRIDS[1], GRIDS[2]], demonstration=0.5)
    (first, second), (third, fourth) = guesses(task_of(2), [partly, wholly])
    assert [first.output, second.output, third.output] == GRIDS[:3]
    assert fourth.program is None


def test_near_misses_stand_in_for_grids_of_no_program():
    near = answer([GRIDS[3], None], demonstration=0.0)
    near = dataclasses.replace(near, error=0.25)
    (first, second), others = guesses(task_of(2), [answer([GRIDS[0], GRIDS[0]]), near])
    assert [first.error, second.error, second.output] == [0.0, 0.25, GRIDS[3]]
    assert others[1].program is None


def test_how_sure_they_are_is_told():
    best = answer([GRIDS[0]], num_programs=7, program="O = vmirror(I)")
    other = answer([GRIDS[1]], demonstration=0.5)
    ((first, second),) = guesses(task_of(1), [best, other])
    assert (first.program, first.demonstration_performance, first.num_programs) == ("O = vmirror(I)", 1.0, 7)
    assert (second.program, second.demonstration_performance, second.num_programs) == (
        "O = hmirror(I)",
        0.5,
        1,
    )


def test_the_two_are_equal_where_nothing_else_is_known():
    task = Task("a", (Pair(((1,),), ((1,),)),), (Pair(((1,),), None),))
    ((first, second),) = guesses(task, [])
    assert first == second
    assert first.output == ((1,),)


def test_a_submission_has_both_attempts_for_every_test_input():
    tasks = [task_of(2), task_of(1)]
    attempts = [guesses(task, []) for task in tasks]
    tasks[1] = Task("b", tasks[1].train, tasks[1].test)
    made = submission(tasks, attempts)
    assert list(made) == ["a", "b"]
    assert [len(made[name]) for name in made] == [2, 1]
    assert all(list(each) == ["attempt_1", "attempt_2"] for entries in made.values() for each in entries)
