import io

import pytest
from rich.console import Console

from codeit_jax.errors import UserError
from codeit_jax.report.command import show
from codeit_jax.report.pictures import grid_text, rows_of

BLUE = "48;2;0;116;217"  # the background of a cell of colour 1


def shown(folder, task_id, **options):
    """What is written to a console for a task."""
    file = io.StringIO()
    show([str(folder)], task_id, Console(file=file, **options))
    return file.getvalue()


def lines_of(text):
    return [line.rstrip() for line in text.splitlines()]


def test_a_solved_task_is_shown_step_by_step(workdir):
    lines = lines_of(shown(workdir, "mirror", width=80))
    assert lines[0] == "mirror  policy"
    start = lines.index("demonstration 1  right")
    assert lines[start + 1 : start + 4] == ["input    wanted", "1 2 0    0 2 1", "3 0 0    0 0 3"]
    assert lines[-4:] == ["O = vmirror(I)", "2 by 3", "0 2 1", "0 0 3"]


def test_wrong_cells_are_marked(workdir):
    lines = lines_of(shown(workdir, "halfway", width=80))
    assert lines[0] == "halfway  wrong colours"
    start = lines.index("demonstration 2  wrong")
    assert lines[start + 1 : start + 3] == ["input   wanted   given", "2 1     1 2      1 3!"]


def test_answers_are_shown_with_their_attempts(answers):
    lines = lines_of(shown(answers, "mirror", width=80))
    assert "input    wanted   attempt 1   attempt 2" in lines
    assert lines_of(shown(answers, "halfway", width=80))[-1] == "no program"


def test_what_a_program_fails_on_is_said(workdir):
    text = (
        (workdir / "solutions.json").read_text().replace("O = vmirror(I)", "x1 = first(ONE)\\nO = vmirror(I)")
    )
    (workdir / "solutions.json").write_text(text)
    lines = lines_of(shown(workdir, "mirror", width=80))
    assert lines[-2:] == ["x1 = first(ONE)", "line 1: first fails on a number"]


def test_colours_are_for_terminals(workdir, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal = {"force_terminal": True, "color_system": "truecolor", "width": 80}
    assert BLUE in shown(workdir, "mirror", **terminal)
    assert "\x1b" not in shown(workdir, "mirror", width=80)
    monkeypatch.setenv("NO_COLOR", "1")
    plain = shown(workdir, "mirror", **terminal)
    assert BLUE not in plain
    assert "1 2 0" in plain


@pytest.mark.parametrize("width", [40, 80])
def test_nothing_is_wider_than_the_terminal(workdir, width):
    for task_id in ("mirror", "turn", "halfway", "odd"):
        assert max(map(len, lines_of(shown(workdir, task_id, width=width)))) <= width


def test_grids_that_do_not_fit_beside_each_other_come_one_below_the_other(workdir):
    lines = lines_of(shown(workdir, "mirror", width=14))
    assert "wanted" in lines


def test_a_task_that_is_not_there_is_told(workdir):
    with pytest.raises(UserError, match=r"--show=nope: first_run has no program for such a task$"):
        show([str(workdir)], "nope")


def test_of_several_folders_those_that_have_the_task_show_it(workdir, evolved, answers):
    file = io.StringIO()
    folders = [str(evolved), str(workdir), str(answers)]
    show(folders, "halfway", Console(file=file, width=80))
    places = [file.getvalue().index(each) for each in ("evolved:\n", "first_run:\n", "answers:\n")]
    assert places == sorted(places)
    assert file.getvalue().count("halfway") == 3
    file = io.StringIO()
    show(folders, "odd", Console(file=file, width=80))
    lines = lines_of(file.getvalue())
    assert (lines[0], lines[-1]) == tuple(
        f"{name} has no program for such a task" for name in ("evolved", "answers")
    )
    assert lines[1:3] == ["first_run:", "odd  wrong shape"]
    with pytest.raises(
        UserError, match=r"--show=mirr: evolved, first_run, answers have no .*; did you mean mirror\?$"
    ):
        show(folders, "mirr")
    with pytest.raises(UserError, match="first_run is given twice"):
        show([str(workdir)] * 2, "mirror")


@pytest.mark.parametrize("grid", [((0,) * 30,) * 2, ((1, 2), (3, 4)), ((1, 1, 1, 1, 2),)])
def test_pictures_are_read_as_they_are_written(grid):
    assert rows_of(grid_text(grid)) == ["".join(map(str, row)) for row in grid]


def test_the_task_that_was_meant_is_told(workdir, answers):
    for folder in (workdir, answers):
        with pytest.raises(UserError, match=r"no program for such a task; did you mean mirror\?$"):
            shown(folder, "miror")
    with pytest.raises(UserError, match=r"did you mean halfway\?$"):  # a near miss
        shown(workdir, "half-way")
