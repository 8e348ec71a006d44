import dataclasses
import json
import sys
import types

import pytest

from codeit_jax.benchmarks.suites import SUITES, Options, ReportError, run_suite
from codeit_jax.benchmarks.table import Ended, Measurement, header, row

FASTER = Measurement("search", ours=0.5, peer=2.0, unit="ms/run", peer_error=0.25, note="of 10")
SOLVED = Measurement("solved", ours=390, peer=195, unit="tasks", more_is_better=True)
ALONE = Measurement("start", ours=1234.5, peer=None, unit="s")
ADDED = Measurement("adding", ours=4.0, peer=None, unit="s", ours_by_cpu=2.25, note="in batches")
STOPPED = Measurement("stopped", ours=0, peer=3, unit="runs")


def test_a_ratio_above_one_is_good_for_us():
    assert FASTER.ratio == 4
    assert SOLVED.ratio == 2
    assert Measurement("slower", 2.0, 1.0, "s").ratio == 0.5


def test_there_is_no_ratio_without_a_peer_or_to_nothing():
    assert ALONE.ratio is None
    assert STOPPED.ratio is None


def test_rows_stand_below_their_titles():
    titles, line, *_ = header().splitlines()
    assert set(line) == {"-"}
    assert len(line) == len(titles)
    rows = [row(each) for each in (FASTER, SOLVED, ALONE, STOPPED)]
    for text, ours, unit in zip(
        rows, ("0.5", "390", "1,234", "0"), ("ms/run", "tasks", "s", "runs"), strict=True
    ):
        assert text[: titles.index("ours") + len("ours")].endswith(f" {ours}")
        assert text[titles.index("unit") :].startswith(unit)
    assert "2 ±0.25" in rows[0]
    assert rows[0].endswith("4  of 10")
    assert rows[1].endswith("  2")
    assert rows[2].endswith("s")
    assert row(ADDED).endswith("  by CPU time 2.25; in batches")
    assert row(dataclasses.replace(ADDED, note="")).endswith("  by CPU time 2.25")


def test_ends_and_what_is_no_number_have_rows():
    assert row(Ended("learner", 12.4)) == "learner: done (12 s)"
    assert row(Ended("learner", 12.6, "it broke", "a log")) == "learner: it broke (13 s)"
    assert row(dataclasses.replace(ALONE, ours=float("nan"))).split()[:2] == ["start", "nan"]


@pytest.fixture
def suite(monkeypatch):
    """A suite by the name of `fake` that says what it is asked."""
    module = types.ModuleType("fake_suite")
    asked = []

    def measure(options):
        asked.append(options)
        yield FASTER
        yield ALONE

    module.measure = measure
    monkeypatch.setitem(sys.modules, "fake_suite", module)
    monkeypatch.setitem(SUITES, "fake", "fake_suite")
    return asked


def test_a_suite_is_printed_and_written(suite, capsys, tmp_path):
    file = tmp_path / "measured.json"
    run_suite("fake", Options(seed=3, num_workers=2, quick=True), file)
    printed = capsys.readouterr().out.splitlines()
    assert printed[:4] == [*header().splitlines(), row(FASTER), row(ALONE)]
    assert suite == [Options(seed=3, num_workers=2, quick=True)]
    report = json.loads(file.read_text())
    assert (report["suite"], report["seed"], report["num_workers"], report["quick"]) == ("fake", 3, 2, True)
    assert [each["ratio"] for each in report["measurements"]] == [4, None]
    assert report["measurements"][0]["name"] == "search"
    assert report["is_complete"]
    assert report["measurements"][0]["peer_error"] == 0.25


def test_what_is_made_is_written_at_once(monkeypatch, suite, tmp_path):
    file = tmp_path / "measured.json"

    def measure(options):
        yield FASTER
        yield Ended("part", 1.0, "it broke")
        report = json.loads(file.read_text())
        assert [each["name"] for each in report["measurements"]] == ["search"]
        assert report["parts"] == [{"name": "part", "seconds": 1.0, "why": "it broke", "log": ""}]
        assert not report["is_complete"]
        raise RuntimeError("stop here")

    monkeypatch.setattr(sys.modules["fake_suite"], "measure", measure)
    with pytest.raises(RuntimeError, match="stop here"):
        run_suite("fake", Options(), file)
    assert json.loads(file.read_text())["measurements"][0]["ours"] == 0.5


@pytest.mark.parametrize("name", ["", "nowhere/measured.json", "file/measured.json"])
def test_a_file_that_cannot_be_written_is_refused_before_anything_runs(suite, tmp_path, name):
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match=r"--json=.*: "):
        run_suite("fake", Options(), tmp_path / name)
    assert not suite


def test_the_check_of_the_file_leaves_nothing_behind(monkeypatch, suite, tmp_path):
    def measure(options):
        assert not (tmp_path / "measured.json").exists()
        raise RuntimeError("stop here")
        yield

    monkeypatch.setattr(sys.modules["fake_suite"], "measure", measure)
    with pytest.raises(RuntimeError, match="stop here"):
        run_suite("fake", Options(), tmp_path / "measured.json")
    assert not list(tmp_path.iterdir())
