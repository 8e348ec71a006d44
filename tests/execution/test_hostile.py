import json
import subprocess
import sys

import pytest

from codeit_jax.dsl.program import parse_program
from tests.execution.hostile import HOSTILE

# A guard against a hang, many times what all of them take.
GUARD_SECONDS = 120

# Those that look worse than they are: they fail, or they end soon in something that is no grid.
HARMLESS = {
    "canvas of a negative height",
    "compose doubled, then hashed",
    "rbind of rbind",
    "lbind of apply",
    "gravitate from afar",
    "inserted a thousand times",
    "occurrences of everything",
    "power of a set",
    "error that would quote a set",
    "first of sets of sets",
    "repeated sorting",
    "divide by nothing",
    "call of a number",
}


@pytest.fixture(scope="module")
def ends():
    """How each program ended, by name."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tests.execution.hostile"],
            capture_output=True,
            text=True,
            timeout=GUARD_SECONDS,
        )
        output, complaint = done.stdout, done.stderr
    except subprocess.TimeoutExpired as error:
        output, complaint = (error.stdout or b"").decode(), "it hangs"
    lines = [json.loads(line) for line in output.splitlines()]
    begun = [line["begins"] for line in lines if "begins" in line]
    ended = {line["name"]: line for line in lines if "name" in line}
    assert set(begun) == set(ended), f"{begun[-1]}: {complaint}"
    return ended


def test_there_are_many_of_them_and_each_is_a_program():
    assert len(HOSTILE) >= 100
    for text in HOSTILE.values():
        parse_program(text)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_program_comes_to_an_end_of_its_own(ends, name):
    end = ends[name]
    assert end["status"] in ("over_budget", "error", "invalid_output")
    assert end["error"].startswith("line ")
    assert len(end["error"].splitlines()) == 1
    assert len(end["error"]) < 300
    assert end["cost"] <= 1_000_000


def test_which_of_them_the_budget_need_not_end(ends):
    assert {name for name, end in ends.items() if end["status"] != "over_budget"} == HARMLESS
