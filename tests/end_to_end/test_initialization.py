"""What the training buffer holds before the first meta-iteration, with augmented inputs and without."""

import dataclasses
import io
import json
import tempfile
from collections import Counter

import pytest
from etils import epath
from rich.console import Console

from codeit_jax.arc import Pair, Task, load_tasks
from codeit_jax.components import Components
from codeit_jax.config import (
    AugmentationConfig,
    Config,
    ExecutionConfig,
    MutationConfig,
    ParentKind,
    ReplayConfig,
    SamplingConfig,
)
from codeit_jax.dsl import parse_program
from codeit_jax.dsl.program_files import read_rows
from codeit_jax.execution import Budget, Evaluator
from codeit_jax.execution.host import start_pool
from codeit_jax.initialization import prepare
from codeit_jax.mutation.growth.command import GrowthConfig, grow_file
from codeit_jax.run.display import Display

INPUTS = (
    ((1, 2, 0, 4), (0, 3, 0, 0), (0, 0, 4, 1), (5, 6, 7, 0)),
    ((5, 0, 0, 1), (0, 5, 5, 2), (6, 0, 0, 0), (0, 8, 9, 3)),
    ((0, 7), (8, 0), (9, 9)),
)
PROGRAMS = {
    "flipped": parse_program("O = vmirror(I)"),
    "doubled": parse_program("x1 = height(I)\nx2 = hmirror(I)\nO = vconcat(I, x2)"),  # a line is dead
    "halved": parse_program("x1 = tophalf(I)\nx2 = vmirror(x1)\nx3 = hmirror(x2)\nO = hconcat(x1, x3)"),
}
CONFIG = Config(
    seed=1,
    mutation=MutationConfig(num_programs=60, search=False),
    augmentation=AugmentationConfig(num_copies=3),
)


class FewLines:
    """Stands in for what knows how long a program may be."""

    def __init__(self, fits):
        self.fits = fits


def is_short(program):
    return program.count("\n") < 3


def task(task_id):
    evaluator = Evaluator()
    pairs = tuple(Pair(grid, evaluator.run(PROGRAMS[task_id], grid).output) for grid in INPUTS)
    return Task(task_id, pairs, ())


def begun(config, num_workers=1, fits=is_short, budget=None, folder=None):
    """The experiences in the training buffer, in their order, and the lines shown."""
    console = Console(file=io.StringIO())
    with (
        start_pool([], ExecutionConfig(num_workers=num_workers, budget=budget or Budget())) as pool,
        tempfile.TemporaryDirectory() as scratch,
    ):
        components = Components([], None, pool, FewLines(fits), ReplayConfig(), SamplingConfig(), config.seed)
        tasks = load_tasks(str(folder)) if folder else list(map(task, PROGRAMS))
        display = Display(console)
        state = prepare(
            config, components, None, tasks, PROGRAMS, epath.Path(scratch) / "distilled.json", display
        )
    buffer = state.training_buffer
    return [buffer[index] for index in range(len(buffer))], console.file.getvalue()


@pytest.fixture(scope="module")
def without():
    return begun(dataclasses.replace(CONFIG, augmentation=AugmentationConfig()))


@pytest.fixture(scope="module")
def augmented():
    return begun(CONFIG)


def test_without_augmentation_there_are_the_tasks_and_the_mutated_ones(without):
    experiences, shown = without
    ids = {experience.task_id for experience in experiences}
    assert {"flipped", "doubled"} < ids
    assert "halved" not in ids  # too long
    assert all("+" not in experience.task_id for experience in experiences)
    assert "augmented" not in shown


def test_augmented_experiences_come_after_the_others(without, augmented):
    plain, count = without[0], len(without[0])
    experiences, shown = augmented
    assert experiences[:count] == plain
    added = experiences[count:]
    assert added
    assert all("+" in experience.task_id for experience in added)
    assert f"{len(added)} augmented training experiences" in shown
    # Every program that fits has its copies, no other has any.
    by_id = {experience.task_id: experience.program for experience in plain}
    copies = Counter(experience.task_id.partition("+")[0] for experience in added)
    assert set(copies) == set(by_id)
    assert max(copies.values()) == 3
    assert all(by_id[experience.task_id.partition("+")[0]] == experience.program for experience in added)


def test_augmented_experiences_are_honest(augmented):
    evaluator = Evaluator()
    for experience in augmented[0]:
        program = parse_program(experience.program)
        assert list(experience.outputs) == [evaluator.run(program, grid).output for grid in experience.inputs]
        assert (experience.priority, experience.meta_iteration) == (1.0, 0)


def test_the_number_of_workers_does_not_matter_but_the_seed_does(augmented):
    assert begun(CONFIG, num_workers=2)[0] == augmented[0]
    unmutated = dataclasses.replace(CONFIG, mutation=MutationConfig(num_programs=0, search=False))
    first, second = (begun(dataclasses.replace(unmutated, seed=seed))[0] for seed in (1, 2))
    assert len(first) == len(second) == 2 * (1 + 3)
    assert first[:2] == second[:2]
    assert all(one.inputs != other.inputs for one, other in zip(first[2:], second[2:], strict=True))


@pytest.mark.parametrize(
    ("on", "is_made_of"),
    [
        ("colour_permutations", lambda grid, own: blanks(grid) == blanks(own)),
        ("symmetries", lambda grid, own: sorted(sum(grid, ())) == sorted(sum(own, ()))),
        (
            "crops",
            lambda grid, own: all(row in sub_rows(own, len(row)) for row in grid) and smaller(grid, own),
        ),
        ("sizes", lambda grid, own: smaller(own, grid) and set(sum(own, ())) == set(sum(grid, ()))),
    ],
)
def test_only_what_is_on_is_done(on, is_made_of):
    names = ("colour_permutations", "symmetries", "crops", "sizes")
    settings = AugmentationConfig(num_copies=2, **{name: name == on for name in names})
    experiences, _ = begun(dataclasses.replace(CONFIG, augmentation=settings))
    added = [experience for experience in experiences if "+" in experience.task_id]
    assert added
    for experience in added:
        for grid in experience.inputs:
            assert any(is_made_of(grid, own) for own in INPUTS)


def blanks(grid):
    return [[cell == 0 for cell in row] for row in grid]


def sub_rows(grid, width):
    return {row[left : left + width] for row in grid for left in range(len(row) - width + 1)}


def smaller(grid, other):
    return len(grid) <= len(other) and len(grid[0]) <= len(other[0])


def test_distilled_parents_are_learned_from_and_mutated():
    config = dataclasses.replace(CONFIG, mutation=MutationConfig(num_programs=60, search=False))
    both = dataclasses.replace(config, mutation=MutationConfig("both", num_programs=60, search=False))
    programs = {experience.program for experience in begun(both)[0] if experience.task_id == "doubled"}
    assert programs == {"x1 = hmirror(I)\nO = vconcat(I, x1)"}
    texts = {experience.task_id: experience.program for experience in begun(both)[0]}
    assert "halved" in texts  # what is distilled of it is short enough


@pytest.mark.parametrize("parents", ParentKind)
def test_training_grows_the_mutants_that_the_mutate_command_grows(parents, tmp_path):
    folder = tmp_path / "tasks"
    folder.mkdir()
    for task_id in PROGRAMS:
        pairs = [{"input": pair.input, "output": pair.output} for pair in task(task_id).train]
        content = {"train": pairs, "test": pairs}
        (folder / f"{task_id}.json").write_text(json.dumps(content))
    solvers = "".join(
        f"def solve_{task_id}(I):\n    " + str(program).replace("\n", "\n    ") + "\n    return O\n\n"
        for task_id, program in PROGRAMS.items()
    )
    (tmp_path / "solvers.py").write_text(solvers)
    output = tmp_path / "grown.jsonl"
    grow_file(
        GrowthConfig(
            output, 60, seed=1, tasks=str(folder), training_programs=str(tmp_path / "solvers.py"),
            parents=parents, num_workers=2,
        ),
        Console(file=io.StringIO()),
    )  # fmt: skip
    settings = MutationConfig(parents.value, num_programs=60, search=False)
    config = Config(seed=1, mutation=settings)
    experiences, _ = begun(config, fits=lambda _: True, budget=config.execution.budget, folder=folder)
    mutants = [(each.task_id.partition("/")[0], each.program) for each in experiences if "/" in each.task_id]
    assert mutants == [(row.task, row.program) for row, _ in read_rows(output)]
    assert len(mutants) == 60


def test_only_programs_that_fit_are_augmented_though_a_shorter_one_of_their_task_does():
    settings = MutationConfig("both", num_programs=0, search=False)
    experiences, _ = begun(dataclasses.replace(CONFIG, mutation=settings))
    augmented = [each for each in experiences if "+" in each.task_id]
    assert "halved" in {each.task_id.partition("+")[0] for each in augmented}
    assert all(is_short(each.program) for each in augmented)
