"""What sampling programs takes: bytes of a device's memory, and how long its steps take."""

import dataclasses
import itertools
from dataclasses import dataclass

from codeit_jax.planning.layout import Layout
from codeit_jax.policy.sampling import Shape, default_shapes
from codeit_jax.policy.t5_costs import T5Costs


@dataclass(frozen=True)
class SamplingMemory:
    """Bytes that a device needs at the worst moment of sampling.

    Attributes:
        state: parameters, and the optimiser's moments, which wait.
        weights: parameters as they are computed with: gathered, or in another dtype.
        prompts: keys and values of the prompts.
        programs: keys and values of the programs, while they move to a larger cache in both.
        work: logits, or what reading prompts has of activations.
    """

    state: int
    weights: int
    prompts: int
    programs: int
    work: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.state + self.weights + self.prompts + self.programs + self.work


@dataclass(frozen=True)
class Writing:
    """So many steps that each write a token of programs, in a cache.

    Attributes:
        steps: how many.
        shape: the cache's.
    """

    steps: int
    shape: Shape


def writing(num_samples: int, max_length: int) -> tuple[Writing, ...]:
    """Returns the steps of a batch of which some programs go on to the end, and the most do not.

    The first quarter of the length has all programs, and the rest a quarter of them.
    """
    shapes = sorted(default_shapes(num_samples, max_length), key=lambda shape: (shape.length, -shape.samples))
    first, last = shapes[0], shapes[-1]
    steps = (Writing(first.length, first), Writing(max_length - first.length, last))
    return tuple(each for each in steps if each.steps)


def sampling_memory(costs: T5Costs, layout: Layout, num_samples: int) -> SamplingMemory:
    """Returns what a device needs at the worst moment of sampling.

    Args:
        costs: of a batch's prompts, and of programs of any length.
        layout: of the parameters.
        num_samples: programs a prompt.
    """
    caches = [
        dataclasses.replace(costs, target=shape.length).program_cache(shape.samples)
        for shape in default_shapes(num_samples, costs.target)
    ]
    moved = max(map(sum, itertools.pairwise(caches)), default=0)
    prompts = costs.prompt_cache
    # Prompts, programs and work while prompts are read, as programs are written, and as these move.
    moments = (
        (0, 0, costs.reading_work),
        (prompts, max(caches), costs.logits_work(num_samples)),
        (prompts, moved, 0),
    )
    prompts, programs, work = max(moments, key=sum)
    return SamplingMemory(
        state=layout.state_bytes,
        weights=layout.weight_bytes(costs.width),
        prompts=prompts,
        programs=programs,
        work=work,
    )
