import pytest

from codeit_jax.arc import Pair, Task, load_tasks
from codeit_jax.config import ExecutionConfig
from codeit_jax.dsl import load_training_programs, parse_program
from codeit_jax.dsl.program import without_dead_lines
from codeit_jax.execution import Budget, Evaluator
from codeit_jax.execution.attempt import HostContext
from codeit_jax.execution.host import start_pool
from codeit_jax.mutation.distillation.distil import DistillationJob, distil, distil_programs

CONTEXT = HostContext((), Budget())
WORK = 300_000
GRIDS = (((1, 0, 3, 0), (0, 5, 0, 2), (0, 0, 0, 0)), ((0, 0, 3), (0, 5, 0)))


def task_of(text, grids=GRIDS):
    evaluator = Evaluator()
    program = parse_program(text)
    pairs = [Pair(grid, evaluator.run(program, grid).output) for grid in grids]
    return Task("a", tuple(pairs[:1]), tuple(pairs[1:])), program


@pytest.mark.parametrize(
    ("text", "distilled", "kinds"),
    [
        # a constant on all grids
        ("x1 = mostcolor(I)\nO = replace(I, x1, ONE)", "O = replace(I, ZERO, ONE)", {"equal"}),
        # an earlier line
        (
            "x1 = hmirror(I)\nx2 = vmirror(I)\nx3 = vmirror(x2)\nx4 = hmirror(x3)\nx5 = hconcat(x1, x4)\n"
            "O = hconcat(x5, x2)",
            "x1 = hmirror(I)\nx2 = hconcat(x1, x1)\nx3 = vmirror(I)\nO = hconcat(x2, x3)",
            {"equal"},
        ),
        # a cheaper call
        ("x1 = hmirror(I)\nO = vmirror(x1)", "O = rot180(I)", {"call"}),
        (
            "x1 = objects(I, T, F, T)\nx2 = merge(x1)\nx3 = toindices(x2)\nO = fill(I, TWO, x3)",
            None,
            set(),
        ),
        # a function of functions, and what it may do without
        (
            "x1 = objects(I, T, F, T)\nx2 = compose(identity, size)\nx3 = chain(identity, x2, identity)\n"
            "x4 = order(x1, x3)\nx5 = last(x4)\nO = subgrid(x5, I)",
            None,
            set(),
        ),
    ],
)
def test_programs_get_shorter(text, distilled, kinds):
    task, program = task_of(text)
    result = distil(CONTEXT, DistillationJob(task, program, WORK))
    assert len(result.program) < len(program)
    if distilled is not None:
        assert str(result.program) == distilled
    assert kinds <= set(result.rewrites)
    evaluator = Evaluator()
    for pair in (*task.train, *task.test):
        assert evaluator.run(result.program, pair.input).output == pair.output


def test_a_chain_of_two_compositions_becomes_one():
    text = (
        "x1 = objects(I, T, F, T)\nx2 = compose(double, size)\nx3 = compose(invert, x2)\n"
        "x4 = compose(x3, normalize)\nx5 = argmin(x1, x4)\nO = subgrid(x5, I)"
    )
    task, program = task_of(text, ((*GRIDS, ((7, 7, 0, 0, 0), (0, 0, 0, 6, 0), (8, 0, 0, 0, 0)))))
    assert len(distil(CONTEXT, DistillationJob(task, program, WORK)).program) <= 3


def test_test_pairs_count_too():
    # On the demonstration the colour is a constant; on the test pair it is another.
    task, program = task_of("x1 = leastcolor(I)\nO = replace(I, x1, EIGHT)", (((0, 0, 3),), ((0, 0, 4),)))
    assert distil(CONTEXT, DistillationJob(task, program, WORK)).program == program


def test_a_program_that_does_not_solve_its_task_is_none():
    task, _ = task_of("O = hmirror(I)")
    assert distil(CONTEXT, DistillationJob(task, parse_program("O = vmirror(I)"), WORK)).program is None
    failing = parse_program("x1 = first(ONE)\nO = vmirror(x1)")
    assert distil(CONTEXT, DistillationJob(task, failing, WORK)).program is None


def test_unknown_outputs_do_not_count():
    task, program = task_of("x1 = hmirror(I)\nO = vmirror(x1)")
    task = Task("a", task.train, (Pair(GRIDS[0], None),))
    assert str(distil(CONTEXT, DistillationJob(task, program, WORK)).program) == "O = rot180(I)"


def test_work_is_bounded_and_decides():
    task = next(task for task in load_tasks("arc1/training") if task.id == "cf98881b")
    program = load_training_programs()["cf98881b"]
    jobs = [DistillationJob(task, program, work) for work in (1, 200_000, 600_000)]
    results = [distil(CONTEXT, job) for job in jobs]
    lengths = [len(result.program) for result in results]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[0] == len(without_dead_lines(program)) > lengths[-1]
    assert all(result.work < job.max_work + 2_000_000 for result, job in zip(results, jobs, strict=True))
    assert distil(CONTEXT, jobs[1]) == results[1]


@pytest.mark.parametrize("num_workers", [1, 2])
def test_training_programs(num_workers):
    tasks = load_tasks("arc1/training")[::25]
    programs = load_training_programs()
    del programs[tasks[0].id]
    with start_pool([], ExecutionConfig(num_workers=num_workers, budget=Budget())) as pool:
        results = dict(distil_programs(pool, tasks, programs, WORK))
    assert list(results) == [task.id for task in tasks[1:]]
    evaluator = Evaluator()
    for task in tasks[1:]:
        result = results[task.id]
        assert result == distil(CONTEXT, DistillationJob(task, programs[task.id], WORK))
        assert len(result.program) <= len(without_dead_lines(programs[task.id]))
        for pair in (*task.train, *task.test):
            assert evaluator.run(result.program, pair.input).output == pair.output
