r"""Runs CodeIt: from the start, or from where the run in the folder stopped.

python launch/train.py --config=configs/quickstart.py --workdir=/tmp/codeit
python launch/train.py --config=configs/codeit.py:tiny --config.learner.batch_size=256 --workdir=gs://bucket/run
python launch/train.py --distributed --config=configs/codeit.py --workdir=gs://bucket/run  # on each host
"""

from codeit_jax.run.interruption import catch_signals

catch_signals()  # before what takes its time to import

from collections.abc import Sequence

from absl import flags

from codeit_jax.run import command_line, config_flag, shared_flags

_CONFIG = config_flag.define_config_flag()
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "The run's folder, or gs://bucket/folder; an earlier run in it is resumed."
)
_COMPILED = flags.DEFINE_string(
    "compiled", None, "A folder in which compiled functions are kept for later runs; by default in ~/.cache."
)
_PROFILE = flags.DEFINE_integer(
    "profile", None, "A meta-iteration of which a trace is left in the workdir.", lower_bound=1
)
_DISTRIBUTED = shared_flags.define_distributed()


def main(_: Sequence[str]) -> None:
    """Parses the flags and runs."""
    config = config_flag.read_config(_CONFIG)
    if not _WORKDIR.value:
        raise command_line.UsageError("--workdir is required")
    from codeit_jax.experiment import run_experiment
    from codeit_jax.run.compilation import keep_compiled  # after the flags: JAX takes a second to start
    from codeit_jax.run.distribution import joined

    keep_compiled(_COMPILED.value)
    with joined(_DISTRIBUTED.rendezvous()) as peers:
        run_experiment(config, _WORKDIR.value, profiled_iteration=_PROFILE.value, peers=peers)


def run() -> None:
    """Runs the program from the command line."""
    command_line.run(main, is_resumable=True)


if __name__ == "__main__":
    run()
