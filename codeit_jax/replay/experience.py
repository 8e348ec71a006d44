"""An experience: a task, a program, and what the program really does on the task's inputs."""

from dataclasses import dataclass
from typing import Any, NoReturn

from codeit_jax.arc.grid import Grid, is_grid


@dataclass(frozen=True)
class Experience:
    """One example to learn from (CodeIt, program sampling and hindsight relabeling).

    Attributes:
        task_id: the task whose inputs the program ran on.
        program: the program's canonical text.
        inputs: the demonstrations' input grids that the program has a valid output for.
        outputs: the program's outputs on them; for a training task, its real outputs.
        priority: how much it is worth to learn from, in [0, 1]; in the paper the share of the task's
            demonstrations that the program gets right.
        meta_iteration: when the program was written.

    Raises:
        ValueError: a field is out of its range; the line names the field.
    """

    task_id: str
    program: str
    inputs: tuple[Grid, ...]
    outputs: tuple[Grid, ...]
    priority: float
    meta_iteration: int

    def __post_init__(self) -> None:
        if not self.task_id:
            raise ValueError("experience: task_id is empty")
        if not self.program:
            self._fail("program is empty")
        if not self.inputs or len(self.inputs) != len(self.outputs):
            self._fail(f"{len(self.inputs)} inputs for {len(self.outputs)} outputs")
        for field, grids in (("inputs", self.inputs), ("outputs", self.outputs)):
            for number, grid in enumerate(grids):
                if not is_grid(grid):
                    self._fail(f"{field}[{number}] is no valid grid")
        if not 0 <= self.priority <= 1:
            self._fail(f"priority must be in [0, 1], got {self.priority}")
        if not 0 <= self.meta_iteration < 2**31:
            self._fail(f"meta_iteration must be in [0, 2**31), got {self.meta_iteration}")

    @classmethod
    def unchecked(cls, **fields: Any) -> "Experience":
        """Makes one of what another's fields were, without checking them anew, which takes the most time."""
        experience = object.__new__(cls)
        experience.__dict__.update(fields)
        return experience

    def _fail(self, reason: str) -> NoReturn:
        raise ValueError(f"experience of task {self.task_id}: {reason}")
