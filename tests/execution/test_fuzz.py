import os
import random
import re
import subprocess
import sys

import pytest

from codeit_jax.arc import load_tasks
from codeit_jax.dsl import parse_program
from codeit_jax.execution import Evaluator, Status
from tests.execution import drawing
from tests.execution.fuzz import PROGRAMS, TOKEN_STRINGS, UNPARSABLE, Fuzz, main, text_of

COUNTS = {TOKEN_STRINGS: 2000, PROGRAMS: 400}
SEED = 1


@pytest.fixture(scope="module")
def tasks():
    return load_tasks("arc1/evaluation")


@pytest.mark.parametrize("kind", COUNTS)
def test_every_end_is_an_outcome_and_the_same_with_one_worker_or_two(tasks, kind):
    count = COUNTS[kind]
    reports = []
    for num_workers in (1, 2):
        report, failures = Fuzz(tasks, num_workers).run(kind, count, SEED)
        assert failures == []
        assert count <= report.ends.total() <= 2 * count
        reports.append(report)
    assert reports[0].ends == reports[1].ends
    assert reports[0].digest == reports[1].digest
    assert Status.TIMEOUT not in reports[0].ends
    assert {Status.OK, Status.ERROR, Status.INVALID_OUTPUT} < set(reports[0].ends)
    # Of the strings, some must be no programs, and many must be some.
    parsed = reports[0].ends.total() - reports[0].ends[UNPARSABLE]
    assert (0.3 * count < parsed < 1.7 * count) if kind == TOKEN_STRINGS else not reports[0].ends[UNPARSABLE]


def test_the_digest_tells_outcomes_apart(tasks, monkeypatch):
    report, _ = Fuzz(tasks, num_workers=0).run(PROGRAMS, 50, SEED)
    same, _ = Fuzz(tasks, num_workers=0).run(PROGRAMS, 50, SEED)
    assert (report.digest, report.errorless_digest) == (same.digest, same.errorless_digest)
    finished = Evaluator.finished
    monkeypatch.setattr(
        Evaluator, "finished", lambda self, value, lines, work: finished(self, value, lines, work + 1)
    )
    other, _ = Fuzz(tasks, num_workers=0).run(PROGRAMS, 50, SEED)
    assert other.digest != report.digest
    assert other.errorless_digest != report.errorless_digest


def test_what_an_item_does_wrong_is_raised_with_its_text(tasks, monkeypatch):
    def broken(self, program, grid):
        raise KeyError("a fault of ours")

    monkeypatch.setattr(Evaluator, "run", broken)
    with pytest.raises(KeyError) as caught:
        Fuzz(tasks, num_workers=0).run(PROGRAMS, 1, SEED)
    assert repr(text_of(PROGRAMS, SEED, 0)) in caught.value.__notes__[0]


def test_what_a_worker_dies_of_is_named(tasks):
    # No program can run in no time, and each dies alone too.
    report, failures = Fuzz(tasks, num_workers=1, timeout_seconds=1e-6).run(PROGRAMS, 2, SEED)
    assert not report.ends
    assert [text for text, _ in failures] == [text_of(PROGRAMS, SEED, index) for index in range(2)]


@pytest.mark.parametrize(
    "maker",
    [
        drawing.random_of_any_length,
        drawing.mutant_of_random,
        drawing.mutant_of_training,
        drawing.mutant_of_mutant,
        drawing.prefix_of_training,
        drawing.mixture_of_training,
        drawing.ill_typed,
    ],
)
def test_programs_drawn_are_in_canonical_form(maker):
    rng = random.Random(0)
    drawn = [maker(rng) for _ in range(30)]
    assert len(set(drawn)) > 15
    for program in drawn:
        assert parse_program(str(program)) == program


def test_the_script_reports_and_returns_0(capsys):
    assert main(["--token_strings=30", "--programs=10", "--num_workers=0"]) == 0
    printed = capsys.readouterr().out
    for expected in (
        "30 token strings in",
        "10 programs in",
        "digest",
        "peak memory",
        "deaths of workers: {}",
    ):
        assert expected in printed


@pytest.mark.slow
def test_neither_the_seed_of_hashes_nor_the_version_of_python_shows():
    # The digests are those of any machine; they change where the costs or the words of an outcome do.
    command = [sys.executable, "-m", "tests.execution.fuzz", "--num_workers=0", "--seed=5"]
    command += ["--token_strings=1500", "--programs=200"]
    for hash_seed in ("1", "2"):
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, "PYTHONHASHSEED": hash_seed}
        )
        assert done.returncode == 0, done.stderr
        digests = re.findall(r"digest (\w+)", done.stdout)
        assert digests == ["c92756f93a11adb4", "64426ed860c75dc3"]
