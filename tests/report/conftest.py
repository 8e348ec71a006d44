"""Folders as train, evolve, search and solve leave them, made by hand and small."""

import dataclasses
import gzip
import json
from pathlib import Path

import pytest

from codeit_jax.arc import load_tasks
from codeit_jax.config import Config, DataConfig
from codeit_jax.execution import Budget
from codeit_jax.execution.attempt import HostContext, attempt_task
from codeit_jax.run.files import write_json, write_json_lines

MIRROR, LONG_MIRROR = "O = vmirror(I)", "x1 = hmirror(I)\nO = rot180(x1)"
TURN = "x1 = rot90(I)\nO = rot90(x1)"
NEAR = "x1 = replace(I, TWO, THREE)\nO = vmirror(x1)"  # as `mirror` wants it where there is no 2

TASKS = {
    "mirror": ([[1, 2, 0], [3, 0, 0]], [[0, 2, 1], [0, 0, 3]]),
    "turn": ([[5, 0], [0, 6]], [[6, 0], [0, 5]]),
    "halfway": ([[4, 4, 1]], [[1, 4, 4]]),
    "odd": ([[7]], [[8, 8], [8, 8]]),
}
SAMPLES = {  # of each meta-iteration, by task
    1: {"mirror": ["O = nope(I)", "O = vmirror(I", "O = hmirror(I)"], "halfway": [NEAR]},
    2: {"mirror": [LONG_MIRROR, "O = size(I)", "O = first(I)"], "odd": ["O = hmirror(I)"]},
    3: {"mirror": [MIRROR, MIRROR, "x1 = hconcat(I, I)\nO = upscale(x1, TEN)"], "turn": ["O = vmirror(I)"]},
}
ROWS = [
    {"policy": 0, "all": 1, "seconds": 9.0},
    {"policy": 0, "all": 1, "seconds": 2.5},
    {"policy": 1, "all": 2, "seconds": 2.0},
    {"policy": 1, "all": 2, "seconds": 1.5},
]
SOLUTIONS = {
    "mirror": {
        "program": MIRROR,
        "demonstration_performance": 1.0,
        "test_performance": 1.0,
        "meta_iteration": 3,
        "found_by": "policy",
        "solved_by": ["policy"],
        "history": [
            {"program": LONG_MIRROR, "meta_iteration": 2, "found_by": "policy"},
            {"program": MIRROR, "meta_iteration": 3, "found_by": "policy"},
        ],
    },
    "turn": {
        "program": TURN,
        "demonstration_performance": 1.0,
        "test_performance": 1.0,
        "meta_iteration": 0,
        "found_by": "evolution",
        "solved_by": ["evolution"],
        "history": [{"program": TURN, "meta_iteration": 0, "found_by": "evolution"}],
    },
}


def write_tasks(folder: Path) -> Path:
    folder.mkdir()
    for name, (grid, output) in TASKS.items():
        task = {"train": [{"input": grid, "output": output}] * 2, "test": [{"input": grid, "output": output}]}
        if name == "halfway":  # so that a program can give one demonstration and not the other
            other = {"input": [[2, 1]], "output": [[1, 2]]}
            task = {"train": [task["train"][0], other], "test": [other]}
        (folder / f"{name}.json").write_text(json.dumps(task))
    return folder


def samples_of(tasks, texts_by_task):
    """Lines of a samples file: what really becomes of some texts."""
    context = HostContext(tuple(tasks), Budget(max_items=1_000))
    for place, task in enumerate(tasks):
        texts = tuple(texts_by_task.get(task.id, ()))
        for text, attempt in zip(texts, attempt_task(context, (place, texts)), strict=True):
            yield {
                "task": task.id,
                "text": text,
                "error": attempt.error,
                "outcomes": [outcome.error or outcome.status for outcome in attempt.outcomes],
                "demonstration_performance": attempt.demonstration_performance,
                "test_performance": attempt.test_performance,
            }


def table_of(rows) -> str:
    names = (
        "meta_iteration,loss,policy_performance,cumulative_performance,policy_cumulative,explore_seconds,"
        "learn_seconds,priority_10,priority_50,priority_90,parse_share,execute_share,num_samples\n"
    )
    lines = [
        f"{number},{1 / (number + 1):g},{row['policy']},{row['all']},{row['policy']},{row['seconds']},1.0,"
        + ("0,0.5,1,0.75,0.5,4" if number else ",,,,,0")
        for number, row in enumerate(rows)
    ]
    return names + "".join(f"{line}\n" for line in lines)


@pytest.fixture(scope="session")
def tasks_folder(tmp_path_factory) -> Path:
    return write_tasks(tmp_path_factory.mktemp("report") / "tasks")


@pytest.fixture
def workdir(tmp_path: Path, tasks_folder: Path) -> Path:
    """A run of three meta-iterations."""
    folder = tmp_path / "first_run"
    (folder / "samples").mkdir(parents=True)
    config = Config(seed=7, num_meta_iterations=5, data=DataConfig(search_tasks=str(tasks_folder)))
    write_json(folder / "config.json", dataclasses.asdict(config))
    write_json(folder / "solutions.json", SOLUTIONS)
    (folder / "performance.csv").write_text(table_of(ROWS))
    for number, texts in SAMPLES.items():
        samples = samples_of(load_tasks(tasks_folder), texts)
        write_json_lines(folder / "samples" / f"{number:04d}.jsonl.gz", samples)
    return folder


@pytest.fixture
def evolved(tmp_path: Path, tasks_folder: Path) -> Path:
    """An evolution that has solved one task, and comes near in another."""
    folder = tmp_path / "evolved"
    (folder / "tasks").mkdir(parents=True)
    points = [
        {
            "work": 1000 * n,
            "num_programs": 50 * n,
            "solved": n - 1,
            "solved_strict": n - 1,
            "seconds": 2.0 * n,
        }
        for n in (1, 2)
    ]
    settings = {"tasks": f"{tasks_folder} (4 tasks, 0123456789abcdef)", "breeding": {"run_work": 6000}}
    write_json(folder / "progress.json", {"settings": settings, "round": 2, "points": points})
    write_json(folder / "solutions.json", {"turn": {"program": TURN, "found_by": "mutation", "strict": True}})
    write_json(folder / "near_misses.json", {"halfway": {"program": NEAR, "verdict": "colours"}})
    wrong = {"candidates": [{"program": "O = hmirror(I)"}, {"program": MIRROR}], "different_answers": []}
    write_json(folder / "candidates.json", {"mirror": wrong, "halfway": {"candidates": []}})
    for name, work in (("turn", 700), ("turn~2", 300), ("halfway", 1000)):
        write_json(folder / "tasks" / f"{name}.json", {"work": work, "num_programs": work // 20, "turn": 1})
    return folder


@pytest.fixture
def searched(tmp_path: Path, tasks_folder: Path) -> Path:
    """A search that has solved one task, and has candidates for another."""
    folder = tmp_path / "searched"
    folder.mkdir()
    settings = {"tasks": f"{tasks_folder} (4 tasks, 0123456789abcdef)", "curve_step": 100}
    write_json(folder / "progress.json", {"settings": settings, "state": {"num_programs": 300}})
    header = "num_programs,solved,solved_strict,share,seconds\n"
    (folder / "performance.csv").write_text(f"{header}100,0,0,0,4.5\n300,1,1,0.25,9.5\n")
    write_json(folder / "solutions.json", {"turn": {"program": TURN, "number": 259, "strict": True}})
    near = [{"program": "O = hmirror(I)", "number": 4}]
    write_json(folder / "candidates.json", {"halfway": near, "odd": [], "turn": [{"program": TURN}]})
    return folder


@pytest.fixture
def answers(tmp_path: Path, tasks_folder: Path) -> Path:
    """Answers to two tasks, one of which is but a guess."""
    folder = tmp_path / "answers"
    folder.mkdir()
    write_json(
        folder / "settings.json",
        {"tasks": f"{tasks_folder} (4 tasks, 0123456789abcdef)", "workdir": "", "num_samples": 0, "seed": 0},
    )
    attempt = {"output": [[0, 2, 1], [0, 0, 3]], "program": MIRROR}
    attempt |= {"demonstrations_given": 2, "programs_that_agree": 3}
    guess = {"output": [[0]], "program": None, "demonstrations_given": 0, "programs_that_agree": 0}
    write_json(
        folder / "answers.json",
        {
            "halfway": {
                "num_demonstrations": 2,
                "is_given": False,
                "test": [{"attempt_1": guess, "attempt_2": guess}],
                "candidates": [],
            },
            "mirror": {
                "num_demonstrations": 2,
                "is_given": True,
                "test": [{"attempt_1": attempt, "attempt_2": guess}],
                "candidates": [],
            },
        },
    )
    return folder


def cut_short(file: Path) -> None:
    content = file.read_bytes()
    if file.suffix == ".gz":
        content = gzip.compress(gzip.decompress(content) * 50)
    file.write_bytes(content[: len(content) * 2 // 3])
