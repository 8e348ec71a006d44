"""A plan as a table for a terminal, and as JSON."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from codeit_jax.planning.advice import Changes
from codeit_jax.planning.plan import USABLE, Plan

# What JAX takes of a GPU's memory at the start unless it is told.
_TAKEN_OF_GPU = 0.75
_MORE_OF_GPU = "JAX takes 75 % of a GPU by itself: set XLA_PYTHON_CLIENT_MEM_FRACTION=0.95"

_NAMES = {
    "state": "parameters and optimiser",
    "weights": "parameters in use",
    "gradients": "gradients",
    "activations": "activations kept",
    "prompts": "keys and values of prompts",
    "programs": "keys and values of programs",
    "work": "work at hand",
}


def table(name: str, plan: Plan, advice: Sequence[Changes], utilisation: float) -> str:
    """Returns a plan as lines of at most 80 columns.

    Args:
        name: the config's.
        plan: the plan.
        advice: changes with which it would fit; not told where it does.
        utilisation: that it was planned with.
    """
    device, (data, fsdp, tensor) = plan.machine.device, plan.mesh
    number = f"{plan.machine.count} device{'s' * (plan.machine.count > 1)}"
    lines = [
        f"{name} on {plan.machine.name}: {plan.layout.total / 1e6:,.0f}M parameters",
        f"{number} of {gigabytes(device.memory)}, mesh {data=}, {fsdp=}, {tensor=}",
        "",
        f"{'memory of a device':<44}{'learning':>12}{'sampling':>12}",
    ]
    learning, sampling = (dataclasses.asdict(part.memory) for part in (plan.learning, plan.sampling))
    for key, told in _NAMES.items():
        lines.append(
            _row(told, *(gigabytes(part[key]) if key in part else "" for part in (learning, sampling)))
        )
    totals = plan.learning.memory.total, plan.sampling.memory.total
    lines += [
        _row("in all", *map(gigabytes, totals)),
        "",
        *_verdict(plan, advice),
        "",
        f"{'a meta-iteration':<44}{'learning':>12}{'sampling':>12}",
        _row("updates, batches of tasks", f"{plan.learning.updates:,}", f"{plan.sampling.batches:,}"),
        _row("operations of a device", f"{plan.learning.flops:.2e}", f"{plan.sampling.flops:.2e}"),
        _row("bytes that writing programs moves", "", f"{plan.sampling.bytes:.2e}"),
        _row(
            f"time at {utilisation:.0%} of what a device can do",
            duration(plan.learning.seconds),
            duration(plan.sampling.seconds),
        ),
    ]
    return "\n".join(line.rstrip() for line in lines)


def to_json(name: str, plan: Plan, advice: Sequence[Changes], utilisation: float) -> dict[str, Any]:
    """Returns a plan as JSON has it: bytes, operations and seconds."""
    return {
        "config": name,
        "utilisation": utilisation,
        "is_fitting": plan.is_fitting,
        "needed": plan.needed,
        "advice": [list(changes) for changes in advice],
        **dataclasses.asdict(plan),
    }


def _verdict(plan: Plan, advice: Sequence[Changes]) -> list[str]:
    memory = plan.machine.device.memory
    share = plan.needed / memory
    if plan.is_fitting:
        lines = [f"fits in {gigabytes(memory)}: {share:.0%} of it"]
        if plan.machine.device.is_gpu and share > _TAKEN_OF_GPU * USABLE:
            lines.append(_MORE_OF_GPU)
        return lines
    lines = [f"does not fit in {gigabytes(memory)}, of which {USABLE:.0%} may be planned with; it would with"]
    if not advice:
        return [f"does not fit in {gigabytes(memory)}, and no setting would change that: take more devices"]
    told = [" ".join(f"--config.{change}" for change in changes) for changes in advice]
    lines += [f"  {'or ' * (number > 0)}{each}" for number, each in enumerate(told)]
    return [*lines, *([_MORE_OF_GPU] if plan.machine.device.is_gpu else [])]


def _row(name: str, learning: str, sampling: str) -> str:
    return f"  {name:<42}{learning:>12}{sampling:>12}"


def gigabytes(number: float) -> str:
    """Returns bytes as a text, to three digits."""
    return f"{number / 1e9:,.{0 if number >= 1e11 else 1 if number >= 1e10 else 2}f} GB"


def duration(seconds: float) -> str:
    """Returns a time as a text, in the largest unit of which there are two."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:.1f} s"
