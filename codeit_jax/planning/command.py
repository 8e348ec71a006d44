"""The work of `launch/plan.py`: a config planned for some devices, printed, and written to a file."""

from pathlib import Path

from codeit_jax.arc import load_tasks
from codeit_jax.config import Config
from codeit_jax.errors import naming
from codeit_jax.planning.advice import settings_that_fit
from codeit_jax.planning.devices import parse_machine
from codeit_jax.planning.layout import abstract_policy
from codeit_jax.planning.plan import Planner
from codeit_jax.planning.table import table, to_json
from codeit_jax.run.files import write_json


def plan_run(
    name: str, config: Config, device: str, *, utilisation: float, json_path: Path | None = None
) -> None:
    """Prints what a run takes on some devices.

    Args:
        name: the config's.
        config: the run.
        device: the devices; see `parse_machine`.
        utilisation: see `Planner`.
        json_path: a file for all figures.

    Raises:
        UserError: there are no such devices, the config does not suit them, or the file cannot be written.
    """
    with naming(f"--device={device}"):
        machine = parse_machine(device)
    planner = Planner(
        abstract_policy(config.policy), machine, len(load_tasks(config.data.search_tasks)), utilisation
    )
    plan = planner.plan(config)
    advice = [] if plan.is_fitting else settings_that_fit(config, planner.plan)
    print(table(name, plan, advice, utilisation))
    if json_path is not None:
        with naming(f"--json={json_path}"):
            write_json(json_path, to_json(name, plan, advice, utilisation))
