"""Before the first meta-iteration: training tasks are multiplied by mutation, searched with and learned from.

The paper's initialisation, but for the warm-up, which a policy without pretrained weights needs.
"""

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from etils import epath

from codeit_jax.arc import Task
from codeit_jax.components import Components, State
from codeit_jax.config import Config, ConfigError, ParentKind
from codeit_jax.dsl.program import Program
from codeit_jax.evolution.expert import Attempted
from codeit_jax.evolution.rounds import Rounds
from codeit_jax.exploration import remember
from codeit_jax.iteration import draw, evolving, note_solved, rate, train_epoch
from codeit_jax.learner.learner import Learner
from codeit_jax.mutation.augmentation.augment import Augmenter
from codeit_jax.mutation.augmentation.augmented import Family, augment
from codeit_jax.mutation.growth.mutants import Mutant, grow
from codeit_jax.mutation.growth.rounds import Recipe
from codeit_jax.mutation.mutate import Mutator
from codeit_jax.mutation.parents import MutationParent, gather_parents
from codeit_jax.pretraining import NOT_PRETRAINED, Pretrained
from codeit_jax.replay import Experience, ReplayBuffer
from codeit_jax.run.display import Display
from codeit_jax.run.metrics import IterationMetrics
from codeit_jax.search.ranking import Candidate, Performance
from codeit_jax.search.search import Hit, SearchResult, num_search_jobs, search
from codeit_jax.search.solutions import Solutions, Source

_SEARCHED = "searched"


def prepare(
    config: Config,
    components: Components,
    learner: Learner,
    training_tasks: Sequence[Task],
    programs: Mapping[str, Program],
    cache: epath.Path,
    display: Display,
) -> State:
    """Fills the training buffer, and searches with the mutated programs.

    Args:
        config: the run.
        components: what it works with.
        learner: the policy's learner, with fresh or imported parameters.
        training_tasks: the tasks with known programs.
        programs: the programs, by task id.
        cache: a file for the programs distilled from them.
        display: where progress is shown.

    Returns:
        The state before the warm-up.

    Raises:
        ConfigError: the settings leave nothing to learn from.
    """
    components.journal.begin(0)
    parents, left_out = gather_parents(
        ParentKind(config.mutation.parents),
        components.pool,
        training_tasks,
        programs,
        cache,
        display,
        config.mutation.distillation_work,
    )
    display.note(
        f"{len(parents)} training programs solve their task within the budget;"
        f" left out: {', '.join(left_out) or 'none'}"
    )
    if not parents:
        raise ConfigError(
            f"data.training_programs: none of {len(programs)} programs solves its task of data.training_tasks"
        )
    mutants = _mutate(config, components, parents, display)
    state = State(
        meta_iteration=0,
        training_buffer=ReplayBuffer(config.replay.capacity),
        policy_buffer=ReplayBuffer(config.replay.capacity),
        solutions=Solutions(),
        learner=learner,
        populations=Rounds.of(len(components.search_tasks) if components.expert else 0),
    )
    experiences = list(_training_experiences(training_tasks, parents, mutants))
    fitting = [experience for experience in experiences if components.examples.fits(experience.program)]
    if not fitting:
        raise ConfigError(f"policy.max_program_length: all {len(experiences)} training programs are longer")
    state.training_buffer.extend(fitting)
    display.note(
        f"{len(fitting)} training experiences; {len(experiences) - len(fitting)} programs are too long"
    )
    if config.augmentation.num_copies:
        display.phase("running the training programs on augmented inputs")
        families = _families(parents, mutants, components.examples.fits)
        num_augmented = state.training_buffer.extend(_augmented_experiences(config, components, families))
        display.note(f"{num_augmented} augmented training experiences")
    if config.mutation.search:
        candidates = _candidates(parents, mutants, config.mutation.max_searched)
        _search(state, components, candidates, config.mutation.search_work, display)
    return state


def warm_up(
    state: State,
    components: Components,
    num_experiences: int,
    display: Display,
    pretrained: Pretrained = NOT_PRETRAINED,
) -> IterationMetrics:
    """Learns from training experiences, while the expert, if there is one, has its first turns.

    Args:
        state: what `prepare` returned, or what a warm-up that was cut short has come to; it changes.
        components: what the run works with.
        num_experiences: how many are learned from, epoch after epoch; 0, the paper's, for none.
        display: where progress is shown.
        pretrained: what was learned before.

    Returns:
        Row 0 of the run's table.
    """
    components.journal.begin(0)
    metrics = IterationMetrics(0, training_buffer_size=len(state.training_buffer))
    with evolving(state, components, {}) as evolved:
        if num_experiences:
            display.phase(f"warming the policy up on {num_experiences} training experiences")
        metrics = _learn(state, components, num_experiences, metrics, pretrained)
        was_learned = time.monotonic()
        if components.expert is not None:
            display.phase("waiting for the expert", len(components.search_tasks))
        remember(state, components, _shown(evolved, display))
    solved = note_solved(state.solutions)
    return dataclasses.replace(
        metrics,
        evolve_seconds=time.monotonic() - was_learned,
        policy_buffer_size=len(state.policy_buffer),
        **solved,
    )


def _shown(evolved: Iterable[Attempted], display: Display) -> Iterator[Attempted]:
    """Yields what an expert does, and counts the turns of tasks."""
    for place, texts, attempts in evolved:
        if not texts:
            display.advance()
        yield place, texts, attempts


def _mutate(
    config: Config, components: Components, parents: Sequence[MutationParent], display: Display
) -> list[Mutant]:
    settings = config.mutation
    if not settings.num_programs:
        return []
    mutable = [
        parent
        for parent in parents
        if not settings.max_parent_lines or len(parent.solution) <= settings.max_parent_lines
    ]
    if not mutable:
        raise ConfigError(
            f"mutation.max_parent_lines: no training program has {settings.max_parent_lines} lines or fewer"
        )
    display.phase("mutating the training programs")
    mutator = Mutator(settings.argument_share, settings.function_share)
    recipe = Recipe(tuple(mutable), seed=config.seed, mutator=mutator)
    mutants = grow(components.pool, recipe, settings.num_programs)
    display.note(f"{len(mutants)} mutated training tasks")
    return mutants


def _training_experiences(
    training_tasks: Sequence[Task], parents: Sequence[MutationParent], mutants: Sequence[Mutant]
) -> Iterator[Experience]:
    """Yields the training tasks and the mutated ones, each a task of its own with the program solving it."""
    tasks = {task.id: task for task in training_tasks}
    for parent in parents:
        outputs = tuple(pair.output for pair in tasks[parent.task_id].train if pair.output is not None)
        program = str(parent.solution)
        yield Experience.of(parent.task_id, program, parent.inputs, outputs, 1.0, 0)
    for number, mutant in enumerate(mutants):
        task = tasks[mutant.task_id]
        task_id = _mutant_id(mutant, number)
        yield Experience.of(task_id, str(mutant.program), task.demonstration_inputs, mutant.outputs, 1.0, 0)


def _mutant_id(mutant: Mutant, number: int) -> str:
    """Returns the id of a mutated training task, its mutant being the one of this number."""
    return f"{mutant.task_id}/{number}"


def _families(
    parents: Sequence[MutationParent], mutants: Sequence[Mutant], fits: Callable[[str], bool]
) -> Iterator[Family]:
    """Yields the programs of training and mutated tasks that fit, each parent's with its mutants'."""
    members: dict[str, list[tuple[str, Program]]] = {parent.task_id: [] for parent in parents}
    for parent in parents:
        members[parent.task_id].append((parent.task_id, parent.solution))
    for number, mutant in enumerate(mutants):
        members[mutant.task_id].append((_mutant_id(mutant, number), mutant.program))
    inputs = {parent.task_id: parent.inputs for parent in parents}
    for task_id, programs in members.items():
        chosen = [member for member in programs if fits(str(member[1]))]
        yield Family(task_id, inputs[task_id], tuple(chosen))


def _augmented_experiences(
    config: Config, components: Components, families: Iterable[Family]
) -> Iterator[Experience]:
    """Yields what the programs really give on augmented inputs, as solutions of tasks of their own."""
    settings = config.augmentation
    augmenter = Augmenter.of(settings)
    for task in augment(
        components.pool, families, augmenter, settings.num_copies, settings.min_inputs, config.seed
    ):
        yield Experience.of(task.task_id, str(task.program), task.inputs, task.outputs, 1.0, 0)


def _candidates(
    parents: Sequence[MutationParent], mutants: Sequence[Mutant], max_searched: int
) -> list[Program]:
    """Returns the distinct programs to search with, those of one family together.

    Programs of a family share lines, which are evaluated once where they stand together.
    """
    families = {parent.solution: parent.task_id for parent in parents}
    for mutant in mutants:
        families.setdefault(mutant.program, mutant.task_id)
    shortest = sorted(families, key=len)[: max_searched or None]
    return sorted(shortest, key=families.__getitem__)


def _search(
    state: State, components: Components, programs: Sequence[Program], max_work: int, display: Display
) -> None:
    """Enters programs as candidates of the tasks they give a demonstration of."""
    tasks, journal = components.search_tasks, components.journal
    display.phase(
        f"running {len(programs)} programs on the search set", num_search_jobs(len(tasks), len(programs))
    )
    known = list(map(_searched, journal.entries(_SEARCHED)))
    for number, result in enumerate(search(components.pool, len(tasks), programs, max_work, known)):
        if number >= len(known):
            hits = [
                [hit.program_index, hit.performance.demonstration, hit.performance.test]
                for hit in result.hits
            ]
            journal.add(_SEARCHED, [result.task_index, hits])
        display.advance()
        for hit in result.hits:
            candidate = Candidate(str(programs[hit.program_index]), hit.performance)
            state.solutions.add(tasks[hit.task_index].id, candidate, Source.MUTATION)


def _searched(values: Sequence[Any]) -> SearchResult:
    """Returns a result as the journal has it."""
    task_index, hits = values
    found = (Hit(task_index, index, Performance(*performance)) for index, *performance in hits)
    return SearchResult(task_index, tuple(found), 0)


def _learn(
    state: State,
    components: Components,
    num_experiences: int,
    metrics: IterationMetrics,
    pretrained: Pretrained,
) -> IterationMetrics:
    """Learns from training experiences, epoch after epoch until there were enough of them."""
    started, num_before = time.monotonic(), state.progress.num_tokens
    size = len(state.training_buffer)
    learned = list(pretrained.learned)
    num_parts = len(learned)
    rounds = [size] * (num_experiences // size) + [num_experiences % size]
    for number, count in enumerate(filter(None, rounds)):
        drawn = draw(state, components, count, 0, number)
        learned.append(train_epoch(state, components, drawn, num_parts + number))
    if not learned:
        return metrics
    seconds = pretrained.seconds + time.monotonic() - started
    num_tokens = sum(each.num_tokens for each in learned)
    return dataclasses.replace(
        metrics,
        loss=learned[-1].loss,
        token_accuracy=learned[-1].token_accuracy,
        num_learned=sum(each.num_examples for each in learned),
        learn_seconds=seconds,
        num_updates=sum(each.num_steps for each in learned),
        gradient_norm=learned[-1].gradient_norm,
        padding_share=learned[-1].padding_share,
        learned_tokens=num_tokens,
        learned_tokens_per_second=rate(num_tokens - num_before + pretrained.num_new_tokens, seconds),
    )
