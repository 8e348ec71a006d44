"""Before the warm-up: the policy learns from a stream of programs, which the host makes meanwhile.

The paper has nothing of the kind, for its policy begins with weights that know programs.
"""

import dataclasses
import time
from collections.abc import Mapping, Sequence

import numpy as np
from etils import epath

from codeit_jax.arc import Task
from codeit_jax.components import Components, State
from codeit_jax.config import Config, ConfigError, ParentKind
from codeit_jax.dsl.program import Program
from codeit_jax.learner.learner import LearnerMetrics
from codeit_jax.mutation.augmentation.augment import Augmenter
from codeit_jax.mutation.growth.stream import Stream
from codeit_jax.mutation.mutate import Mutator
from codeit_jax.mutation.parents import gather_parents
from codeit_jax.replay import Experience
from codeit_jax.run.background import drawn_ahead, run_ahead
from codeit_jax.run.display import Display
from codeit_jax.run.interruption import deferred

_STREAMED = 1  # tells what is drawn here from what the warm-up draws


@dataclasses.dataclass(frozen=True)
class Pretrained:
    """What learning from a stream came to.

    Attributes:
        learned: the measurements of its parts.
        num_new_tokens: program tokens of what was learned from since the run was started last.
        seconds: time that took.
    """

    learned: Sequence[LearnerMetrics] = ()
    num_new_tokens: int = 0
    seconds: float = 0.0


NOT_PRETRAINED = Pretrained()


def pretrain(
    state: State,
    components: Components,
    config: Config,
    training_tasks: Sequence[Task],
    programs: Mapping[str, Program],
    cache: epath.Path,
    display: Display,
) -> Pretrained:
    """Learns from a stream, part by part; the next is made while one is learned from.

    Args:
        state: what `prepare` returned, or what was cut short has come to; it changes.
        components: what the run works with.
        config: the run.
        training_tasks: the tasks with known programs.
        programs: the programs, by task id.
        cache: a file for the programs distilled from them.
        display: where progress is shown.

    Raises:
        ConfigError: nothing of a part is short enough to be learned from.
    """
    num_parts = config.synthetic.num_parts
    numbers = range(len(state.progress.done), num_parts)
    if not numbers:
        return Pretrained(state.progress.done[:num_parts])
    started, num_before = time.monotonic(), state.progress.num_tokens
    kind, work = ParentKind(config.mutation.parents), config.mutation.distillation_work
    parents, _ = gather_parents(kind, components.pool, training_tasks, programs, cache, display, work)
    stream = Stream(
        tuple(parents),
        Augmenter.of(config.augmentation),
        config.augmentation.min_inputs,
        config.synthetic.random_share,
        config.seed,
        Mutator(config.mutation.argument_share, config.mutation.function_share),
    )

    def make(number: int) -> list[Experience]:
        drawn = stream.part(components.pool, number, config.synthetic.part_size)
        return [
            Experience.of(each.task_id, each.program, each.inputs, each.outputs, 1.0, 0)
            for each in drawn
            if components.examples.fits(each.program)
        ]

    display.phase("learning from programs that are made meanwhile", num_parts, numbers[0])
    experiences = make(numbers[0])
    for number in numbers:
        with drawn_ahead(map(make, range(number + 1, num_parts)[:1])) as following:
            _learn(state, components, number, experiences)
            display.advance()
            experiences = next(following, [])
    learned = state.progress.done[:num_parts]
    num_new = state.progress.num_tokens - num_before
    return Pretrained(learned, num_new, time.monotonic() - started)


def _learn(state: State, components: Components, number: int, experiences: Sequence[Experience]) -> None:
    if not experiences:
        raise ConfigError("synthetic.part_size: nothing that was drawn is short enough to be learned from")
    rng = np.random.default_rng((components.seed, 0, number, _STREAMED))
    order = rng.permutation(len(experiences))
    examples = run_ahead(components.examples.make(experiences[place] for place in order))
    with deferred():  # an update that is left in the middle would leave no state to go on from
        state.learner.learn(examples, rng, state.progress, components.pause)
