"""Validation: a run's policy scored on tasks that it learns nothing from; and that these are such tasks."""

from collections.abc import Sequence

from codeit_jax.arc import Task, load_tasks
from codeit_jax.components import Components, State, Validation
from codeit_jax.config import ConfigError, DataConfig
from codeit_jax.execution.host import attempt_tasks
from codeit_jax.exploration import candidates
from codeit_jax.search.solutions import SolutionBook

# ARC-1 has one task twice, as a training task and as an evaluation task; published figures count it.
_PUBLISHED_TWINS = {("40853293", "070dd51e")}


def validate(state: State, components: Components, validation: Validation) -> int:
    """Samples programs for the validation set, and leaves no trace of them in the run's state.

    They are drawn as in the meta-iteration that the state has come to.

    Args:
        state: what the run has come to; it does not change.
        components: what it works with.
        validation: the tasks, and what samples for them.

    Returns:
        How many of the tasks are solved by these samples alone, by the paper's rule.
    """
    num_before = len(components.search_tasks)  # which the pool has first
    written = validation.sampler.sample(state.learner.params, state.meta_iteration)
    samples = ((num_before + sampled.task_index, sampled.texts) for sampled in written)
    book = SolutionBook()
    tasks = [*components.search_tasks, *validation.tasks]
    for index, _, attempts in attempt_tasks(components.pool, tasks, samples):
        for candidate in candidates(attempts, state.meta_iteration):
            book.add(tasks[index].id, candidate)
    return len(book.solved())


def load_validation_tasks(config: DataConfig) -> list[Task]:
    """Loads the validation set; no tasks where there is none.

    Raises:
        TaskError: there is no such source, or a file in it is malformed.
        ConfigError: a task comes without all its test outputs.
    """
    if not config.validation_tasks:
        return []
    tasks = load_tasks(config.validation_tasks)
    withheld = [task.id for task in tasks if not task.has_test_outputs]
    if withheld:
        raise ConfigError(
            f"data.validation_tasks: {withheld[0]} comes without all its test outputs, and cannot be scored"
        )
    return tasks


def check_overlap(
    config: DataConfig, name: str, tasks: Sequence[Task], training_tasks: Sequence[Task]
) -> None:
    """Checks that none of some tasks is a training task: one with the same demonstrations, in any order.

    Args:
        config: where they come from, and whether they may be.
        name: the setting that the tasks come from.
        tasks: the tasks.
        training_tasks: those that are learned from.

    Raises:
        ConfigError: some are, and they may not; the message names the first.
    """
    if config.allow_overlap:
        return
    known = {frozenset(task.train): task.id for task in training_tasks}
    twins = [(known[key], task.id) for task in tasks if (key := frozenset(task.train)) in known]
    twins = [twin for twin in twins if twin not in _PUBLISHED_TWINS]
    if twins:
        training_id, task_id = twins[0]
        raise ConfigError(
            f"data.{name}: {len(twins)} of {len(tasks)} tasks are training tasks, too, the first of them"
            f" {task_id}, which is {training_id} of data.training_tasks; data.allow_overlap admits them"
        )
