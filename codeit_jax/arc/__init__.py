"""Tasks, the grids they are made of, and where they come from."""

from codeit_jax.arc.datasets import load_tasks
from codeit_jax.arc.grid import Grid, GridError, is_grid, num_cells, to_grid
from codeit_jax.arc.task import Pair, Task, TaskError, task_from_json, task_to_json

__all__ = [
    "Grid",
    "GridError",
    "Pair",
    "Task",
    "TaskError",
    "is_grid",
    "load_tasks",
    "num_cells",
    "task_from_json",
    "task_to_json",
    "to_grid",
]
