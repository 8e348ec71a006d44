"""Answers are ranked by demonstrations, and then by agreement against length."""

import math

from hypothesis import given
from hypothesis import strategies as st

from codeit_jax.search.ranking import answer_rank, rank

programs = st.lists(st.sampled_from("abc"), min_size=1, max_size=9).map("\n".join)
answers = st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.integers(1, 10**6), programs)


@given(answers, answers)
def test_more_support_comes_first_among_equal_demonstrations(one, other):
    def support(answer):
        return math.log(answer[1]) - math.log(4 / 3) * answer[2].count("\n")

    if one[0] != other[0]:
        assert (answer_rank(*one) < answer_rank(*other)) == (one[0] > other[0])
    elif abs(support(one) - support(other)) > 1e-9:
        assert (answer_rank(*one) < answer_rank(*other)) == (support(one) > support(other))


@given(st.sampled_from([0.0, 0.5, 1.0]), st.integers(1, 10**6), programs, programs)
def test_of_equal_support_they_are_sorted_as_candidates(performance, num_programs, one, other):
    if one.count("\n") == other.count("\n"):
        ranks = (answer_rank(performance, num_programs, each) for each in (one, other))
        assert (next(ranks) < next(ranks)) == (rank(performance, one) < rank(performance, other))
