"""The records of primitives: complete, and all that a new primitive needs beside its own code."""

import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import codeit_jax
from codeit_jax.dsl.primitives import PRIMITIVES
from codeit_jax.dsl.records import ITEMWISE, TRAITS
from codeit_jax.dsl.traits import Charge, Traits, Turns, describe
from codeit_jax.dsl.types import Type


def test_each_primitive_has_a_record_and_nothing_else_has():
    assert set(TRAITS) == set(PRIMITIVES)


@pytest.mark.parametrize("field", ["signature", "relations", "charge"])
def test_no_record_is_made_without_the_facts_that_all_have(field):
    facts = {"signature": TRAITS["sign"].signature, "relations": {}, "charge": Charge.CALLS}
    assert Traits(**facts).charge is Charge.CALLS
    del facts[field]
    with pytest.raises(TypeError, match=field):
        Traits(**facts)


@pytest.mark.parametrize("charge", Charge)
def test_no_charge_is_a_silent_default(charge):
    is_foreseen = charge in (Charge.ITEMS, Charge.REMEMBERED)
    with pytest.raises(ValueError, match="work must be foreseen"):
        describe("Grid -> Grid", "-", charge, None if is_foreseen else len)


def test_relations_must_tell_of_each_argument():
    with pytest.raises(ValueError, match="each argument"):
        describe("Grid Integer -> Grid", "like", Charge.CALLS)
    with pytest.raises(KeyError):
        describe("Grid Integer -> Grid", "like what", Charge.CALLS)


def test_places_are_those_of_arguments():
    for traits in TRAITS.values():
        arity = len(traits.signature.parameters)
        assert all(place < arity for place in traits.relations)
        if traits.loop:
            assert {traits.loop.function, *traits.loop.containers} <= set(range(arity))
    for name, loop in ITEMWISE.items():
        assert TRAITS[name].signature.parameters[loop.function] in (Type.FUNCTION_1, Type.FUNCTION_2)


def test_what_is_turned_is_turned_back():
    grid = ((1, 2, 3), (4, 5, 6))
    turns = {name: each.change for name, each in TRAITS.items() if isinstance(each.change, Turns)}
    assert len(turns) == 7
    for name, turn in turns.items():
        assert PRIMITIVES[turn.back](PRIMITIVES[name](grid)) == grid


def test_traits_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TRAITS["sign"].charge = Charge.ITEMS


PRIMITIVE = """

def checkered(grid: Grid) -> Grid:
    return tuple(tuple(cell * ((i + j) % 2) for j, cell in enumerate(row)) for i, row in enumerate(grid))


__all__ += ["checkered"]
"""
RECORD = """
TRAITS = MappingProxyType(
    {**TRAITS, "checkered": describe("Grid -> Grid", "like", Charge.REMEMBERED, reads)}
)
"""
USE = """
import random
from codeit_jax.dsl import parse_program
from codeit_jax.execution import Budget, run
from codeit_jax.execution.attempt import HostContext
from codeit_jax.mutation.growth.drawing import DrawingJob, draw_programs
from codeit_jax.mutation.mutate import Mutator
from codeit_jax.mutation.random_program import random_program

program = parse_program("x1 = vmirror(I)\\nO = checkered(x1)")
outcome = run(program, ((1, 2), (3, 4)), Budget())
assert outcome.output == ((0, 1), (4, 0)), outcome
assert outcome.cost > run(parse_program("O = vmirror(I)"), ((1, 2), (3, 4)), Budget()).cost
assert run(program, ((1, 2), (3, 4)), Budget(max_work=8)).status == "over_budget"
draws = tuple((number, 0) for number in range(3000))
job = DrawingJob("a", (((1, 2), (3, 4)), ((5, 6), (7, 0))), ("O = vmirror(I)",), draws, 0, Mutator(0, 0.5))
assert "O = checkered(I)" in {draw.text for draw in draw_programs(HostContext((), Budget()), job)}
assert any("checkered" in str(random_program(random.Random(seed))) for seed in range(2000))
from codeit_jax.policy.symbolic import SymbolicTokenizer
tokenizer = SymbolicTokenizer()
assert tokenizer.decode_program(tokenizer.encode_program(str(program))) == str(program)
"""


def test_a_new_primitive_is_its_code_and_its_record(tmp_path):
    package = tmp_path / "codeit_jax"
    shutil.copytree(Path(codeit_jax.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in (("primitives/symmetry.py", PRIMITIVE), ("records.py", RECORD)):
        path = package / "dsl" / name
        content = path.read_text()
        place = (
            content.find("\n# The primitives that call a function on the items")
            if name == "records.py"
            else -1
        )
        place = len(content) if place < 0 else place
        path.write_text(content[:place] + text + content[place:])
    done = subprocess.run(
        [sys.executable, "-c", USE],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
