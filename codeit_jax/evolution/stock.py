"""The stock of an evolution: training programs, those of files, and the steps that reach states."""

import dataclasses
import hashlib
import json
import math
import pickle
from collections.abc import Sequence
from pathlib import Path

from etils import epath

from codeit_jax.arc import load_tasks
from codeit_jax.config import Budget, ExecutionConfig, ParentKind
from codeit_jax.dsl import load_training_programs
from codeit_jax.dsl.program_files import read_rows
from codeit_jax.errors import UserError, naming
from codeit_jax.evolution.colours import colours_by_task
from codeit_jax.evolution.edges import mine_edges
from codeit_jax.evolution.jobs import Breeding, Seed, Stock
from codeit_jax.execution.pool import ExecutionPool
from codeit_jax.mutation.distillation.cache import DISTILLED
from codeit_jax.mutation.parents import MutationParent, gather_parents
from codeit_jax.run.display import Display
from codeit_jax.run.files import writable_cache, write_bytes

_LIMITS = Budget(max_items=1_000)
_JOB_TIMEOUT_SECONDS = 300.0


def execution_config(num_workers: int) -> ExecutionConfig:
    """Returns how an evolution runs programs: within the paper's limits, in turns that take their time."""
    return ExecutionConfig(num_workers=num_workers, timeout_seconds=_JOB_TIMEOUT_SECONDS, budget=_LIMITS)


def read_seeds(files: Sequence[Path], kind: ParentKind | None) -> list[Seed]:
    """Reads files of programs.

    Args:
        files: the files.
        kind: which training programs there are beside; None for none.

    Raises:
        UserError: one cannot be read or holds no programs, or there are no programs at all.
    """
    seeds: list[Seed] = []
    for file in files:
        rows = list(read_rows(file))
        if not rows:
            raise UserError(f"{file}: holds no programs")
        seeds += ((row.task, program) for row, program in rows)
    if not seeds and kind is None:
        raise UserError("--programs: there are no programs to begin with, and --parents=none")
    return seeds


def gather_stock(
    kind: ParentKind | None,
    given: Sequence[Seed],
    pool: ExecutionPool,
    folder: epath.Path,
    display: Display,
    *,
    has_edges: bool,
    deadline: float = math.inf,
) -> Stock:
    """Returns what populations begin with.

    Args:
        kind: which training programs; None for none.
        given: other programs.
        pool: workers with a `HostContext`.
        folder: where distilled training programs are kept; see `stock_folder`.
        display: where progress is shown.
        has_edges: whether steps of training programs are mined, too.
        deadline: by `time.monotonic`, when distilling is given up.

    Raises:
        OutOfTimeError: there was not enough time to distil.
    """
    training_tasks = load_tasks("arc1/training")
    parents: list[MutationParent] = []
    if kind is not None:
        programs = load_training_programs()
        cache = folder / DISTILLED
        parents, _ = gather_parents(kind, pool, training_tasks, programs, cache, display, deadline=deadline)
    seeds = (*((parent.task_id, parent.solution) for parent in parents), *given)
    edges = mine_edges(parents) if has_edges else ()
    return Stock(seeds, edges, colours_by_task(training_tasks))


def stock_folder(kind: ParentKind | None, folder: epath.Path, display: Display) -> epath.Path:
    """Returns where distilled training programs are kept: for all commands, unless that cannot be written to.

    Args:
        kind: which training programs are wanted; None for none.
        folder: where they are kept otherwise.
        display: is told why they are.
    """
    return folder if kind is None else writable_cache(display.note) or folder


def fitted(breeding: Breeding, stock: Stock) -> Breeding:
    """Returns how to breed from a stock: without steps of training programs no population has states."""
    return breeding if stock.edges else dataclasses.replace(breeding, states_work=0)


def write_stock(stock: Stock, folder: str, pool: ExecutionPool) -> Path:
    """Returns a file in a folder with the stock, as the jobs of a pool take it.

    Raises:
        UserError: there is no room for it.
    """
    file = Path(folder, "stock.pickle")
    with naming(file):
        write_bytes(file, pickle.dumps(stock))
    pool.share_file(file)
    return file


def identify_seeds(seeds: Sequence[Seed]) -> str:
    """Returns how many programs there are, and what tells them from others."""
    content = json.dumps([(task_id, str(program)) for task_id, program in seeds])
    return f"{len(seeds)} programs, {hashlib.sha256(content.encode()).hexdigest()[:16]}"
