"""Writes the tables of the page on capacity anew: python docs/write_capacity.py.

They stand between marks, as those of `write_tables.py` do. With --check nothing is written, and a page that
is not as it would be ends the program.
"""

import contextlib
import io
import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "capacity.md"

_TABLES = runpy.run_path(str(ROOT / "docs" / "write_tables.py"))
_replaced, _row = _TABLES["_replaced"], _TABLES["_row"]

_SIZES = ("60m", "220m", "770m")
_MACHINES = ("v4-8", "v5e-16", "v5p-64", "8xh100", "rtx4090")
_UTILISATION = 0.4


def capacity_page(text: str) -> str:
    """Returns the page with the tables as they should be.

    Args:
        text: the page as it is.
    """
    for name, content in (("example", _example()), ("capacity", _sizes()), ("devices", _devices())):
        text = _replaced(text, name, content)
    return text


def _example() -> str:
    """Returns what the program prints of a run."""
    from codeit_jax.config import Config
    from codeit_jax.config.conversion import from_dict
    from codeit_jax.planning.command import plan_run

    get_config = runpy.run_path(str(ROOT / "configs" / "codeit.py"))["get_config"]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        plan_run("codeit:220m", from_dict(Config, get_config("220m")), "8xh100", utilisation=_UTILISATION)
    call = "$ codeit-plan --config=codeit:220m --device=8xh100"
    return f"```console\n{call}\n{printed.getvalue()}```"


def _devices() -> str:
    from codeit_jax.planning.devices import DEVICES

    rows = ["| device | memory | bandwidth | bfloat16 | float32 |", "|---|---|---|---|---|"]
    for device in DEVICES.values():
        operations = (f"{rate / 1e12:,.0f} TFLOP/s" for rate in (device.bfloat16, device.float32))
        cells = f"{device.memory / 1e9:.0f} GB", f"{device.bandwidth / 1e9:,.0f} GB/s", *operations
        rows.append(_row(f"`{device.name}`", *cells))
    return "\n".join(rows)


def _sizes() -> str:
    """Returns a table for each size: the paper's run on each machine, in float32 and in bfloat16."""
    from codeit_jax.arc import load_tasks
    from codeit_jax.config import Config
    from codeit_jax.config.conversion import from_dict
    from codeit_jax.planning.layout import abstract_policy

    get_config = runpy.run_path(str(ROOT / "configs" / "codeit.py"))["get_config"]
    parts = []
    for size in _SIZES:
        configs = {variant: from_dict(Config, get_config(variant)) for variant in (size, f"{size},bf16")}
        first = configs[size]
        policy, num_tasks = abstract_policy(first.policy), len(load_tasks(first.data.search_tasks))
        rows = [
            "| devices | config | and | memory of a device | learning | sampling |",
            "|---|---|---|---|---|---|",
        ]
        for name in _MACHINES:
            rows += [
                _capacity(name, variant, config, policy, num_tasks) for variant, config in configs.items()
            ]
        parts.append("\n".join([f"### {size}", "", *rows]))
    return "\n\n".join(parts)


def _capacity(name, variant, config, policy, num_tasks) -> str:
    """Returns a row: the config on a machine, with as few settings changed as let it fit."""
    from codeit_jax.planning.advice import settings_that_fit, with_changes
    from codeit_jax.planning.devices import parse_machine
    from codeit_jax.planning.plan import Planner
    from codeit_jax.planning.table import duration, gigabytes

    machine = parse_machine(name)
    planner = Planner(policy, machine, num_tasks, _UTILISATION)
    changes: tuple[str, ...] = ()
    if config.sampling.tasks_per_batch % machine.count:  # every device has a task at least
        changes = (f"sampling.tasks_per_batch={machine.count}",)
    begun = with_changes(config, changes)
    if not planner.plan(begun).is_fitting:
        found = settings_that_fit(begun, planner.plan)
        if not found:
            return _row(f"`{name}`", f"`{variant}`", "does not fit", "", "", "")
        changes = tuple({change.partition("=")[0]: change for change in (*changes, *found[0])}.values())
    plan = planner.plan(with_changes(config, changes))
    share = f"{gigabytes(plan.needed)}, {plan.needed / machine.device.memory:.0%}"
    times = duration(plan.learning.seconds), duration(plan.sampling.seconds)
    return _row(f"`{name}`", f"`{variant}`", " ".join(f"`{change}`" for change in changes), share, *times)


if __name__ == "__main__":
    _TABLES["write_pages"]({PAGE: capacity_page})
