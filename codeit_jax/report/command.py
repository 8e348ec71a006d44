"""Writing reports: of folders that are named, and of a run by itself."""

import dataclasses
import errno
import os
from collections import Counter
from collections.abc import Callable, Sequence

from etils import epath
from rich.console import Console

from codeit_jax.errors import UserError, naming
from codeit_jax.report.charts import Chart, drawn
from codeit_jax.report.drawing import charts_png
from codeit_jax.report.folders import Kind, Results, read_results
from codeit_jax.report.page import make_page, page_html
from codeit_jax.report.panels import fate_charts, learning_charts, performance_charts, speed_charts
from codeit_jax.report.terminal import show_task
from codeit_jax.run.files import user_path, write_bytes

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
    if len(set(workdirs)) < len(workdirs):
        raise UserError(f"--workdir: {Counter(workdirs).most_common(1)[0][0]} is given twice")
    results = _named_apart([read_results(path) for path in workdirs], workdirs)
    if form == "html":
        content = page_html(make_page(results)).encode(errors="backslashreplace")
    else:
        content = charts_png(_all_charts(results), ", ".join(each.name for each in results))
    with naming(f"--output={output}" if output else f"--workdir={workdirs[0]}"):
        file = user_path(output) if output else user_path(workdirs[0]) / f"report.{form}"
        _refuse_folder(file)
        write_bytes(file, content)
    return file


def show(workdirs: Sequence[str], task_id: str, console: Console | None = None) -> None:
    """Shows what folders have for a task, one after the other.

    Args:
        workdirs: folders that train, search, evolve or solve has left, or is working in.
        task_id: the task.
        console: where to write; by default standard output.

    Raises:
        UserError: a folder is none of these, or has nothing for such a task.
    """
    if not task_id:
        raise UserError("--show= names no task")
    console = console or Console()
    for path in workdirs:
        show_task(read_results(path), task_id, console)


def write_report(workdir: epath.PathLike, tell: Callable[[str], None]) -> None:
    """Writes the report of a run into its folder, whatever comes of it: a run is not to end by its report.

    Args:
        workdir: the run's folder.
        tell: is told, in a line, why there is no report.
    """
    try:
        report([os.fspath(workdir)])
    except Exception as error:  # told, and the run goes on
        reason = " ".join(str(error).split())
        known = reason if isinstance(error, UserError) else f"{type(error).__name__}: {reason}"
        tell(f"report.html could not be written: {known}")


def _check_output(output: str, form: str) -> None:
    """Refuses what is no name of a file of a format, before there is anything to wait for."""
    if not output:
        raise UserError("--output= names no file")
    with naming(f"--output={output}"):
        _refuse_folder(user_path(output))
        if not output.lower().endswith(_ENDINGS[form]):
            raise UserError(f"--format={form} makes a file whose name ends in {_ENDINGS[form][0]}")


def _refuse_folder(file: epath.Path) -> None:
    if file.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))


def _named_apart(results: Sequence[Results], workdirs: Sequence[str]) -> list[Results]:
    """Returns the results, those that share a name named by their paths instead."""
    counts = Counter(each.name for each in results)
    return [
        dataclasses.replace(each, name=path) if counts[each.name] > 1 else each
        for each, path in zip(results, workdirs, strict=True)
    ]


def _all_charts(results: Sequence[Results]) -> list[Chart]:
    charts = performance_charts(results)
    for each in results:
        if each.kind is Kind.TRAIN:
            charts += [*fate_charts(each), *learning_charts(each)]
        charts += speed_charts(each)
    found = list(drawn(charts))
    if not found:
        raise UserError("there are no curves to draw yet")
    return found
