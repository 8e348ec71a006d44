import itertools
import json

import pytest

from codeit_jax.evolution.jobs import Answer, Bred, NearMiss
from codeit_jax.evolution.state import MAX_POPULATIONS, MAX_SHORT, MAX_STALE, TaskState, point_of
from codeit_jax.search.ranking import Candidate, Performance

GRID, OTHER = ((1, 2),), ((2, 1),)
BEGINNING = (("O = identity(I)", 1, "seed"),)
MEMBERS = (("O = vmirror(I)", 3, "seed"),)


def candidate(name, demonstration, test=0.0):
    return Candidate(f"O = {name}(I)", Performance(demonstration, test))


def bred(error=0.5, candidates=(), answers=(), num_programs=10, others=()):
    miss = NearMiss("O = vmirror(I)", (GRID, GRID), (error, 0.0), "cells")
    origins = ("mutation",) * len(candidates)
    told = tuple(candidates), origins, tuple(answers), miss, num_programs, 100, tuple(others)
    return Bred(0, BEGINNING, MEMBERS, *told)


def test_a_state_comes_back_from_json():
    state = TaskState()
    assert TaskState.from_json(json.loads(json.dumps(state.to_json()))) == state
    answer = Answer((GRID,), candidate("vmirror", 0.5, 1.0), 4)
    state.take(bred(candidates=[candidate("vmirror", 0.5, 1.0)], answers=[answer]), 3, 7)
    assert TaskState.from_json(json.loads(json.dumps(state.to_json()))) == state
    assert (state.turn, state.round, state.num_finds, state.work) == (1, 3, 7, 100)


def test_the_best_three_of_all_turns_are_kept():
    state = TaskState()
    state.take(bred(candidates=[candidate("vmirror", 0.5), candidate("rot90", 0.25)]), 0, 0)
    later = [candidate("hmirror", 0.75), candidate("vmirror", 0.5), candidate("trim", 0.5)]
    state.take(bred(candidates=later), 1, 0)
    assert [each.program for each in state.candidates] == ["O = hmirror(I)", "O = trim(I)", "O = vmirror(I)"]


def test_answers_differ_and_agreement_counts():
    state = TaskState()
    alone = Answer((GRID,), candidate("vmirror", 1.0), 1)
    agreed = Answer((OTHER,), candidate("switch_them", 1.0), 5)
    partly = Answer((((3,),),), candidate("trim", 0.5), 50)
    state.take(bred(answers=[agreed, alone, partly]), 0, 0)
    assert state.answers == (agreed, alone, partly)
    better = Answer((GRID,), candidate("rot90", 1.0), 9)
    state.take(bred(answers=[better]), 1, 0)
    assert [answer.outputs for answer in state.answers] == [(GRID,), (OTHER,), (((3,),),)]
    assert state.answers[0].num_programs == 9
    assert state.answers[0].candidate.program == "O = rot90(I)"


def test_of_other_answers_the_best_three_for_each_test_input_are_kept():
    def other(outputs, error=0.0, name="trim"):
        return Answer(outputs, candidate(name, 0.0 if error else 0.5), 1, error)

    grids = [((number,),) for number in range(5)]
    first = [other((grids[number], None), name=f"{number}") for number in range(4)]
    second = other((grids[4], grids[4]), 0.3)
    farther = other((grids[3], grids[3]), 0.5)
    state = TaskState()
    state.take(bred(others=[farther, *first[2:]]), 0, 0)
    state.take(bred(others=[second, *first[:2]]), 1, 0)
    assert state.others == (*first[:3], second, farther)
    assert state.answers == ()
    values = json.loads(json.dumps(state.to_json()))
    assert TaskState.from_json(values) == state
    del values["others"]  # of an earlier version
    assert TaskState.from_json(values).others == ()
    nearer = other((grids[4], grids[4]), 0.1, "vmirror")
    state.take(bred(others=[nearer]), 2, 0)
    assert state.others[3] == nearer


def test_a_solved_task_stops_after_a_short_shortening():
    state = TaskState()
    state.take(bred(0.5), 0, 0)
    assert not state.is_done()
    assert state.find is None
    state.take(bred(0.0, [candidate("vmirror", 1.0)]), 1, 0)
    assert state.is_due(2, 0)
    assert state.find == "O = vmirror(I)"
    state.take(bred(0.0), 2, 0)
    assert state.is_done()
    assert not any(state.is_due(number, 0) for number in range(20))


def test_a_task_given_by_a_long_program_has_other_populations_until_it_is_given_by_a_short_one():
    lines = [f"x{line} = vmirror({f'x{line - 1}' if line > 1 else 'I'})" for line in range(1, MAX_SHORT + 1)]
    long = Candidate("\n".join([*lines, f"O = hmirror(x{MAX_SHORT})"]), Performance(1.0, 0.0))
    state = TaskState()
    state.take(bred(0.0, [long]), 0, 0)
    turns = 1
    while not state.is_done():
        state.prepare(has_states=False)
        state.take(bred(0.1 if state.nearest is None else 0.0), turns, 0)
        turns += 1
    assert state.num_populations == MAX_POPULATIONS
    assert turns == 2 + 3 * (MAX_POPULATIONS - 1)
    state.num_populations = 1
    assert not state.is_done()
    state.prepare(has_states=False)
    state.take(bred(0.0, [candidate("rot90", 1.0)]), turns, 0)
    assert not state.is_done()
    state.take(bred(0.0), turns, 0)
    assert state.is_done()


@pytest.mark.parametrize("index", range(5))
def test_a_task_without_progress_waits_but_does_not_starve(index):
    state, turns = TaskState(), []
    for number in range(60):
        if state.is_due(number, index):
            turns.append(number)
            state.take(bred(0.5), number, 0)
    waits = [after - before for before, after in itertools.pairwise(turns)]
    assert waits[0] == 1
    assert max(waits) == 4
    assert len(turns) > 15
    state.take(bred(0.1), 60, 0)
    assert state.stagnation == 0


def test_another_population_takes_the_place_of_a_stale_one_and_the_nearest_is_remembered():
    state, anew = TaskState(), []
    errors = [0.5, 0.4, 0.4, 0.4, 0.45, 0.3, 0.3, 0.3, 0.6, 0.6, 0.6]
    for number, error in enumerate(errors):
        state.prepare(has_states=False)
        if state.nearest is None:
            anew.append(number)
            assert state.members == (BEGINNING if number else ())
        assert state.num_finds == (0 if state.nearest is None else 7)
        ages = state.turn - state.begun
        assert ages == (number - anew[-1] + (number > 0 and state.begun > 0))
        state.take(bred(error), number, 7)
        assert state.members == MEMBERS
    assert MAX_STALE == 2
    assert anew == [0, 4, 8]
    assert state.num_populations == len(anew)
    assert (state.error, state.nearest) == (0.3, 0.6)
    assert state.near_miss.errors == (0.3, 0.0)


def test_every_second_population_begins_with_states_and_not_with_what_the_seeds_came_to():
    state, kinds = TaskState(), []
    for number in range(3 * (MAX_STALE + 1) + 3):
        state.prepare(has_states=True)
        if state.nearest is None:
            kinds.append(state.is_seeded)
            assert state.members == (BEGINNING if state.is_seeded and number else ())
            assert state.turn - state.begun == (state.is_seeded and number > 0)
        state.take(bred(0.5), number, 0)
        assert state.beginning == BEGINNING
    assert kinds == [True, False, True, False]
    assert TaskState.from_json(json.loads(json.dumps(state.to_json()))).is_seeded is False


def test_a_first_turn_that_was_given_up_is_made_again_with_the_seeds():
    state = TaskState()
    state.skip(0)
    assert (state.turn, state.round) == (1, 0)
    state.prepare(has_states=False)
    assert not state.beginning
    state.take(bred(), 1, 0)
    assert state.beginning == BEGINNING
    assert state.begun == 1


def test_the_solution_is_the_first_that_is_right():
    right, longer = candidate("rot90", 1.0, 1.0), candidate("vmirror", 1.0, 1.0)
    state = TaskState()
    assert state.solution is None
    state.take(bred(candidates=[longer, right, candidate("trim", 1.0)]), 0, 0)
    assert [each.program for each in state.candidates] == ["O = trim(I)", "O = rot90(I)", "O = vmirror(I)"]
    assert state.solution == right


def test_both_counts():
    right, wrong = Answer((GRID,), candidate("a", 1.0, 1.0), 1), Answer((OTHER,), candidate("b", 1.0), 9)
    states = [
        TaskState(candidates=(candidate("b", 1.0), candidate("a", 1.0, 1.0)), answers=(wrong, right)),
        TaskState(candidates=(candidate("a", 0.5, 1.0),), answers=(wrong, wrong, right)),
        TaskState(candidates=(candidate("b", 1.0),), answers=(wrong,)),
        TaskState(),
    ]
    point = point_of(states, 2.0)
    assert (point.solved, point.solved_strict) == (2, 1)
    assert (point.solved_by_three_answers, point.solved_by_two_answers) == (2, 1)
    assert point.share == 0.5
