"""What the policy of a run writes for tasks that are to be answered."""

import contextlib
import functools
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from codeit_jax.arc import Task
from codeit_jax.dsl import ProgramError, parse_program
from codeit_jax.run.display import Display
from codeit_jax.run.journal import Journal

if TYPE_CHECKING:
    from codeit_jax.trained import TrainedPolicy


def read_policy(workdir: str, display: Display) -> "TrainedPolicy":
    """Returns the policy of a run's newest checkpoint.

    Raises:
        UserError: the folder holds no run, or one that cannot be read.
    """
    from codeit_jax.run.compilation import keep_compiled  # JAX takes a second to start
    from codeit_jax.trained import load_policy

    display.phase("reading the policy")
    keep_compiled()
    return load_policy(workdir)


def write_programs(
    policy: "TrainedPolicy",
    tasks: Sequence[Task],
    journal: Journal,
    display: Display,
    *,
    num_samples: int,
    seed: int,
    deadline: float,
) -> dict[str, list[str]]:
    """Returns what a policy writes for tasks, and its run's candidates for those that it knows by id.

    Args:
        policy: the policy.
        tasks: the tasks.
        journal: of what it has written, to go on from.
        display: where progress is shown.
        num_samples: programs that it writes for each task.
        seed: decides what is drawn at random.
        deadline: by `time.monotonic`, after which it writes for no other tasks.

    Returns:
        Distinct programs in their canonical form, by task id.
    """
    from codeit_jax.policy.program_sampler import journaled

    display.phase(
        f"sampling from the policy of meta-iteration {policy.meta_iteration}", num_samples * len(tasks)
    )
    texts: dict[str, dict[str, None]] = {task.id: {} for task in tasks}
    for task in tasks:
        candidates = policy.solutions.all.candidates(task.id)
        texts[task.id] |= dict.fromkeys(each.program for each in candidates)
    sample = functools.partial(policy.sample_programs, tasks, num_samples=num_samples, seed=seed)
    for sampled in journaled(journal, lambda known: sample(known=known)):
        texts[tasks[sampled.task_index].id] |= dict.fromkeys(_programs(sampled.texts))
        display.advance(len(sampled.texts))
        if time.monotonic() > deadline:
            display.note("there is no time for more samples")
            break
    return {task_id: list(each) for task_id, each in texts.items()}


def _programs(texts: Sequence[str]) -> Iterator[str]:
    """Yields those texts that are programs, in their canonical form."""
    for text in texts:
        with contextlib.suppress(ProgramError):
            yield str(parse_program(text))
