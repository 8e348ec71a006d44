"""What is kept of programs on augmented inputs: what they really give there, where that is worth learning."""

import dataclasses
import logging
import random

import pytest

from codeit_jax.arc import is_grid, load_tasks, num_cells
from codeit_jax.config import ExecutionConfig
from codeit_jax.dsl import load_training_programs, parse_program
from codeit_jax.dsl.program import Call, Program, variable
from codeit_jax.execution import Budget, Evaluator
from codeit_jax.execution.attempt import HostContext
from codeit_jax.execution.host import start_pool
from codeit_jax.mutation.augmentation import augmented as augmented_module
from codeit_jax.mutation.augmentation.augment import Augmentation, AugmentedInputs, Augmenter
from codeit_jax.mutation.augmentation.augmented import AugmentationJob, Family, augment, augment_family

CONTEXT = HostContext((), Budget())
INPUTS = (((1, 2, 0), (0, 3, 0)), ((5, 0, 0), (0, 6, 0)), ((0, 7), (8, 0)))


# What may follow a training program: some of it fails, some of it gives the inputs back.
ENDINGS = (
    "vmirror",
    "hmirror",
    "dmirror",
    "rot90",
    "rot180",
    "tophalf",
    "lefthalf",
    "trim",
    "compress",
    "asobject",
)


@pytest.fixture(scope="module")
def families():
    """Training programs of small grids, each with programs that go on from it."""
    programs = load_training_programs()
    tasks = sorted(
        load_tasks("arc1/training"), key=lambda task: sum(map(num_cells, task.demonstration_inputs))
    )
    return [_family(task, programs[task.id]) for task in tasks[:12]]


def _family(task, program):
    longer = [Program((*program.calls, Call(name, (variable(len(program)),)))) for name in ENDINGS]
    members = [(f"{task.id}/{number}", each) for number, each in enumerate(longer)]
    return Family(task.id, task.demonstration_inputs, ((task.id, program), *members))


@pytest.fixture(scope="module", params=[1, 2])
def pool(request):
    with start_pool([], ExecutionConfig(num_workers=request.param, budget=Budget())) as pool:
        yield pool


def job(family, num_copies=3, min_inputs=2, seed=0, augmenter=None):
    return AugmentationJob(family, num_copies, min_inputs, seed, augmenter or Augmenter())


def family_of(*texts, inputs=INPUTS):
    return Family("a", inputs, tuple((f"a/{n}", parse_program(text)) for n, text in enumerate(texts)))


@dataclasses.dataclass(frozen=True)
class Fixed(Augmenter):
    """Stands in for an augmenter: always gives the same inputs."""

    sets: tuple = ()

    def draw_several(self, inputs, count, min_inputs, rng):
        return [AugmentedInputs((Augmentation.CROP,), grids) for grids in self.sets[:count]]


@pytest.fixture(scope="module")
def found(families):
    """The families' augmented tasks."""
    return [(family, augment_family(CONTEXT, job(family))) for family in families]


def test_outputs_are_what_the_program_gives(found):
    evaluator, total = Evaluator(), 0
    for family, tasks in found:
        programs = dict(family.members)
        for task in tasks:
            assert task.program == programs[task.task_id.partition("+")[0]]
            assert list(task.outputs) == [evaluator.run(task.program, grid).output for grid in task.inputs]
            total += 1
    assert total > 200


def test_inputs_and_outputs_are_grids_and_say_something(found):
    for family, tasks in found:
        for task in tasks:
            assert len(task.inputs) == len(set(task.inputs)) == len(task.outputs) >= 2
            assert all(map(is_grid, task.inputs + task.outputs))
            assert task.inputs not in (family.inputs, task.outputs)


def test_nothing_is_left_out_that_is_a_task(found):
    """Every program has as many tasks as are wanted, or all that the drawn inputs allow."""
    evaluator = Evaluator()
    for family, tasks in found:
        draws = Augmenter().draw_several(family.inputs, 6, 2, random.Random(f"0/{family.task_id}"))
        for task_id, program in family.members:
            expected = {}
            for number, draw in enumerate(draws, start=1):
                outputs = {grid: evaluator.run(program, grid).output for grid in draw.grids}
                valid = {grid: output for grid, output in outputs.items() if output is not None}
                own_outputs = {evaluator.run(program, grid).output for grid in family.inputs}
                says_nothing = all(grid == output for grid, output in valid.items()) or (
                    len(set(valid.values())) == 1 < len(own_outputs)
                )
                if len(valid) >= 2 and not says_nothing and tuple(valid) not in expected.values():
                    expected[f"{task_id}+{number}"] = tuple(valid)
            kept = {task.task_id: task.inputs for task in tasks if task.task_id.startswith(f"{task_id}+")}
            assert kept == dict(list(expected.items())[:3])


def test_programs_of_a_family_have_the_same_inputs(found):
    for family, tasks in found:
        by_number = {}
        for task in tasks:
            number = task.task_id.partition("+")[2]
            longest = by_number.setdefault(number, task.inputs)
            by_number[number] = max(longest, task.inputs, key=len)
        assert len(by_number) <= 6
        for task in tasks:
            assert set(task.inputs) <= set(by_number[task.task_id.partition("+")[2]])
        own = [task for task in tasks if task.task_id.startswith(f"{family.task_id}+")]
        assert len(own) == 3
    assert len({task.task_id for _, tasks in found for task in tasks}) == sum(len(t) for _, t in found)


def test_all_kinds_come_up(found):
    assert {kind for _, tasks in found for task in tasks for kind in task.kinds} == set(Augmentation)


def test_programs_are_run_and_not_taken_to_be_symmetric():
    # Upside down, the upper half is another.
    (task,) = augment_family(
        CONTEXT,
        job(family_of("O = tophalf(I)"), num_copies=1, augmenter=Augmenter((Augmentation.SYMMETRY,))),
    )
    for grid, output in zip(task.inputs, task.outputs, strict=True):
        assert output == grid[: len(grid) // 2]


def kept(family, *sets, min_inputs=2):
    return augment_family(
        CONTEXT, job(family, num_copies=len(sets), min_inputs=min_inputs, augmenter=Fixed(sets=sets))
    )


WIDE, NARROW, SQUARE = ((1, 2, 3),), ((4,),), ((1, 2), (3, 4))


def test_inputs_without_a_valid_output_are_dropped():
    (task,) = kept(family_of("O = lefthalf(I)"), (WIDE, NARROW, SQUARE))
    assert (task.inputs, task.outputs) == ((WIDE, SQUARE), (((1,),), ((1,), (3,))))
    assert task.task_id == "a/0+1"
    assert task.kinds == (Augmentation.CROP,)


def test_too_few_inputs_are_no_task():
    family = family_of("O = lefthalf(I)")
    assert kept(family, (WIDE, NARROW)) == []
    (task,) = kept(family, (WIDE, NARROW), min_inputs=1)
    assert task.inputs == (WIDE,)


def test_a_program_over_its_budget_is_no_task():
    context = HostContext((), Budget(max_work=1))
    assert augment_family(context, job(family_of("O = vmirror(I)"))) == []


def test_giving_every_input_back_is_no_task():
    family = family_of("O = vmirror(I)")
    palindrome = ((1, 2, 1),)
    assert kept(family, (NARROW, palindrome)) == []
    assert len(kept(family, (NARROW, WIDE))) == 1


def test_one_output_for_all_is_a_task_only_of_a_program_that_always_gives_it():
    # The upper left corner of these inputs is blank, that of the family's own inputs is not.
    blank = (((0, 1),), ((0, 2),))
    assert kept(family_of("O = crop(I, ORIGIN, UNITY)"), blank) == []
    (task,) = kept(family_of("O = canvas(ZERO, UNITY)"), blank)
    assert task.outputs == (((0,),), ((0,),))


def test_equal_tasks_are_kept_once():
    # Without the input that has no left half, the second inputs are the first.
    tasks = kept(family_of("O = lefthalf(I)"), (WIDE, SQUARE), (WIDE, NARROW, SQUARE), (SQUARE, WIDE))
    assert [task.task_id for task in tasks] == ["a/0+1", "a/0+3"]


def test_what_one_set_does_not_give_another_may():
    family = family_of("O = lefthalf(I)", "O = hmirror(I)")
    sets = ((WIDE, NARROW), (WIDE, SQUARE))
    tasks = augment_family(CONTEXT, job(family, num_copies=1, augmenter=Fixed(sets=sets)))
    assert [task.task_id for task in tasks] == ["a/0+2", "a/1+2"]


def test_the_seed_and_the_task_decide(families):
    tasks = augment_family(CONTEXT, job(families[0]))
    assert augment_family(CONTEXT, job(families[0])) == tasks
    inputs = [task.inputs for task in tasks]
    assert [task.inputs for task in augment_family(CONTEXT, job(families[0], seed=1))] != inputs
    renamed = dataclasses.replace(families[0], task_id="another")
    assert [task.inputs for task in augment_family(CONTEXT, job(renamed))] != inputs


def test_a_stream_is_what_its_families_give(pool, families, found):
    tasks = list(augment(pool, iter(families), Augmenter(), 3, 2, 0))
    assert tasks == [task for _, tasks in found for task in tasks]


def test_how_families_are_cut_into_jobs_does_not_matter(pool, families, found, monkeypatch):
    monkeypatch.setattr(augmented_module, "_RUNS_PER_JOB", 30)
    jobs = []
    map_ordered = pool.map_ordered

    def counted(function, payloads, **_):
        taken = list(payloads)
        jobs.extend(taken)
        return map_ordered(function, taken)

    monkeypatch.setattr(pool, "map_ordered", counted)
    tasks = list(augment(pool, families, Augmenter(), 3, 2, 0))
    assert tasks == [task for _, tasks in found for task in tasks]
    assert len(jobs) > 2 * len(families)
    assert max(len(job.family.members) * len(job.family.inputs) * 3 for job in jobs) <= 30


def test_nothing_to_augment(pool):
    assert list(augment(pool, [], Augmenter(), 3, 2, 0)) == []
    assert list(augment(pool, [Family("a", INPUTS, ())], Augmenter(), 3, 2, 0)) == []
    assert list(augment(pool, [family_of("O = vmirror(I)")], Augmenter(), 3, 4, 0)) == []
    assert list(augment(pool, [family_of("O = vmirror(I)")], Augmenter(), 0, 2, 0)) == []


# For the program that does not end within these limits, see the tests of the host.
LARGE = 10**15
ENDLESS = "x1 = multiply(TEN, TEN)\nx2 = multiply(x1, x1)\nx3 = multiply(x2, x2)\nx4 = multiply(x3, x1)\n"
ENDLESS += "x5 = power(identity, x4)\nO = x5(I)"


def test_a_program_that_does_not_end_goes_without_and_a_warning_says_so(caplog):
    budget = Budget(max_work=LARGE, max_items=LARGE, max_weight=LARGE, max_magnitude=LARGE)
    endless = dataclasses.replace(family_of(ENDLESS, "O = vmirror(I)"), task_id="zz")
    with (
        caplog.at_level(logging.WARNING),
        start_pool([], ExecutionConfig(num_workers=1, timeout_seconds=1.5, budget=budget)) as pool,
    ):
        tasks = list(augment(pool, [endless, family_of("O = hmirror(I)")], Augmenter(), 2, 2, 0))
    assert {task.task_id.partition("+")[0] for task in tasks} == {"a/0", "a/1"}
    assert caplog.messages == ["augmented inputs for zz: given up, took more than 1.5 s"]
