"""Every rule against one that tries everything, on small sets of programs drawn at random."""

import dataclasses
import itertools
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeit_jax.arc import Pair, Task
from codeit_jax.results.scoring import (
    ProgramResult,
    TaskResult,
    best_candidates,
    choose_attempts,
    numbers_of_samples,
    pass_at_k,
    prize_score,
    score_task,
    summarize,
    summarize_concepts,
)
from codeit_jax.search.ranking import Candidate, Performance
from codeit_jax.search.solutions import SolutionBook

GRIDS = [((colour,),) for colour in range(4)]
PAIR = Pair(((9,),), ((9,),))


def make_task(outputs, task_id="task", concept=""):
    return Task(task_id, (PAIR,), tuple(Pair(((8,),), output) for output in outputs), concept)


def program(name, demonstration, *outputs, num_samples=1):
    return ProgramResult(f"O = {name}(I)", demonstration, outputs, num_samples)


@st.composite
def results(draw, concepts=("",)):
    """A task of one to three test inputs, and what distinct programs give for them."""
    outputs = draw(st.lists(st.sampled_from(GRIDS), min_size=1, max_size=3))
    given_outputs = st.tuples(*[st.sampled_from([*GRIDS, None])] * len(outputs))
    texts = draw(st.lists(st.text("ab\n", max_size=4), unique=True, max_size=7))
    programs = [
        ProgramResult(
            text,
            draw(st.sampled_from([0.0, 0.5, 1.0])),
            draw(given_outputs),
            draw(st.integers(1, 3)),
        )
        for text in texts
    ]
    num_samples = sum(each.num_samples for each in programs) + draw(st.integers(0, 2))
    task = make_task(outputs, concept=draw(st.sampled_from(concepts)))
    return TaskResult(task, max(1, num_samples), tuple(programs))


def in_order(programs):
    """All candidates by the paper's rule, written out anew."""
    found = [each for each in programs if each.demonstration_performance > 0]
    return sorted(
        found,
        key=lambda each: (
            -each.demonstration_performance,
            len(each.program.split("\n")),
            len(each.program),
            each.program,
        ),
    )


@given(st.integers(1, 9), st.data())
def test_pass_at_k_is_the_share_of_all_subsets_with_a_right_sample(num_samples, data):
    num_right = data.draw(st.integers(0, num_samples))
    k = data.draw(st.integers(1, num_samples))
    samples = [number < num_right for number in range(num_samples)]
    subsets = list(itertools.combinations(samples, k))
    expected = Fraction(sum(map(any, subsets)), len(subsets))
    assert pass_at_k(num_samples, num_right, k) == float(expected)


@given(st.integers(1, 3000), st.data())
def test_pass_at_k_of_many_samples_is_as_the_product_has_it(num_samples, data):
    num_right = data.draw(st.integers(0, num_samples))
    k = data.draw(st.integers(1, num_samples))
    missed = Fraction(1)
    for number in range(num_samples - num_right + 1, num_samples + 1):  # Chen et al. (2021), figure 3
        missed *= 1 - Fraction(k, number)
    assert pass_at_k(num_samples, num_right, k) == float(1 - missed)
    assert 0 <= pass_at_k(num_samples, num_right, k) <= 1


def test_a_chance_that_is_small_is_not_lost():
    assert pass_at_k(10**6, 1, 1) == 1e-6
    assert pass_at_k(2, 0, 2) == 0
    assert pass_at_k(2, 1, 2) == 1


@pytest.mark.parametrize(("num_samples", "num_right", "k"), [(3, 1, 0), (3, 1, 4), (3, 4, 1), (3, -1, 1)])
def test_pass_at_k_of_samples_that_are_not_there(num_samples, num_right, k):
    with pytest.raises(ValueError, match=f"no pass@{k} of 3 samples"):
        pass_at_k(num_samples, num_right, k)


def test_the_numbers_of_samples():
    assert numbers_of_samples(1) == (1,)
    assert numbers_of_samples(8) == (1, 2, 4, 8)
    assert numbers_of_samples(24) == (1, 2, 4, 8, 16, 24)


@given(results())
def test_a_task_is_solved_as_in_a_run(result):
    book = SolutionBook()
    goals = result.task.test_outputs
    for each in result.programs:
        if each.demonstration_performance > 0:
            right = sum(given == goal for given, goal in zip(each.outputs, goals, strict=True))
            performance = Performance(each.demonstration_performance, right / len(goals))
            book.add("task", Candidate(each.program, performance))
    three = [candidate.program for candidate in book.candidates("task")]
    assert [each.program for each in best_candidates(result.programs)] == three
    assert score_task(result).is_solved == ("task" in book.solved())


@given(results())
def test_each_attempt_is_better_than_any_grid_left_out(result):
    attempts = choose_attempts(result.task, result.programs)
    ranked = in_order(result.programs)
    for place, grids in enumerate(attempts):
        by_grid = {}
        for each in ranked:
            if each.outputs[place] is not None:
                by_grid.setdefault(each.outputs[place], []).append(each)

        def beats(one, other, by_grid=by_grid):
            ones, others = by_grid[one], by_grid[other]
            if ones[0].demonstration_performance != others[0].demonstration_performance:
                return ones[0].demonstration_performance > others[0].demonstration_performance
            support, other_support = (
                len(each) * Fraction(3, 4) ** each[0].program.count("\n") for each in (ones, others)
            )
            if support != other_support:
                return support > other_support
            return ranked.index(ones[0]) < ranked.index(others[0])

        assert len(grids) == min(2, len(by_grid))
        assert len(set(grids)) == len(grids)
        left_out = [grid for grid in by_grid if grid not in grids]
        assert all(beats(grid, other) for grid in grids for other in left_out)
        assert len(grids) < 2 or beats(*grids)


@given(results())
def test_a_task_by_every_rule(result):
    score = score_task(result)
    goals = result.task.test_outputs
    samples = [each.outputs == goals for each in result.programs for _ in range(each.num_samples)]
    assert score.num_right == sum(samples)
    three = in_order(result.programs)[:3]
    attempts = choose_attempts(result.task, result.programs)
    by_three = [any(each.outputs[place] == goal for each in three) for place, goal in enumerate(goals)]
    by_two = [goal in grids for goal, grids in zip(goals, attempts, strict=True)]
    assert list(score.inputs_by_candidates) == by_three
    assert list(score.inputs_by_attempts) == by_two
    assert score.prize_score == sum(by_two) / len(by_two) == prize_score(result.task, attempts)


@given(results())
def test_test_outputs_do_not_choose_the_attempts(result):
    scrambled = make_task([((7,),)] * len(result.task.test))
    assert choose_attempts(scrambled, result.programs) == choose_attempts(result.task, result.programs)


@given(st.lists(results(concepts=("", "above", "below")), min_size=1, max_size=4))
def test_sets_of_tasks_are_summed_up_and_concepts_apart(found):
    scores = [score_task(result) for result in found]
    summary = summarize(scores)
    assert summary.num_tasks == len(found)
    assert summary.solved == sum(score.is_solved for score in scores)
    assert summary.num_inputs == sum(len(result.task.test) for result in found)
    assert summary.inputs_by_candidates == sum(sum(score.inputs_by_candidates) for score in scores)
    assert summary.inputs_by_attempts == sum(sum(score.inputs_by_attempts) for score in scores)
    assert summary.prize_score == pytest.approx(sum(score.prize_score for score in scores) / len(scores))
    assert summary.solved_by_attempts == sum(score.prize_score == 1 for score in scores)
    fewest = min(score.num_samples for score in scores)
    assert max(summary.pass_at) == fewest
    first = [pass_at_k(score.num_samples, score.num_right, 1) for score in scores]
    assert summary.pass_at[1] == pytest.approx(math.fsum(first) / len(first))
    assert list(summary.pass_at.values()) == sorted(summary.pass_at.values())
    concepts = {score.concept for score in scores} - {""}
    assert summarize_concepts(scores) == {
        concept: summarize([score for score in scores if score.concept == concept])
        for concept in sorted(concepts)
    }


def test_of_no_tasks_there_is_no_score():
    with pytest.raises(ValueError, match="no tasks to score"):
        summarize([])
    assert summarize_concepts([]) == {}


def test_programs_that_agree_outvote_a_shorter_one_but_not_a_better_one():
    right, other, third = GRIDS[:3]
    task = make_task([right])
    agreeing = [program("rot180", 0.5, other), program("cmirror", 0.5, other)]
    assert choose_attempts(task, [program("trim", 0.5, right), *agreeing]) == ((other, right),)
    assert choose_attempts(task, [program("underfill", 1.0, right), *agreeing]) == ((right, other),)
    # However often one program was sampled, it has one vote.
    many = program("underfill", 0.5, third, num_samples=9)
    assert choose_attempts(task, [many, program("trim", 0.5, right), *agreeing]) == ((other, right),)


def test_attempts_at_one_test_input_may_be_of_other_programs_than_those_at_another():
    one, two, three, four = GRIDS
    task = make_task([two, four])
    programs = [program("a", 1.0, one, None), program("b", 1.0, two, None), program("c", 0.5, three, four)]
    assert choose_attempts(task, programs) == ((one, two), (four,))
    assert prize_score(task, choose_attempts(task, programs)) == 1
    assert choose_attempts(task, []) == ((), ())


def test_programs_without_a_demonstration_are_no_candidates_but_count_as_samples():
    task = make_task([GRIDS[0]])
    result = TaskResult(task, 4, (program("a", 0.0, GRIDS[0], num_samples=2),))
    score = score_task(result)
    assert (score.num_right, score.is_solved, score.prize_score) == (2, False, 0)


def test_the_prize_takes_two_attempts_for_each_test_input_and_knows_its_output():
    task = make_task([GRIDS[0], GRIDS[1]])
    assert prize_score(task, [[GRIDS[2], GRIDS[0]], [GRIDS[2]]]) == 0.5
    for attempts in ([[]], [[], [], []], [GRIDS[:3], []]):
        with pytest.raises(ValueError, match="task: must have up to 2 attempts for each of 2 test inputs"):
            prize_score(task, attempts)
    withheld = dataclasses.replace(task, test=(*task.test, Pair(((8,),), None)))
    for unknown in (withheld, dataclasses.replace(task, test=())):
        with pytest.raises(ValueError, match="task: its test outputs are not known"):
            prize_score(unknown, [[]] * len(unknown.test))
    assert not program("a", 1.0, GRIDS[0], GRIDS[1], None).is_right(withheld)
