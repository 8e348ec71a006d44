"""Sampling on the device: 24 programs a task, reading prompts and writing programs apart, and memory.

Every program has the longest length there is, from random weights in bfloat16. Reading the prompts is timed
by itself, too; writing is the rest.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from codeit_jax.benchmarks import generation
from codeit_jax.benchmarks.accelerator.device import (
    begin,
    known_device,
    peak_memory,
    planned_device,
    repeated,
    timed,
)
from codeit_jax.benchmarks.generation import draw_programs
from codeit_jax.benchmarks.learner import shape_of
from codeit_jax.benchmarks.suites import Options
from codeit_jax.benchmarks.table import Ended, Measurement
from codeit_jax.config import MeshConfig
from codeit_jax.planning.layout import AbstractPolicy, device_mesh, lay_out
from codeit_jax.planning.plan import USABLE
from codeit_jax.planning.sampling import sampling_memory
from codeit_jax.policy.building import abstract_network, make_network
from codeit_jax.policy.sampling import default_shapes
from codeit_jax.policy.t5_costs import FLOAT32, T5Costs

_WIDTH = 2  # bytes of a bfloat16
_CALLS = 1  # of each round; they take seconds


@dataclass(frozen=True)
class _Case:
    """Programs sampled together.

    Attributes:
        preset: the policy's.
        sizes: how many, of how many tokens.
    """

    preset: str
    sizes: generation.Sizes

    @property
    def name(self) -> str:
        """What the table calls it."""
        return f"{self.preset}, bfloat16: sampling {self.sizes.num_tasks} x {self.sizes.num_samples}"

    @property
    def costs(self) -> T5Costs:
        """What the cost model has of it."""
        sizes = self.sizes
        return T5Costs(shape_of(self.preset), sizes.num_tasks, sizes.prompt_length, sizes.num_tokens, _WIDTH)

    @property
    def planned_memory(self) -> int:
        """Bytes by the cost model, without the optimiser's moments, which are not here."""
        shape = shape_of(self.preset)
        layout = lay_out(AbstractPolicy(shape, abstract_network(shape)[1]), device_mesh(MeshConfig(), 1))
        memory = sampling_memory(self.costs, layout, self.sizes.num_samples)
        return memory.total - memory.state + layout.stored * FLOAT32


def measure(options: Options, preset: str) -> Iterator[Measurement | Ended]:
    """Yields what sampling comes to for as many tasks as a run has together, and for the most that fit."""
    if begin(options):
        few, many = 1, 2
        sizes = dataclasses.replace(generation.QUICK, prompt_length=16, num_tokens=8)
    else:
        few, many = 16, 64
        sizes = generation.Sizes(num_tokens=512)
    cases = [_Case(preset, dataclasses.replace(sizes, num_tasks=few))]
    while many > few:
        case = _Case(preset, dataclasses.replace(sizes, num_tasks=many))
        if case.planned_memory <= USABLE * planned_device().memory:
            cases.append(case)
            break
        many //= 2
    graphdef, params = make_network(shape_of(preset), options.seed, "bfloat16")
    for case in cases:
        yield from _measured(case, graphdef, params, options.seed)


def _measured(case: _Case, graphdef: nnx.GraphDef, params: Any, seed: int) -> Iterator[Measurement | Ended]:
    sizes, costs = case.sizes, case.costs
    rng = np.random.default_rng(seed)
    ids = rng.integers(2, costs.shape.vocab_size, (sizes.num_tasks, sizes.prompt_length))
    mask = np.ones(ids.shape, bool)
    keys = jax.random.split(jax.random.key(seed), sizes.num_tasks)
    read = partial(_read, graphdef, params, jnp.asarray(ids), jnp.asarray(mask))
    reading = timed(repeated(read), _CALLS)
    draw = partial(draw_programs, graphdef, params, ids, mask, keys, sizes)
    drawing = timed(repeated(draw), _CALLS)
    num_programs = sizes.num_tasks * sizes.num_samples
    writing = drawing.each.value - reading.each.value
    shapes = f"prompts of {sizes.prompt_length}, programs of {sizes.num_tokens} tokens"
    firsts = f"the first {reading.first:.1f} and {drawing.first:.1f} s"
    rates = (
        ("", num_programs * sizes.num_tokens / drawing.each.value, f"{shapes}, {firsts}"),
        (": prompts read", sizes.num_tasks * sizes.prompt_length / reading.each.value, ""),
        (": programs written", num_programs * sizes.num_tokens / writing, ""),
    )
    for what, rate, note in rates:
        yield Measurement(f"{case.name}{what}", rate, None, "tokens/s", more_is_better=True, note=note)
    yield Measurement(f"{case.name}: a step", 1e3 * writing / sizes.num_tokens, None, "ms")
    sheet = known_device()
    if sheet is not None:
        flops = 100 * costs.reading_flops / reading.each.value / sheet.bfloat16
        yield Measurement(f"{case.name}: prompts read, of the peak", flops, None, "%", more_is_better=True)
        moved = 100 * _bytes_written(costs, sizes) / writing / sheet.bandwidth
        yield Measurement(f"{case.name}: written, of the bandwidth", moved, None, "%", more_is_better=True)
    yield peak_memory(case.name, case.planned_memory)


def _bytes_written(costs: T5Costs, sizes: generation.Sizes) -> float:
    """Returns what all steps move if no program ends: in each cache, those until it is full."""
    moved, done = 0.0, 0
    for shape in default_shapes(sizes.num_samples, sizes.num_tokens):
        if shape.samples == sizes.num_samples:
            step = dataclasses.replace(costs, target=shape.length).step_bytes(shape.samples)
            moved += (shape.length - done) * step
            done = shape.length
    return moved


@partial(jax.jit, static_argnames="graphdef")
def _read(graphdef: nnx.GraphDef, params: Any, prompt_ids: jax.Array, prompt_mask: jax.Array) -> Any:
    return nnx.merge(graphdef, params).read_prompts(prompt_ids, prompt_mask)
