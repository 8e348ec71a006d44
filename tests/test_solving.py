"""Tasks are answered the same whatever the workers and however it is cut short; test outputs stay hidden."""

import dataclasses
import json
import math
import random
from io import StringIO

import pytest
from rich.console import Console

from codeit_jax import solving, trained
from codeit_jax.arc import Pair, Task
from codeit_jax.config import ParentKind
from codeit_jax.dsl import parse_program
from codeit_jax.errors import UserError
from codeit_jax.evolution.jobs import Breeding, Stock
from codeit_jax.execution import run
from codeit_jax.mutation.parents import OutOfTimeError
from codeit_jax.policy.program_sampler import SampledTask
from codeit_jax.run import files
from codeit_jax.search.ranking import Candidate, Performance
from codeit_jax.search.solutions import Solutions, Source
from codeit_jax.solving import SolveConfig, solve

INPUTS = (
    ((1, 2, 0), (0, 0, 3)),
    ((5, 5, 0, 0), (0, 6, 0, 7), (0, 0, 8, 8)),
    ((0, 1), (2, 2), (3, 0)),
    ((0, 4, 4), (9, 0, 0), (0, 0, 1)),
    ((7, 0), (0, 3)),
)
PROGRAMS = {
    "mirrored": "x1 = vmirror(I)\nO = replace(x1, ZERO, FIVE)",
    "doubled": "x1 = hmirror(I)\nO = upscale(x1, TWO)",
    "recoloured": "x1 = switch(I, ZERO, THREE)\nx2 = rot180(x1)\nO = hconcat(x2, x2)",
}
SEEDS = ("O = vmirror(I)", "O = rot90(I)", "O = upscale(I, THREE)", "O = replace(I, ONE, TWO)", "O = trim(I)")


def output_of(text, grid):
    output = run(parse_program(text), grid).output
    assert output is not None
    return output


@pytest.fixture(scope="module")
def tasks():
    """Tasks of two lines or three with two test inputs each, and one that nothing solves."""
    made = [
        Task(
            name,
            tuple(Pair(grid, output_of(text, grid)) for grid in INPUTS[:3]),
            tuple(Pair(grid, output_of(text, grid)) for grid in INPUTS[3:]),
        )
        for name, text in PROGRAMS.items()
    ]
    noise = (((1, 2), (3, 4)), ((9, 9, 1),), ((7,), (2,), (4,)))
    return [*made, Task("noise", tuple(map(Pair, INPUTS[:3], noise)), (Pair(INPUTS[3], noise[0]),))]


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    file = tmp_path_factory.mktemp("programs") / "seeds.jsonl"
    file.write_text("".join(json.dumps({"program": text}) + "\n" for text in SEEDS))
    return file


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def make(seeds):
    def config(folder, **changes):
        values = {"work": 2_500_000, "programs": (seeds,), "parents": None, "num_workers": 1}
        values |= {"turn_work": 600_000, "breeding": Breeding(capacity=40), **changes}
        return SolveConfig(str(folder), **values)

    return config


def answer(tasks, config):
    console = Console(file=StringIO(), width=100)
    solved = solve(tasks, config, console=console)
    return solved, console.file.getvalue()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, tasks, make):
    folder = tmp_path_factory.mktemp("answers") / "whole"
    return folder, *answer(tasks, make(folder))


def results(folder):
    names = ("submission.json", "answers.json", "programs.jsonl")
    pictures = {path.name: path.read_text() for path in (folder / "pictures").iterdir()}
    return pictures | {name: (folder / name).read_text() for name in names}


def hidden(tasks):
    return [
        dataclasses.replace(task, test=tuple(Pair(pair.input, None) for pair in task.test)) for task in tasks
    ]


def official_score(submission, tasks):
    """The rule of the ARC Prize, written down anew: one of two attempts gives a test output, or none."""
    total = 0.0
    for task in tasks:
        entries = submission[task.id]
        assert len(entries) == len(task.test)
        hits = 0
        for entry, pair in zip(entries, task.test, strict=True):
            wanted = [list(row) for row in pair.output]
            hits += entry["attempt_1"] == wanted or entry["attempt_2"] == wanted
        total += hits / len(task.test)
    return total / len(tasks)


def check_schema(submission, tasks):
    assert list(submission) == [task.id for task in tasks]
    for task in tasks:
        for entry in submission[task.id]:
            assert list(entry) == ["attempt_1", "attempt_2"]
            for grid in entry.values():
                assert 1 <= len(grid) <= 30
                assert {len(row) for row in grid} <= set(range(1, 31))
                assert len({len(row) for row in grid}) == 1
                assert all(type(cell) is int and 0 <= cell <= 9 for row in grid for cell in row)


def test_answers_are_written_in_every_form_and_scored(uninterrupted, tasks):
    folder, solved, printed = uninterrupted
    submission = json.loads((folder / "submission.json").read_text())
    check_schema(submission, tasks)
    score = official_score(submission, tasks)
    assert score >= 0.5
    assert solved.score.prize_score == pytest.approx(score)
    assert f"score: {score:.1%} by two attempts at each test input" in printed
    kept = json.loads((folder / "score.json").read_text())
    assert kept["prize_score"] == pytest.approx(score)
    assert kept["num_tasks"] == len(kept["tasks"]) == 4
    assert (
        kept["solved_by_candidates"]
        == sum(each["is_solved_by_candidates"] for each in kept["tasks"].values())
        >= 2
    )
    answers = json.loads((folder / "answers.json").read_text())
    assert list(answers) == [task.id for task in tasks]
    for task in tasks:
        found = answers[task.id]
        assert found["num_demonstrations"] == 3
        for entry, submitted, pair in zip(found["test"], submission[task.id], task.test, strict=True):
            for name, guess in entry.items():
                assert guess["output"] == submitted[name]
                if guess["program"] is None:
                    assert guess["demonstrations_given"] == guess["programs_that_agree"] == 0
                    continue
                program = parse_program(guess["program"])
                assert [list(row) for row in run(program, pair.input).output] == guess["output"]
                right = [run(program, each.input).output == each.output for each in task.train]
                assert sum(right) == guess["demonstrations_given"]
                assert guess["programs_that_agree"] >= 1
    assert answers["mirrored"]["is_given"]
    assert not answers["noise"]["is_given"]
    rows = [json.loads(line) for line in (folder / "programs.jsonl").read_text().splitlines()]
    assert {row["task"] for row in rows} <= {task.id for task in tasks}
    assert {path.stem for path in (folder / "pictures").iterdir()} == {task.id for task in tasks}


def test_known_outputs_change_the_score_alone(uninterrupted, tasks, make, tmp_path):
    solved, printed = answer(hidden(tasks), make(tmp_path / "hidden"))
    assert results(tmp_path / "hidden") == results(uninterrupted[0])
    assert solved.score is None
    assert "score" not in printed
    wrong = [
        dataclasses.replace(task, test=tuple(Pair(pair.input, ((4, 4),)) for pair in task.test))
        for task in tasks
    ]
    solved, _ = answer(wrong, make(tmp_path / "wrong"))
    assert results(tmp_path / "wrong") == results(uninterrupted[0])
    assert solved.score.prize_score == solved.score.solved_by_candidates == 0


def test_some_outputs_may_be_known(tasks, make, tmp_path):
    some = [tasks[0], *hidden(tasks[1:])]
    solved, printed = answer(some, make(tmp_path / "some"))
    assert solved.score.num_tasks == 1
    assert "of 1 tasks in full" in printed
    assert "are not scored" not in printed
    partly = dataclasses.replace(tasks[1], test=(tasks[1].test[0], hidden(tasks[1:2])[0].test[1]))
    solved, printed = answer([tasks[0], partly], make(tmp_path / "partly"))
    assert solved.score.num_tasks == 1
    assert "1 tasks come with but some of their test outputs and are not scored" in printed


def test_concepts_are_scored_each(tasks, make, tmp_path):
    named = [dataclasses.replace(task, concept="lines" if task.id == "noise" else "turns") for task in tasks]
    solved, printed = answer(named, make(tmp_path / "out"))
    concepts = solved.score.by_concept()
    assert {name: each.num_tasks for name, each in concepts.items()} == {"lines": 1, "turns": 3}
    assert concepts["lines"].prize_score == 0
    assert "lines     1         0.0%       0                0" in printed


def test_two_workers_answer_the_same(uninterrupted, tasks, make, tmp_path):
    answer(tasks, make(tmp_path / "two", num_workers=2))
    assert results(tmp_path / "two") == results(uninterrupted[0])


def test_answering_cut_short_anywhere_goes_on_to_the_same(uninterrupted, tasks, make, tmp_path, monkeypatch):
    rng, num_cuts, write_bytes = random.Random(0), 0, files.write_bytes

    def cut(path, content):
        nonlocal num_cuts
        if rng.random() < 0.1:
            num_cuts += 1
            raise KeyboardInterrupt
        write_bytes(path, content)

    while True:
        monkeypatch.setattr(files, "write_bytes", cut)
        try:
            answer(tasks, make(tmp_path / "cut"))
        except KeyboardInterrupt:
            continue
        finally:
            monkeypatch.undo()
        break
    assert num_cuts >= 2
    assert results(tmp_path / "cut") == results(uninterrupted[0])


def test_more_work_goes_on_from_less(uninterrupted, tasks, make, tmp_path):
    for work in (600_000, 2_500_000):
        answer(tasks, make(tmp_path / "more", work=work))
    assert results(tmp_path / "more") == results(uninterrupted[0])


def test_what_was_found_is_given_to_others(uninterrupted, tasks, make, tmp_path):
    solved, _ = answer(
        tasks, make(tmp_path / "again", programs=(uninterrupted[0] / "programs.jsonl",), work=1, turn_work=1)
    )
    assert sum(each.is_given for each in solved.answers) >= 3


def test_a_single_task_has_several_populations(tasks, make, tmp_path):
    solved, _ = answer(tasks[:1], make(tmp_path / "one"))
    kept = [path.name for path in (tmp_path / "one" / "evolution" / "tasks").iterdir()]
    assert sorted(kept) == ["mirrored.json", "mirrored~2.json", "mirrored~3.json", "mirrored~4.json"]
    members = {(tmp_path / "one" / "evolution" / "tasks" / name).read_text() for name in kept}
    assert len(members) > 1
    assert solved.answers[0].is_given


def test_without_time_to_distil_the_training_programs_are_taken_as_they_are(
    tasks, make, tmp_path, monkeypatch
):
    asked = []

    def gather(kind, *, deadline=math.inf, given, **_):
        asked.append((kind, deadline < math.inf))
        if kind is not ParentKind.ORIGINAL:
            raise OutOfTimeError
        return Stock(tuple(given))

    monkeypatch.setattr(solving, "gather_stock", gather)
    config = make(tmp_path / "out", parents=ParentKind.BOTH, work=600_000, minutes=3)
    _, printed = answer(tasks, config)
    assert "there is no time to distil the training programs, which are taken as they are" in printed
    answer(tasks, dataclasses.replace(config, work=1_200_000))
    assert asked == [(ParentKind.BOTH, True), (ParentKind.ORIGINAL, False), (ParentKind.ORIGINAL, True)]


def test_thorough_goes_on_where_a_short_program_is_known(tasks, make, tmp_path):
    whole, _ = answer(tasks[:1], make(tmp_path / "out", work=60_000_000))
    turns = json.loads((tmp_path / "out" / "evolution" / "tasks" / "mirrored.json").read_text())["turn"]
    config = make(tmp_path / "out", work=60_000_000, is_thorough=True)
    again, _ = answer(tasks[:1], config)
    state = json.loads((tmp_path / "out" / "evolution" / "tasks" / "mirrored.json").read_text())
    assert state["turn"] > turns
    assert state["num_populations"] == 6
    assert again.answers[0].answers[0].num_programs >= whole.answers[0].answers[0].num_programs


def test_it_ends_in_time_with_an_answer_to_everything(tasks, make, tmp_path):
    solved, printed = answer(tasks, make(tmp_path / "late", work=None, minutes=1e-6))
    assert all(guess.program is None for each in solved.answers for given in each.attempts for guess in given)
    assert "no time to breed any programs: what is answered is but of likely sizes" in printed
    check_schema(json.loads((tmp_path / "late" / "submission.json").read_text()), tasks)
    solved, _ = answer(tasks, make(tmp_path / "late", work=2_500_000, minutes=10))
    assert any(each.is_given for each in solved.answers)


class Writer:
    """Stands for a policy that knows what solves the tasks, and a run that has a candidate for one."""

    def __init__(self, num_writings):
        self._num_writings = num_writings
        self.meta_iteration = 7
        self.solutions = Solutions()
        candidate = Candidate(PROGRAMS["mirrored"], Performance(1.0, 0.0))
        self.solutions.add("mirrored", candidate, Source.EVOLUTION)

    def sample_programs(self, tasks, *, num_samples, seed):
        assert (num_samples, seed) == (3, 0)
        assert all(pair.output is None for task in tasks for pair in task.test)
        self._num_writings.append(len(tasks))
        for index, task in enumerate(tasks):
            texts = "not a program", "x1 =vmirror(I)\nO = vmirror( x1 )", PROGRAMS.get(task.id, "O = trim(I)")
            yield SampledTask(index, texts if task.id != "mirrored" else texts[:1] * 3, 9)


@pytest.fixture
def writings(monkeypatch):
    """The calls of a policy, whose run stands for any workdir."""
    found = []
    monkeypatch.setattr(trained, "load_policy", lambda workdir: Writer(found))
    return found


def test_what_a_policy_writes_joins_its_tasks(writings, tasks, make, tmp_path):
    # With so little work the seeds and what the policy wrote are all that is run.
    config = make(tmp_path / "out", workdir="run", num_samples=3, work=60, turn_work=60)
    solved, printed = answer(tasks, config)
    assert "sampling from the policy of meta-iteration 7" in printed
    assert [each.is_given for each in solved.answers] == [True, True, True, False]
    assert solved.answers[0].candidates[0].program == PROGRAMS["mirrored"]
    written = json.loads((tmp_path / "out" / "written.json").read_text())
    assert written["doubled"] == ["x1 = vmirror(I)\nO = vmirror(x1)", PROGRAMS["doubled"]]
    assert written["mirrored"] == [PROGRAMS["mirrored"]]
    before = results(tmp_path / "out")
    answer(tasks, config)
    assert writings == [4]
    assert results(tmp_path / "out") == before
    with pytest.raises(UserError, match="was begun with other settings: workdir was 'run' and is now ''"):
        answer(tasks, make(tmp_path / "out", work=60, turn_work=60))


def test_what_a_policy_wrote_is_kept_when_it_is_cut_short(writings, tasks, make, tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    config = make(tmp_path / "out", workdir="run", num_samples=3, work=60, turn_work=60)
    monkeypatch.setattr(solving, "start_pool", stop)
    with pytest.raises(KeyboardInterrupt):
        answer(tasks, config)
    monkeypatch.undo()
    monkeypatch.setattr(trained, "load_policy", stop)
    solved, _ = answer(tasks, config)
    assert sum(each.is_given for each in solved.answers) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 1}, r"--output=.*: was begun with other settings: seed was 0 and is now 1"),
        ({"num_populations": 2}, r"was begun with other settings: num_populations was 1 and is now 2"),
        ({"programs": ()}, "--programs: there are no programs to begin with, and --parents=none"),
        ({"work": 0}, "--work=0: must be at least 1"),
        ({"minutes": 0.0}, r"--minutes=0.0: must be more than 0"),
        ({"minutes": float("nan")}, r"--minutes=nan: must be more than 0"),
        ({"num_populations": -1}, "--num_populations=-1: must be at least 0"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_changed(uninterrupted, tasks, make, changes, message):
    folder = uninterrupted[0]
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=message):
        answer(tasks, make(folder, **changes))
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_tasks_that_cannot_be_answered_are_refused(tasks, make, tmp_path):
    with pytest.raises(UserError, match="tasks: holds no tasks"):
        answer([], make(tmp_path / "none"))
    with pytest.raises(UserError, match="tasks: bare: has no test input to be answered"):
        answer([Task("bare", tasks[0].train, ())], make(tmp_path / "bare"))
    assert not list(tmp_path.iterdir())


def test_a_folder_without_results_may_be_given_other_settings(tasks, make, tmp_path):
    with pytest.raises(UserError, match=r"--workdir=.*: there is no such folder"):
        answer(tasks, make(tmp_path / "out", workdir=str(tmp_path / "nowhere")))
    answer(tasks, make(tmp_path / "out", work=1))


def test_other_tasks_do_not_go_on_in_a_folder(uninterrupted, tasks, make):
    with pytest.raises(UserError, match="was begun with other settings: tasks was 'tasks"):
        answer(tasks[:2], make(uninterrupted[0]))


def test_anothers_files_are_left_alone(tasks, make, tmp_path):
    (tmp_path / "submission.json").write_text("{}")
    with pytest.raises(UserError, match=r"there is submission.json but no settings.json that says whose"):
        answer(tasks, make(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["submission.json"]
