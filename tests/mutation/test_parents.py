import pytest

from codeit_jax.arc import Pair, Task, load_tasks
from codeit_jax.config import ExecutionConfig, ParentKind
from codeit_jax.dsl import load_training_programs, parse_program
from codeit_jax.dsl.program import without_dead_lines
from codeit_jax.execution import Budget
from codeit_jax.execution.attempt import HostContext
from codeit_jax.execution.host import start_pool
from codeit_jax.mutation.parents import MutationParent, find_parents, gather_parents, solves_task

SHORTEST = {"67a3c6ac": "O = vmirror(I)", "9dfd6313": "O = dmirror(I)"}


class Phases:
    """Stands in for a display."""

    def __init__(self):
        self.shown = []

    def phase(self, description, total=None):
        self.shown.append(description)

    def advance(self):
        pass


@pytest.mark.parametrize("kind", ParentKind)
def test_gathering_parents(kind, path, pool, tasks, programs):
    phases = Phases()
    parents, left_out = gather_parents(kind, pool, tasks, programs, path, phases)
    originals = [(task_id, without_dead_lines(programs[task_id])) for task_id in ("67a3c6ac", "9dfd6313")]
    distilled = [(task_id, parse_program(text)) for task_id, text in SHORTEST.items()]
    expected = {
        ParentKind.ORIGINAL: originals,
        ParentKind.DISTILLED: distilled,
        ParentKind.BOTH: [*originals, distilled[1]],  # the first cannot be made shorter
    }
    assert [(parent.task_id, parent.program) for parent in parents] == expected[kind]
    assert left_out == ["29ec7d0e"]
    assert path.exists() == (kind is not ParentKind.ORIGINAL)
    assert ("distilling the training programs" in phases.shown) == path.exists()
    inputs = {task.id: task.demonstration_inputs for task in tasks}
    assert all(parent.inputs == inputs[parent.task_id] for parent in parents)


def test_distilled_programs_over_budget_are_left_out(path, tasks, programs):
    with start_pool([], ExecutionConfig(num_workers=1, budget=Budget(max_work=5))) as pool:
        parents, left_out = gather_parents(ParentKind.DISTILLED, pool, tasks, programs, path, Phases())
    assert parents == []
    assert left_out == [task.id for task in tasks]


MIRROR = Pair(((1, 2),), ((2, 1),))
PROGRAM = parse_program("O = vmirror(I)")


@pytest.mark.parametrize(
    ("train", "test", "solved"),
    [
        ([MIRROR], [MIRROR], True),
        ([MIRROR], [Pair(((1, 2),), None)], True),
        ([MIRROR, Pair(((1, 2),), ((1, 2),))], [MIRROR], False),
        ([MIRROR], [Pair(((1, 2),), ((1, 2),))], False),
        ([MIRROR], [], True),
    ],
)
def test_a_program_solves_a_task_if_it_gives_every_known_output(train, test, solved):
    assert solves_task(HostContext((), Budget()), (Task("a", tuple(train), tuple(test)), PROGRAM)) is solved


def test_parents_are_the_programs_that_solve_their_task(pool):
    tasks = [task for task in load_tasks("arc1/training") if task.id != "29ec7d0e"][:30]
    programs = {task.id: program for task, program in zip(tasks, _some_wrong(tasks), strict=True)}
    del programs[tasks[7].id]
    parents = find_parents(pool, tasks, programs)
    failing = [tasks[3].id, tasks[7].id, tasks[20].id]
    assert [parent.task_id for parent in parents] == [task.id for task in tasks if task.id not in failing]
    for parent in parents[:3]:
        (task,) = [task for task in tasks if task.id == parent.task_id]
        program = without_dead_lines(programs[task.id])
        assert parent == MutationParent(task.id, task.demonstration_inputs, program)


def _some_wrong(tasks):
    """The tasks' programs, of which the fourth and the twenty-first are wrong."""
    programs = load_training_programs()
    found = [programs[task.id] for task in tasks]
    found[3] = parse_program("O = identity(I)")
    found[20] = parse_program("O = first(ZERO)")
    return found


def test_a_program_for_a_task_unknown_is_left_alone(pool, tasks):
    programs = load_training_programs()
    parents = find_parents(pool, tasks[1:], programs)
    assert [parent.task_id for parent in parents] == [task.id for task in tasks[1:]]
