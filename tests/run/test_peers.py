"""What the processes of a run agree on, with threads in their place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeit_jax.errors import UserError
from codeit_jax.run.agreement import Agreement, check_equal
from codeit_jax.run.peers import ALONE, by_first

from ..peers_of_threads import Told, together

_LEAD = 3  # updates that a process may be ahead of another; see `learner`


def test_the_first_alone_does_it_and_all_have_what_came_of_it() -> None:
    done: list[int] = []

    def run(peers) -> str:
        return by_first(peers, lambda: done.append(peers.number) or f"by {peers.number}")

    assert together(3, run) == ["by 0"] * 3
    assert done == [0]


def test_what_the_first_is_refused_is_refused_to_all() -> None:
    def refuse() -> None:
        raise UserError("--workdir=x: no")

    refused = together(3, lambda peers: by_first(peers, refuse))
    assert [(type(error), str(error)) for error in refused] == [(UserError, "--workdir=x: no")] * 3
    with pytest.raises(UserError, match="no"):
        by_first(ALONE, refuse)


def test_one_alone_pauses_when_it_wants_to() -> None:
    agreement = Agreement(ALONE)
    assert [agreement.is_due(wanted) for wanted in (False, True, False)] == [False, True, False]


@given(
    count=st.integers(2, 4),
    order=st.lists(st.integers(0, 3), max_size=120),
    wishes=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 40)), min_size=1, max_size=5),
)
def test_all_pause_after_the_same_update_however_far_they_are_from_each_other(count, order, wishes) -> None:
    """Processes take updates in any order, within the lead that one may have."""
    agreements = [Agreement(peers) for peers in Told(count).peers()]
    num_updates = [0] * count
    pauses: list[list[int]] = [[] for _ in range(count)]
    for place in [number % count for number in order] + [*range(count)] * 60:
        if num_updates[place] >= 60 or num_updates[place] - min(num_updates) > _LEAD:
            continue
        num_updates[place] += 1
        is_wanted = any(number % count == place and at == num_updates[place] for number, at in wishes)
        if agreements[place].is_due(is_wanted):
            pauses[place].append(num_updates[place])
    assert all(each == pauses[0] for each in pauses)
    assert pauses[0]


def test_a_process_that_has_come_to_something_else_is_named() -> None:
    def run(peers) -> None:
        state = {"a": [1, None], "b": np.arange(3 + (peers.number == 2))}
        check_equal(peers, state, "meta-iteration 4")

    assert {str(error) for error in together(4, run)} == {
        "meta-iteration 4: process 2 of 4 has come to another state than the others"
    }
    assert together(3, lambda peers: check_equal(peers, {"a": 1}, "meta-iteration 4")) == [None] * 3
