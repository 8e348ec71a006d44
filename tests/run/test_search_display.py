from io import StringIO

from rich.console import Console

from codeit_jax.run.search_display import SearchDisplay


def shown(console):
    with SearchDisplay(2, console) as display:
        display.begin(100, 1_300)
        display.advance(1_200, 1, 0)
        display.advance(1_200, 2, 1)
        display.report(1_300)
        display.note("a note [of sorts]")
    return console.file.getvalue()


def test_without_a_terminal_each_event_is_a_line():
    lines = [line.split("] ", 1)[1] for line in shown(Console(file=StringIO(), width=80)).splitlines()]
    assert lines[0].startswith("1,300 programs x 2 tasks: 2 of 2 tasks solved (1 strictly), ")
    assert lines[0].endswith(" programs/s")
    assert lines[1:] == ["a note [of sorts]"]


def test_a_terminal_gets_a_bar_and_its_notes():
    text = shown(Console(file=StringIO(), width=120, force_terminal=True))
    assert "100%" in text
    assert "2 of 2 tasks solved (1 strictly)" in text
    assert "a note [of sorts]" in text
    assert "programs x" not in text
