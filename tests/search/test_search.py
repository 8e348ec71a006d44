"""What a search finds is what running every program on every pair would have found."""

import logging
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeit_jax.arc import Pair, Task, load_tasks, num_cells
from codeit_jax.config import ExecutionConfig
from codeit_jax.dsl import load_training_programs, parse_program
from codeit_jax.dsl.program import Program
from codeit_jax.dsl.signatures import SIGNATURES
from codeit_jax.execution import Budget, Evaluator
from codeit_jax.execution.attempt import HostContext, attempt_task
from codeit_jax.execution.host import start_pool
from codeit_jax.mutation.random_program import random_program
from codeit_jax.search import search as search_module
from codeit_jax.search.ranking import NUM_ANSWERS, Performance, rank
from codeit_jax.search.search import (
    Hit,
    SearchJob,
    num_search_jobs,
    pack_programs,
    search,
    search_task,
    search_together,
)
from codeit_jax.search.verification import give_outputs, performance_of

GIBIBYTE = 1 << 30
LARGE = 10**15
NO_BUDGET = Budget(max_work=LARGE, max_items=LARGE, max_weight=LARGE, max_magnitude=LARGE)
# A program that the budget above would let run for hours.
ENDLESS = "x1 = multiply(TEN, TEN)\nx2 = multiply(x1, x1)\nx3 = multiply(x2, x2)\nx4 = multiply(x3, x1)\n"
ENDLESS += "x5 = power(identity, x4)\nO = x5(I)"
VMIRROR, HMIRROR, IDENTITY, SIZE = "O = vmirror(I)", "O = hmirror(I)", "O = identity(I)", "O = size(I)"

A, B, C = ((1, 2),), ((3, 4),), ((5, 5),)  # C is its own mirror image
MIRRORED = {A: ((2, 1),), B: ((4, 3),), C: C}


def task(train, test, name="task"):
    """A task to mirror grids; an output given in place of the mirrored one stands."""

    def pair(item):
        grid, output = item if isinstance(item, list) else (item, MIRRORED[item])
        return Pair(grid, output)

    return Task(name, tuple(map(pair, train)), tuple(map(pair, test)))


def programs(*texts):
    return tuple(map(parse_program, texts))


def search_one(context, chunk, task_index=0, bound=None):
    with tempfile.TemporaryDirectory() as folder:
        path = pack_programs(chunk, Path(folder, "programs"))
        return search_task(context, SearchJob(path, task_index, bound))


def searched(task, texts, bound=None, budget=None):
    return search_one(HostContext((task,), budget or Budget()), programs(*texts), bound=bound)


# By example


def test_programs_that_give_some_demonstration_are_ranked_by_how_many():
    result = searched(task([A, C, B], [B, C]), (SIZE, IDENTITY, VMIRROR))
    assert result.hits == (Hit(0, 2, Performance(1.0, 1.0)), Hit(0, 1, Performance(1 / 3, 0.5)))
    assert (result.num_programs, result.num_runs, result.num_left_out) == (3, 9, 0)


def test_of_equal_performance_the_shorter_come_first_and_three_are_kept():
    longer = "x1 = identity(I)\nO = vmirror(x1)"
    three = ("x1 = rot90(I)\nx2 = rot90(x1)\nO = hmirror(x2)", longer, VMIRROR, IDENTITY, "O = rot180(I)")
    result = searched(task([A], [B]), three)
    assert [hit.program_index for hit in result.hits] == [4, 2, 1]


def test_a_task_without_candidates():
    assert searched(task([[A, A], [B, B]], [B]), (VMIRROR, SIZE)).hits == ()


def test_withheld_test_outputs_count_as_not_given():
    assert searched(task([A], [B, [C, None]]), (VMIRROR,)).hits == (Hit(0, 0, Performance(1.0, 0.5)),)
    assert searched(task([A], [[B, None]]), (VMIRROR,)).hits == (Hit(0, 0, Performance(1.0, 0.0)),)
    assert searched(task([A], []), (VMIRROR,)).hits == (Hit(0, 0, Performance(1.0, 0.0)),)


def test_a_search_and_an_attempt_agree_to_the_last_bit():
    for count in range(1, 12):
        for right in range(1, count + 1):
            one = task([C] * right + [A] * (count - right), [C, A, C])
            (attempt,) = attempt_task(HostContext((one,), Budget()), (0, (IDENTITY,)))
            (hit,) = searched(one, (IDENTITY,)).hits
            assert hit.performance.demonstration == attempt.demonstration_performance == right / count
            assert hit.performance.test == attempt.test_performance


def test_what_cannot_come_before_the_bound_is_not_run():
    longer = "x1 = identity(I)\nO = vmirror(x1)"
    result = searched(task([A, B], [B]), (longer, VMIRROR, HMIRROR), bound=rank(1.0, VMIRROR))
    assert [hit.program_index for hit in result.hits] == [1]
    assert result.num_skipped == 1
    # The other fails on the first demonstration, and the bound asks for both.
    assert result.num_runs == 3
    halfway = searched(task([A, B], [B]), (longer,), bound=rank(0.5, VMIRROR))
    assert (halfway.num_skipped, halfway.num_runs) == (0, 2)


def test_a_bound_is_never_raised():
    giving_the_first = (HMIRROR, "O = rot180(I)", "x1 = rot180(I)\nO = rot180(x1)")
    one = task([[C, C], [A, B], [B, A]], [A])
    assert searched(one, giving_the_first).num_runs == 9
    assert searched(one, giving_the_first, bound=rank(1.0, SIZE + SIZE)).num_runs < 9
    result = searched(one, giving_the_first, bound=(-1.0, 9, 9, ""))
    assert (result.hits, result.num_runs) == ((), 6)


def test_equal_programs_are_refused(tmp_path):
    with pytest.raises(ValueError, match="distinct"):
        pack_programs(programs(VMIRROR, VMIRROR), tmp_path / "programs")


def test_a_worker_goes_from_file_to_file_and_back(tmp_path):
    context = HostContext((task([[A, B]], [C]),), Budget())
    paths = [
        pack_programs(programs(*texts), tmp_path / name)
        for name, texts in (("one", [VMIRROR]), ("two", [VMIRROR, HMIRROR]))
    ]
    found = [search_task(context, SearchJob(path, 0, None)).num_programs for path in paths * 2]
    assert found == [1, 2, 1, 2]


# By a stub: any program may give any pair


STUBS = programs(
    *(f"O = {name}(I)" for name in ("vmirror", "hmirror", "dmirror", "cmirror", "identity", "rot90")),
    *(f"x1 = {name}(I)\nO = rot90(x1)" for name in ("vmirror", "hmirror", "dmirror", "rot270", "rot180")),
)


class StubRun:
    """Runs programs that give the pairs they are said to give."""

    table: dict

    def __init__(self, graph, evaluator, grid):
        self._grid = grid

    def yields(self, index, output):
        assert output == self._grid
        return index in StubRun.table[self._grid]


def grid_of(number):
    return ((number % 10,) * (number // 10 + 1),)


@st.composite
def contests(draw):
    """What each of some programs gives of a task's demonstrations and tests, and how they come in jobs."""
    count = draw(st.integers(1, len(STUBS)))
    order = draw(st.permutations(range(len(STUBS))))[:count]
    num_demonstrations, num_tests = draw(st.integers(1, 4)), draw(st.integers(1, 2))
    shares = st.lists(st.booleans(), min_size=count, max_size=count)
    gives = [draw(shares) for _ in range(num_demonstrations + num_tests)]
    cuts = sorted(draw(st.sets(st.integers(1, count), max_size=3)) | {0, count})
    stale = draw(st.lists(st.integers(0, 3), min_size=len(cuts), max_size=len(cuts)))
    return order, gives, num_demonstrations, cuts, stale


@settings(max_examples=400, deadline=None)
@given(contests())
def test_the_best_three_are_found_whatever_the_jobs_and_however_stale_their_bounds(contest):
    order, gives, num_demonstrations, cuts, stale = contest
    pairs = [Pair(grid_of(number), grid_of(number)) for number in range(len(gives))]
    one = Task("stub", tuple(pairs[:num_demonstrations]), tuple(pairs[num_demonstrations:]))
    expected = []
    for index, number in enumerate(order):
        right = [flags[index] for flags in gives]
        if any(right[:num_demonstrations]):
            performance = sum(right[:num_demonstrations]) / num_demonstrations
            test = sum(right[num_demonstrations:]) / len(one.test)
            expected.append((rank(performance, str(STUBS[number])), test))
    found, bounds = {}, [None]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search_module, "GraphRun", StubRun)
        patch.setattr("codeit_jax.execution.attempt.GraphRun", StubRun)
        for start, stop, age in zip(cuts, cuts[1:], stale, strict=False):
            StubRun.table = {
                pair.input: {index - start for index in range(start, stop) if flags[index]}
                for pair, flags in zip(pairs, gives, strict=True)
            }
            chunk = [STUBS[number] for number in order[start:stop]]
            bound = bounds[max(0, len(bounds) - 1 - age)]
            result = search_one(HostContext((one,), Budget()), chunk, bound=bound)
            assert len(result.hits) <= NUM_ANSWERS
            assert result.num_runs <= (len(chunk) - result.num_skipped) * num_demonstrations
            for hit in result.hits:
                key = rank(hit.performance.demonstration, str(chunk[hit.program_index]))
                found[key] = hit.performance.test
            ranks = sorted(found)
            bounds.append(ranks[2] if len(ranks) > 2 else None)
    assert sorted(found.items())[:NUM_ANSWERS] == sorted(expected)[:NUM_ANSWERS]


# By an oracle


def edited(rng, program):
    """The program with a callee replaced by another of its arity."""
    calls = list(program.calls)
    line = rng.randrange(len(calls))
    arity = len(calls[line].arguments)
    names = [name for name, signature in SIGNATURES.items() if len(signature.parameters) == arity]
    calls[line] = calls[line]._replace(function=rng.choice(names))
    return Program(tuple(calls))


@pytest.fixture(scope="module")
def many_programs():
    rng = random.Random(1)
    training = sorted(
        set(load_training_programs().values()), key=lambda program: (len(program), str(program))
    )
    short = [program for program in training if len(program) <= 8]
    drawn = [random_program(rng) for _ in range(60)] + [edited(rng, rng.choice(short)) for _ in range(150)]
    everything = list(dict.fromkeys([*short[:60], *programs(VMIRROR, HMIRROR, IDENTITY), *drawn]))
    rng.shuffle(everything)
    return everything


@pytest.fixture(scope="module")
def many_tasks(many_programs):
    """Tasks of small grids, and as many whose outputs come of several programs, so that many give some."""
    rng = random.Random(2)
    real = sorted(
        load_tasks("arc1/training"), key=lambda task: sum(map(num_cells, task.demonstration_inputs))
    )[:15]
    evaluator = Evaluator()
    mixed = []
    for number, one in enumerate(real):
        sources = rng.sample(many_programs, 40)

        def output(pair, sources=sources):
            runs = (evaluator.run(program, pair.input).output for program in rng.sample(sources, 40))
            return next((grid for grid in runs if grid not in (None, pair.input)), pair.output)

        train, test = (
            tuple(Pair(pair.input, output(pair)) for pair in pairs) for pairs in (one.train, one.test)
        )
        mixed.append(Task(f"mixed{number}", train, test))
    return [*real, *mixed]


@pytest.fixture(scope="module")
def expected(many_tasks, many_programs):
    """For each task its three best programs with what they give, by a plain run of each on each pair."""
    evaluator = Evaluator()
    best = []
    for one in many_tasks:
        found = []
        for program in many_programs:
            demonstrations = [evaluator.run(program, pair.input).output == pair.output for pair in one.train]
            if any(demonstrations):
                test = [evaluator.run(program, pair.input).output == pair.output for pair in one.test]
                performance = sum(demonstrations) / len(demonstrations)
                found.append((rank(performance, str(program)), sum(test) / len(test)))
        best.append(sorted(found)[:NUM_ANSWERS])
    return best


def hits_of(results, programs):
    return [(programs[hit.program_index], hit) for result in results for hit in result.hits]


def best_of(num_tasks, hits):
    best = [set() for _ in range(num_tasks)]
    for program, hit in hits:
        best[hit.task_index].add((rank(hit.performance.demonstration, str(program)), hit.performance.test))
    return [sorted(found)[:NUM_ANSWERS] for found in best]


def test_the_oracle_has_something_to_say(expected):
    performances = {-found[0][0][0] for found in expected if found}
    assert len(performances) > 3
    assert any(-key[0] < 1 and test == 1 for found in expected for key, test in found)
    assert sum(len(found) == NUM_ANSWERS for found in expected) >= 10


@pytest.mark.parametrize(("size", "num_workers"), [(1_000, 1), (70, 2), (9, 2)])
def test_a_search_finds_what_running_everything_finds(
    many_tasks, many_programs, expected, size, num_workers, monkeypatch
):
    monkeypatch.setattr(search_module, "PROGRAMS_PER_JOB", size)
    with start_pool(many_tasks, ExecutionConfig(num_workers=num_workers, budget=Budget())) as pool:
        jobs = list(search(pool, len(many_tasks), many_programs))
    assert len(jobs) == num_search_jobs(len(many_tasks), len(many_programs))
    assert best_of(len(many_tasks), hits_of(jobs, many_programs)) == expected


@pytest.mark.parametrize("num_known", [0, 1, 7, 30, 31, 60])
def test_a_search_goes_on_from_results(many_tasks, many_programs, monkeypatch, num_known):
    monkeypatch.setattr(search_module, "PROGRAMS_PER_JOB", len(many_programs) // 2 + 1)
    tasks = many_tasks[:30]
    with start_pool(tasks, ExecutionConfig(num_workers=2, budget=Budget())) as pool:
        jobs = list(search(pool, len(tasks), many_programs))
        run = []
        monkeypatch.setattr(
            search_module,
            "search_together",
            lambda pool, programs, bounds, *rest: (
                run.extend(bounds),
                search_together(pool, programs, bounds, *rest),
            )[1],
        )
        assert list(search(pool, len(tasks), many_programs, known=iter(jobs[:num_known]))) == jobs
    assert len(jobs) == 60
    assert len(run) == 60 - num_known


def test_every_hit_is_verified_by_plain_runs(many_tasks, many_programs):
    context = HostContext(tuple(many_tasks), Budget())
    hits = search_one(context, many_programs, 20).hits
    assert hits
    task = many_tasks[20]
    for hit in hits:
        grids = (*task.demonstration_inputs, *task.test_inputs)
        outputs = give_outputs(context, (str(many_programs[hit.program_index]), grids))
        assert performance_of(task, outputs) == hit.performance


def test_bounds_save_runs(many_tasks, many_programs, expected):
    context = HostContext(tuple(many_tasks), Budget())
    without = with_bounds = 0
    for index, found in enumerate(expected):
        if len(found) == NUM_ANSWERS:
            free = search_one(context, many_programs, index)
            bound = search_one(context, many_programs, index, found[-1][0])
            assert bound.hits == free.hits
            without += free.num_runs
            with_bounds += bound.num_runs
    assert with_bounds < without


# Streams


def test_a_search_of_nothing():
    with start_pool([task([A], [B])], ExecutionConfig(num_workers=1, budget=Budget())) as pool:
        assert list(search(pool, 1, [])) == []
        assert list(search(pool, 0, programs(VMIRROR))) == []
        assert list(search_together(pool, [], {0: None})) == []
    assert num_search_jobs(5, 0) == 0


def test_a_search_leaves_out_only_the_program_that_does_not_end(caplog):
    tasks = [task([A], [B]), task([B, A], [B])]
    chunk = programs(VMIRROR, HMIRROR, ENDLESS, IDENTITY, "x1 = vmirror(I)\nO = identity(x1)")
    limits = ExecutionConfig(num_workers=2, timeout_seconds=1.0, budget=NO_BUDGET)
    with caplog.at_level(logging.WARNING), start_pool(tasks, limits) as pool:
        results = list(search_together(pool, chunk, {1: None, 0: None}))
    assert {result.task_index for result in results} == {0, 1}
    for result in results:
        assert (result.num_programs, result.num_left_out) == (5, 1)
        assert {hit.program_index for hit in result.hits} == {0, 4}
    assert caplog.messages == [
        f"in the search of task {index}\n{ENDLESS}: given up, took more than 1.0 s" for index in (1, 0)
    ]
