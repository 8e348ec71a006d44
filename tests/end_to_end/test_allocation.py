"""How often tasks are sampled for, by what is known of them."""

import math
from types import SimpleNamespace

from codeit_jax.config import SamplingConfig
from codeit_jax.exploration import Tally, allocation
from codeit_jax.search.ranking import Candidate, Performance
from codeit_jax.search.solutions import SolutionBook, Solutions, Source

# Of each task its candidates: who wrote them, and the share of demonstrations that they give.
CANDIDATES = {
    "unknown": [],
    "near": [(Source.POLICY, 0.5)],
    "near for mutants": [(Source.MUTATION, 1.0)],
    "known once": [(Source.POLICY, 1.0)],
    "known to the expert": [(Source.EVOLUTION, 1.0)] * 3,
    "known": [(Source.POLICY, 1.0)] * 3,
    "known but for one": [(Source.POLICY, 1.0)] * 2 + [(Source.POLICY, 0.5)],
}


def times(kind, test=0.0):
    solutions = Solutions()
    for task_id, candidates in CANDIDATES.items():
        for number, (source, share) in enumerate(candidates):
            solutions.add(task_id, Candidate(f"O = rot{number}(I)", Performance(share, test)), source)
    tasks = [SimpleNamespace(id=task_id) for task_id in CANDIDATES]
    components = SimpleNamespace(search_tasks=tasks, sampling=SamplingConfig(allocation=kind))
    return dict(zip(CANDIDATES, allocation(SimpleNamespace(solutions=solutions), components), strict=True))


def test_in_the_paper_all_tasks_are_alike():
    assert set(times("even").values()) == {1}


def test_adaptively_what_is_near_is_sampled_for_more_and_what_is_known_not_at_all():
    expected = dict.fromkeys(CANDIDATES, 2) | {"unknown": 1, "known": 0}
    assert times("adaptive") == expected


def test_test_outputs_have_no_say():
    assert times("adaptive", test=1.0) == times("adaptive", test=0.0)


def test_of_no_samples_there_are_no_shares():
    assert Tally(SolutionBook(), num_samples=4).share(1) == 0.25
    assert math.isnan(Tally(SolutionBook()).share(0))
