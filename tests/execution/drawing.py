"""Drawing what a fuzz runs: random programs, mutants, mixtures of training programs, and strings of tokens.

Everything is a function of a `random.Random` and of the training programs.
"""

import dataclasses
import random
import re
from collections.abc import Sequence
from functools import cache

from codeit_jax.arc import Grid, load_tasks
from codeit_jax.dsl import Program, load_training_programs, without_dead_lines
from codeit_jax.dsl.constants import CONSTANTS
from codeit_jax.dsl.program import INPUT, OUTPUT, Call, is_variable, variable
from codeit_jax.dsl.signatures import SIGNATURES
from codeit_jax.dsl.types import Type
from codeit_jax.execution import Evaluator, GraphRun, ProgramGraph
from codeit_jax.mutation.mutate import Mutator
from codeit_jax.mutation.random_program import random_lines, random_program
from codeit_jax.mutation.subject import Subject
from codeit_jax.mutation.typing import line_types

PRIMITIVE_NAMES = tuple(SIGNATURES)
CONSTANT_NAMES = tuple(CONSTANTS)
VARIABLES = tuple(variable(line) for line in range(1, 13))
PUNCTUATION = ("=", "(", ")", ",", "\n", " ")
JUNK = (
    *("x0", "x", "x01", "x999999999", "x9999999999", "x٣", "X1", "o", "i", "_", "1", "-1", "0.5", "''", '"'),
    *(
        "None",
        "True",
        "lambda",
        "import",
        "__class__",
        "eval",
        "grid",
        "é",
        "\ud800",
        "\x00",
        "\u2028",
        "\x85",
    ),
    *("\t", "\r", "\x0b", "==", "[", "]", "{", "}", ":", ";", ".", "#", "\\", "I" * 300, "(" * 50),
)
VOCABULARY = (*PRIMITIVE_NAMES, *CONSTANT_NAMES, *VARIABLES, INPUT, OUTPUT, *PUNCTUATION * 8, *JUNK)

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")


@dataclasses.dataclass(frozen=True)
class Parent:
    """A training program, the types of its lines, and an input of its task."""

    program: Program
    types: tuple
    grid: Grid


@cache
def training_parents() -> tuple[Parent, ...]:
    """Returns the training programs that run on their task's first demonstration."""
    programs = load_training_programs()
    evaluator = Evaluator()
    parents = []
    for task in load_tasks("arc1/training"):
        program, grid = programs[task.id], task.train[0].input
        types = line_types_on(evaluator, program, grid)
        if len(types) == len(program):
            parents.append(Parent(program, types, grid))
    assert len(parents) > 380
    return tuple(parents)


def line_types_on(evaluator: Evaluator, program: Program, grid: Grid) -> tuple:
    """Returns the types of a program's lines on a grid, up to the first that fails."""
    return tuple(line_types(program, GraphRun(ProgramGraph([program]), evaluator, grid).values(0)))


def mutate(mutator: Mutator, program: Program, types: Sequence[Type], rng: random.Random) -> Program | None:
    """Returns a mutant of a program of which only the types of its lines are known, or None."""
    return mutator.draw(Subject(program, [(each,) for each in types]), rng)[1]


def mutant(rng: random.Random, program: Program, types: tuple) -> Program:
    """Returns a mutant, or the program itself where none was found in a few tries."""
    tries = (mutate(Mutator(), program, types, rng) for _ in range(10))
    return next(filter(None, tries), program)


def mutant_of_training(rng: random.Random) -> Program:
    """Returns a mutant of a random training program."""
    parent = rng.choice(training_parents())
    return mutant(rng, parent.program, parent.types)


def mutant_of_mutant(rng: random.Random) -> Program:
    """Returns a training program mutated two to five times, each time where it still runs."""
    parent = rng.choice(training_parents())
    evaluator = Evaluator()
    program, types = parent.program, parent.types
    for _ in range(rng.randint(1, 4)):
        candidate = mutant(rng, program, types)
        candidate_types = line_types_on(evaluator, candidate, parent.grid)
        if len(candidate_types) == len(candidate):
            program, types = candidate, candidate_types
    return mutant(rng, program, types)


def prefix_of_training(rng: random.Random) -> Program:
    """Returns the first lines of a training program."""
    program = rng.choice(training_parents()).program
    return without_dead_lines(Program(program.calls[: rng.randint(1, len(program))]))


def mixture_of_training(rng: random.Random) -> Program:
    """Returns a training program that is given what another, or the start of another, makes of the input."""
    first, second = prefix_of_training(rng), rng.choice(training_parents()).program
    shift = len(first)

    def renamed(name: str) -> str:
        if name == INPUT:
            return variable(shift)
        return variable(int(name[1:]) + shift) if is_variable(name) else name

    moved = [Call(renamed(call.function), tuple(map(renamed, call.arguments))) for call in second.calls]
    return without_dead_lines(Program((*first.calls, *moved)))


def random_of_any_length(rng: random.Random) -> Program:
    """Returns a random well-typed program: the baseline's, or a longer one."""
    if rng.random() < 0.5:
        return random_program(rng)
    return random_program(rng, rng.randint(2, 30), end_probability=0.1)


def mutant_of_random(rng: random.Random) -> Program:
    """Returns a mutant of a random program, dead lines and all."""
    program, types = random_lines(rng, 15, rng.choice((0.1, 0.8)))
    return mutant(rng, program, tuple(types))


def ill_typed(rng: random.Random) -> Program:
    """Returns a program whose names are in scope and whose arities are right, and nothing more."""
    calls: list[Call] = []
    for line in range(1, rng.randint(1, 8) + 1):
        variables = [variable(number) for number in range(1, line)]
        groups = ([INPUT], variables, variables, CONSTANT_NAMES, PRIMITIVE_NAMES)
        function = rng.choice(variables if variables and rng.random() < 0.2 else PRIMITIVE_NAMES)
        arity = (
            len(SIGNATURES[function].parameters) if function in SIGNATURES else rng.choice((1, 1, 1, 2, 3))
        )
        arguments = [rng.choice(rng.choice(list(filter(None, groups)))) for _ in range(arity)]
        calls.append(Call(function, tuple(arguments)))
    return Program(tuple(calls))


def token_string(rng: random.Random) -> str:
    """Returns tokens drawn at random, or a program some of whose tokens were tampered with."""
    draw = rng.random()
    if draw < 0.2:
        return "".join(rng.choices(VOCABULARY, k=rng.randint(1, 80)))
    if draw < 0.4:
        return str(ill_typed(rng))
    makers = (random_of_any_length, ill_typed, mutant_of_training)
    tokens = _TOKEN.findall(str(rng.choice(makers)(rng)))
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        _tamper(rng, tokens)
    return "".join(tokens)


def _tamper(rng: random.Random, tokens: list[str]) -> None:
    """Replaces, removes, doubles or swaps tokens."""
    if not tokens:
        return
    place = rng.randrange(len(tokens))
    draw = rng.random()
    if draw < 0.6:
        tokens[place] = _instead_of(rng, tokens[place])
    elif draw < 0.7:
        del tokens[place]
    elif draw < 0.8:
        tokens.insert(place, tokens[place])
    else:
        other = rng.randrange(len(tokens))
        tokens[place], tokens[other] = tokens[other], tokens[place]


def _instead_of(rng: random.Random, token: str) -> str:
    if rng.random() < 0.2:
        return rng.choice(VOCABULARY)
    if token in SIGNATURES:
        arity = len(SIGNATURES[token].parameters)
        return rng.choice([name for name in SIGNATURES if len(SIGNATURES[name].parameters) == arity])
    if token in CONSTANTS or is_variable(token) or token == INPUT:
        return rng.choice(rng.choice((CONSTANT_NAMES, VARIABLES, (INPUT,), PRIMITIVE_NAMES)))
    return token
