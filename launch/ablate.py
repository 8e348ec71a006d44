r"""Runs a config and variants of it, each with some seeds, and holds them side by side.

python launch/ablate.py --config=configs/quickstart.py --variants=no_relabeling,no_priority --output=/tmp/a
python launch/ablate.py --config=configs/codeit.py:tiny --variants=no_mutation+no_evolution --output=/tmp/b

The config itself, `base`, is always among them. Runs that are done are not repeated: started again with more
variants or more seeds it adds to the folder.
"""

from codeit_jax.run.interruption import catch_signals

catch_signals()  # before what takes its time to import

from collections.abc import Sequence

from absl import flags

from codeit_jax.run import command_line, config_flag

_CONFIG = config_flag.define_config_flag()
_VARIANTS = flags.DEFINE_list(
    "variants", [], "Ablations, as docs/ablations.md lists them; of several at once with + between them."
)
_SEEDS = flags.DEFINE_integer(
    "seeds", 3, "Runs of each variant, with seeds from the config's own on.", lower_bound=1
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "A folder for the table and the runs, gone on with if it has any."
)
_SCORED_ON = flags.DEFINE_enum(
    "scored_on",
    "validation",
    ["validation", "search"],
    "validation: the search set is held out of the training tasks; search: it is the config's own.",
)


def main(_: Sequence[str]) -> None:
    """Parses the flags and runs."""
    config = config_flag.read_config(_CONFIG)
    if not _OUTPUT.value:
        raise command_line.UsageError("--output is required")
    from codeit_jax.ablation import on_validation_split, run_ablations
    from codeit_jax.run.compilation import keep_compiled  # after the flags: JAX takes a second to start

    keep_compiled()
    scored = on_validation_split(config) if _SCORED_ON.value == "validation" else config
    run_ablations(scored, _VARIANTS.value, _SEEDS.value, _OUTPUT.value)


def run() -> None:
    """Runs the program from the command line."""
    command_line.run(main, is_resumable=True)


if __name__ == "__main__":
    run()
