"""Folders in a bucket: a run that is killed there and goes on comes to the same as one on a disk."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from codeit_jax.arc import load_tasks
from codeit_jax.build import build
from codeit_jax.config import (
    Config,
    DataConfig,
    ExecutionConfig,
    LearnerConfig,
    MutationConfig,
    PolicyConfig,
    ReplayConfig,
    SamplingConfig,
)
from codeit_jax.errors import UserError, naming
from codeit_jax.execution.host import start_pool
from codeit_jax.replay.segments import SegmentError, SegmentStore
from codeit_jax.run.checkpoint import Checkpointer
from codeit_jax.run.claim import claim_folder
from codeit_jax.run.files import resolved_path, user_path, write_text
from codeit_jax.run.metrics import read_rows
from codeit_jax.run.profiling import profile

from .fake_bucket import FakeStorage

ROOT = Path(__file__).parents[2]
# What tensorstore says of the stand-in's credentials.
_TOKEN_TOLD = re.compile(r"^I\d{4} .*GOOGLE_AUTH_TOKEN_FOR_TESTING\n", re.MULTILINE)
GRIDS = [[[1, 2, 0], [3, 0, 4]], [[0, 2, 5], [1, 1, 5]], [[3, 3, 1], [2, 0, 9]]]
TASKS = {
    "training/flipped": lambda rows: [row[::-1] for row in rows],
    "training/upturned": lambda rows: rows[::-1],
    "search/mirror": lambda rows: [row[::-1] for row in rows],
    "search/turned": lambda rows: [row[::-1] for row in rows[::-1]],
}
SOLVERS = """\
def solve_flipped(I):
    O = vmirror(I)
    return O


def solve_upturned(I):
    O = hmirror(I)
    return O
"""


def test_files_of_a_bucket_are_files(storage):
    folder, hold, record = claim_folder("gs://bucket/run", "record.json", ["a.csv"], dict)
    with hold:
        assert record is None
        write_text(folder / "a.csv", "old")
        write_text(folder / "a.csv", "new")
        write_text(folder / "deep" / "er" / "b", "x" * 300_000)
        assert (folder / "a.csv").read_text() == "new"
        assert sorted(path.name for path in folder.iterdir()) == ["a.csv", "deep", "lease.json"]
        assert (folder / "deep").is_dir()
        assert (folder / "deep" / "er" / "b").stat().length == 300_000
        (folder / "deep").rmtree()
    assert sorted(storage.buckets["bucket"]) == ["run/a.csv"]
    with pytest.raises(UserError, match=r"^there is a.csv but no record.json that says whose it is$"):
        claim_folder("gs://bucket/run", "record.json", ["a.csv"], dict)
    assert sorted(storage.buckets["bucket"]) == ["run/a.csv"]


def test_what_others_write_is_seen(storage):
    folder = user_path("gs://bucket/run")
    write_text(folder / "a", "")
    assert len(list(folder.iterdir())) == 1
    storage.put("bucket", "run/b", b"")
    assert len(list(folder.iterdir())) == 2
    assert (folder / "b").exists()


def test_a_path_in_a_bucket_is_absolute(storage, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(resolved_path("gs://bucket/a/b")) == "gs://bucket/a/b"
    assert str(resolved_path("a/b")) == str(tmp_path / "a" / "b")


def test_segments_lie_in_a_bucket(storage):
    store = SegmentStore(user_path("gs://bucket/run/replay"))
    first = store.write({"a": np.arange(1000)})
    second = store.write({"a": np.arange(3)})
    assert store.names() == {first, second}
    np.testing.assert_array_equal(store.read(first)["a"], np.arange(1000))
    store.retain([second])
    assert store.names() == {second}
    with pytest.raises(SegmentError, match=first):
        store.read(first)


def test_a_trace_lies_in_a_bucket(storage):
    with profile(user_path("gs://bucket/run/profile")) as idle_share:
        pass
    assert idle_share() == 1.0
    assert all(name.startswith("run/profile/plugins/profile/") for name in storage.buckets["bucket"])


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refusal_is_one_line_and_the_old_content_stays(storage, status):
    path = user_path("gs://bucket/a")
    write_text(path, "old")
    storage.refuse = lambda method, name: status if method == "POST" else 0
    with pytest.raises(UserError, match=rf"^--x: told so {status}(, {status})?$"), naming("--x"):
        write_text(path, "new")
    with pytest.raises(UserError, match=rf"^gs://bucket/a.*: told so {status}(, {status})?$"):
        write_text(path, "new")
    storage.refuse = lambda method, name: 0
    assert path.read_text() == "old"


def test_what_passes_is_tried_again(storage):
    storage.refuse = lambda method, name: 503 if len(storage.requests) % 5 == 1 else 0
    path = user_path("gs://bucket/a")
    write_text(path, "text")
    storage.refuse = lambda method, name: 0
    assert path.read_text() == "text"


def test_a_bucket_is_asked_for_before_anything_else(storage, monkeypatch, tmp_path):
    def told(path):
        with pytest.raises(UserError) as raised, naming("--workdir"):
            claim_folder(path, "record.json", [], dict)
        return str(raised.value)

    assert told("gs://other/run") == "--workdir: there is no such bucket"
    storage.refuse = lambda method, name: 403
    assert "told so 403" in told("gs://bucket/run")
    assert set(storage.requests) == {("GET", "")}
    monkeypatch.delenv("STORAGE_EMULATOR_HOST")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    assert told("gs://bucket/run") == f"--workdir: File {tmp_path / 'key.json'} was not found."
    monkeypatch.setitem(sys.modules, "codeit_jax.run.bucket", None)
    assert told("gs://bucket/run").startswith(
        "--workdir: a bucket takes what pip install -e '.[gcs]' brings: "
    )


class Trainer:
    """Runs of one config, each in a process of its own; those in a bucket find it in a stand-in."""

    def __init__(self, folder, storage):
        self.storage = storage
        self.config = Config(
            seed=3,
            num_meta_iterations=2,
            warmup_experiences=20,
            data=DataConfig(
                *(str(folder / name) for name in ("training", "solvers.py", "search")), allow_overlap=True
            ),
            execution=ExecutionConfig(num_workers=1),
            mutation=MutationConfig(num_programs=20),
            replay=ReplayConfig(training_experiences=8, policy_experiences=8),
            policy=PolicyConfig(preset="nano", section_length=16, max_program_length=24),
            sampling=SamplingConfig(num_samples=4, temperature=0.5, tasks_per_batch=2),
            learner=LearnerConfig(
                batch_size=8, learning_rate=3e-3, prompt_buckets=(34,), program_buckets=(24,)
            ),
        )
        self._config_file = folder / "config.py"
        self._config_file.write_text(
            "from codeit_jax.config import *\n"
            "from codeit_jax.config.conversion import to_config_dict\n"
            f"get_config = lambda: to_config_dict({self.config!r})\n"
        )
        self._compiled = folder / "compiled"
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("command_runner.py")), "train"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                **storage.environment(),
                "PYTHONPATH": path_of_modules(),
                "JAX_PLATFORMS": "cpu",
            },
        )

    def run(self, workdir, num_meta_iterations=2):
        """Returns the exit code of a run, its output and what it says of errors."""
        arguments = [
            f"--config={self._config_file}",
            f"--config.num_meta_iterations={num_meta_iterations}",
            f"--workdir={workdir}",
            f"--compiled={self._compiled}",
        ]
        self._process.stdin.write(json.dumps({"arguments": arguments}) + "\n")
        self._process.stdin.flush()
        code, output, errors = json.loads(self._process.stdout.readline())
        return code, output, _TOKEN_TOLD.sub("", errors)

    def close(self):
        with self._process as process:
            process.stdin.close()


def path_of_modules():
    return os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))


@pytest.fixture(scope="module")
def trainer(tmp_path_factory):
    pytest.importorskip("gcsfs", reason="takes pip install -e '.[gcs]'")
    folder = tmp_path_factory.mktemp("trainer")
    for name, solve in TASKS.items():
        pairs = [{"input": rows, "output": solve(rows)} for rows in GRIDS]
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / f"{name}.json").write_text(json.dumps({"train": pairs[:2], "test": pairs[2:]}))
    (folder / "solvers.py").write_text(SOLVERS)
    with FakeStorage("bucket") as storage:
        trainer = Trainer(folder, storage)
        yield trainer
        trainer.close()


@pytest.fixture(scope="module")
def killed(trainer):
    """A run in a bucket that was killed while it wrote its last checkpoint."""
    objects = trainer.storage.buckets["bucket"]

    def kill(method, name):
        if name.startswith("run/checkpoints/2/") and method == "POST":
            os.kill(json.loads(objects["run/lease.json"].content)["process"], signal.SIGKILL)
            return 503
        return 0

    trainer.storage.refuse = kill
    code, _, errors = trainer.run("gs://bucket/run")
    trainer.storage.refuse = lambda method, name: 0
    assert (code, errors) == (-signal.SIGKILL, "")
    assert "run/lease.json" in objects
    assert "run/checkpoints/1/commit_success.txt" in objects
    assert "run/checkpoints/2/commit_success.txt" not in objects
    return "gs://bucket/run"


@pytest.fixture(scope="module")
def resumed(trainer, killed):
    """The same run, gone on with to its end."""
    del trainer.storage.buckets["bucket"]["run/lease.json"]  # which else would be waited for
    code, output, errors = trainer.run(killed)
    assert (code, errors) == (0, "")
    assert "resumed after meta-iteration 1" in output
    return killed


@pytest.mark.slow
def test_a_run_in_a_bucket_is_killed_and_resumed_and_comes_to_the_same(trainer, resumed, tmp_path):
    code, _, errors = trainer.run(tmp_path / "disk")
    assert (code, errors) == (0, "")
    trainer.storage.download("bucket", "run/", tmp_path / "bucket")
    disk, bucket = tmp_path / "disk", tmp_path / "bucket"
    assert {path.name for path in bucket.iterdir()} == {
        *("checkpoints", "config.json", "performance.csv", "samples", "solutions.json", "tensorboard"),
        "report.html",
    }
    names = ["solutions.json", "samples/0001.jsonl.gz", "samples/0002.jsonl.gz"]
    assert [(bucket / name).read_bytes() for name in names] == [(disk / name).read_bytes() for name in names]
    assert list(map(untimed, read_rows(bucket))) == list(map(untimed, read_rows(disk)))
    assert len(list((bucket / "tensorboard").iterdir())) == 2
    tasks = load_tasks(trainer.config.data.search_tasks)
    with start_pool(tasks, trainer.config.execution) as pool:
        abstract = build(trainer.config, tasks, pool)[1].abstract_state
    for expected, found in zip(saved(disk, abstract), saved(bucket, abstract), strict=True):
        jax.tree.map(np.testing.assert_array_equal, found, expected)


def untimed(row):
    return {
        name: repr(value)
        for name, value in vars(row).items()
        if not name.endswith(("_seconds", "_per_second"))
    }


def saved(workdir, abstract):
    """What the last checkpoint of a run holds, but for its table, which has times in it."""
    step, learner_state, host_state = Checkpointer(workdir / "checkpoints").restore(abstract)
    assert step == 2
    del host_state["rows"]
    return learner_state, host_state


@pytest.mark.slow
@pytest.mark.parametrize("refused", ["run/checkpoints/3/", "run/tensorboard/"])
def test_a_bucket_that_refuses_a_write_is_one_line(trainer, resumed, refused):
    objects = trainer.storage.buckets["bucket"]
    before = {name: stored for name, stored in objects.items() if name.startswith("run/checkpoints/2/")}
    trainer.storage.refuse = lambda method, name: 403 if method == "POST" and name.startswith(refused) else 0
    code, _, errors = trainer.run(resumed, num_meta_iterations=3)
    trainer.storage.refuse = lambda method, name: 0
    assert errors.startswith("error: gs://bucket/run")
    assert errors.count("\n") == 1
    assert code == 2
    assert "run/lease.json" not in objects
    assert before.items() <= objects.items()


@pytest.mark.slow
def test_a_checkpoint_that_a_bucket_does_not_give_out_is_not_taken_for_damaged(trainer, resumed):
    trainer.storage.refuse = lambda method, name: 403 if method == "GET" and "/2/learner/" in name else 0
    code, _, errors = trainer.run(resumed, num_meta_iterations=3)
    trainer.storage.refuse = lambda method, name: 0
    assert errors == "error: gs://bucket/run/checkpoints/2/learner/: told so 403\n"
    assert code == 2
    assert not [name for name in trainer.storage.buckets["bucket"] if "damaged" in name]
