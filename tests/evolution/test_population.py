import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeit_jax.dsl import parse_program
from codeit_jax.evolution.population import Individual, Population, best_candidates

SHORT, LONG = parse_program("O = vmirror(I)"), parse_program("x1 = hmirror(I)\nO = rot180(x1)")


def individual(number, errors, program=SHORT):
    return Individual(program, (((number,),),) * len(errors), tuple(errors))


def filled(capacity, all_errors):
    population = Population(capacity, len(all_errors[0]))
    for number, errors in enumerate(all_errors):
        population.add(individual(number, errors))
    population.trim(excess=1e9)
    return population


def test_the_shortest_of_those_that_behave_alike_stays():
    one = individual(0, [0.5], LONG)
    one.meet(parse_program("x1 = rot90(I)\nx2 = rot90(x1)\nO = rot90(x2)"))
    assert (one.program, one.num_programs) == (LONG, 2)
    one.meet(SHORT)
    assert (one.program, one.num_programs) == (SHORT, 3)


@given(
    st.integers(2, 9),
    st.integers(1, 3).flatmap(
        lambda count: st.lists(
            st.lists(st.sampled_from([0.0, 0.3, 1.5, 2.0]), min_size=count, max_size=count),
            min_size=1,
            max_size=40,
        )
    ),
)
def test_the_nearest_and_the_specialists_are_kept(capacity, all_errors):
    population = filled(capacity, all_errors)
    before = population.ranked
    population.trim(excess=1)
    assert len(population) == min(capacity, len(before))
    kept = {id(each) for each in population.ranked}
    assert {id(each) for each in before[: capacity // 2]} <= kept
    if capacity - capacity // 2 >= len(all_errors[0]):
        for place in range(len(all_errors[0])):
            least = min(each.errors[place] for each in before)
            assert any(each.errors[place] == least for each in population.ranked)


def test_nothing_goes_while_there_are_few():
    population = filled(4, [[0.1 * number] for number in range(6)])
    population.trim()
    assert len(population) == 6
    population.add(individual(6, [0.6]))
    population.trim()
    assert len(population) == 4
    assert population.limit == pytest.approx(0.3)


def test_by_demonstrations_a_specialist_is_selected_that_an_average_loses():
    generalists = [[0.5 + 0.05 * number, 0.5] for number in range(20)]
    population = filled(50, [*generalists, [0.0, 3.0]])
    rng = random.Random(0)
    by_demonstrations = [population.select(rng, 1.0).errors for _ in range(200)]
    assert 60 < by_demonstrations.count((0.0, 3.0)) < 140
    by_rank = [population.select(rng, 0.0).errors for _ in range(200)]
    assert by_rank.count((0.0, 3.0)) < 20
    assert by_rank.count((0.5, 0.5)) > 20


def test_candidates_are_ranked_as_in_the_paper():
    found = [
        individual(0, [0.0, 0.5], LONG),
        individual(1, [0.0, 0.9], SHORT),
        individual(2, [0.1, 0.1]),
        individual(3, [0.0, 0.0], LONG),
    ]
    assert best_candidates(found, 3) == [found[3], found[1], found[0]]
    assert best_candidates(found, 1) == [found[3]]
