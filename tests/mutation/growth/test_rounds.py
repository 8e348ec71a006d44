import dataclasses
import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeit_jax.arc import is_grid, load_tasks, num_cells
from codeit_jax.config import Depth, ExecutionConfig
from codeit_jax.dsl import load_training_programs, parse_program, without_dead_lines
from codeit_jax.dsl.program_files import fingerprint
from codeit_jax.execution import Budget, Evaluator
from codeit_jax.execution.host import start_pool
from codeit_jax.mutation.growth import rounds as growth
from codeit_jax.mutation.growth.drawing import RANDOM, Fate
from codeit_jax.mutation.growth.rounds import (
    Population,
    Recipe,
    draw_round,
    draws_per_parent,
    num_draws,
)
from codeit_jax.mutation.mutate import Mutator
from codeit_jax.mutation.parents import MutationParent


@pytest.fixture(scope="module")
def parents():
    programs = load_training_programs()
    smallest = sorted(
        load_tasks("arc1/training"), key=lambda task: sum(map(num_cells, task.demonstration_inputs))
    )
    return tuple(
        MutationParent(task.id, task.demonstration_inputs, without_dead_lines(programs[task.id]))
        for task in smallest[:6]
    )


@pytest.fixture(scope="module")
def pool():
    with start_pool([], ExecutionConfig(num_workers=1, budget=Budget())) as pool:
        yield pool


def recipe(parents, depth, seed=0):
    if depth is Depth.RANDOM:
        parents = tuple(dataclasses.replace(parent, program=None) for parent in parents)
    return Recipe(parents, depth, seed, Mutator(new_line_share=0.1))


def grow_rounds(pool, recipe, num_rounds):
    """Returns the draws of some rounds, and the texts of the programs accepted in them."""
    population, texts, rounds = Population(recipe), [], []

    def read_programs(indices):
        return [texts[index] for index in indices]

    for number in range(num_rounds):
        rounds.append(draw_round(pool, recipe, population, read_programs, number))
        accepted = [each for each in rounds[-1] if each.draw.fate is Fate.ACCEPTED]
        texts += [each.draw.text for each in accepted]
        population.add(
            [fingerprint(text) for text in texts[len(population) :]], [each.family for each in accepted]
        )
    assert len(population) == len(texts)
    return rounds, texts


@pytest.mark.parametrize("depth", Depth)
def test_programs_are_new_and_make_a_task(pool, parents, depth):
    rounds, texts = grow_rounds(pool, recipe(parents, depth), 3)
    assert len(set(texts)) == len(texts) > 60
    known = {str(parent.program) for parent in parents}
    assert depth is Depth.RANDOM or not known & set(texts)
    evaluator = Evaluator()
    for each in (each for drawn in rounds for each in drawn if each.draw.fate is Fate.ACCEPTED):
        inputs = parents[each.family].inputs
        program = parse_program(each.draw.text)
        outputs = tuple(evaluator.run(program, grid).output for grid in inputs)
        assert all(map(is_grid, outputs))
        assert outputs != inputs
        assert (each.draw.kind == RANDOM) == (depth is Depth.RANDOM)


@pytest.mark.parametrize("depth", Depth)
def test_neither_the_number_of_workers_nor_how_jobs_are_cut_shows(pool, parents, depth, monkeypatch):
    expected = grow_rounds(pool, recipe(parents, depth), 2)
    for num_workers in (1, 2):
        with start_pool([], ExecutionConfig(num_workers=num_workers, budget=Budget())) as workers:
            assert grow_rounds(workers, recipe(parents, depth), 2) == expected
    monkeypatch.setattr(growth, "MAX_DRAWS_PER_JOB", 11)
    assert grow_rounds(pool, recipe(parents, depth), 2) == expected


def test_the_seed_decides(pool, parents):
    for depth in Depth:
        texts = grow_rounds(pool, recipe(parents, depth), 1)[1]
        assert grow_rounds(pool, recipe(parents, depth, seed=1), 1)[1] != texts


def test_at_depth_one_any_beginning_is_spread_over_the_parents(pool, parents):
    rounds, _ = grow_rounds(pool, recipe(parents, Depth.ONE), 3)
    drawn = [each for drawn in rounds for each in drawn]
    assert [each.draw.number for each in drawn] == list(range(len(drawn)))
    assert [each.family for each in drawn] == [number % len(parents) for number in range(len(drawn))]
    assert {each.parent for each in drawn} == {None}


def test_at_infinite_depth_mutants_are_mutated(pool, parents):
    rounds, _ = grow_rounds(pool, recipe(parents, Depth.INFINITE), 3)
    assert {each.parent for each in rounds[0]} == {None}
    num_earlier = sum(each.draw.fate is Fate.ACCEPTED for drawn in rounds[:2] for each in drawn)
    mutated = Counter(each.parent for each in rounds[2])
    share = mutated.pop(None) / num_draws(recipe(parents, Depth.INFINITE), 2)
    # Each training program and each mutant of earlier rounds is as likely as any other.
    assert share == pytest.approx(len(parents) / (len(parents) + num_earlier), abs=0.05)
    assert max(mutated) < num_earlier
    assert len(mutated) > 0.5 * num_earlier
    families = [each.family for drawn in rounds for each in drawn if each.draw.fate is Fate.ACCEPTED]
    for each in rounds[2]:
        assert each.parent is None or each.family == families[each.parent]


def test_mutants_of_mutants_go_further_than_those_of_parents(pool, parents):
    deep = grow_rounds(pool, recipe(parents, Depth.INFINITE), 4)[1]
    shallow = grow_rounds(pool, recipe(parents, Depth.ONE), 4)[1]
    assert changed_lines(deep, parents) > 1.2 * changed_lines(shallow, parents)


def changed_lines(texts, parents):
    """On average, the calls of primitives that the closest of the parents has not."""
    known = [Counter(call.function for call in parent.program.calls) for parent in parents]
    counts = [Counter(call.function for call in parse_program(text).calls) for text in texts]
    return np.mean([min((count - each).total() for each in known) for count in counts])


def test_rounds_grow_up_to_a_size():
    sizes = [draws_per_parent(number) for number in range(60)]
    assert sizes[0] == growth.FIRST_DRAWS_PER_PARENT
    assert sizes == sorted(sizes)
    assert sizes[-1] == growth.MAX_DRAWS_PER_PARENT


def test_progress_is_told(pool, parents):
    told = []
    one = recipe(parents, Depth.ONE)
    draw_round(pool, one, Population(one), lambda _: [], 0, told.append)
    assert sum(told) == num_draws(one, 0)


def test_when_nothing_is_left_nothing_is_accepted(pool):
    parent = MutationParent("a", (((5,),), ((1,),)), parse_program("O = canvas(ONE, UNITY)"))
    rounds, texts = grow_rounds(pool, Recipe((parent,), mutator=Mutator(1, 0)), 8)
    assert len(texts) == 11
    assert {each.draw.fate for each in rounds[-1]} == {Fate.DUPLICATE}


def test_draws_that_were_given_up_are_counted_as_such(pool, parents):
    class Stopping:
        """Gives nothing for the family that comes first."""

        def map_ordered(self, function, payloads, **_):
            taken = list(payloads)
            for payload, result in zip(taken, pool.map_ordered(function, taken), strict=True):
                yield result if payload.task_id != parents[0].task_id else []

    one = recipe(parents, Depth.ONE)
    drawn = draw_round(Stopping(), one, Population(one), lambda _: [], 0)
    assert [each.draw.number for each in drawn] == list(range(len(drawn)))
    assert {each.draw.fate for each in drawn if each.family == 0} == {Fate.STOPPED}
    assert Fate.STOPPED not in {each.draw.fate for each in drawn if each.family != 0}
    kinds = [each.draw.kind for each in drawn if each.family == 0]
    whole = draw_round(pool, one, Population(one), lambda _: [], 0)
    assert kinds == [each.draw.kind for each in whole if each.family == 0]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.integers(0, 40), max_size=12), max_size=6), st.integers(0, 2**32))
def test_the_population_knows_what_was_added(batches, seed):
    one = Recipe((MutationParent("a", (((1,),),), parse_program("O = vmirror(I)")),))
    own = fingerprint("O = vmirror(I)")
    rng, population, seen = random.Random(seed), Population(one), {own}
    stretch = lambda number: (own + number) % 2**64  # noqa: E731
    families = []
    for batch in batches:
        prints = list(map(stretch, batch))
        expected = [each not in seen and each not in prints[:place] for place, each in enumerate(prints)]
        assert population.are_new(prints).tolist() == expected
        new = [each for each, is_new in zip(prints, expected, strict=True) if is_new]
        population.add(new, [rng.randrange(3) for _ in new])
        families += [population.family_of(index) for index in range(len(families), len(population))]
        seen.update(new)
    assert len(population) == len(seen) - 1
    known = [np.frombuffer(population.known(family), np.uint64).tolist() for family in range(3)]
    assert set().union(*known) == seen
    assert [len(each) for each in known] == [families.count(0) + 1, families.count(1), families.count(2)]


def test_a_population_is_small():
    one = Recipe((MutationParent("a", (((1,),),), parse_program("O = vmirror(I)")),))
    population = Population(one)
    population.add(range(100_000), [0] * 100_000)
    arrays = [value for value in vars(population).values() if isinstance(value, np.ndarray)]
    assert sum(array.nbytes for array in arrays) <= 20 * 100_001 + 8


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda parent: Recipe(()), "nothing to grow"),
        (lambda parent: Recipe((parent,), Depth.RANDOM), "random programs are drawn for tasks"),
        (lambda parent: Recipe((dataclasses.replace(parent, program=None),)), "mutants from programs"),
        (
            lambda parent: dataclasses.replace(parent, program=parse_program("x1 = rot90(I)\nO = rot90(I)")),
            "has dead lines",
        ),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(parents, make, message):
    with pytest.raises(ValueError, match=message):
        make(parents[0])
