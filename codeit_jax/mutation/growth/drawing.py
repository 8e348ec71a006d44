"""Jobs that draw programs: those for the same inputs together, so that what they share is evaluated once.

What becomes of a draw is decided by its seed, its number and its parent, and not by the other draws of its
job. So a job may be cut anywhere, as one is that a worker was stopped on, and it does not show.
"""

import dataclasses
import random
from array import array
from collections.abc import Sequence
from enum import StrEnum

from codeit_jax.arc import Grid, num_cells
from codeit_jax.dsl.program import Program, parse_program
from codeit_jax.dsl.program_files import fingerprint
from codeit_jax.execution import Evaluator, GraphRun, ProgramGraph, Status
from codeit_jax.execution.attempt import HostContext
from codeit_jax.execution.recovery import Recovery
from codeit_jax.mutation.mutate import Mutator
from codeit_jax.mutation.probe import MAX_WORK
from codeit_jax.mutation.random_program import random_program
from codeit_jax.mutation.subject import Subject, probed_subject

MUTANT_WORK = 30_000  # units of work that a mutant may take on one input, whatever its parent takes
RANDOM = "random"  # the kind of a random program


class Fate(StrEnum):
    """The fate of a draw."""

    NO_CANDIDATE = "no candidate"  # nothing fitted in the places that were tried
    FAILED = "failed"  # for some input there was no valid grid
    GIVES_INPUTS_BACK = "gives inputs back"
    DUPLICATE = "duplicate"
    STOPPED = "stopped"  # a worker was stopped on it
    ACCEPTED = "accepted"


@dataclasses.dataclass(frozen=True, slots=True)
class Draw:
    """A program that was drawn, or was to be.

    Attributes:
        number: its place among all draws.
        kind: of the mutation, or how else the program came about.
        fate: what became of it.
        text: the program, if one was found.
        outputs: what it gives for the job's inputs, if it is accepted and that is asked for.
    """

    number: int
    kind: str
    fate: Fate
    text: str = ""
    outputs: tuple[Grid, ...] = ()


@dataclasses.dataclass(frozen=True)
class DrawingJob:
    """Programs to be drawn that are all run on the same inputs.

    Attributes:
        task_id: the task that the inputs are of.
        inputs: what every program must give a valid grid for.
        parents: the texts of programs that mutants are made from, all of which run on the inputs; the first
            is the one that the others come from.
        draws: for each draw its number and the index of its parent; None for a random program.
        seed: what, with a draw's number, decides it.
        mutator: how to draw mutants.
        known: fingerprints of programs that are duplicates, as the bytes of an array of type "Q".
        keeps_outputs: whether what is accepted comes with its outputs.
    """

    task_id: str
    inputs: tuple[Grid, ...]
    parents: tuple[str, ...]
    draws: tuple[tuple[int, int | None], ...]
    seed: int
    mutator: Mutator
    known: bytes = b""
    keeps_outputs: bool = False


def rng_of(seed: int, number: int) -> random.Random:
    """Returns the generator that decides a draw."""
    return random.Random(f"{seed}/{number}")


def _evaluator_of(context: HostContext, job: DrawingJob) -> Evaluator:
    """Returns what runs the programs of a job.

    A mutant may take twice the work of the program that its family comes from, and some in any case: few that
    take more come to anything, and they would take most of the time.
    """
    max_work = MUTANT_WORK
    if job.parents:
        graph = ProgramGraph([parse_program(job.parents[0])])
        runs = [GraphRun(graph, context.evaluator, grid) for grid in job.inputs]
        max_work = max(max_work, 2 * max(run.outcome(0).cost for run in runs))
    return context.evaluator_within(min(max_work, context.budget.max_work))


def draw_programs(context: HostContext, job: DrawingJob) -> list[Draw]:
    """Draws programs and tells what becomes of each draw; a job of an `ExecutionPool`.

    A program makes a mutated task if all its outputs are valid grids and not all equal their inputs (the
    paper's rule). Of equal programs in the job the first is accepted.
    """
    if not job.draws:
        _run(_evaluator_of(context, job), list(map(parse_program, job.parents)), job.inputs)
        return []
    evaluator = _evaluator_of(context, job)
    draws, drawn = _draw_all(evaluator, job)
    known = frozenset(array("Q", job.known))
    new = {
        text: program
        for text, program in _distinct(drawn).items()
        if not known or fingerprint(text) not in known
    }
    outputs = dict(zip(new, _run(evaluator, list(new.values()), job.inputs), strict=True))
    taken = set()
    for place, (text, _) in drawn.items():
        fate = _judge(outputs[text], job.inputs) if text in outputs else Fate.DUPLICATE
        if fate is Fate.ACCEPTED and text in taken:
            fate = Fate.DUPLICATE
        taken.add(text)
        kept = outputs[text] if job.keeps_outputs and fate is Fate.ACCEPTED else None
        draws[place] = dataclasses.replace(draws[place], fate=fate, text=text, outputs=kept or ())
    return draws


DRAWING_RECOVERY = Recovery[DrawingJob](
    num_items=lambda job: len(job.draws),
    part=lambda job, start, stop: dataclasses.replace(job, draws=job.draws[start:stop]),
    describe=lambda job: f"programs drawn for {job.task_id} ({len(job.draws)})",
    has_shared_work=True,  # the parents are run whatever is drawn
)


_Drawn = dict[int, tuple[str, Program]]  # texts and programs by the places of their draws


def _draw_all(evaluator: Evaluator, job: DrawingJob) -> tuple[list[Draw], _Drawn]:
    """Returns the draws as if nothing had been found to fit, and what was found."""
    subjects = _subjects(evaluator, job)
    draws: list[Draw] = []
    drawn: _Drawn = {}
    program: Program | None
    for place, (number, parent) in enumerate(job.draws):
        rng = rng_of(job.seed, number)
        kind: str
        if parent is None:
            kind, program = RANDOM, random_program(rng)
        else:
            kind, program = job.mutator.draw(subjects[parent], rng)
        draws.append(Draw(number, kind, Fate.NO_CANDIDATE))
        if program is not None:
            drawn[place] = str(program), program
    return draws, drawn


def _distinct(drawn: _Drawn) -> dict[str, Program]:
    return dict(drawn.values())


def _subjects(evaluator: Evaluator, job: DrawingJob) -> list[Subject]:
    if not job.parents:
        return []
    grid = min(job.inputs, key=num_cells)
    parents = list(map(parse_program, job.parents))
    run = GraphRun(ProgramGraph(parents), evaluator, grid)
    subjects = []
    for index, program in enumerate(parents):
        # What is far more work than the program itself is seldom worth it.
        max_work = max(MAX_WORK, 2 * run.outcome(index).cost)
        subject = probed_subject(program, run, index, evaluator, grid, max_work)
        if subject is None:
            raise ValueError(f"a parent fails on an input of {job.task_id}:\n{program}")
        subjects.append(subject)
    return subjects


def _run(
    evaluator: Evaluator, programs: Sequence[Program], inputs: Sequence[Grid]
) -> list[tuple[Grid, ...] | None]:
    """Returns what each program gives for the inputs; None where that is no valid grid for one of them.

    The smallest inputs come first: they are enough to tell most programs that fail.
    """
    graph = ProgramGraph(programs)
    outputs: dict[int, dict[int, Grid]] = {index: {} for index in range(len(programs))}
    for place in sorted(range(len(inputs)), key=lambda each: num_cells(inputs[each])):
        run = GraphRun(graph, evaluator, inputs[place])
        for index in list(outputs):
            outcome = run.outcome(index)
            if outcome.status is Status.OK and outcome.output is not None:
                outputs[index][place] = outcome.output
            else:
                del outputs[index]
    return [
        tuple(outputs[index][place] for place in range(len(inputs))) if index in outputs else None
        for index in range(len(programs))
    ]


def _judge(outputs: tuple[Grid, ...] | None, inputs: tuple[Grid, ...]) -> Fate:
    if outputs is None:
        return Fate.FAILED
    return Fate.GIVES_INPUTS_BACK if outputs == inputs else Fate.ACCEPTED
