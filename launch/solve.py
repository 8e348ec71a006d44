r"""Answers tasks whose test outputs are unknown, as a submission to the ARC Prize and as pictures.

python launch/solve.py --tasks=mytask.json --output=/tmp/answers
python launch/solve.py --tasks=arc-agi_test_challenges.json --workdir=run --minutes=600 --output=answers
"""

from codeit_jax.run.interruption import catch_signals

catch_signals()  # before what takes its time to import

from collections.abc import Sequence

from absl import flags

from codeit_jax.run import command_line, shared_flags

_TASKS = flags.DEFINE_string("tasks", None, "A data set, a folder or a file of tasks; see docs/datasets.md.")
_OUTPUT = flags.DEFINE_string("output", None, "A folder for the answers; answering in it is resumed.")
_WORKDIR = flags.DEFINE_string("workdir", "", "The folder of a run whose policy writes programs, too.")
_NUM_SAMPLES = flags.DEFINE_integer(
    "num_samples", 32, "Programs that it writes for each task.", lower_bound=1
)
_PROGRAMS = shared_flags.define_programs()
_PARENTS = shared_flags.define_parents()
_MINUTES = flags.DEFINE_float("minutes", None, "Minutes to end after; 10 where --work is not given either.")
_WORK = flags.DEFINE_integer(
    "work",
    None,
    "Units of work for each task on average to end after, the same on any machine.",
    lower_bound=1,
)
_NUM_POPULATIONS = flags.DEFINE_integer(
    "num_populations",
    0,
    "Populations that are bred for each task at a time; 0 for one, or more where there are few tasks.",
    lower_bound=0,
)
_THOROUGH = flags.DEFINE_bool(
    "thorough", False, "Whether tasks that have a short program are gone on with as well."
)
_SEED = shared_flags.define_seed()
_NUM_WORKERS = shared_flags.define_num_workers()
_DISTRIBUTED = shared_flags.define_distributed()


def main(_: Sequence[str]) -> None:
    """Parses the flags and runs."""
    if not _TASKS.value:
        raise command_line.UsageError("--tasks is required, such as --tasks=mytask.json")
    if not _OUTPUT.value:
        raise command_line.UsageError("--output is required")
    from codeit_jax.arc import load_tasks
    from codeit_jax.helped import run_helped
    from codeit_jax.report.command import page_of
    from codeit_jax.solving import SolveConfig, solve  # takes its time

    config = SolveConfig(
        output=_OUTPUT.value,
        workdir=_WORKDIR.value,
        num_samples=_NUM_SAMPLES.value,
        programs=tuple(command_line.local_paths(_PROGRAMS)),
        parents=shared_flags.parent_kind(_PARENTS),
        minutes=_MINUTES.value,
        work=_WORK.value,
        num_populations=_NUM_POPULATIONS.value,
        is_thorough=_THOROUGH.value,
        seed=_SEED.value,
        num_workers=_NUM_WORKERS.value,
    )
    source = _TASKS.value
    page = page_of(_OUTPUT.value)
    run_helped(
        _DISTRIBUTED.rendezvous(),
        config.num_workers,
        lambda leader: solve(load_tasks(source), config, source=source, leader=leader, page=page),
    )


def run() -> None:
    """Runs the program from the command line."""
    command_line.run(main, is_resumable=True)


if __name__ == "__main__":
    run()
