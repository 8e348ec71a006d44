"""Whole meta-iterations of the quickstart, which learns from random weights, and how long the device idles.

The first one compiles. The second is timed as it is. Of the third a trace is taken; in it the device is busy
wherever one of its streams has an operation, and idle in the rest of the time: while programs run on the
host, batches are made, or the expert is waited for.
"""

import contextlib
import dataclasses
import io
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path

from etils import epath
from rich.console import Console

from codeit_jax.arc import load_tasks
from codeit_jax.benchmarks.accelerator.device import begin
from codeit_jax.benchmarks.suites import Options
from codeit_jax.benchmarks.table import Ended, Measurement
from codeit_jax.build import build
from codeit_jax.components import Components, State
from codeit_jax.config import Config
from codeit_jax.dsl import load_training_programs
from codeit_jax.execution.host import start_pool
from codeit_jax.experiment import start_expert
from codeit_jax.initialization import prepare, warm_up
from codeit_jax.iteration import run_meta_iteration
from codeit_jax.learner.learner import Progress
from codeit_jax.run.config_flag import named_config
from codeit_jax.run.files import scratch_folder
from codeit_jax.run.metrics import IterationMetrics
from codeit_jax.run.profiling import profile
from codeit_jax.run.run_display import RunDisplay

_NAME = "quickstart"
_DRY_TASKS = 4


def measure(options: Options) -> Iterator[Measurement | Ended]:
    """Yields the seconds of a meta-iteration and its stages, and the share that the device idles."""
    is_quick = begin(options)
    config = named_config(_NAME)
    config = dataclasses.replace(
        config,
        seed=options.seed,
        execution=dataclasses.replace(config.execution, num_workers=options.num_workers),
    )
    with scratch_folder() as folder:
        if is_quick:
            config = _reduced(config, Path(folder))
        with _started(config, folder) as (state, components):
            yield from _told("the first", _iterate(state, components))
            yield from _told("the second", _iterate(state, components))
            with profile(Path(folder, "trace")) as idle_share:
                _iterate(state, components)
            share = idle_share()
    name = f"{_NAME}: the device idles"
    if math.isnan(share):
        yield Ended(name, 0.0, "the trace has nothing of the device")
    else:
        yield Measurement(name, 100 * share, None, "%", note="of the third meta-iteration, which is traced")


def _reduced(config: Config, folder: Path) -> Config:
    """Returns the config with hardly any work in it; files in the folder name its tasks."""

    def few(source: str) -> str:
        part = folder / f"{source.replace('/', '_')}.json"
        part.write_text(json.dumps([task.id for task in load_tasks(source)[:_DRY_TASKS]]))
        return f"{source}@{part}"

    data = dataclasses.replace(
        config.data,
        search_tasks=few(config.data.search_tasks),
        training_tasks=few(config.data.training_tasks),
    )
    return dataclasses.replace(
        config,
        warmup_experiences=32,
        data=data,
        mutation=dataclasses.replace(config.mutation, parents="original", num_programs=0),
        evolution=dataclasses.replace(config.evolution, turn_work=10_000, max_turns=2, num_mended=0),
        replay=dataclasses.replace(config.replay, training_experiences=32, policy_experiences=32),
        policy=dataclasses.replace(config.policy, preset="nano"),
        sampling=dataclasses.replace(config.sampling, num_samples=2, tasks_per_batch=_DRY_TASKS),
    )


@contextlib.contextmanager
def _started(config: Config, folder: str) -> Iterator[tuple[State, Components]]:
    """Makes a run, as far as before its first meta-iteration, and keeps it up until the block ends."""
    search_tasks, training_tasks = map(load_tasks, (config.data.search_tasks, config.data.training_tasks))
    programs = load_training_programs(config.data.training_programs or None)
    cache = epath.Path(folder) / "distilled.json"
    with contextlib.ExitStack() as stack:
        display = stack.enter_context(RunDisplay(len(search_tasks), Console(file=io.StringIO())))
        pool = stack.enter_context(start_pool(search_tasks, config.execution))
        components, learner = build(config, search_tasks, pool)
        expert = start_expert(config, components, training_tasks, programs, cache, display)
        components = dataclasses.replace(components, expert=stack.enter_context(expert))
        state = prepare(config, components, learner, training_tasks, programs, cache, display)
        warm_up(state, components, config.warmup_experiences, display)
        state.progress = Progress()
        yield state, components


def _iterate(state: State, components: Components) -> IterationMetrics:
    metrics = run_meta_iteration(state, components, lambda *_: None)
    state.progress = Progress()  # or the next one would take its learning for done
    return metrics


def _told(which: str, row: IterationMetrics) -> Iterator[Measurement]:
    seconds = row.explore_seconds, row.learn_seconds, row.evolve_seconds
    explored, learned, evolved = (f"{each:.2f} s" for each in seconds)
    note = f"explored {explored}, learned {learned}, waited for the expert {evolved}; {os.cpu_count()} cores"
    yield Measurement(f"{_NAME}: {which} meta-iteration", sum(seconds), None, "s", note=note)
    for what, rate in (
        ("sampled", row.sampled_tokens_per_second),
        ("learned", row.learned_tokens_per_second),
    ):
        name = f"{_NAME}: {which}, {what}"
        yield Measurement(name, rate, None, "tokens/s", more_is_better=True)
