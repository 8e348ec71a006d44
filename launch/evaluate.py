r"""Samples programs from a run's newest checkpoint and scores them by every rule; the run is only read.

python launch/evaluate.py --workdir=/tmp/codeit
python launch/evaluate.py --workdir=/tmp/codeit --tasks=path/to/tasks --num_samples=96 --output=scores.json
"""

from codeit_jax.run.interruption import catch_signals

catch_signals()  # before what takes its time to import

import functools
from collections.abc import Sequence

from absl import flags

from codeit_jax.run import command_line, shared_flags

_WORKDIR = flags.DEFINE_string("workdir", None, "The folder of a run, which may be going on.")
_TASKS = flags.DEFINE_string(
    "tasks", None, "A data set, a folder or a file of tasks; by default the search tasks."
)
_NUM_SAMPLES = flags.DEFINE_integer(
    "num_samples", None, "Programs for each task; by default as many as in a meta-iteration.", lower_bound=1
)
_TEMPERATURE = flags.DEFINE_float(
    "temperature", None, "That of sampling; by default the run's, and 0 is greedy.", lower_bound=0
)
_SEED = flags.DEFINE_integer(
    "seed", None, "Decides what is drawn; by default the run's.", lower_bound=0, upper_bound=2**32 - 1
)
_NUM_WORKERS = shared_flags.define_num_workers()
_DISTRIBUTED = shared_flags.define_distributed()
_OUTPUT = flags.DEFINE_string("output", None, "A JSON file for every figure; by default there is none.")
_DATA = flags.DEFINE_integer(
    "data", -1, "Groups of devices that hold all parameters; -1 for all there can be."
)
_FSDP = flags.DEFINE_integer("fsdp", 1, "Devices over which parameters and batches are split.", lower_bound=1)
_TENSOR = flags.DEFINE_integer("tensor", 1, "Devices over which layers are split.", lower_bound=1)


def main(_: Sequence[str]) -> None:
    """Parses the flags and evaluates."""
    if not _WORKDIR.value:
        raise command_line.UsageError("--workdir is required")
    from codeit_jax.config import MeshConfig
    from codeit_jax.evaluation import evaluate  # after the flags: JAX takes a second to start
    from codeit_jax.helped import run_helped
    from codeit_jax.run.compilation import keep_compiled

    keep_compiled()
    evaluated = functools.partial(
        evaluate,
        _WORKDIR.value,
        _TASKS.value,
        num_samples=_NUM_SAMPLES.value,
        temperature=_TEMPERATURE.value,
        seed=_SEED.value,
        num_workers=_NUM_WORKERS.value,
        mesh=MeshConfig(_DATA.value, _FSDP.value, _TENSOR.value),
        output=_OUTPUT.value,
    )
    run_helped(_DISTRIBUTED.rendezvous(), _NUM_WORKERS.value, lambda leader: evaluated(leader=leader))


def run() -> None:
    """Runs the program from the command line."""
    command_line.run(main)


if __name__ == "__main__":
    run()
