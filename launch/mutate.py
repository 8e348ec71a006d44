r"""Grows a file of mutated training tasks: one JSON object a line with program, task, parent and kind.

python launch/mutate.py --num_programs=19200 --output=/tmp/d1.jsonl
python launch/mutate.py --num_programs=100000 --depth=inf --seed=1 --output=/tmp/dinf.jsonl

Started again after an interruption it goes on; with a larger --num_programs it adds to the file.
"""

from codeit_jax.run.interruption import catch_signals

catch_signals()  # before what takes its time to import

import os
from collections.abc import Sequence

from absl import flags

from codeit_jax.config import Depth, ParentKind
from codeit_jax.run import command_line, shared_flags

_NUM_PROGRAMS = flags.DEFINE_integer(
    "num_programs", None, "Programs wanted, no two of them equal.", lower_bound=1
)
_OUTPUT = flags.DEFINE_string("output", None, "The file; F.progress.json beside it tells how it came about.")
_DEPTH = flags.DEFINE_enum(
    "depth",
    Depth.ONE,
    list(Depth),
    "1: mutants of training programs; inf: of mutants too; random: random programs, the baseline.",
)
_SEED = flags.DEFINE_integer("seed", 0, "Decides what is drawn at random.", lower_bound=0)
_TASKS = flags.DEFINE_string("tasks", "arc1/training", "The training tasks; see docs/datasets.md.")
_TRAINING_PROGRAMS = flags.DEFINE_string(
    "training_programs", "", "A Python file such as solvers.py; by default those of reasoning-gym."
)
_PARENTS = flags.DEFINE_enum(
    "parents",
    ParentKind.ORIGINAL,
    list(ParentKind),
    "original: the training programs; distilled: the shortest found that still solve their tasks; both.",
)
_PARENTS_INCLUDED = flags.DEFINE_bool(
    "parents_included", False, "Begin the file with the training programs, beyond --num_programs."
)
_NEW_LINE_SHARE = flags.DEFINE_float(
    "new_line_share", 0.0, "Share of mutations that put in a line.", lower_bound=0, upper_bound=1
)
_NUM_WORKERS = flags.DEFINE_integer("num_workers", 0, "Worker processes; 0: one a CPU core.", lower_bound=0)
_DISTRIBUTED = shared_flags.define_distributed()


def main(_: Sequence[str]) -> None:
    """Parses the flags and runs."""
    if _NUM_PROGRAMS.value is None:
        raise command_line.UsageError("--num_programs is required")
    if not _OUTPUT.value:
        raise command_line.UsageError("--output is required")
    from codeit_jax.helped import run_helped
    from codeit_jax.mutation.growth.command import GrowthConfig, grow_file  # takes its time

    config = GrowthConfig(
        output=command_line.local_path(_OUTPUT),
        num_programs=_NUM_PROGRAMS.value,
        depth=Depth(_DEPTH.value),
        seed=_SEED.value,
        tasks=_TASKS.value,
        training_programs=_TRAINING_PROGRAMS.value,
        parents=ParentKind(_PARENTS.value),
        new_line_share=_NEW_LINE_SHARE.value,
        parents_included=_PARENTS_INCLUDED.value,
        num_workers=_NUM_WORKERS.value,
    )
    run_helped(
        _DISTRIBUTED.rendezvous(),
        config.num_workers or os.cpu_count() or 1,
        lambda leader: grow_file(config, leader=leader),
    )


def run() -> None:
    """Runs the program from the command line."""
    command_line.run(main, is_resumable=True)


if __name__ == "__main__":
    run()
