r"""Breeds programs for every task from those that come close, and reports the tasks that they solve.

python launch/evolve.py --tasks=arc1/evaluation --work=64000000 --output=/tmp/evolved
python launch/evolve.py --tasks=path/to/tasks --programs=mutants.jsonl --parents=none --output=/tmp/evolved
"""

from codeit_jax.run.interruption import catch_signals

catch_signals()  # before what takes its time to import

from collections.abc import Sequence

from absl import flags

from codeit_jax.config import TURN_WORK
from codeit_jax.run import command_line, shared_flags

_TASKS = flags.DEFINE_string(
    "tasks", "arc1/evaluation", "A data set, a folder or a file of tasks; see docs/datasets.md."
)
_OUTPUT = flags.DEFINE_string("output", None, "A folder for the results; an evolution in it is resumed.")
_WORK = flags.DEFINE_integer("work", 100_000_000, "Units of work for each task on average.", lower_bound=1)
_PROGRAMS = shared_flags.define_programs()
_PARENTS = shared_flags.define_parents()
_SEED = shared_flags.define_seed()
_NUM_WORKERS = shared_flags.define_num_workers()
_DISTRIBUTED = shared_flags.define_distributed()
_TURN_WORK = flags.DEFINE_integer(
    "turn_work", TURN_WORK, "Units of work that a task takes at a time.", lower_bound=1
)
_SHARE_FINDS = flags.DEFINE_bool(
    "share_finds", True, "Whether programs that solve a task are tried on others."
)
_NUM_MENDED = flags.DEFINE_integer(
    "num_mended", 100, "Near misses that are filled with regions that are looked up.", lower_bound=0
)
_STATES_WORK = flags.DEFINE_integer(
    "states_work",
    10_000_000,
    "Units of work for the states that every second population of a task begins with; 0 for none of these.",
    lower_bound=0,
)


def main(_: Sequence[str]) -> None:
    """Parses the flags and runs."""
    if not _OUTPUT.value:
        raise command_line.UsageError("--output is required")
    from codeit_jax.evolution.command import EvolveConfig, run_evolution  # takes its time
    from codeit_jax.evolution.jobs import Breeding
    from codeit_jax.helped import run_helped
    from codeit_jax.report.command import page_of

    config = EvolveConfig(
        output=_OUTPUT.value,
        tasks=_TASKS.value,
        work=_WORK.value,
        programs=tuple(command_line.local_paths(_PROGRAMS)),
        parents=shared_flags.parent_kind(_PARENTS),
        seed=_SEED.value,
        num_workers=_NUM_WORKERS.value,
        turn_work=_TURN_WORK.value,
        shares_finds=_SHARE_FINDS.value,
        breeding=Breeding(num_mended=_NUM_MENDED.value, states_work=_STATES_WORK.value),
    )
    page = page_of(_OUTPUT.value)
    run_helped(
        _DISTRIBUTED.rendezvous(),
        config.num_workers,
        lambda leader: run_evolution(config, leader=leader, page=page),
    )


def run() -> None:
    """Runs the program from the command line."""
    command_line.run(main, is_resumable=True)


if __name__ == "__main__":
    run()
