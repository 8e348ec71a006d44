"""Learning on the device: tokens a second, the share of its peak, and memory beside the cost model's.

A batch is as large as the cost model lets it be, up to the paper's 512 examples; one of just that size is
divided into micro-batches, or rematerialised, as `planning` has it. Weights are random, in float32, and all
is computed in bfloat16.
"""

import dataclasses
import gc
import time
from collections.abc import Iterator

import jax

from codeit_jax.benchmarks import generation
from codeit_jax.benchmarks.accelerator.device import begin, peak_memory, planned_device, timed
from codeit_jax.benchmarks.learner import Updates, Workload, accelerated_training, shape_of, utilisation
from codeit_jax.benchmarks.suites import Options
from codeit_jax.benchmarks.table import Ended, Measurement
from codeit_jax.benchmarks.torch_peer import missing
from codeit_jax.config import Config, PolicyConfig, SamplingConfig
from codeit_jax.errors import UserError
from codeit_jax.planning.advice import settings_that_fit, with_changes
from codeit_jax.planning.devices import Machine
from codeit_jax.planning.layout import AbstractPolicy
from codeit_jax.planning.plan import Plan, Planner
from codeit_jax.policy.building import abstract_network

_STEPS = 5
_OUT_OF_MEMORY = "RESOURCE_EXHAUSTED"


def make_planner(preset: str) -> Planner:
    """Returns what plans runs of a policy on this device."""
    shape = shape_of(preset)
    policy = AbstractPolicy(shape, abstract_network(shape)[1])
    return Planner(policy, Machine("this", planned_device(), 1), num_tasks=400, utilisation=0.4)


def make_config(workload: Workload) -> Config:
    """Returns a run with updates such as these, and hardly any sampling."""
    policy = PolicyConfig(
        section_length=workload.prompt_length // 2 - 1,
        max_program_length=workload.program_length,
        dtype=workload.dtype,
    )
    sampling = SamplingConfig(num_samples=1, tasks_per_batch=1)
    return Config(policy=policy, learner=workload.config, sampling=sampling)


def measure_largest(options: Options, preset: str) -> Iterator[Measurement | Ended]:
    """Yields what updates come to with the largest batch that fits.

    One that does not fit where it was planned to is told, and halved. The peak of memory is then that of the
    one which did not fit.
    """
    workload = _paper_workload(preset, is_quick=begin(options))
    planner = make_planner(preset)
    while workload.batch_size > 1 and not planner.plan(make_config(workload)).is_fitting:
        workload = _halved(workload)
    while True:
        plan = planner.plan(make_config(workload))
        begun = time.monotonic()
        try:
            yield from _measured(workload, plan, options.seed)
            return
        except jax.errors.JaxRuntimeError as error:
            if _OUT_OF_MEMORY not in str(error) or workload.batch_size == 1:
                raise
        planned = (
            f"out of memory, with {plan.needed / 1e9:.3g} of {planned_device().memory / 1e9:.3g} GB planned"
        )
        yield Ended(workload.name, time.monotonic() - begun, planned)
        workload = _halved(workload)
        gc.collect()  # what the error held of the device


def measure_paper_batch(options: Options, preset: str) -> Iterator[Measurement | Ended]:
    """Yields what updates of the paper's batch come to, with the settings under which it fits.

    Raises:
        UserError: there are no such settings.
    """
    workload = _paper_workload(preset, is_quick=begin(options))
    planner = make_planner(preset)
    config = make_config(workload)
    if not planner.plan(config).is_fitting:
        fitting = settings_that_fit(config, planner.plan)
        changes = next((each for each in fitting if all(map(_is_learners, each))), None)
        if changes is None:
            raise UserError(f"{workload.name}: no setting of the learner would have it fit")
        config = with_changes(config, changes)
    learner = config.learner
    workload = dataclasses.replace(
        workload, num_micro_batches=learner.num_micro_batches, rematerialize=learner.rematerialize
    )
    yield from _measured(workload, planner.plan(config), options.seed)


def measure_beside_pytorch(options: Options, preset: str) -> Iterator[Measurement | Ended]:
    """Yields learning and sampling beside transformers on PyTorch, where that sees the device, too."""
    is_quick = begin(options)
    if reason := missing():
        yield Ended("beside PyTorch", 0.0, reason)
        return
    workload = dataclasses.replace(
        _paper_workload(preset, is_quick=is_quick), batch_size=4 if is_quick else 32
    )
    yield from accelerated_training(workload, _STEPS, options.seed)
    sizes = generation.QUICK if is_quick else generation.Sizes()
    yield generation.generation(preset, "bfloat16", sizes, options.seed)


def _paper_workload(preset: str, *, is_quick: bool) -> Workload:
    if is_quick:
        return Workload(preset, batch_size=8, prompt_length=16, program_length=8, dtype="bfloat16")
    return Workload(preset, batch_size=512, dtype="bfloat16")


def _halved(workload: Workload) -> Workload:
    return dataclasses.replace(workload, batch_size=workload.batch_size // 2)


def _is_learners(change: str) -> bool:
    return change.startswith("learner.")


def _measured(workload: Workload, plan: Plan, seed: int) -> Iterator[Measurement | Ended]:
    updates = Updates(workload, seed)
    timing = timed(updates.make, _STEPS)
    rate = workload.num_tokens / timing.each.value
    lengths = f"{workload.prompt_length} + {workload.program_length} tokens"
    note = f"{lengths}, {1e3 * timing.each.value:.4g} ms an update, the first {timing.first:.1f} s"
    measured = Measurement(
        f"{workload.name}: learning", rate, None, "tokens/s", more_is_better=True, note=note
    )
    share = utilisation(workload, measured)
    if share is None:
        kind = jax.devices()[0].device_kind
        measured = dataclasses.replace(measured, note=f"{note}; the peak of {kind} is unknown")
    yield measured
    if share is not None:
        yield share
    yield peak_memory(workload.name, plan.learning.memory.total)
