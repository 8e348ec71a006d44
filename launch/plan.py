r"""Tells what a run takes on some devices, before there are any: memory, and time of a meta-iteration.

python launch/plan.py --config=configs/codeit.py:220m --device=8xh100
python launch/plan.py --config=configs/codeit.py:770m --device=v5e-16 --config.mesh.fsdp=16 --json=plan.json

Nothing is computed but arithmetic; see docs/capacity.md for what it is made of and how far it can be trusted.
"""

from codeit_jax.run.interruption import catch_signals

catch_signals()  # before what takes its time to import

from collections.abc import Sequence

from absl import flags

from codeit_jax.run import command_line, config_flag

_CONFIG = config_flag.define_config_flag()
_DEVICE = flags.DEFINE_string(
    "device", None, "The devices, such as h100, 8xh100, rtx4090, v4-8, v5e-16 or v5p-64."
)
_UTILISATION = flags.DEFINE_float(
    "utilisation",
    0.4,
    "The share of a device's operations and bandwidth that is assumed to be reached.",
    lower_bound=0.01,
    upper_bound=1,
)
_JSON = flags.DEFINE_string("json", None, "A file for all figures.")


def main(_: Sequence[str]) -> None:
    """Parses the flags and plans."""
    config = config_flag.read_config(_CONFIG)
    if not _DEVICE.value:
        raise command_line.UsageError("--device is required, such as --device=8xh100")
    from codeit_jax.planning.command import plan_run  # after the flags: JAX takes a second to start

    plan_run(
        config_flag.config_name(),
        config,
        _DEVICE.value,
        utilisation=_UTILISATION.value,
        json_path=command_line.local_path(_JSON) if _JSON.value else None,
    )


def run() -> None:
    """Runs the program from the command line."""
    command_line.run(main)


if __name__ == "__main__":
    run()
