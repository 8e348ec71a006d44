"""Plain lines where nobody watches, and a bar and a table where somebody does."""

import contextlib
import dataclasses
import re
from io import StringIO

import pytest
from rich.console import Console

from codeit_jax.run.display import Display, number_table
from codeit_jax.run.metrics import IterationMetrics
from codeit_jax.run.run_display import RunDisplay

ROW = IterationMetrics(
    meta_iteration=12,
    loss=0.5,
    num_samples=9600,
    parse_share=0.25,
    execute_share=1.0,
    new_experiences=777,
    policy_performance=48,
    cumulative_performance=59,
    policy_cumulative=50,
    mutation_performance=42,
    evolution_performance=7,
    explore_seconds=100.0,
    learn_seconds=23.0,
)
FIRST = IterationMetrics(0, cumulative_performance=3)


def show(console: Console) -> str:
    with RunDisplay(400, console) as display:
        display.phase("mutating")
        display.note("a note [of sorts]")
        display.phase("meta-iteration 12", 2)
        display.advance()
        display.rows([FIRST, ROW])
        display.advance()
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_without_a_terminal_each_event_is_a_line() -> None:
    lines = show(Console(file=StringIO(), width=80)).splitlines()
    texts = [line.split("] ", 1)[1] for line in lines[:5]]
    assert texts[:3] == ["mutating", "a note [of sorts]", "meta-iteration 12"]
    assert texts[3].startswith("row 0  loss   parse   execute   policy 0  ever 0  mutation 0")
    assert texts[4] == (
        "row 12  loss 0.500  parse 25.0%  execute 100.0%"
        "  policy 48  ever 50  mutation 42  evolution 7  cumulative 59  seconds 123"
    )
    assert "\x1b" not in "".join(lines)


def test_the_table_at_the_end_fits_80_columns_with_nothing_cut_off() -> None:
    table = show(Console(file=StringIO(), width=80)).splitlines()[5:]
    assert table[0].strip() == "CodeIt: tasks solved of 400"
    titles = "row loss parse execute policy ever mutation evolution cumulative seconds"
    assert titles.split() in [line.split() for line in table]
    numbers = "12 0.500 25.0% 100.0% 48 50 42 7 59 123"
    assert numbers.split() in [line.split() for line in table]
    assert max(map(len, table)) <= 80


def test_where_a_run_is_validated_there_is_a_column_for_it() -> None:
    console = Console(file=StringIO(), width=80)
    with RunDisplay(400, console) as display:
        display.rows([FIRST, dataclasses.replace(ROW, validation_performance=31.0)])
    lines = console.file.getvalue().splitlines()
    assert "validation" not in lines[0]
    assert lines[1].endswith("cumulative 59  validation 31  seconds 123")
    titles = "row loss parse policy ever mutation evolution cumulative validation seconds"
    numbers = "12 0.500 25.0% 48 50 42 7 59 31 123"
    table = [line.split() for line in lines[2:]]
    assert titles.split() in table
    assert numbers.split() in table
    assert ["0", "0", "0", "0", "0", "3", "0"] in table
    assert max(map(len, lines[2:])) <= 80


def test_a_terminal_gets_one_live_table_and_its_notes() -> None:
    text = show(Console(file=StringIO(), width=120, force_terminal=True, force_interactive=False))
    assert "a note [of sorts]" in text
    assert "iteration 12  loss" not in text  # the plain line
    assert "CodeIt: tasks solved of 400" in text
    assert "123" in text.rsplit("tasks solved", 1)[1]


def test_a_terminal_shows_the_phase_and_how_far_it_is() -> None:
    console = Console(file=StringIO(), width=120, force_terminal=True)
    with RunDisplay(400, console) as display:
        display.phase("meta-iteration [of sorts]", 7)
        for _ in range(3):
            display.advance()
        with console.capture() as capture:
            console.print(display._render())
    assert "meta-iteration [of sorts]" in capture.get()
    assert "3/7" in capture.get()


def test_a_new_phase_starts_from_nothing() -> None:
    console = Console(file=StringIO(), width=120, force_terminal=True)
    with RunDisplay(400, console) as display:
        display.phase("first", 7)
        display.advance()
        display.phase("second", 5)
        with console.capture() as capture:
            console.print(display._render())
    assert "0/5" in capture.get()


def fail_in_a_display(console: Console) -> None:
    with RunDisplay(400, console) as display:
        display.rows([ROW])
        raise RuntimeError("stop")


def test_an_exception_ends_the_display_and_passes_on() -> None:
    console = Console(file=StringIO(), width=80, force_terminal=True)
    with pytest.raises(RuntimeError, match="stop"):
        fail_in_a_display(console)
    with RunDisplay(400, console):  # a display that was not stopped would not allow another
        pass


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_what_a_terminal_showed_last_stays_where_a_command_is_cut_short(error: type[BaseException]) -> None:
    console = Console(file=StringIO(), width=80, force_terminal=True)
    with contextlib.suppress(error), RunDisplay(400, console) as display:
        display.rows([FIRST, ROW])
        display.phase("meta-iteration 13", 7)
        display.advance(5)
        raise error
    screen = shown(console)
    assert screen.count("CodeIt: tasks solved of 400") == 1
    assert ["12", "0.500", "25.0%"] in [line.split()[:3] for line in screen.splitlines()]
    (last,) = [line for line in screen.splitlines() if "meta-iteration" in line]
    assert "5/7" in last
    assert screen.endswith("\n")  # what comes then has a line of its own


def test_what_a_terminal_showed_goes_where_a_command_ends() -> None:
    console = Console(file=StringIO(), width=80, force_terminal=True)
    with RunDisplay(400, console) as display:
        display.rows([ROW])
        display.phase("meta-iteration 13", 7)
    assert "meta-iteration 13" not in shown(console)
    assert shown(console).count("CodeIt: tasks solved of 400") == 1


def shown(console: Console) -> str:
    """What is left on a terminal that understands how lines are gone back over and erased."""
    assert isinstance(console.file, StringIO)
    lines, row = [""], 0
    for part in re.split(r"(\n|\r|\x1b\[[0-9;?]*[a-zA-Z])", console.file.getvalue()):
        if part == "\n":
            row += 1
            lines += [""] * (row == len(lines))
        elif part == "\x1b[2K":
            lines[row] = ""
        elif part == "\x1b[1A":
            row -= 1
        elif not part.startswith(("\r", "\x1b")):
            lines[row] += part
    return "\n".join(lines)


def test_a_phase_without_steps_has_no_count() -> None:
    console = Console(file=StringIO(), width=120, force_terminal=True)
    with Display(console) as display:
        display.phase("learning")
        with console.capture() as capture:
            console.print(display._render())
    assert "learning" in capture.get()
    assert "0/" not in capture.get()


def test_a_long_note_is_broken_between_words_on_a_terminal_alone() -> None:
    note = " ".join(["word"] * 30)
    for is_terminal, num_lines in ((True, 4), (False, 1)):
        console = Console(file=StringIO(), width=40, force_terminal=is_terminal, force_interactive=False)
        with Display(console) as display:
            display.note(note)
        lines = [line for line in console.file.getvalue().splitlines() if "word" in line]
        assert len(lines) == num_lines
        assert "".join(lines).count("word") == 30
        assert all(line.split()[-1] == "word" for line in lines)


def test_an_exception_prints_no_final_table() -> None:
    console = Console(file=StringIO(), width=80)
    with pytest.raises(RuntimeError, match="stop"):
        fail_in_a_display(console)
    assert "tasks solved" not in console.file.getvalue()


def search(console: Console) -> str:
    with Display(console) as display:
        display.phase("searching", 2_600, 100)
        display.describe("2 of 2 tasks solved")
        display.advance(2_500)
        display.log("a line of progress")
        display.note("a note [of sorts]")
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_what_a_bar_tells_is_a_line_without_one() -> None:
    lines = search(Console(file=StringIO(), width=80)).splitlines()
    assert [line.split("] ", 1)[1] for line in lines] == [
        "searching",
        "a line of progress",
        "a note [of sorts]",
    ]
    text = search(Console(file=StringIO(), width=120, force_terminal=True))
    assert "2600/2600" in text
    assert "2 of 2 tasks solved" in text
    assert "a note [of sorts]" in text
    assert "a line of progress" not in text


@pytest.mark.parametrize(
    "name", ["Count [hard]", "[/red]", "[bold]", ":smile:", "a\\[b]", "[link=x]y", "naïve 漢"]
)
@pytest.mark.parametrize("is_terminal", [False, True])
def test_what_a_name_holds_is_shown_as_it_is(name: str, is_terminal: bool) -> None:
    console = Console(
        file=StringIO(), width=80, force_terminal=is_terminal, force_interactive=False, no_color=True
    )
    with Display(console) as display:
        display.phase(f"{name} phase", 3)
        display.describe(f"{name} description")
        display.note(f"{name} note")
        display.log(f"{name} line")
        display.show(number_table([f"{name} column", "b"], [[f"{name} cell", "1"]], f"{name} title"))
        with console.capture() as capture:
            console.print(display._render())
    text = console.file.getvalue()
    assert f"{name} description" in capture.get()
    for each in ("note", "column", "cell", "title", *([] if is_terminal else ["phase", "line"])):
        assert f"{name} {each}" in text


def test_what_has_no_shape_is_shown_as_its_code() -> None:
    console = Console(file=StringIO(), width=80)
    with Display(console) as display:
        display.note("a\x1b[31m\udcff")
        display.show(number_table(["a"], [["b\rc"]]))
    assert "a\\x1b[31m\\udcff" in console.file.getvalue()
    assert "b\\rc" in console.file.getvalue()
