"""Flags that several programs have; each is defined by the program that asks for it."""

import dataclasses
import os
import re

from absl import flags

from codeit_jax.config import ParentKind
from codeit_jax.errors import UserError

flags.disclaim_key_flags()  # see `command_line`

_NO_PARENTS = "none"
_PLACE = re.compile(r"\S+:([0-9]{1,5})")
_MAX_PORT = 65_535


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


@dataclasses.dataclass(frozen=True)
class Rendezvous:
    """How the processes of a command find each other; what is None is found by JAX itself where it can be.

    Attributes:
        coordinator: HOST:PORT at which the first process is to be reached.
        num_processes: how many there are.
        process_id: this one's number, from 0.
        seconds: in which all of them have to be there.
    """

    coordinator: str | None = None
    num_processes: int | None = None
    process_id: int | None = None
    seconds: int = 300


@dataclasses.dataclass(frozen=True)
class DistributedFlags:
    """Flags of a command of which many processes run, each started by itself."""

    distributed: flags.FlagHolder[bool]
    coordinator: flags.FlagHolder[str | None]
    num_processes: flags.FlagHolder[int | None]
    process_id: flags.FlagHolder[int | None]
    seconds: flags.FlagHolder[int]

    def rendezvous(self) -> Rendezvous | None:
        """Returns what they say of other processes; None if there are none.

        Raises:
            UserError: they tell of others without `--distributed`, or contradict one another.
        """
        place, count, number = self.coordinator.value, self.num_processes.value, self.process_id.value
        if not self.distributed.value:
            for name, value in (("coordinator", place), ("num_processes", count), ("process_id", number)):
                if value is not None:
                    raise UserError(f"--{name}={value}: takes --distributed, too")
            return None
        if number is not None and count is not None and number >= count:
            raise UserError(f"--process_id={number}: must be less than --num_processes={count}")
        if place is not None and not _is_place(place):
            raise UserError(f"--coordinator={place}: must be HOST:PORT, such as host0:8476")
        return Rendezvous(place, count, number, self.seconds.value)


def _is_place(text: str) -> bool:
    found = _PLACE.fullmatch(text)
    return found is not None and 0 < int(found[1]) <= _MAX_PORT


def define_distributed() -> DistributedFlags:
    """Defines `--distributed` and what tells the processes of each other."""
    return DistributedFlags(
        flags.DEFINE_bool(
            "distributed",
            False,
            "Whether this is one of several processes, one a host, each started by this command. On Cloud"
            " TPU, Slurm, Open MPI and GKE they find each other; elsewhere the next three flags tell.",
        ),
        flags.DEFINE_string("coordinator", None, "HOST:PORT at which the first process is to be reached."),
        flags.DEFINE_integer("num_processes", None, "How many processes there are.", lower_bound=1),
        flags.DEFINE_integer("process_id", None, "Which of them this is, from 0.", lower_bound=0),
        flags.DEFINE_integer("join_seconds", 300, "In which all processes have to be there.", lower_bound=1),
    )
