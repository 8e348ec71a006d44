import gc
from collections import Counter

import pytest

from codeit_jax.arc import Pair, Task
from codeit_jax.benchmarks.workload import (
    Mean,
    TimedJobs,
    calm_collector,
    draw_mutants,
    draw_runs,
    draw_samples,
)
from codeit_jax.dsl import ProgramError, parse_program
from codeit_jax.execution.host import attempt_tasks
from codeit_jax.search.search import search

FLIP = parse_program("O = vmirror(I)")
TWICE = parse_program("x1 = vmirror(I)\nx2 = hconcat(I, x1)\nO = vconcat(x2, x2)")
TASK = Task("flip", (Pair(((1, 2),), ((2, 1),)),), (Pair(((3, 4),), ((4, 3),)),))


def test_every_program_and_every_task_is_run_equally_often():
    runs = draw_runs(num_programs=7, num_tasks=4, count=29, seed=0)
    assert len(runs) == 29
    by_program = Counter(program for program, _ in runs)
    by_task = Counter(task for _, task in runs)
    assert sorted(by_program.values()) == [4] * 6 + [5]
    assert sorted(by_task.values()) == [7] * 3 + [8]
    assert len(set(runs)) > 15
    assert runs == draw_runs(7, 4, 29, seed=0) != draw_runs(7, 4, 29, seed=1)


def test_samples_are_programs_and_some_junk():
    samples = draw_samples([FLIP, TWICE], num_tasks=50, texts_per_task=4, junk_share=0.25, seed=0)
    assert [index for index, _ in samples] == list(range(50))
    assert {len(texts) for _, texts in samples} == {4}
    texts = [text for _, each in samples for text in each]
    assert 20 < sum(map(is_junk, texts)) < 80
    assert {str(FLIP), str(TWICE)} < set(texts)


def is_junk(text):
    try:
        parse_program(text)
    except ProgramError:
        return True
    return False


def test_jobs_are_run_here_as_by_a_pool():
    jobs = TimedJobs([TASK])
    (found,) = search(jobs.as_pool, 1, [TWICE, FLIP])
    (hit,) = found.hits
    assert hit.program_index == 1
    assert hit.performance.test == 1
    ((_, _, attempts),) = attempt_tasks(jobs.as_pool, [TASK], [(0, (str(FLIP), "junk"))])
    assert attempts[0].demonstration_performance == 1
    assert attempts[1].program is None
    assert jobs.seconds > 0


def test_mutants_are_distinct_and_differ_from_their_parent():
    jobs = TimedJobs([])
    mutants = draw_mutants(jobs.as_pool, [TASK], {"flip": FLIP}, 5, seed=0)
    assert 1 <= len(mutants) <= 5
    assert len(set(mutants)) == len(mutants)
    assert FLIP not in mutants
    assert mutants == draw_mutants(jobs.as_pool, [TASK], {"flip": FLIP}, 5, seed=0)


def test_the_collector_is_left_as_it_was():
    with calm_collector():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_the_mean_comes_with_its_standard_error():
    mean = Mean.of([1.0, 2.0, 3.0, 6.0])
    assert mean.value == 3
    assert mean.error == pytest.approx((14 / 3 / 4) ** 0.5)
