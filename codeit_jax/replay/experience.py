"""An experience: a task, a program, and what the program really does on the task's inputs."""

from typing import NamedTuple

from codeit_jax.arc.grid import Grid, is_grid
from codeit_jax.arc.packing import pack_grids, unpack_grids


class Experience(NamedTuple):
    """One example to learn from (CodeIt, program sampling and hindsight relabeling).

    Its grids are packed, as worker processes send them and as a buffer holds them; `of` makes one of grids.

    Attributes:
        task_id: the task whose inputs the program ran on.
        program: the program's canonical text.
        packed_inputs: the demonstrations' input grids that the program has a valid output for, packed.
        packed_outputs: the program's outputs on them, packed; for a training task, its real outputs.
        priority: how much it is worth to learn from, in [0, 1]; in the paper the share of the task's
            demonstrations that the program gets right.
        meta_iteration: when the program was written.
    """

    # A tuple, because experiences are made by the million, and read field by field.
    task_id: str
    program: str
    packed_inputs: bytes
    packed_outputs: bytes
    priority: float
    meta_iteration: int

    @classmethod
    def of(
        cls,
        task_id: str,
        program: str,
        inputs: tuple[Grid, ...],
        outputs: tuple[Grid, ...],
        priority: float,
        meta_iteration: int,
    ) -> "Experience":
        """Makes an experience of grids.

        Raises:
            ValueError: an argument is out of its range; the line names it.
        """
        if not task_id:
            raise ValueError("experience: task_id is empty")
        fault = _fault(program, inputs, outputs, priority, meta_iteration)
        if fault:
            raise ValueError(f"experience of task {task_id}: {fault}")
        return cls(task_id, program, pack_grids(inputs), pack_grids(outputs), priority, meta_iteration)

    @property
    def inputs(self) -> tuple[Grid, ...]:
        """The input grids, unpacked anew."""
        return unpack_grids(self.packed_inputs)

    @property
    def outputs(self) -> tuple[Grid, ...]:
        """The output grids, unpacked anew."""
        return unpack_grids(self.packed_outputs)


def _fault(
    program: str,
    inputs: tuple[Grid, ...],
    outputs: tuple[Grid, ...],
    priority: float,
    meta_iteration: int,
) -> str:
    """Returns what is wrong with an experience; nothing where it is right."""
    if not program:
        return "program is empty"
    if not inputs or len(inputs) != len(outputs):
        return f"{len(inputs)} inputs for {len(outputs)} outputs"
    for name, grids in (("inputs", inputs), ("outputs", outputs)):
        for number, grid in enumerate(grids):
            if not is_grid(grid):
                return f"{name}[{number}] is no valid grid"
    if not 0 <= priority <= 1:
        return f"priority must be in [0, 1], got {priority}"
    if not 0 <= meta_iteration < 2**31:
        return f"meta_iteration must be in [0, 2**31), got {meta_iteration}"
    return ""
