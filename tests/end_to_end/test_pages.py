"""What searches, evolutions and answers write a page of, as they work and at their end."""

import errno
import json
import os
from pathlib import Path

import pytest

from codeit_jax.arc import load_tasks
from codeit_jax.evolution import stock
from codeit_jax.evolution.command import EvolveConfig, run_evolution
from codeit_jax.evolution.jobs import Breeding
from codeit_jax.report import command
from codeit_jax.report.command import page_of
from codeit_jax.run import page as pages
from codeit_jax.search.command import run_search
from codeit_jax.solving import SolveConfig, solve

PAIRS = [{"input": [[n, n + 1]], "output": [[n + 1, n]]} for n in (1, 3, 5)]
NOISE = [{"input": [[n, n + 1]], "output": [[n * n % 7, 8, 0]]} for n in (1, 3, 5)]
BREEDING = Breeding(num_mended=0, states_work=0)
SOME = {"parents": None, "num_workers": 1, "turn_work": 1000, "breeding": BREEDING}


@pytest.fixture
def place(tmp_path, monkeypatch):
    (tmp_path / "tasks").mkdir()
    for name, pairs in (("mirrored", PAIRS), ("noise", NOISE)):
        text = json.dumps({"train": pairs[:2], "test": pairs[2:]})
        (tmp_path / "tasks" / f"{name}.json").write_text(text)
    (tmp_path / "programs.jsonl").write_text('{"program": "O = vmirror(I)"}\n{"program": "O = rot90(I)"}\n')
    # Not the 400 that an evolution knows, which take a second to read.
    monkeypatch.setattr(stock, "load_tasks", lambda _: load_tasks(tmp_path / "tasks"))
    return tmp_path


def searched(place, page):
    programs, tasks = [place / "programs.jsonl"], str(place / "tasks")
    run_search(programs, tasks, str(place / "out"), num_workers=1, curve_step=1, page=page)


def evolved(place, page):
    programs, tasks = (place / "programs.jsonl",), str(place / "tasks")
    run_evolution(EvolveConfig(str(place / "out"), tasks, 2500, programs, **SOME), page=page)


def solved(place, page):
    config = SolveConfig(
        str(place / "out"), programs=(place / "programs.jsonl",), work=2500, num_populations=1, **SOME
    )
    source = str(place / "tasks")
    solve(load_tasks(source), config, source=source, page=page)


@pytest.mark.parametrize("run", [searched, evolved, solved])
def test_a_page_is_left_and_no_hindrance(place: Path, run, capsys):
    page = place / "out" / "report.html"
    for _ in range(2):  # what is there goes on beside its page
        run(place, page_of(place / "out"))
        assert capsys.readouterr().out.endswith(f"to look at: {page}\n")
        assert "mirrored" in page.read_text()
        page.write_text("")


@pytest.mark.parametrize("run", [searched, evolved, solved])
def test_a_page_can_be_watched(place: Path, run, monkeypatch):
    written = []

    def write(workdir, tell):
        assert (place / "out").is_dir()
        written.append(workdir)

    monkeypatch.setattr(command, "write_report", write)
    monkeypatch.setattr(pages, "_SHARE", 1e9)
    run(place, page_of("watched"))
    assert len(written) > 2
    assert {*written} == {"watched"}


@pytest.mark.parametrize("run", [searched, evolved, solved])
def test_a_disk_that_is_full_of_it_ends_nothing(place: Path, run, monkeypatch, capsys):
    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(command, "write_bytes", fail)
    run(place, page_of(place / "out"))
    line = f"the report could not be written: {place / 'out' / 'report.html'}: No space left on device\n"
    assert capsys.readouterr().out.endswith(line)
    assert not (place / "out" / "report.html").exists()
