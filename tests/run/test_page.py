"""A page is written now and then, and at the end whatever came before."""

from io import StringIO

import pytest
from rich.console import Console

from codeit_jax.run import page as pages
from codeit_jax.run.display import Display
from codeit_jax.run.page import Page


class Clock:
    def __init__(self):
        self.seconds = 0.0

    def monotonic(self):
        return self.seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(pages, "time", clock)
    return clock


@pytest.fixture
def console():
    return Console(file=StringIO(), width=100)


@pytest.mark.parametrize(("seconds", "waited"), [(0.125, 50), (1.0, 50), (3.0, 150)])
def test_writing_takes_a_fiftieth_of_the_time_at_most(clock, console, seconds, waited):
    written = []

    def write(tell):
        written.append(clock.seconds)
        clock.seconds += seconds
        return "out/report.html"

    page, display = Page(write), Display(console)
    for second in range(50):
        clock.seconds = second
        page.renew(display)
    assert written == []
    clock.seconds = 50
    page.renew(display)
    clock.seconds = 50 + seconds + waited - 0.5
    page.renew(display)
    assert written == [50]
    clock.seconds += 0.5
    page.renew(display)
    assert written == [50, 50 + seconds + waited]
    assert "out/report.html" not in console.file.getvalue()
    page.finish(display)
    assert len(written) == 3
    assert console.file.getvalue().endswith("to look at: out/report.html\n")


def test_what_keeps_it_from_that_is_told_once_and_at_the_end(clock, console):
    def write(tell):
        tell("no room")

    page, display = Page(write), Display(console)
    for _ in range(3):
        clock.seconds += 100
        page.renew(display)
    assert console.file.getvalue().count("no room") == 1
    page.finish(display)
    assert console.file.getvalue().count("no room") == 2
    assert "to look at" not in console.file.getvalue()


def test_there_may_be_no_page(clock, console):
    page, display = Page(), Display(console)
    clock.seconds = 1000
    page.renew(display)
    page.finish(display)
    assert not console.file.getvalue()
