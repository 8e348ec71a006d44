"""Ablations: a config and its variants run one after another, each with some seeds, and held side by side."""

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

from etils import epath
from rich.console import Console

from codeit_jax.arc import load_tasks
from codeit_jax.config import Config
from codeit_jax.config.ablations import ablated
from codeit_jax.config.conversion import from_dict, lasting_settings
from codeit_jax.errors import UserError, naming
from codeit_jax.experiment import run_experiment
from codeit_jax.mutation.distillation.cache import DISTILLED
from codeit_jax.results.ablations import (
    BASE,
    MEASURES,
    Figures,
    ablations_csv,
    ablations_markdown,
    ablations_svg,
    summarize,
    table_rows,
)
from codeit_jax.run.claim import check_claim, claim_folder
from codeit_jax.run.display import Display, number_table
from codeit_jax.run.files import write_bytes, write_json, write_text
from codeit_jax.run.interruption import begin_keeping
from codeit_jax.run.metrics import IterationMetrics, read_rows
from codeit_jax.snapshots import latest_snapshot

_RECORD = "ablations.json"
_TABLE, _PAGE, _PICTURE = "ablations.csv", "ablations.md", "ablations.svg"
_RUNS = "runs"
_RESULTS = (_TABLE, _PAGE, _PICTURE, _RUNS)


def run_ablations(
    config: Config, variants: Sequence[str], num_seeds: int, output: str, console: Console | None = None
) -> None:
    """Runs a config, `base`, and variants of it, each with some seeds, and leaves a table and a picture.

    Seeds follow one another from the config's own. All variants are run with one seed before any is with the
    next, and the table is written anew after each run. Runs that are done are not repeated, and one that was
    cut short goes on.

    Args:
        config: the base.
        variants: names of ablations, of several at once with `+` between them; `base` may be among them.
        num_seeds: runs of each.
        output: the folder for the table and, in `runs/`, the runs.
        console: where to write; by default standard output.

    Raises:
        UserError: a variant is no ablation, or none of this config, or the folder is another's, or was begun
            with other settings. Nothing is run then.
    """
    configs = variant_configs(config, variants)
    num_tasks = len(load_tasks(config.data.search_tasks))
    display = Display(console)
    with naming(f"--output={output}"):
        folder, hold, known = claim_folder(output, _RECORD, _RESULTS, _parse)
    with hold:
        with naming(f"--output={output}"):
            known = known or {}
            both = [name for name in configs if name in known]
            check_claim(*({name: lasting_settings(of[name]) for name in both} for of in (known, configs)))
            write_json(
                folder / _RECORD, {name: dataclasses.asdict(each) for name, each in (known | configs).items()}
            )
        begin_keeping()
        runs: dict[str, dict[int, Figures]] = {}
        num_runs = num_seeds * len(configs)
        for number in range(num_runs):
            name = list(configs)[number % len(configs)]
            seed = config.seed + number // len(configs)
            display.note(f"run {number + 1} of {num_runs}: {name}, seed {seed}")
            row = _run(dataclasses.replace(configs[name], seed=seed), folder, f"{name}-{seed}")
            runs.setdefault(name, {})[seed] = {measure: getattr(row, measure) for measure in MEASURES}
            summed = summarize(runs)
            title = (
                f"Tasks solved of {num_tasks} after {config.num_meta_iterations} meta-iterations,"
                f" mean±deviation of {len(runs[BASE])} seed{'s' if len(runs[BASE]) > 1 else ''}"
            )
            with naming(f"--output={output}"):
                write_text(folder / _TABLE, ablations_csv(summed))
                write_text(folder / _PAGE, ablations_markdown(summed, title))
                write_text(folder / _PICTURE, ablations_svg(summed, title))
        display.show(number_table(*table_rows(summed), title))


def variant_configs(config: Config, variants: Sequence[str]) -> dict[str, Config]:
    """Returns the config, as `base`, and its variants, by name.

    Raises:
        UserError: a variant is no ablation, changes nothing of this config, or stands twice, maybe in another
            order.
    """
    configs = {BASE: config}
    for name in variants:
        parts = name.split("+")
        if "" in parts:
            raise UserError(f"--variants={','.join(variants)}: there is a comma or a plus beside no name")
        for names, part in (variants, name), *((parts, part) for part in parts):
            if names.count(part) > 1:
                raise UserError(f"--variants={name}: {part} stands twice")
        if name != BASE:
            with naming(f"--variants={name}"):
                variant = ablated(config, parts)
                if variant == config:
                    raise UserError("changes nothing of this config")
                same = next((other for other, each in configs.items() if each == variant), None)
                if same is not None:
                    raise UserError(f"is the same as {same}")
                configs[name] = variant
    return configs


def on_validation_split(config: Config) -> Config:
    """Returns a config whose search set is held out of the training tasks, as choices are to be made on.

    The held-out tasks are the config's validation tasks or, where it has none, `@validation` of its training
    tasks, 89 of 400, of which `@rest` is learned from.
    """
    data = config.data
    held_out = data.validation_tasks or f"{data.training_tasks}@validation"
    training = data.training_tasks if data.validation_tasks else f"{data.training_tasks}@rest"
    data = dataclasses.replace(data, training_tasks=training, search_tasks=held_out, validation_tasks="")
    return dataclasses.replace(config, data=data)


def _run(config: Config, folder: epath.Path, name: str) -> IterationMetrics:
    """Returns the last row of a run, which is made or gone on with if it is not done."""
    workdir = folder / _RUNS / name
    is_done = (latest_snapshot(workdir) or 0) >= config.num_meta_iterations
    found = _row(read_rows(workdir), config) if is_done else None
    if found is not None:
        return found
    # What is distilled depends on the training programs alone.
    shared, own = folder / DISTILLED, workdir / DISTILLED
    with naming(workdir):
        if shared.exists() and not own.exists():
            workdir.mkdir(parents=True, exist_ok=True)
            write_bytes(own, shared.read_bytes())
    made = _row(run_experiment(config, os.fspath(workdir)), config)
    with naming(folder):
        if own.exists() and not shared.exists():
            write_bytes(shared, own.read_bytes())
    assert made is not None
    return made


def _row(rows: Sequence[IterationMetrics], config: Config) -> IterationMetrics | None:
    return next((row for row in rows if row.meta_iteration == config.num_meta_iterations), None)


def _parse(values: Any) -> dict[str, Config]:
    return {name: from_dict(Config, each) for name, each in values.items()}
