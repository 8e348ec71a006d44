import itertools
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeit_jax.search.ranking import NUM_ANSWERS, Candidate, Performance
from codeit_jax.search.solutions import SolutionBook, Solutions, Source

SHORT, LONG = "O = rot90(I)", "x1 = rot90(I)\nO = rot90(x1)"


def candidate(program, demonstration=1.0, test=0.0, meta_iteration=0):
    return Candidate(program, Performance(demonstration, test), meta_iteration)


def book_of(*candidates, task_id="task"):
    book = SolutionBook()
    for each in candidates:
        book.add(task_id, each)
    return book


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (candidate(LONG, 1.0), candidate(SHORT, 0.5)),
        (candidate(SHORT, 1.0), candidate(LONG, 1.0)),
        (candidate("O = trim(I)"), candidate("O = rot90(I)")),
        # Lines come before characters.
        (candidate("O = objects(I, T, T, F, T)"), candidate("x1 = trim(I)\nO = trim(x1)")),
        (candidate("O = rot180(I)"), candidate("O = rot270(I)")),
        (candidate(SHORT, 1.0, test=0.0), candidate(LONG, 1.0, test=1.0)),
    ],
)
def test_what_comes_first(better, worse):
    assert better.rank < worse.rank
    for order in ((better, worse), (worse, better)):
        assert book_of(*order).candidates("task") == (better, worse)


CANDIDATES = [
    candidate(LONG, 1 / 3),
    candidate(SHORT, 2 / 3),
    candidate("O = rot180(I)", 1.0),
    candidate("O = trim(I)", 1.0),
    candidate("O = tophalf(I)", 1 / 3, test=1.0),
]


@pytest.mark.parametrize("order", list(itertools.permutations(CANDIDATES)))
def test_the_top_three_do_not_depend_on_when_candidates_come(order):
    assert NUM_ANSWERS == 3
    expected = (CANDIDATES[3], CANDIDATES[2], CANDIDATES[1])
    assert book_of(*order).candidates("task") == expected


@given(
    st.lists(
        st.builds(
            candidate,
            st.text("O = rot90(I)\n", min_size=1, max_size=4),
            st.sampled_from([0.25, 0.5, 1.0]),
            st.sampled_from([0.0, 1.0]),
        ),
        unique_by=lambda each: each.program,
    )
)
def test_the_top_three_are_the_first_of_all_sorted(candidates):
    ranked = sorted(candidates, key=lambda each: each.rank)
    assert list(book_of(*candidates).candidates("task")) == ranked[:3]


def test_a_program_is_entered_once():
    first, again = candidate(SHORT, 0.5, meta_iteration=1), candidate(SHORT, 0.5, meta_iteration=2)
    assert book_of(first, again, candidate(LONG)).candidates("task") == (candidate(LONG), first)


def test_tasks_are_kept_apart():
    book = SolutionBook()
    book.add("b", candidate(SHORT))
    book.add("a", candidate(LONG))
    assert book.candidates("a") == (candidate(LONG),)
    assert book.candidates("b") == (candidate(SHORT),)
    assert book.candidates("c") == ()


def test_a_task_is_solved_if_one_of_the_top_three_gives_every_test_output():
    right = candidate(LONG, 0.5, test=1.0)
    better = [candidate(f"O = {name}(I)") for name in ("trim", "rot90", "rot180")]
    assert book_of(*better[:2], right).solved() == {"task": right}
    assert book_of(*better, right).solved() == {}
    assert book_of(candidate(SHORT, test=0.5)).solved() == {}
    assert SolutionBook().solved() == {}


def test_of_several_that_solve_a_task_the_first_counts():
    first, second = candidate(SHORT, test=1.0), candidate(LONG, test=1.0)
    assert book_of(second, first).solved() == {"task": first}


def test_a_solution_may_be_displaced_by_better_ranked_candidates():
    book = book_of(candidate(LONG, 0.5, test=1.0))
    assert book.solved()
    for name in ("trim", "rot90", "rot180"):
        book.add("task", candidate(f"O = {name}(I)"))
    assert not book.solved()


def random_book(seed=0):
    rng, book = random.Random(seed), SolutionBook()
    for number in range(60):
        program = f"O = rot{number}(I)" + "\n" * rng.randrange(3)
        each = candidate(program, rng.choice([0.5, 1.0]), rng.choice([0.0, 1.0]), number)
        book.add(f"task{rng.randrange(9)}", each)
    return book


def test_a_book_is_restored_from_its_state():
    book = random_book()
    restored = SolutionBook.from_state(json.loads(json.dumps(book.state())))
    assert restored.state() == book.state()
    assert restored.solved() == book.solved()
    for number in range(10):
        assert restored.candidates(f"task{number}") == book.candidates(f"task{number}")
    newcomer = candidate("O = trim(I)", 1.0, 1.0)
    for each in (book, restored):
        each.add("task1", newcomer)
    assert restored.state() == book.state()


def test_a_state_is_not_changed_by_what_comes_later():
    book = book_of(candidate(LONG))
    state = book.state()
    text = json.dumps(state)
    book.add("task", candidate(SHORT))
    assert json.dumps(state) == text


def test_a_restored_book_leaves_the_state_alone():
    state = book_of(candidate(LONG)).state()
    text = json.dumps(state)
    SolutionBook.from_state(state).add("task", candidate(SHORT))
    assert json.dumps(state) == text


def solutions_by_two():
    solutions = Solutions()
    solutions.add("both", candidate(LONG, test=1.0), Source.EVOLUTION)
    solutions.add("both", candidate(SHORT, test=1.0, meta_iteration=4), Source.POLICY)
    solutions.add("mutants", candidate(SHORT, 2 / 3, 1.0, 5), Source.MUTATION)
    solutions.add("mutants", candidate(LONG, 1 / 3, 0.0, 6), Source.POLICY)
    solutions.add("policys", candidate(SHORT, test=1.0), Source.POLICY)
    solutions.add("nobodys", candidate(SHORT), Source.POLICY)
    return solutions


def test_what_is_written_of_the_solutions():
    solutions = solutions_by_two()
    written = json.loads(json.dumps(solutions.to_json()))
    assert list(written) == ["both", "mutants", "policys"]
    assert written["mutants"] == {
        "program": SHORT,
        "demonstration_performance": 2 / 3,
        "test_performance": 1.0,
        "meta_iteration": 5,
        "found_by": "mutation",
        "solved_by": ["mutation"],
        "history": [],
    }
    assert (written["both"]["found_by"], written["both"]["program"]) == ("policy", SHORT)
    assert written["both"]["solved_by"] == ["policy", "evolution"]


@pytest.mark.parametrize(("policys", "first"), [(2, "policy"), (3, "policy"), (4, "evolution")])
def test_who_wrote_a_program_first_found_it(policys, first):
    solutions = Solutions()
    for source, number in ((Source.EVOLUTION, 3), (Source.POLICY, policys), (Source.EVOLUTION, 5)):
        solutions.add("task", candidate(SHORT, test=1.0, meta_iteration=number), source)
    assert solutions.to_json()["task"]["found_by"] == first


def test_the_history_of_a_task_is_what_solved_it_when_meta_iterations_were_done():
    solutions, counts = Solutions(), []
    for number, (source, program) in enumerate(
        [(Source.EVOLUTION, LONG), (Source.POLICY, LONG), (Source.POLICY, SHORT), (Source.MUTATION, LONG)]
    ):
        # Within a meta-iteration nothing is noted, in whatever order candidates come.
        solutions.add("task", candidate("x1 = trim(I)\n" + LONG, 0.5, 1.0, number), Source.MUTATION)
        solutions.add("task", candidate(program, test=1.0, meta_iteration=number), source)
        counts.append(solutions.note_solved())
    assert counts == [(1, 0), (0, 0), (0, 1), (0, 0)]  # tasks solved for the first time, and shortened
    first = solutions.state()["history"]["task"][0]
    assert set(map(type, first.values())) == {str, int}  # as checkpoints take them
    solutions = Solutions.from_state(json.loads(json.dumps(solutions.state())))
    assert solutions.note_solved() == (0, 0)
    assert solutions.to_json()["task"]["history"] == [
        {"program": LONG, "meta_iteration": 0, "found_by": "evolution"},
        {"program": SHORT, "meta_iteration": 2, "found_by": "policy"},
    ]
    assert solutions.state()["history"] == {"task": solutions.to_json()["task"]["history"]}


def test_sources_are_counted_apart():
    solutions = solutions_by_two()
    counts = {source: (solutions.num_solved(source), solutions.num_solved_only(source)) for source in Source}
    assert counts == {Source.POLICY: (2, 1), Source.MUTATION: (1, 1), Source.EVOLUTION: (1, 0)}


def test_one_source_may_solve_what_all_together_do_not():
    solutions = Solutions()
    solutions.add("task", candidate(LONG, 0.5, test=1.0), Source.EVOLUTION)
    for name in ("trim", "rot90", "rot180"):
        solutions.add("task", candidate(f"O = {name}(I)"), Source.POLICY)
    assert solutions.to_json() == {}
    assert solutions.num_solved(Source.EVOLUTION) == 1


def test_solutions_are_restored_from_their_state():
    solutions = solutions_by_two()
    restored = Solutions.from_state(json.loads(json.dumps(solutions.state())))
    assert restored.state() == solutions.state()
    assert restored.to_json() == solutions.to_json()
    earlier = Solutions.from_state(solutions.all.state())
    assert earlier.all.solved() == solutions.all.solved()
    assert {each["found_by"] for each in earlier.to_json().values()} == {None}


def test_the_bound_is_what_a_new_candidate_has_to_come_before():
    book = SolutionBook()
    ranks = []
    for number, performance in enumerate((0.5, 1.0, 0.25)):
        assert book.bound("task") is None
        candidate = Candidate(f"O = x{number}(I)", Performance(performance, 0.0))
        ranks.append(candidate.rank)
        book.add("task", candidate)
    assert book.bound("task") == max(ranks) == (-0.25, 0, 9, "O = x2(I)")
    assert book.bound("other") is None
    book.add("task", Candidate("O = better(I)", Performance(0.75, 0.0)))
    assert book.bound("task") == (-0.5, 0, 9, "O = x0(I)")
    assert book.programs() == {"O = x0(I)", "O = x1(I)", "O = better(I)"}
