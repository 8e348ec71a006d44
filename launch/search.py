r"""Runs every program of some files on every task, and reports the tasks that they solve.

python launch/search.py --programs=mutants.jsonl --tasks=arc1/evaluation --output=/tmp/search
python launch/search.py --programs=a.jsonl,b.jsonl --output=/tmp/search --compare=other.csv
"""

from codeit_jax.run.interruption import catch_signals

catch_signals()  # before what takes its time to import

import dataclasses
import functools
from collections.abc import Sequence

from absl import flags

from codeit_jax.config.budget import SEARCH_LIMITS
from codeit_jax.run import command_line, shared_flags

_PROGRAMS = flags.DEFINE_list("programs", None, "Files of programs, as launch/mutate.py writes them.")
_TASKS = flags.DEFINE_string(
    "tasks", "arc1/evaluation", "A data set, a folder or a file of tasks; see docs/datasets.md."
)
_OUTPUT = flags.DEFINE_string("output", None, "A folder for the results; an earlier search in it is resumed.")
_NUM_WORKERS = shared_flags.define_num_workers()
_DISTRIBUTED = shared_flags.define_distributed()
_CURVE_STEP = flags.DEFINE_integer(
    "curve_step", 9_600, "Programs between points of the curve.", lower_bound=1
)
_MAX_PROGRAMS = flags.DEFINE_integer("max_programs", None, "Distinct programs to end after.", lower_bound=1)
_MAX_WORK = flags.DEFINE_integer(
    "max_work", SEARCH_LIMITS.max_work, "Units of work that one run of a program may take.", lower_bound=1
)
_COMPARE = flags.DEFINE_list("compare", [], "CSV files of other curves for the picture.")


def main(_: Sequence[str]) -> None:
    """Parses the flags and runs."""
    if not _PROGRAMS.value:
        raise command_line.UsageError("--programs is required")
    if not _OUTPUT.value:
        raise command_line.UsageError("--output is required")
    from codeit_jax.helped import run_helped
    from codeit_jax.report.command import page_of
    from codeit_jax.search.command import run_search  # after the flags: what it imports takes its time

    search = functools.partial(
        run_search,
        command_line.local_paths(_PROGRAMS),
        _TASKS.value,
        _OUTPUT.value,
        num_workers=_NUM_WORKERS.value,
        curve_step=_CURVE_STEP.value,
        max_programs=_MAX_PROGRAMS.value,
        budget=dataclasses.replace(SEARCH_LIMITS, max_work=_MAX_WORK.value),
        compared=command_line.local_paths(_COMPARE),
    )
    page = page_of(_OUTPUT.value)
    run_helped(_DISTRIBUTED.rendezvous(), _NUM_WORKERS.value, lambda leader: search(leader=leader, page=page))


def run() -> None:
    """Runs the program from the command line."""
    command_line.run(main, is_resumable=True)


if __name__ == "__main__":
    run()
