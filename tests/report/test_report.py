import json
import re
import shutil
from html.parser import HTMLParser

import pytest

from codeit_jax.errors import UserError
from codeit_jax.report.command import report, write_report
from codeit_jax.report.folders import read_results
from codeit_jax.report.page import make_page, page_html
from codeit_jax.report.panels import performance_charts
from codeit_jax.report.reference import CODEIT

from .conftest import LONG_MIRROR, MIRROR, NEAR, TURN, cut_short


class Elements(HTMLParser):
    """The elements of a page, with their attributes, and what JSON it carries."""

    def __init__(self, text):
        super().__init__()
        self.found, self.json, self._in_json = [], "", False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        self._in_json = tag == "script" and dict(attributes).get("type") == "application/json"

    def handle_data(self, data):
        if self._in_json:
            self.json += data

    def handle_endtag(self, tag):
        self._in_json = False

    def of_class(self, name):
        return [attributes for _, attributes in self.found if name in attributes.get("class", "").split()]


def page_of(*folders):
    return Elements(page_html(make_page([read_results(str(folder)) for folder in folders])))


def cards_of(page, section=""):
    return [each for each in page.of_class("card") if not section or each["data-sources"] == section]


def test_every_solved_task_has_a_card(workdir):
    page = make_page([read_results(str(workdir))])
    assert [card.task_id for card in page.solved] == ["mirror", "turn"]
    mirror, turn = page.solved
    assert mirror.facts == (
        "first solved in meta-iteration 2, by the policy",
        "this program came in meta-iteration 3, by the policy",
        "gives all demonstrations",
        "the policy wrote a solution in 2 meta-iterations",
    )
    assert (mirror.badge, mirror.payload["written"], len(mirror.payload["history"])) == ("policy", [2, 3], 2)
    assert [pair["right"] for pair in mirror.payload["run"]["train"]] == [True, True]
    assert turn.facts[0] == "first solved before the first meta-iteration, by evolution, by this program"
    assert (mirror.first_solved, turn.first_solved) == (2, 0)


def test_what_a_folder_does_not_know_of_finds_is_not_told(workdir, evolved, searched):
    solutions = json.loads((workdir / "solutions.json").read_text())
    del solutions["mirror"]["history"]  # as earlier versions left it
    (workdir / "solutions.json").write_text(json.dumps(solutions))
    mirror, turn = make_page([read_results(str(workdir))]).solved
    assert mirror.facts[0] == (
        "this program came in meta-iteration 3, by the policy; when the task was first solved is not known"
    )
    assert (mirror.first_solved, turn.first_solved) == (None, 0)
    bred = make_page([read_results(str(evolved))])
    assert "first" not in dict(bred.solved_orders)
    assert not any("first" in fact for fact in bred.solved[0].facts)
    (card,) = make_page([read_results(str(searched))]).solved
    assert card.facts == ("this program was number 260 of the search", "gives all demonstrations")


def test_only_programs_that_are_shorter_are_told_as_such(workdir):
    solutions = json.loads((workdir / "solutions.json").read_text())
    texts = [LONG_MIRROR, LONG_MIRROR.replace("x1", "x2"), TURN, MIRROR, "O = hmirror(I)", "O = vmirror(x12)"]
    solutions["mirror"]["history"] = [
        {"program": text, "meta_iteration": number, "found_by": "policy"} for number, text in enumerate(texts)
    ]
    (workdir / "solutions.json").write_text(json.dumps(solutions))
    mirror, _ = make_page([read_results(str(workdir))]).solved
    assert [each["program"] for each in mirror.payload["history"]] == [LONG_MIRROR, TURN, MIRROR]


def test_how_counts_go_together_is_told(workdir):
    def told(**columns):
        header, *rows = (workdir / "performance.csv").read_text().splitlines()
        names, values = header.split(","), [row.split(",") for row in rows]
        for name, cells in columns.items():
            names = [*names, name] if name not in names else names
            for row, cell in zip(values, cells, strict=True):
                row[names.index(name) :] = [f"{cell}", *row[names.index(name) + 1 :]]
        text = "\n".join(map(",".join, (names, *values)))
        (workdir / "performance.csv").write_text(text + "\n")
        return make_page([read_results(str(workdir))]).runs[0].overlap

    assert told() == ""
    several = "Each origin is scored by its own best three candidates, so one task may count for several"
    shares = "of the 2 solved in all, 1 by the policy alone and 1 by evolution alone."
    assert told(evolution_performance=[1, 1, 1, 1]) == f"{several}: {shares}"
    assert told(policy_cumulative=[0, 0, 1, 2], first_solved=[1, 1, 1, 1]) == (
        f"{several}: {shares} The candidates of the policy solve 1 task that is not solved in all: there "
        "those of others rank before them, and are wrong on the test. 2 tasks that were solved before are "
        "not any more: candidates that came later rank before the right ones."
    )
    (workdir / "solutions.json").unlink()
    assert told(first_solved=[2, 0, 0, 0]) == f"{several}."


def test_near_misses_are_the_nearest_programs_of_other_tasks(workdir):
    page = make_page([read_results(str(workdir))])
    near, odd = page.near
    assert (near.task_id, near.program, near.badge, near.pair) == (
        "halfway",
        NEAR,
        "wrong colours",
        ("train", 1),
    )
    assert near.facts == ("gives 1 of 2 demonstrations", "1 wrong cell")
    assert (odd.task_id, odd.badge) == ("odd", "wrong shape")


def test_an_evolution_tells_its_work(evolved):
    page = make_page([read_results(str(evolved))])
    (card,) = page.solved
    assert card.facts == ("gives all demonstrations", "1k units of work", "50 programs run")
    assert [(miss.task_id, miss.badge) for miss in page.near] == [
        ("mirror", "outranked"),
        ("halfway", "wrong colours"),
    ]
    assert [plot.chart.title for plot in page.performance] == [
        "Tasks solved, by programs",
        "Tasks solved, by work",
        "Tasks solved, by time",
    ]


def test_answers_come_with_their_attempts(answers):
    page = make_page([read_results(str(answers))])
    sure, guess = page.answers
    assert (sure.task_id, sure.badge, sure.program) == ("mirror", "all demonstrations", MIRROR)
    assert [each["out"] for each in sure.payload["attempts"][0]] == ["021/003", "0"]
    assert (guess.badge, guess.program, guess.facts) == ("a guess", "", ("no program: a likely size",))
    assert not page.has_solved


def test_the_page_needs_no_other_file_and_no_text_can_break_it(workdir):
    solutions = json.loads((workdir / "solutions.json").read_text())
    solutions["</script><i>"] = {"program": "<!--<script>", "found_by": "'<i>\""}
    (workdir / "solutions.json").write_text(json.dumps(solutions))
    text = page_html(make_page([read_results(str(workdir))]))
    assert not re.findall(r"""(?:src|href)=["'](?!#|data:,)[^"']*""", text)
    assert "url(" not in text
    assert "@import" not in text
    assert "<i>" not in text
    page = Elements(text)
    keys = {"0-mirror", "0-turn", "0-halfway", "0-odd", "0-</script><i>"}
    assert json.loads(page.json)["cards"].keys() == keys
    assert {card["data-key"] for card in page.of_class("card")} == keys


def test_equal_folders_give_equal_pages(workdir):
    results = [read_results(str(workdir))]
    assert page_html(make_page(results)) == page_html(make_page(results))


def test_every_chart_is_told_in_words_and_as_a_table(workdir):
    page = page_of(workdir)
    pictures = [attributes for tag, attributes in page.found if tag == "svg" and "role" in attributes]
    assert len(pictures) == len(page.of_class("chart")) > 6
    assert all(len(each["aria-label"]) > 20 for each in pictures)


def test_folders_stand_side_by_side(workdir, evolved, answers, tmp_path):
    other = shutil.copytree(workdir, tmp_path / "second_run")
    page = make_page([read_results(str(each)) for each in (workdir, other, evolved, answers)])
    policy = page.performance[0]
    assert [mark.name for mark in policy.marks] == ["first_run", "second_run"]
    assert [card.key for card in page.solved] == ["0-mirror", "1-mirror", "0-turn", "1-turn", "2-turn"]
    assert page.num_tasks(page.solved) == 2
    assert page.told_counts(page.solved) == "2 tasks: 2 of first_run, 2 of second_run and 1 of evolved."
    assert len({card.key for card in (*page.solved, *page.near, *page.answers)}) == len(page.data["cards"])
    assert len(page.data["tasks"]) == 4  # all of them have the same
    mirror, turn = page.solved[0], page.solved[2]
    assert (mirror.facts[-1], turn.facts[-1]) == (
        "second_run solves it, too",
        "second_run and evolved solve it, too",
    )
    assert page.sources(page.solved) == ["evolution", "mutation", "policy"]
    assert "second_run" in page_html(page)


def test_what_one_folder_alone_solves_is_told(workdir, evolved):
    page = make_page([read_results(str(workdir)), read_results(str(evolved))])
    mirror, turn, _ = page.solved
    assert (mirror.facts[-1], mirror.sources) == ("no other folder does", ("policy", "one folder alone"))
    assert "one folder alone" not in turn.sources


def test_a_task_that_a_folder_never_had_is_not_held_against_it(workdir, answers, tasks_folder, tmp_path):
    fewer = tmp_path / "fewer"
    fewer.mkdir()
    shutil.copy(tasks_folder / "turn.json", fewer)
    shutil.copy(tasks_folder / "odd.json", fewer / "mirror.json")  # another task of this name
    other = shutil.copytree(workdir, tmp_path / "second_run")
    config = json.loads((other / "config.json").read_text())
    config["data"]["search_tasks"] = str(fewer)
    (other / "config.json").write_text(json.dumps(config))
    (other / "solutions.json").write_text(json.dumps({"mirror": {"program": MIRROR}}))
    page = make_page([read_results(str(folder)) for folder in (workdir, other, answers)])
    mirror, others, turn = page.solved
    assert mirror.facts[-1] == "second_run does not have this task"
    assert others.facts[-1] == "first_run does not have this task"
    assert turn.facts[-1] == "no other folder does"
    assert ["one folder alone" in card.sources for card in page.solved] == [False, False, True]
    assert page.num_tasks(page.solved) == 3


def test_a_run_that_has_but_begun_has_a_page(workdir):
    for path in ("samples", "performance.csv", "solutions.json"):
        shutil.rmtree(workdir / path) if path == "samples" else (workdir / path).unlink()
    page = page_of(workdir)
    assert not page.of_class("chart")
    assert [attributes["id"] for tag, attributes in page.found if tag == "section"] == ["overview", "solved"]


def test_folders_of_one_name_are_told_apart(workdir, tmp_path):
    other = shutil.copytree(workdir, tmp_path / "other" / "first_run")
    text = report([str(workdir), str(other)], str(tmp_path / "both.html")).read_text()
    assert f'<h1 id="title">{workdir}, {other}</h1>' in text


def test_the_papers_figures_stand_beside_its_own_tasks_only(workdir):
    config = json.loads((workdir / "config.json").read_text())
    assert not make_page([read_results(str(workdir))]).published
    config["data"]["search_tasks"] = "arc1/evaluation"
    (workdir / "config.json").write_text(json.dumps(config))
    results = read_results(str(workdir))
    policy, cumulative = performance_charts([results])[:2]
    assert [each.value for each in policy.references] == [49, 47]
    assert [each.value for each in cumulative.references] == [59, 64]
    own, paper, *_ = make_page([results]).published
    assert (own.name, own.policy, own.cumulative) == ("first_run", "1", "2")
    assert (paper.name, paper.policy, paper.cumulative) == (CODEIT.name, "49", "59")


def test_a_solution_that_is_no_program_of_this_version_is_shown_as_text(workdir):
    (workdir / "solutions.json").write_text(json.dumps({"mirror": {"program": "O = gone(I)"}, "lost": {}}))
    page = make_page([read_results(str(workdir))])
    assert [(card.task_id, card.program, card.payload["run"]) for card in page.solved] == [
        ("lost", "", None),
        ("mirror", "O = gone(I)", None),
    ]
    assert page_html(page)


@pytest.mark.parametrize(
    "name", ["config.json", "solutions.json", "performance.csv", "samples/0002.jsonl.gz"]
)
def test_a_page_is_made_of_what_is_there(workdir, name):
    cut_short(workdir / name)
    assert page_of(workdir).of_class("notes")
    (workdir / name).unlink()
    assert not page_of(workdir).of_class("notes")


@pytest.mark.parametrize("form", ["html", "png"])
def test_a_report_lies_in_the_folder(workdir, form):
    file = report([str(workdir)], form=form)
    assert file == workdir / f"report.{form}"
    assert file.read_bytes()[:4] in (b"<!do", b"\x89PNG")


def test_priorities_that_are_all_nothing_are_said_and_not_drawn(workdir):
    def learning():
        plots = make_page([read_results(str(workdir))]).runs[0].learning
        return {plot.chart.title: plot.chart.note for plot in plots}

    assert "Priorities in the buffer" in learning()
    table = (workdir / "performance.csv").read_text()
    table = table.replace("num_samples", "num_samples,policy_buffer_size").replace(",4\n", ",4,9\n")
    (workdir / "performance.csv").write_text(
        table.replace(",0,0.5,1,", ",0,0,0,").replace(",,0\n", ",,0,9\n")
    )
    assert "Priorities in the buffer" not in learning()
    assert "have priority 0, at all times" in learning()["Experiences"]


def test_pictures_of_several_runs_say_whose_they_are(workdir, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("codeit_jax.report.command.charts_png", lambda charts, _: drawn.extend(charts) or b"")
    other = shutil.copytree(workdir, tmp_path / "second_run")
    report([str(workdir), str(other)], form="png")
    titles = [chart.title for chart in drawn]
    assert len(set(titles)) == len(titles)
    assert {"Loss: first_run", "Loss: second_run", "Policy performance"} <= set(titles)


def test_no_curves_are_no_picture(answers):
    with pytest.raises(UserError, match="there are no curves to draw yet"):
        report([str(answers)], form="png")


@pytest.mark.parametrize("kind", ["workdir", "evolved", "searched", "answers"])
def test_every_command_can_leave_its_page(request, kind):
    folder = request.getfixturevalue(kind)
    told = []
    assert write_report(folder, told.append) == folder / "report.html"
    assert told == []
    assert (folder / "report.html").read_text().startswith("<!doctype html>")


def test_a_run_does_not_end_by_its_report(workdir, monkeypatch):
    told = []
    assert write_report(workdir, told.append) == workdir / "report.html"
    (workdir / "report.html").unlink()
    (workdir / "report.html").mkdir()
    assert write_report(workdir, told.append) is None
    assert told.pop() == f"the report could not be written: {workdir / 'report.html'}: Is a directory"
    monkeypatch.setattr("codeit_jax.report.command.make_page", lambda _: 1 / 0)
    write_report(workdir, told.append)
    assert told.pop() == "the report could not be written: ZeroDivisionError: division by zero"
    assert write_report(workdir / "nowhere", told.append) is None
    assert told == [f"the report could not be written: {workdir / 'nowhere'}: No such file or directory"]


def test_a_folder_is_told_in_a_sentence(workdir, evolved, answers, tasks_folder):
    page = make_page([read_results(str(folder)) for folder in (workdir, evolved, answers)])
    assert [run.lead for run in page.runs] == [
        f"A run of the whole method on {tasks_folder} (4 tasks) with the policy mini and seed 7.",
        f"Programs bred for each task on {tasks_folder} (4 tasks).",
        f"Answers on {tasks_folder} (4 tasks) with seed 0.",
    ]
    tiles = {tile.label: (tile.value, tile.detail) for tile in page.runs[0].tiles}
    assert tiles["solved in all"] == ("2", "of 4")
    assert tiles["meta-iterations"] == ("3", "of 5")
    assert tiles["samples"] == ("12", "50.0% give a grid")
    assert tiles["time"] == ("19 s", "")
