"""Flags that several programs have; each is defined by the program that asks for it."""

import os

from absl import flags

from codeit_jax.config import ParentKind

flags.disclaim_key_flags()  # see `command_line`

_NO_PARENTS = "none"


def define_programs() -> flags.FlagHolder[list[str] | None]:
    """Defines `--programs`: files of programs that populations begin with."""
    return flags.DEFINE_list("programs", [], "Files of programs for populations to begin with.")


def define_parents() -> flags.FlagHolder[str]:
    """Defines `--parents`: training programs that populations begin with; see `parent_kind`."""
    return flags.DEFINE_enum(
        "parents",
        ParentKind.BOTH,
        [*ParentKind, _NO_PARENTS],
        "The training programs that populations begin with: as they are, shorter ones, both or none.",
    )


def parent_kind(holder: flags.FlagHolder[str]) -> ParentKind | None:
    """Returns what `--parents` says; None for no training programs."""
    return None if holder.value == _NO_PARENTS else ParentKind(holder.value)


def define_seed() -> flags.FlagHolder[int]:
    """Defines `--seed`."""
    return flags.DEFINE_integer("seed", 0, "Decides what is drawn at random.", lower_bound=0)


def define_num_workers() -> flags.FlagHolder[int]:
    """Defines `--num_workers`: by default one a CPU core."""
    return flags.DEFINE_integer("num_workers", os.cpu_count() or 1, "Worker processes.", lower_bound=1)
