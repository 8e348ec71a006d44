r"""Takes Hugging Face T5 weights in, and gives a run's policy out.

python launch/weights.py import --source=Salesforce/codet5p-220m --output=/tmp/codet5p
python launch/weights.py export --workdir=/tmp/run --output=/tmp/policy
python launch/weights.py export --distributed --workdir=gs://bucket/run --output=/tmp/policy  # on each host
"""

from codeit_jax.run.interruption import catch_signals

catch_signals()  # before what takes its time to import

from collections.abc import Sequence

from absl import flags

from codeit_jax.run import command_line, shared_flags

_SOURCE = flags.DEFINE_string("source", None, "import: a folder, or a name on the Hugging Face hub.")
_WORKDIR = flags.DEFINE_string("workdir", None, "export: the folder of a run.")
_OUTPUT = flags.DEFINE_string("output", None, "A folder for config.json and model.safetensors.")
_DISTRIBUTED = shared_flags.define_distributed()


def main(argv: Sequence[str]) -> None:
    """Parses the flags and runs."""
    command = argv[1] if len(argv) > 1 else None
    if command not in ("import", "export"):
        raise command_line.UsageError(f"say import or export, not {command or 'nothing'}")
    output = _required(_OUTPUT)
    given = _required(_SOURCE if command == "import" else _WORKDIR)
    unused = _WORKDIR if command == "import" else _SOURCE
    if unused.value:
        raise command_line.UsageError(f"--{unused.name} has no part in {command}")
    from codeit_jax.learner.weight_exchange import (  # it imports jax, which takes time
        export_weights,
        import_weights,
    )
    from codeit_jax.run.distribution import joined

    with joined(_DISTRIBUTED.rendezvous()) as peers:
        if command == "import":
            told = f"{import_weights(given, output, peers):,} parameters"
        else:
            told = f"the policy after meta-iteration {export_weights(given, output, peers)}"
        if peers.number == 0:
            print(f"{told} written to {output}")


def _required(flag: flags.FlagHolder[str | None]) -> str:
    if not flag.value:
        raise command_line.UsageError(f"--{flag.name} is required")
    return flag.value


def run() -> None:
    """Runs the program from the command line."""
    command_line.run(main, num_arguments=1)


if __name__ == "__main__":
    run()
