"""Going on from the newest of some checkpoints that is whole."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from codeit_jax.errors import UserError
from codeit_jax.run.checkpoint import Checkpointer
from codeit_jax.run.manifest import DamageError

Used = TypeVar("Used")


class NoneWholeError(UserError):
    """There are checkpoints, and each of them is damaged."""


def restore_first(
    steps: Iterable[tuple[Checkpointer, int]],
    abstract_learner_state: Any,
    use: Callable[[int, Any, dict[str, Any]], Used],
    tell: Callable[[str], None],
) -> Used | None:
    """Reads back the first of some steps that is whole, and then moves those before it aside.

    Args:
        steps: the steps, and where they are.
        abstract_learner_state: see `Checkpointer.restore`.
        use: makes something of what `Checkpointer.restore` returns; a `DamageError` that it raises is the
            step's.
        tell: is told of each step that is not whole.

    Returns:
        What `use` made; None if there are no steps.

    Raises:
        NoneWholeError: there are steps, and none is whole; all stay where they are.
        ValueError: the learner's state has another structure, shape or dtype.
    """
    damaged: list[tuple[Checkpointer, int, DamageError]] = []
    for checkpointer, step in steps:
        try:
            used = use(*checkpointer.restore(abstract_learner_state, step))
        except DamageError as error:
            damaged.append((checkpointer, step, error))
            continue
        for other, number, damage in damaged:
            name = other.set_aside(number)
            tell(f"checkpoint {number} is left out and kept as {name}: {damage}")
        return used
    if damaged:
        raise NoneWholeError(f"none of {len(damaged)} checkpoints is whole: {damaged[0][2]}")
    return None
