r"""Shows what a run, a search, an evolution or answers came to: one page that opens without a network.

python launch/report.py --workdir=run
python launch/report.py --workdir=run --workdir=other_run --output=both.html
python launch/report.py --workdir=evolved --format=png
python launch/report.py --workdir=run --show=0692e18c
"""

from codeit_jax.run.interruption import catch_signals

catch_signals()  # before what takes its time to import

from collections.abc import Sequence

from absl import flags

from codeit_jax.run import command_line

_WORKDIR = flags.DEFINE_multi_string(
    "workdir", [], "A folder that train, search, evolve or solve has left or works in; given again, one more."
)
_OUTPUT = flags.DEFINE_string("output", None, "The file; by default report.html in the first folder.")
_FORMAT = flags.DEFINE_enum("format", "html", ["html", "png"], "The page, or its curves alone as a picture.")
_SHOW = flags.DEFINE_string("show", None, "A task to show in the terminal instead.")


def main(_: Sequence[str]) -> None:
    """Parses the flags and writes the report."""
    if not _WORKDIR.value or not all(_WORKDIR.value):
        raise command_line.UsageError("--workdir is required, such as --workdir=run")
    from codeit_jax.report.command import report, show  # after the flags: what it imports takes its time

    if _SHOW.value is not None:
        for unused in (_OUTPUT, _FORMAT):
            if unused.present:
                raise command_line.UsageError(f"--{unused.name} has no part in --show")
        show(_WORKDIR.value, _SHOW.value)
        return
    print(report(_WORKDIR.value, _OUTPUT.value, _FORMAT.value))


def run() -> None:
    """Runs the program from the command line."""
    command_line.run(main)


if __name__ == "__main__":
    run()
