"""Distillation: shorter programs that still give every output of their tasks.

The re-arc programs solve every task that a generator might make, and so they are long. On the pairs of one
task many of their lines come to a constant, to an earlier line, or to what a cheaper call gives.
"""

import dataclasses
import functools
import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from codeit_jax.arc import Task
from codeit_jax.config import DISTILLATION_WORK
from codeit_jax.dsl.program import INPUT, Program, without_dead_lines
from codeit_jax.dsl.signatures import CONSTANT_TYPES, SIGNATURES
from codeit_jax.dsl.types import Type
from codeit_jax.execution.attempt import HostContext
from codeit_jax.execution.evaluator import Evaluator
from codeit_jax.execution.output_filter import Expression, Reference
from codeit_jax.execution.pool import ExecutionPool, Failed, in_order
from codeit_jax.execution.recovery import Recovery, run_jobs
from codeit_jax.mutation.distillation.draft import Draft, Rewrite
from codeit_jax.mutation.typing import FUNCTION_OF_ARITY, FUNCTION_TYPES, accepts, overlap

_MAX_COMBINATIONS = 3_000  # of arguments; functions with more are not tried in search of equal values

_FUNCTION_TYPE: Mapping[str, Type] = {
    name: FUNCTION_OF_ARITY[len(signature.parameters)] for name, signature in SIGNATURES.items()
}
_COLOURS = ("ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE")
_UNARY = tuple(name for name, kind in _FUNCTION_TYPE.items() if kind is Type.FUNCTION_1)


@dataclasses.dataclass(frozen=True)
class Distilled:
    """The outcome of distilling a training program.

    Attributes:
        program: the shortest program found; None if the original does not give all outputs.
        rewrites: how many rewrites of each kind made it.
        work: what it took.
    """

    program: Program | None
    rewrites: Mapping[str, int]
    work: int


@dataclasses.dataclass(frozen=True)
class DistillationJob:
    """A program to be distilled.

    Attributes:
        task: what it solves.
        program: the program.
        max_work: what may be spent on it.
    """

    task: Task
    program: Program
    max_work: int = DISTILLATION_WORK


_RECOVERY = Recovery[DistillationJob](
    num_items=lambda job: 1,
    part=lambda job, start, stop: job,
    describe=lambda job: f"the distillation of the program of {job.task.id}",
)


def distil_programs(
    pool: ExecutionPool, tasks: Sequence[Task], programs: Mapping[str, Program], max_work: int
) -> Iterator[tuple[str, Distilled]]:
    """Distils the programs of tasks, as workers get through them.

    Args:
        pool: workers with a `HostContext`.
        tasks: the tasks.
        programs: their programs, by task id; tasks without one are passed over.
        max_work: what may be spent on each; the same amount gives the same programs on any machine.

    Yields:
        The id of each task and what came of its program, in the order of the tasks.
    """
    known = [task for task in tasks if task.id in programs]
    jobs = [DistillationJob(task, programs[task.id], max_work) for task in known]
    results = run_jobs(pool, distil, jobs, _RECOVERY, chunk_size=1)
    for ((job, result),) in in_order(results, {}):
        if isinstance(result, Failed):  # as it was: whether that solves the task is for others to say
            result = Distilled(without_dead_lines(job.program), {}, 0)
        yield job.task.id, result


def distil(_: HostContext, job: DistillationJob) -> Distilled:
    """Rewrites a program into shorter ones while that leaves all outputs of its task right.

    Rewrites are tried kind by kind, those that save most first, until none is left or the work is spent. The
    evaluator has limits of its own: a program may be distilled to one within tighter limits.
    """
    pairs = [pair for pair in (*job.task.train, *job.task.test) if pair.output is not None]
    draft = Draft(Evaluator(), without_dead_lines(job.program), pairs)
    if not draft.is_right():
        return Distilled(None, {}, draft.work)
    _add_spares(draft)
    rewrites: Counter[str] = Counter()
    while draft.work <= job.max_work:
        for kind, sweep in _SWEEPS.items():
            count = sweep(draft, job.max_work)
            rewrites[kind] += count
            if count:
                break
        else:
            break
    return Distilled(draft.program(), +rewrites, draft.work)


def _add_spares(draft: Draft) -> None:
    """Adds what can be said of the input in one call."""
    expressions: list[Expression] = [
        (name, INPUT)
        for name, signature in SIGNATURES.items()
        if len(signature.parameters) == 1 and accepts(signature.parameters[0], Type.GRID)
    ]
    expressions += [("objects", INPUT, *flags) for flags in itertools.product("TF", repeat=3)]
    expressions += [("ofcolor", INPUT, name) for name in _COLOURS]
    known = {id(draft.value(node)) for node in draft.order}
    for expression in expressions:
        value = draft.evaluate(expression)
        if value is not None and id(value) not in known:
            known.add(id(value))
            draft.add_spare(expression)


def _sweep(candidates: Callable[[Draft, int], Iterator[Rewrite]], draft: Draft, max_work: int) -> int:
    """Tries the candidates of every line, the last line's first; returns how many rewrites were made."""
    num_rewrites = 0
    for node in reversed(draft.order):
        if node not in draft.order:
            continue
        for rewrite in candidates(draft, node):
            if draft.work > max_work:
                return num_rewrites
            if draft.holds(rewrite):
                draft.apply(rewrite)
                num_rewrites += 1
                break
    return num_rewrites


def _equals(draft: Draft, node: int) -> Iterator[tuple[int, Reference]]:
    """Yields names and lines of a line's value on the smallest grid, which cost next to nothing to try."""
    return ((node, each) for _, each in _aliases(draft, node) if draft.value(each) is draft.value(node))


def _aliases(draft: Draft, node: int) -> Iterator[tuple[int, Reference]]:
    """Yields what may stand for a line: names, and lines that do not need it."""
    if node != draft.order[-1]:
        for name in _names_of_type(draft.types[node]):
            yield node, name
    kept = draft.kept_without(node) & ~(1 << node)
    for each in _shorter(draft, node, draft.types[node], kept, draft.order):
        yield node, each


def _arguments(draft: Draft, node: int) -> Iterator[Rewrite]:
    """Yields a line's call with one argument replaced by something that needs fewer lines."""
    expression = draft.definition(node)
    nodes = (*draft.order, *draft.spares)
    for place in range(len(expression) - 1, -1, -1):
        old = expression[place]
        if isinstance(old, str):
            continue
        rest = (*expression[:place], *expression[place + 1 :])
        kept = _union(draft, rest) | draft.kept_without(node)
        if kept.bit_count() >= len(draft):
            continue
        kind = draft.types[old]
        candidates: list[Reference] = [*_names_of_type(kind), *_shorter(draft, node, kind, kept, nodes)]
        for new in candidates:
            if new != old:
                yield node, (*expression[:place], new, *expression[place + 1 :])


def _functions(draft: Draft, node: int) -> Iterator[Rewrite]:
    """Yields simple functions for a line that makes one: bound, matched or composed."""
    kind, kept = draft.types[node], draft.kept_without(node)
    if kind not in FUNCTION_TYPES or kept.bit_count() >= len(draft):
        return
    lines = [each for each in draft.order if not draft.cone(each) >> node & 1]
    values: list[tuple[Reference, Type]] = [(INPUT, Type.GRID), *CONSTANT_TYPES.items()]
    values += [(each, draft.types[each]) for each in lines]
    expressions = itertools.chain(
        _chained(draft, node),
        _bound(kind, values),
        _matching() if kind is Type.FUNCTION_1 else (),
        _composed(draft, kind, lines),
    )
    for expression in expressions:
        if (_union(draft, expression) | kept).bit_count() < len(draft):
            yield node, expression


def _chained(draft: Draft, node: int) -> Iterator[Expression]:
    """Yields the composition of three functions for that of two of which one is such itself."""
    function, *arguments = draft.definition(node)
    if function == "compose":
        outer, inner = arguments
        if isinstance(inner, int) and draft.definition(inner)[0] == "compose":
            yield "chain", outer, *draft.definition(inner)[1:]
        if isinstance(outer, int) and draft.definition(outer)[0] == "compose":
            yield "chain", *draft.definition(outer)[1:], inner


def _bound(kind: Type, values: Sequence[tuple[Reference, Type]]) -> Iterator[Expression]:
    for builder, place in (("rbind", -1), ("lbind", 0)):
        for name, signature in SIGNATURES.items():
            if FUNCTION_OF_ARITY.get(len(signature.parameters) - 1) is kind:
                for value, actual in values:
                    if accepts(signature.parameters[place], actual):
                        yield builder, name, value


def _matching() -> Iterator[Expression]:
    for constant, kind in CONSTANT_TYPES.items():
        for name in _UNARY:
            if overlap(SIGNATURES[name].result, kind):
                yield "matcher", name, constant


def _composed(draft: Draft, kind: Type, lines: Sequence[int]) -> Iterator[Expression]:
    if kind is Type.FUNCTION_1:
        for each in lines:
            if draft.types[each] is Type.FUNCTION_1:
                for name in _UNARY:
                    yield "compose", each, name
                    yield "compose", name, each


def _sweep_equal_calls(draft: Draft, max_work: int) -> int:
    """Looks for calls that give what a line gives but need fewer lines; returns how many rewrites were made.

    Calls are made on the smallest grid, of functions with few combinations of arguments first.
    """
    num_rewrites = 0
    lines = _lines_by_value(draft)
    for expression in _calls(draft, {draft.types[node] for nodes in lines.values() for node in nodes}):
        if draft.work > max_work:
            break
        value = draft.evaluate(expression)
        if value is None or id(value) not in lines:
            continue
        needed = _union(draft, expression)
        for node in lines[id(value)]:
            is_shorter = (needed | draft.kept_without(node)).bit_count() < len(draft)
            if is_shorter and not needed >> node & 1 and draft.holds((node, expression)):
                draft.apply((node, expression))
                num_rewrites += 1
                lines = _lines_by_value(draft)
                break
    return num_rewrites


def _lines_by_value(draft: Draft) -> dict[int, list[int]]:
    """Returns the lines with something to be saved, by the identity of their value on the smallest grid."""
    lines: dict[int, list[int]] = {}
    for node in draft.order:
        if draft.kept_without(node).bit_count() < len(draft):
            lines.setdefault(id(draft.value(node)), []).append(node)
    return lines


def _calls(draft: Draft, results: Iterable[Type]) -> Iterator[Expression]:
    """Yields calls of primitives on lines, spares, names of values and of functions, typed by signatures."""
    names: list[tuple[Reference, Type]] = [(INPUT, Type.GRID), *CONSTANT_TYPES.items()]
    names += [(node, draft.types[node]) for node in (*draft.order[:-1], *draft.spares)]
    names += _FUNCTION_TYPE.items()
    fitting = {
        parameter: [name for name, kind in names if accepts(parameter, kind)]
        for signature in SIGNATURES.values()
        for parameter in signature.parameters
    }
    sizes = {
        name: math.prod(len(fitting[parameter]) for parameter in signature.parameters)
        for name, signature in SIGNATURES.items()
        if any(overlap(signature.result, kind) for kind in results)
    }
    for name in sorted(sizes, key=sizes.__getitem__):
        if sizes[name] <= _MAX_COMBINATIONS:
            for arguments in itertools.product(*map(fitting.__getitem__, SIGNATURES[name].parameters)):
                yield name, *arguments


def _names_of_type(kind: Type) -> Iterator[str]:
    """Yields the names of values, and of functions, that may be put where one of a type was."""
    if overlap(kind, Type.GRID):
        yield INPUT
    for name, each in CONSTANT_TYPES.items():
        if overlap(kind, each):
            yield name
    for name, each in _FUNCTION_TYPE.items():
        if each is kind:
            yield name


def _shorter(draft: Draft, node: int, kind: Type, kept: int, nodes: Sequence[int]) -> list[int]:
    """Returns the nodes of a type that need few lines beyond those kept and not a node, fewest first."""
    lengths = {
        each: (kept | draft.cone(each)).bit_count()
        for each in nodes
        if overlap(kind, draft.types[each]) and not draft.cone(each) >> node & 1
    }
    return sorted((each for each in lengths if lengths[each] < len(draft)), key=lengths.__getitem__)


def _union(draft: Draft, references: Sequence[Reference]) -> int:
    """Returns the nodes that references need, as bits."""
    union = 0
    for each in references:
        union |= draft.cone(each)
    return union


_SWEEPS: Mapping[str, Callable[[Draft, int], int]] = {
    "equal": functools.partial(_sweep, _equals),
    "alias": functools.partial(_sweep, _aliases),
    "argument": functools.partial(_sweep, _arguments),
    "call": _sweep_equal_calls,
    "function": functools.partial(_sweep, _functions),
}
