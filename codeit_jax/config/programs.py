"""The settings of programs that no policy wrote: training programs, their mutants, and those bred."""

import dataclasses
from enum import StrEnum

from codeit_jax.config.budget import SEARCH_LIMITS
from codeit_jax.config.checks import ConfigError, at_least, at_most

DISTILLATION_WORK = 3_000_000  # for one program; about half a second
MAX_TURN_WORK = 100_000_000  # of a run's evolution; a turn that takes longer than any job may is lost
TURN_WORK = 16_000_000  # of an evolution, for one task at a time; two or three seconds


class Depth(StrEnum):
    """The source of programs (paper, mutation at depth one and at infinite depth; random programs)."""

    ONE = "1"  # from the training programs
    INFINITE = "inf"  # from those and from all programs of earlier rounds
    RANDOM = "random"  # from nothing


class ParentKind(StrEnum):
    """Which programs mutants are made from."""

    ORIGINAL = "original"  # the training programs
    DISTILLED = "distilled"  # the shortest found that still solve their tasks
    BOTH = "both"


@dataclasses.dataclass(frozen=True)
class MutationConfig:
    """How the training programs are multiplied before the first meta-iteration.

    Attributes:
        parents: what they are mutated from, and learned from themselves: "original", "distilled" or "both".
        distillation_work: what may be spent on distilling one program; about 6 units a microsecond.
        num_programs: mutated programs, no two of them equal: those that `launch/mutate.py` grows from the
            same seed and parents. The 19,200 mutations that the paper samples leave some 12,000.
        max_parent_lines: parents longer than this are not mutated; 0 means no limit.
        argument_share: share of mutations that replace one argument.
        function_share: share that replace the function; the rest replace the whole call.
        search: whether training programs and their mutants are run on the search set, which makes them
            candidates of cumulative performance.
        max_searched: how many of them are, the shortest first; 0 means all.
        search_work: units of work that one run of a program may take in that search.
    """

    parents: str = ParentKind.ORIGINAL.value
    distillation_work: int = DISTILLATION_WORK
    num_programs: int = 12_000
    max_parent_lines: int = 0
    argument_share: float = 0.5
    function_share: float = 0.25
    search: bool = True
    max_searched: int = 0
    search_work: int = SEARCH_LIMITS.max_work

    def __post_init__(self) -> None:
        _parent_kind("mutation.parents", self.parents)
        at_least("mutation.distillation_work", self.distillation_work, 1)
        at_least("mutation.num_programs", self.num_programs, 0)
        at_least("mutation.max_parent_lines", self.max_parent_lines, 0)
        at_least("mutation.max_searched", self.max_searched, 0)
        at_least("mutation.search_work", self.search_work, 1)
        shares = self.argument_share, self.function_share
        if not (min(shares) >= 0 and sum(shares) <= 1):
            raise ConfigError(
                "mutation.argument_share and mutation.function_share must be shares, at most 1 in all"
            )


@dataclasses.dataclass(frozen=True)
class AugmentationConfig:
    """How training and mutated training tasks are multiplied by running their programs on augmented inputs.

    Attributes:
        num_copies: augmented experiences wanted for each program; 0, the paper's, for none.
        min_inputs: inputs with a valid output that each of them has at least.
        colour_permutations: whether the colours of a task's inputs are permuted; 0 stays what it is.
        symmetries: whether they are turned and mirrored.
        crops: whether each input is cut to a part of it.
        sizes: whether each input is scaled by 2, tiled or padded, up to 30 x 30.
    """

    num_copies: int = 0
    min_inputs: int = 2
    colour_permutations: bool = True
    symmetries: bool = True
    crops: bool = True
    sizes: bool = True

    def __post_init__(self) -> None:
        at_least("augmentation.num_copies", self.num_copies, 0)
        at_least("augmentation.min_inputs", self.min_inputs, 1)
        if self.num_copies and not self.is_on:
            raise ConfigError("augmentation.num_copies must be 0 where every augmentation is off")

    @property
    def is_on(self) -> bool:
        """Whether there is any augmentation."""
        return self.colour_permutations or self.symmetries or self.crops or self.sizes


@dataclasses.dataclass(frozen=True)
class SyntheticConfig:
    """Programs that are made while the policy learns from those before them, each once, before the warm-up.

    They are mutants of training programs and random programs, with what they give for inputs that are
    augmented anew for every few of them, as `augmentation` says.

    Attributes:
        num_parts: parts that are made one after the other; 0, the paper's, for none.
        part_size: programs that are drawn for a part; about half of them come to something.
        random_share: how often they are random ones.
    """

    num_parts: int = 0
    part_size: int = 4_096
    random_share: float = 0.1

    def __post_init__(self) -> None:
        at_least("synthetic.num_parts", self.num_parts, 0)
        at_least("synthetic.part_size", self.part_size, 1)
        at_least("synthetic.random_share", self.random_share, 0)
        at_most("synthetic.random_share", self.random_share, 1)


@dataclasses.dataclass(frozen=True)
class EvolutionConfig:
    """How programs for the search set are bred beside the policy, while it learns.

    Attributes:
        turn_work: units of work that each task is bred for in a meta-iteration, 100 million, a quarter of a
            minute, at most; 0, the paper's, for none.
            Before the first, all parents are run for each, whatever this says.
        parents: which training programs populations begin with: "original", "distilled" or "both".
        views_work: units of work for these in a task's own colours and transposed.
        capacity: programs in a population.
        num_mended: near misses of a population whose wrong cells are filled with regions that are looked up.
        max_turns: tasks that have a turn in a meta-iteration, one after another; 0 for all.
        num_newcomers: programs that the policy wrote for a task in a meta-iteration that join its population.
        num_experiences: of a population, the nearest programs that are remembered after a turn.
    """

    turn_work: int = 0
    parents: str = ParentKind.DISTILLED.value
    views_work: int = 10_000_000
    capacity: int = 150
    num_mended: int = 100
    max_turns: int = 0
    num_newcomers: int = 5
    num_experiences: int = 10

    def __post_init__(self) -> None:
        _parent_kind("evolution.parents", self.parents)
        at_least("evolution.turn_work", self.turn_work, 0)
        at_most("evolution.turn_work", self.turn_work, MAX_TURN_WORK)
        at_least("evolution.views_work", self.views_work, 0)
        at_least("evolution.capacity", self.capacity, 2)
        at_least("evolution.num_mended", self.num_mended, 0)
        at_least("evolution.max_turns", self.max_turns, 0)
        at_least("evolution.num_newcomers", self.num_newcomers, 0)
        at_least("evolution.num_experiences", self.num_experiences, 1)


def _parent_kind(name: str, value: str) -> None:
    if value not in list(ParentKind):
        raise ConfigError(f"{name} must be one of {', '.join(ParentKind)}, not {value!r}")
