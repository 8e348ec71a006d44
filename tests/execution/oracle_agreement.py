"""Agreement with the oracle on programs that nobody wrote, run on real grids.

    python -m tests.execution.oracle_agreement --programs=20000 --seed=0

Each program is run by our evaluator, and plainly with the oracle's primitives. Where the two differ, variants
of the oracle tell whether its answer depends on the order in which it reads sets, or on functions that are
built alike being different. What is neither is a disagreement, and there should be none.
"""

import argparse
import ctypes
import dataclasses
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from types import FunctionType, ModuleType
from typing import Any

from codeit_jax.arc import Grid, Task, is_grid, load_tasks
from codeit_jax.config import ExecutionConfig
from codeit_jax.dsl import Program, parse_program
from codeit_jax.dsl.constants import CONSTANTS
from codeit_jax.dsl.primitives import PRIMITIVES
from codeit_jax.dsl.program import INPUT, variable
from codeit_jax.dsl.types import Function
from codeit_jax.execution import Budget, Evaluator, GraphRun, Outcome, ProgramGraph, Status
from codeit_jax.execution.attempt import HostContext
from codeit_jax.execution.host import start_pool
from codeit_jax.execution.pool import Failed
from tests.dsl.oracle import load_oracle
from tests.execution import drawing
from tests.execution.oracle_variants import (
    AS_HASHED,
    CANONICAL,
    REVERSED,
    SHUFFLED,
    OracleFunction,
    load_variant,
)

BLOCK_SIZE = 20
ORACLE_SECONDS = 2.0
MAKERS = (
    *(drawing.mutant_of_training, drawing.random_of_any_length),
    *(drawing.mutant_of_mutant, drawing.mutant_of_training),
    *(drawing.mutant_of_random, drawing.mixture_of_training),
    *(drawing.mutant_of_training, drawing.random_of_any_length),
    *(drawing.mutant_of_mutant, drawing.mutant_of_training),
    *(drawing.random_of_any_length, drawing.prefix_of_training),
)


class Category(StrEnum):
    """How our answer and the oracle's compare."""

    GRID = "same grid"
    VALUE = "same value that is no grid"
    FAILURE = "both fail, at the same line"
    ORDER = "order-dependent; ours is the one in canonical order"
    OTHER_ORDER = "order-dependent; ours is another"
    IDENTITY = "depends on function identity"
    OVER_BUDGET = "over budget"
    NOT_COMPARABLE = "not comparable"
    DISAGREEMENT = "disagreement"


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a run gave: the value of its last line, or the number of the line that failed.

    Attributes:
        value: the value, with every built function in it made alike.
        failed_line: from 1; 0 where none failed.
        reason: what the failure was.
    """

    value: Any = None
    failed_line: int = 0
    reason: str = dataclasses.field(default="", compare=False)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The category of one program on one grid and, where the answers differ, all of them by name."""

    category: Category
    answers: tuple[tuple[str, Answer], ...] = ()


@dataclasses.dataclass(frozen=True)
class Block:
    """Programs for a worker to make, run and compare: those numbered from `start`."""

    seed: int
    start: int
    count: int


def blurred(value: Any) -> Any:
    """Returns a value with its functions replaced by names, those of all that were built by one name."""
    if isinstance(value, tuple):
        return tuple(map(blurred, value))
    if isinstance(value, frozenset):
        return frozenset(map(blurred, frozenset.__iter__(value)))
    if isinstance(value, OracleFunction):
        value = value.ours
    if isinstance(value, Function):
        return "a built function" if value.arguments else value.name
    if isinstance(value, FunctionType):
        return value.__name__ if value.__name__ in PRIMITIVES else "a built function"
    return value


class _TooSlow(BaseException):
    """The oracle took longer than it may."""


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raises `_TooSlow` in this thread after a time; no signal could, as workers run jobs in a thread."""
    thread = ctypes.c_ulong(threading.get_ident())
    has_fired = threading.Event()

    def fire() -> None:
        has_fired.set()
        ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(_TooSlow))

    timer = threading.Timer(seconds, fire)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        if has_fired.is_set():
            # Here at the latest it is raised. Taken back it would leave the interpreter looking out for it
            # for good, which slows down all that comes after, and a traced function of Python 3.11 for ever.
            for _ in range(1_000):
                time.sleep(0)


def oracle_answer(oracle: ModuleType, program: Program, grid: Grid) -> Answer | None:
    """Runs a program with an oracle's primitives; None if that takes too much time or memory."""
    try:
        with _at_most(ORACLE_SECONDS):
            return _oracle_answer(oracle, program, grid)
    except (_TooSlow, MemoryError):
        return None


def _oracle_answer(oracle: ModuleType, program: Program, grid: Grid) -> Answer:
    names = {INPUT: grid}
    value: Any = None
    for line, call in enumerate(program.calls, start=1):
        function, *arguments = (
            names[name] if name in names else CONSTANTS[name] if name in CONSTANTS else getattr(oracle, name)
            for name in (call.function, *call.arguments)
        )
        try:
            value = function(*arguments)
        except MemoryError:
            raise
        except Exception as error:  # the oracle fails as Python does
            return Answer(failed_line=line, reason=f"{type(error).__name__}: {error}"[:200])
        names[variable(line)] = value
    return Answer(blurred(value))


def our_answer(evaluator: Evaluator, program: Program, grid: Grid, outcome: Outcome) -> Answer:
    """Returns what an outcome stands for."""
    if outcome.status is Status.OK:
        return Answer(outcome.output)
    if outcome.status is Status.ERROR:
        assert outcome.error is not None
        line, reason = outcome.error.removeprefix("line ").split(": ", 1)
        return Answer(failed_line=int(line), reason=reason)
    assert outcome.status is Status.INVALID_OUTPUT
    return Answer(blurred(GraphRun(ProgramGraph([program]), evaluator, grid).values(0)[-1]))


def compare(evaluator: Evaluator, program: Program, grid: Grid) -> Comparison:
    """Compares our answer with the oracle's."""
    names = {name for call in program.calls for name in (call.function, *call.arguments)}
    if any(name in PRIMITIVES and not hasattr(load_oracle(), name) for name in names):
        return Comparison(Category.NOT_COMPARABLE)  # a primitive of our own
    outcome = evaluator.run(program, grid)
    if outcome.status is Status.OVER_BUDGET:
        return Comparison(Category.OVER_BUDGET)
    ours = our_answer(evaluator, program, grid, outcome)
    plain = oracle_answer(load_oracle(), program, grid)
    # Calls without end are a failure that we are to share; those that only nest too deep for Python are not.
    if plain is None or (plain.reason.startswith("RecursionError") and not ours.failed_line):
        return Comparison(Category.NOT_COMPARABLE)
    # Where we read a set as hashed we answer as the oracle does, so its answer alone would not do.
    canonical = oracle_answer(load_variant(CANONICAL), program, grid)
    if canonical is None:
        return Comparison(Category.NOT_COMPARABLE)
    if ours == plain == canonical:
        if plain.failed_line:
            return Comparison(Category.FAILURE)
        assert is_grid(plain.value) == (outcome.status is Status.OK), program
        return Comparison(Category.GRID if is_grid(plain.value) else Category.VALUE)
    orders = (AS_HASHED, REVERSED, *SHUFFLED)
    answers = {order: oracle_answer(load_variant(order), program, grid) for order in orders}
    if None in answers.values():
        return Comparison(Category.NOT_COMPARABLE)
    depends_on_order = any(answer != canonical for answer in answers.values())
    if ours == canonical:
        category = Category.ORDER if depends_on_order else Category.IDENTITY
    else:
        category = Category.OTHER_ORDER if depends_on_order else Category.DISAGREEMENT
    return Comparison(category, (("ours", ours), ("oracle", plain), (CANONICAL, canonical), *answers.items()))


def draw(seed: int, index: int, tasks: Sequence[Task]) -> tuple[Program, Grid]:
    """Returns one program and the grid that it is run on."""
    rng = random.Random(f"{seed}/{index}")
    grids = rng.choice(tasks).demonstration_inputs
    program = MAKERS[index % len(MAKERS)](rng)
    return parse_program(str(program)), rng.choice(grids)


def compare_block(context: HostContext, block: Block) -> list[Comparison]:
    """Compares the programs of a block; a job of an `ExecutionPool`."""
    indices = range(block.start, block.start + block.count)
    return [compare(context.evaluator, *draw(block.seed, index, context.tasks)) for index in indices]


def compare_all(
    tasks: Sequence[Task], count: int, seed: int, num_workers: int = 2, timeout_seconds: float = 30.0
) -> list[Comparison]:
    """Compares programs in worker processes; one that outlasts its worker's time is not comparable."""
    blocks = [Block(seed, start, min(BLOCK_SIZE, count - start)) for start in range(0, count, BLOCK_SIZE)]
    comparisons = [Comparison(Category.NOT_COMPARABLE)] * count
    with start_pool(
        tasks, ExecutionConfig(num_workers=num_workers, timeout_seconds=timeout_seconds, budget=Budget())
    ) as pool:
        stopped = []
        for block, result in zip(blocks, pool.map_ordered(compare_block, blocks), strict=True):
            if isinstance(result, Failed):
                stopped.append(block)
            else:
                comparisons[block.start : block.start + block.count] = result
        singles = [Block(seed, block.start + i, 1) for block in stopped for i in range(block.count)]
        for single, result in zip(singles, pool.map_ordered(compare_block, singles), strict=True):
            if not isinstance(result, Failed):
                comparisons[single.start] = result[0]
    return comparisons


def main(arguments: Sequence[str] | None = None) -> int:
    """Compares and prints counts and what disagrees; returns 1 if anything does."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--programs", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--num_workers", type=int, default=2)
    parser.add_argument("--timeout_seconds", type=float, default=30.0, help=f"for {BLOCK_SIZE} programs")
    parser.add_argument("--show", nargs="*", default=["DISAGREEMENT", "OTHER_ORDER"], help="categories")
    flags = parser.parse_args(arguments)
    tasks = load_tasks("arc1/evaluation")
    begun = time.monotonic()
    comparisons = compare_all(tasks, flags.programs, flags.seed, flags.num_workers, flags.timeout_seconds)
    shown = [Category[name] for name in flags.show]
    for index, comparison in enumerate(comparisons):
        if comparison.category in shown:
            program, grid = draw(flags.seed, index, tasks)
            print(f"--- {index}: {comparison.category}\n{program}\non {grid}")
            for name, answer in comparison.answers:
                print(f"{name:>12}: {answer}"[:600])
    counts = Counter(comparison.category for comparison in comparisons)
    seconds = time.monotonic() - begun
    print(f"{flags.programs:,} programs in {seconds:.1f} s, {flags.programs / seconds:,.0f} a second")
    for category in Category:
        print(f"{counts[category]:8,}  {category}")
    return 1 if counts[Category.DISAGREEMENT] or counts[Category.OTHER_ORDER] else 0


if __name__ == "__main__":
    # Workers import the job by the module's own name, which `__main__` is not.
    from tests.execution.oracle_agreement import main as _main

    sys.exit(_main())
