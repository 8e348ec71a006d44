"""Writing reports: of folders that are named, and of a run by itself."""

import dataclasses
import errno
import functools
import os
from collections import Counter
from collections.abc import Callable, Sequence
from difflib import get_close_matches

from etils import epath
from rich.console import Console
from rich.text import Text

from codeit_jax.errors import UserError, naming
from codeit_jax.execution.evaluator import Evaluator
from codeit_jax.report.charts import Chart, drawn
from codeit_jax.report.drawing import charts_png
from codeit_jax.report.folders import Kind, Results, read_folder, read_results
from codeit_jax.report.gallery import card_of, shown_tasks
from codeit_jax.report.page import make_page, page_html
from codeit_jax.report.panels import fate_charts, learning_charts, performance_charts, speed_charts
from codeit_jax.report.terminal import show_task
from codeit_jax.run.files import user_path, write_bytes
from codeit_jax.run.page import Page

_ENDINGS = {"html": (".html", ".htm"), "png": (".png",)}  # of names of files, by formats


def report(workdirs: Sequence[str], output: str | None = None, form: str = "html") -> epath.Path:
    """Writes a report of some folders.

    Args:
        workdirs: folders that train, search, evolve or solve has left, or is working in.
        output: the file; by default `report.html` or `report.png` in the first of them.
        form: "html" for the page, "png" for its curves alone.

    Returns:
        The file.

    Raises:
        UserError: a folder is none of these or given twice, or the file cannot be written or is called as if
            it were of another format.
    """
    if output is not None:
        _check_output(output, form)
    results = _read_all(workdirs)
    if form == "html":
        content = _html(results)
    else:
        content = charts_png(_all_charts(results), ", ".join(each.name for each in results))
    with naming(f"--output={output}" if output else f"--workdir={workdirs[0]}"):
        file = user_path(output) if output else user_path(workdirs[0]) / f"report.{form}"
        _write(file, content)
    return file


def show(workdirs: Sequence[str], task_id: str, console: Console | None = None) -> None:
    """Shows what folders have for a task, one after the other, and says of which have nothing.

    Args:
        workdirs: folders that train, search, evolve or solve has left, or is working in.
        task_id: the task.
        console: where to write; by default standard output.

    Raises:
        UserError: a folder is none of these or given twice, or none has anything for such a task.
    """
    if not task_id:
        raise UserError("--show= names no task")
    results = _read_all(workdirs)
    cards = [card_of(each, task_id, Evaluator(each.budget)) for each in results]
    if not any(cards):
        known = set().union(*map(shown_tasks, results)) - {task_id}
        meant = get_close_matches(task_id, sorted(known), n=1)
        names, has = ", ".join(each.name for each in results), "has" if len(results) == 1 else "have"
        asked = f"; did you mean {meant[0]}?" if meant else ""
        raise UserError(f"--show={task_id}: {names} {has} no program for such a task{asked}")
    console = console or Console()
    for each, card in zip(results, cards, strict=True):
        if card is None:
            console.print(Text(f"{each.name} has no program for such a task"))
            continue
        if len(results) > 1:
            console.print(Text(f"{each.name}:", "bold"))
        show_task(each, card, console)


def write_report(workdir: epath.PathLike, tell: Callable[[str], None]) -> epath.Path | None:
    """Writes `report.html` into a folder, whatever comes of it: no command is to end by its report.

    Args:
        workdir: a folder that train, search, evolve or solve has left, or is working in.
        tell: is told, in a line, why there is no report.

    Returns:
        The page; None where there is none.
    """
    try:
        with naming(workdir):
            folder = user_path(os.fspath(workdir))
            results = read_folder(folder)
        content, file = _html([results]), folder / "report.html"
        with naming(file):
            _write(file, content)
        return file
    except Exception as error:  # told, and the command goes on
        reason = " ".join(str(error).split())
        known = reason if isinstance(error, UserError) else f"{type(error).__name__}: {reason}"
        tell(f"the report could not be written: {known}")
        return None


def page_of(workdir: epath.PathLike) -> Page:
    """Returns the page that a command writes into the folder it works in; see `write_report`."""
    return Page(functools.partial(write_report, workdir))


def _check_output(output: str, form: str) -> None:
    """Refuses what is no name of a file of a format, before there is anything to wait for."""
    if not output:
        raise UserError("--output= names no file")
    with naming(f"--output={output}"):
        _refuse_folder(user_path(output))
        if not output.lower().endswith(_ENDINGS[form]):
            raise UserError(f"--format={form} makes a file whose name ends in {_ENDINGS[form][0]}")


def _html(results: Sequence[Results]) -> bytes:
    return page_html(make_page(results)).encode(errors="backslashreplace")


def _write(file: epath.Path, content: bytes) -> None:
    _refuse_folder(file)
    write_bytes(file, content)


def _refuse_folder(file: epath.Path) -> None:
    if file.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))


def _read_all(workdirs: Sequence[str]) -> list[Results]:
    """Returns what folders hold, those that share a name named by their paths instead."""
    if len(set(workdirs)) < len(workdirs):
        raise UserError(f"--workdir: {Counter(workdirs).most_common(1)[0][0]} is given twice")
    results = [read_results(path) for path in workdirs]
    counts = Counter(each.name for each in results)
    return [
        dataclasses.replace(each, name=path) if counts[each.name] > 1 else each
        for each, path in zip(results, workdirs, strict=True)
    ]


def _all_charts(results: Sequence[Results]) -> list[Chart]:
    charts = performance_charts(results)
    for each in results:
        own = [*fate_charts(each), *learning_charts(each)] if each.kind is Kind.TRAIN else []
        own += speed_charts(each)
        if len(results) > 1:
            own = [dataclasses.replace(chart, title=f"{chart.title}: {each.name}") for chart in own]
        charts += own
    found = list(drawn(charts))
    if not found:
        raise UserError("there are no curves to draw yet")
    return found
