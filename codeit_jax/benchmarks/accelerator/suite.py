"""The accelerator suite: all that is to be known of a GPU or a TPU, in at most eight minutes.

It is for a machine that is lent for minutes. Parts come by their worth, each in a process of its own under a
limit (see `parts`); what is compiled is kept in a folder that they share. They begin with what the device is
and whether it computes what a CPU does. Where there is no accelerator, and with `--quick`, the same parts run
on tiny shapes: a dry run.
"""

import dataclasses
from collections.abc import Iterator

from codeit_jax.benchmarks.parts import Part, run_parts
from codeit_jax.benchmarks.suites import Options
from codeit_jax.benchmarks.table import Ended, Measurement
from codeit_jax.errors import UserError

# The end of a case that there is on machines without an accelerator.
NO_ACCELERATOR = "accelerator"

_ROOM = "codeit_jax.benchmarks.accelerator"
# All but a twentieth of a GPU's memory, of which JAX takes three quarters if it is not told.
_WHOLE_GPU = {"XLA_PYTHON_CLIENT_MEM_FRACTION": "0.95"}


def _part(name: str, function: str, max_seconds: float, *arguments: str) -> Part:
    return Part(name, f"{_ROOM}.{function}", max_seconds, arguments, _WHOLE_GPU)


_DEVICE = _part("device", "device:measure", 60)


def _others(small: str, paper: str, large: str) -> tuple[Part, ...]:
    """Returns the parts after the first, by their worth.

    Args:
        small: the preset of the small policy.
        paper: that of the paper's.
        large: that of the large one.
    """
    parts = (
        _part("exactness", "exactness:measure", 90),
        _part(f"learner_{paper}", "learning:measure_largest", 120, paper),
        _part(f"sampling_{paper}", "sampling:measure", 90, paper),
        _part(f"learner_{small}", "learning:measure_largest", 75, small),
        _part("attention", "attention:measure", 60),
        _part(f"learner_{large}", "learning:measure_largest", 150, large),
        _part("meta_iteration", "meta_iteration:measure", 120),
        _part("tests", "testing:measure", 90),
        _part(f"sampling_{small}", "sampling:measure", 60, small),
        _part(f"sampling_{large}", "sampling:measure", 100, large),
        _part(f"paper_batch_{paper}", "learning:measure_paper_batch", 100, paper),
        Part(
            "pytorch",
            f"{_ROOM}.learning:measure_beside_pytorch",
            90,
            (paper,),
            {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"},  # both need memory
        ),
    )
    return tuple({part.name: part for part in parts}.values())


FULL = _others("codet5-small", "codet5p-220m", "codet5p-770m")
QUICK = _others("nano", "nano", "nano")


def measure(options: Options) -> Iterator[Measurement | Ended]:
    """Returns the suite's measurements as they are made, and the ends of its parts.

    Raises:
        UserError: `options.parts` names what is none.
    """
    known = [part.name for part in (_DEVICE, *FULL, *QUICK)]
    for name in options.parts:
        if name not in known:
            raise UserError(f"--parts: there is no {name}, but {', '.join(dict.fromkeys(known))}")
    return _measured(options)


def _measured(options: Options) -> Iterator[Measurement | Ended]:
    is_accelerated = True  # until the first part tells

    def parts() -> Iterator[Part]:
        yield _DEVICE
        for part in QUICK if options.quick or not is_accelerated else FULL:
            if not options.parts or part.name in options.parts:
                yield part if is_accelerated else _dry(part)

    for measured in run_parts(parts(), options):
        is_accelerated = is_accelerated and measured.name != NO_ACCELERATOR
        yield measured


def _dry(part: Part) -> Part:
    """Returns a part for a CPU, which may be a busy one, where most of the time goes into compiling."""
    environment = {**part.environment, "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    return dataclasses.replace(part, max_seconds=4 * part.max_seconds, environment=environment)
