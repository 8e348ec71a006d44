r"""Times parts of this package beside a peer, in one run.

python launch/benchmark.py --suite=execution
python launch/benchmark.py --suite=execution --quick --json=/tmp/execution.json
python launch/benchmark.py --suite=sampling --tokenizer=Salesforce/codet5p-220m
python launch/benchmark.py --suite=learner
python launch/benchmark.py --suite=replay
python launch/benchmark.py --suite=accelerator --json=/tmp/accelerator.json

The peer of learning and of sampling is transformers' T5 on PyTorch, where that is installed. On a GPU both
must fit into its memory: set XLA_PYTHON_CLIENT_PREALLOCATE=false, or JAX takes most of it. That of the replay
buffer is cpprb's. In full it takes 12 GB of memory, and 8 GB of the folder for temporary files.

The accelerator's suite is made of parts, each under a limit of its own: what is done is in the file at any
time.
"""

from codeit_jax.run.interruption import catch_signals

catch_signals()  # before what takes its time to import

import os
from collections.abc import Sequence

from absl import flags

from codeit_jax.benchmarks.suites import SUITES, Options, run_suite
from codeit_jax.run import command_line

_SUITE = flags.DEFINE_enum("suite", None, list(SUITES), "What is timed.")
_JSON = flags.DEFINE_string("json", None, "A file for the measurements.")
_SEED = flags.DEFINE_integer("seed", 0, "Decides what is drawn at random.", lower_bound=0)
_NUM_WORKERS = flags.DEFINE_integer(
    "num_workers", os.cpu_count() or 1, "Worker processes where several are timed.", lower_bound=1
)
_QUICK = flags.DEFINE_bool("quick", False, "Small samples: a minute or two, and less certain.")
_TOKENIZER = flags.DEFINE_string("tokenizer", "", "sampling: a Hugging Face tokenizer to time as well.")
_SECONDS = flags.DEFINE_float(
    "seconds", 480.0, "accelerator: after so many all that is left is ended.", lower_bound=1
)
_PARTS = flags.DEFINE_list("parts", [], "accelerator: the parts to run beside the first; all by default.")


def main(_: Sequence[str]) -> None:
    """Parses the flags and runs."""
    if _SUITE.value is None:
        raise command_line.UsageError(f"--suite is required, one of {', '.join(SUITES)}")
    options = Options(
        _SEED.value, _NUM_WORKERS.value, _QUICK.value, _TOKENIZER.value, _SECONDS.value, tuple(_PARTS.value)
    )
    run_suite(_SUITE.value, options, command_line.local_path(_JSON) if _JSON.value else None)


def run() -> None:
    """Runs the program from the command line."""
    command_line.run(main)


if __name__ == "__main__":
    run()
