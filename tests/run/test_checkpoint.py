import os
import random
import subprocess
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import codeit_jax
from codeit_jax.config import LearnerConfig
from codeit_jax.learner.batching import Example
from codeit_jax.learner.learner import Learner
from codeit_jax.policy.sharding import make_mesh
from codeit_jax.run.checkpoint import Checkpointer

from ..peers_of_threads import together

ENVIRONMENT = os.environ | {"JAX_PLATFORMS": "cpu", "PYTHONPATH": str(Path(codeit_jax.__file__).parents[1])}

LEARNER_STATE = {
    "key": jax.random.key_data(jax.random.key(1)),
    "params": [jnp.arange(6, dtype=jnp.float32).reshape(2, 3) / 7, jnp.asarray([1.5, -0.0], jnp.bfloat16)],
    "step": jnp.asarray(3, jnp.int32),
}

HOST_STATE = {
    "counters": {"meta_iteration": 4, "big": 2**200, "rate": 0.1, "nothing": None, "flag": True, "empty": {}},
    "limits": [float("inf"), -0.0, "naïve\n", [], {"deep": np.arange(3)}],
    "arrays": {
        "bytes": np.frombuffer(b"\x00\xff\x80", np.uint8),
        "text": np.array(["", "añb", "ccc"]),
        "none": np.empty((0, 3), np.int16),
        "scalar": np.array(7.25),
        "flags": np.array([[True, False]]),
        "large": np.array([2**64 - 1], np.uint64),
        "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "every other": np.arange(10, dtype=np.int32)[::2],
        "big endian": np.array([1, 2], ">i4"),
        "times": np.array(["2024-01-01"], "datetime64[s]"),
    },
}


def abstract(tree):
    return jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding), tree
    )


def assert_same(first, second):
    """Equal in value, type, dtype and shape, all the way down."""
    assert type(first) is type(second)
    if isinstance(first, dict):
        assert list(first) == list(second)
        for key in first:
            assert_same(first[key], second[key])
    elif isinstance(first, list):
        assert len(first) == len(second)
        for one, other in zip(first, second, strict=True):
            assert_same(one, other)
    elif isinstance(first, np.ndarray | jax.Array):
        assert (first.dtype, first.shape) == (second.dtype, second.shape)
        assert np.asarray(first).tobytes() == np.asarray(second).tobytes()
    else:
        assert repr(first) == repr(second)


def test_everything_comes_back_as_it_was(tmp_path):
    with Checkpointer(tmp_path) as checkpointer:
        checkpointer.save(5, learner_state=LEARNER_STATE, host_state=HOST_STATE)
    step, learner_state, host_state = Checkpointer(tmp_path).restore(abstract(LEARNER_STATE))
    assert step == 5
    assert_same(learner_state, LEARNER_STATE)
    assert_same(host_state, HOST_STATE)
    host_state["arrays"]["flags"][0, 0] = False  # they can be written to


def test_only_the_latest_steps_are_kept_and_each_can_be_asked_for(tmp_path):
    with Checkpointer(tmp_path, keep=2) as checkpointer:
        for step in (1, 2, 10):
            checkpointer.save(step, learner_state=LEARNER_STATE, host_state={"step": step})
            assert checkpointer.latest_step() == step
        assert checkpointer.restore(abstract(LEARNER_STATE))[2] == {"step": 10}
        assert checkpointer.restore(abstract(LEARNER_STATE), step=2)[2] == {"step": 2}
        with pytest.raises(ValueError, match="no complete checkpoint of step 1 in"):
            checkpointer.restore(abstract(LEARNER_STATE), step=1)
        with pytest.raises(ValueError, match="step 10 exists already"):
            checkpointer.save(10, learner_state=LEARNER_STATE, host_state={})


def test_some_steps_are_kept_for_good(tmp_path):
    with Checkpointer(tmp_path, keep=1, keep_every=4) as checkpointer:
        for step in range(1, 11):
            checkpointer.save(step, learner_state=LEARNER_STATE, host_state={})
        assert checkpointer.steps() == [4, 8, 10]


def test_what_changes_after_a_save_began_is_not_in_it(tmp_path):
    advance = jax.jit(lambda state: jax.tree.map(lambda leaf: leaf + 1, state), donate_argnums=0)
    state = {"large": jnp.zeros((1000, 1000)), "small": jnp.zeros(3)}
    wanted = abstract(state)
    array = np.zeros(1_000_000, np.int64)
    with Checkpointer(tmp_path, keep=9) as checkpointer:
        for step in range(5):
            checkpointer.save(step, learner_state=state, host_state={"array": array})
            for _ in range(7):
                state = advance(state)
                array += 1
    for step in range(5):
        _, restored, host_state = Checkpointer(tmp_path).restore(wanted, step)
        for name in state:
            assert (restored[name] == 7 * step).all()
        assert (host_state["array"] == 7 * step).all()


FULL_PROGRAM = """
import resource, signal, sys
import jax.numpy as jnp, numpy as np
from codeit_jax.errors import UserError
from codeit_jax.run.checkpoint import Checkpointer

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
random = np.random.default_rng(0)
state = {"leaf": jnp.asarray(random.normal(size=(300, 1000)))}
with Checkpointer(sys.argv[1]) as checkpointer:
    checkpointer.save(1, learner_state=state, host_state={"array": np.arange(9)})
    checkpointer.wait()
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
    for step in (2, 3):
        try:
            checkpointer.save(step, learner_state=state, host_state={"array": np.arange(9)})
            checkpointer.wait()
        except UserError as error:
            print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    checkpointer.save(4, learner_state=state, host_state={"array": np.arange(9)})
print(Checkpointer(sys.argv[1]).steps())
"""


def test_where_there_is_no_room_the_step_before_stays_and_others_follow(tmp_path):
    command = [sys.executable, "-c", FULL_PROGRAM, str(tmp_path)]
    finished = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.splitlines() == [
        f"{tmp_path}: checkpoint 2 cannot be written: File too large",
        f"{tmp_path}: checkpoint 3 cannot be written: File too large",
        "[1, 4]",
    ]
    assert finished.stderr == ""


def test_looking_for_checkpoints_leaves_no_trace(tmp_path):
    checkpointer = Checkpointer(tmp_path / "none" / "yet")
    assert checkpointer.latest_step() is None
    with pytest.raises(ValueError, match="no complete checkpoint in"):
        checkpointer.restore(abstract(LEARNER_STATE))
    assert list(tmp_path.iterdir()) == []


def test_whether_there_are_checkpoints_is_for_the_first_process_to_say(tmp_path):
    """The folder may come to be while processes look one after the other."""
    with Checkpointer(tmp_path / "1") as checkpointer:
        checkpointer.save(1, learner_state={"x": jnp.ones(2)}, host_state={})
    found = together(2, lambda peers: Checkpointer(tmp_path / str(peers.number), peers=peers).latest_step())
    assert found == [None, None]


def test_a_directory_may_be_relative_or_a_bucket(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Checkpointer("here") as checkpointer:
        checkpointer.save(0, learner_state=LEARNER_STATE, host_state={})
    assert Checkpointer(tmp_path / "here").latest_step() == 0
    assert str(Checkpointer("gs://bucket/run")._directory) == "gs://bucket/run"
    with pytest.raises(ValueError, match="keep must be at least 1"):
        Checkpointer("here", keep=0)


def test_another_learner_state_is_refused_in_one_line(tmp_path):
    checkpointer = Checkpointer(tmp_path)
    checkpointer.save(0, learner_state=LEARNER_STATE, host_state={})
    checkpointer.close()
    first, second = LEARNER_STATE["params"]
    for params, message in [
        ([first, second, second], r"params/2 is nothing there and bfloat16\[2\] here$"),
        ([first], r"params/1 is bfloat16\[2\] there and nothing here$"),
        ([first[:1], second], r"params/0 is float32\[2, 3\] there and float32\[1, 3\] here$"),
        ([first, second.astype(jnp.float32)], r"params/1 is bfloat16\[2\] there and float32\[2\] here$"),
        ([second, first], r"params/0 is float32\[2, 3\] there and bfloat16\[2\] here \(and 1 more\)$"),
    ]:
        with pytest.raises(ValueError, match=message):
            checkpointer.restore(abstract(LEARNER_STATE | {"params": params}))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.int32(3), "host_state room/x: values of type int32 cannot be saved"),
        (np.float64(3), "host_state room/x: values of type float64 cannot be saved"),
        ([1, (2, 3)], "host_state room/x/1: values of type tuple cannot be saved"),
        ({1: 2}, "host_state room/x: keys must be strings"),
        (np.array([None]), "host_state room/x: arrays of object cannot be saved"),
        (np.array([1, 2], jnp.bfloat16), "host_state room/x: arrays of bfloat16 cannot be saved"),
    ],
)
def test_host_state_that_would_not_come_back_the_same_is_refused(tmp_path, value, message):
    with pytest.raises(ValueError, match=message):
        Checkpointer(tmp_path).save(0, learner_state=LEARNER_STATE, host_state={"room": {"x": value}})
    assert list(tmp_path.iterdir()) == []


class Bigram(nnx.Module):
    """A policy of one table, quick to compile."""

    def __init__(self, *, rngs):
        self.table = nnx.Param(jax.random.normal(rngs.params(), (8, 8)))

    def hidden_and_head(self, prompt_ids, decoder_ids, *, prompt_mask, dropout_key, rematerialize):
        logits = self.table[...][decoder_ids]
        return logits * jax.random.bernoulli(dropout_key, 0.9, logits.shape), jnp.eye(8)


def test_saved_and_resumed_equals_uninterrupted(tmp_path):
    config = LearnerConfig(
        batch_size=4, learning_rate=1e-2, warmup_steps=5, prompt_buckets=(3,), program_buckets=(3,)
    )
    tokens = np.random.default_rng(0).integers(1, 8, (10, 3), dtype=np.int32)
    examples = [Example(row, row) for row in tokens]

    def start(seed):
        mesh = make_mesh(1, 1, 1, devices=jax.devices()[:1])
        return Learner(*nnx.split(Bigram(rngs=nnx.Rngs(seed))), config, mesh, seed)

    def learn(learner, number):
        return learner.learn(examples, np.random.default_rng((7, number)))

    learner = start(0)
    uninterrupted = [learn(learner, 0)]
    with Checkpointer(tmp_path) as checkpointer:
        checkpointer.save(1, learner_state=learner.state, host_state={"number": 1})
    uninterrupted += [learn(learner, number) for number in (1, 2)]

    # Another seed, so that nothing but the checkpoint can make the two equal.
    resumed = start(1)
    _, state, host_state = Checkpointer(tmp_path).restore(resumed.abstract_state)
    resumed.restore(state)
    number = host_state["number"]
    assert [learn(resumed, number), learn(resumed, number + 1)] == uninterrupted[1:]
    jax.tree.map(np.testing.assert_array_equal, resumed.state, learner.state)


MESHES_PROGRAM = """
import sys
import jax, jax.numpy as jnp, numpy as np
from codeit_jax.run.checkpoint import Checkpointer
from codeit_jax.policy.sharding import make_mesh, parameter_sharding
from codeit_jax.policy.t5 import T5

params = {
    "embedding": jnp.arange(32.0).reshape(8, 4),
    "output": {"kernel": jnp.arange(16.0).reshape(4, 4).astype(jnp.bfloat16)},
    "norm": {"scale": jnp.arange(3.0)},
}
sharded = jax.device_put(params, parameter_sharding(params, make_mesh(2, 2, 2), T5.sharding_rules))
with Checkpointer(sys.argv[1]) as checkpointer:
    checkpointer.save(0, learner_state=sharded, host_state={})
for sizes in ((2, 2, 2), (1, 4, 2), (8, 1, 1), (1, 1, 1)):
    mesh = make_mesh(*sizes, devices=jax.devices()[: int(np.prod(sizes))])
    shardings = parameter_sharding(params, mesh, T5.sharding_rules)

    def abstract(leaf, sharding):
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)

    wanted = jax.tree.map(abstract, params, shardings)
    _, restored, _ = Checkpointer(sys.argv[1]).restore(wanted)
    jax.tree.map(np.testing.assert_array_equal, restored, params)
    assert jax.tree.map(lambda leaf: leaf.sharding, restored) == shardings
"""


def test_a_state_can_be_restored_to_another_mesh(tmp_path):
    environment = ENVIRONMENT | {"XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
    command = [sys.executable, "-c", MESHES_PROGRAM, str(tmp_path)]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr


SAVING_PROGRAM = """
import sys
import jax.numpy as jnp, numpy as np
from codeit_jax.run.checkpoint import Checkpointer

checkpointer = Checkpointer(sys.argv[1])
step = checkpointer.latest_step()
step = 0 if step is None else step + 1
while True:
    print("saving", step, flush=True)
    state = {f"leaf {number}": jnp.full((300, 1000), step * 10 + number, jnp.int32) for number in range(8)}
    checkpointer.save(step, learner_state=state, host_state={"step": step, "array": np.full(500_000, step)})
    checkpointer.wait()
    print("saved", step, flush=True)
    step += 1
"""


def test_a_save_that_is_killed_leaves_the_step_before(tmp_path):
    leaf = jax.ShapeDtypeStruct((300, 1000), jnp.int32, sharding=jnp.zeros(1).sharding)
    wanted = {f"leaf {number}": leaf for number in range(8)}
    delays = random.Random(0)
    for _ in range(2):  # the runs of tests/end_to_end/torture.py are killed more often
        command = [sys.executable, "-c", SAVING_PROGRAM, str(tmp_path)]
        process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
        try:
            process.stdout.readline()  # "saving" the first
            said = process.stdout.readline() + process.stdout.readline()
            time.sleep(delays.uniform(0, 0.2))
        finally:
            process.kill()
            said += process.communicate()[0]
        saved = max(int(line.split()[1]) for line in said.splitlines() if line.startswith("saved"))
        step, state, host_state = Checkpointer(tmp_path).restore(wanted)
        # A step may be complete though nobody was left to say so.
        assert step in (saved, saved + 1)
        assert host_state["step"] == step
        assert (host_state["array"] == step).all()
        for number in range(8):
            assert (state[f"leaf {number}"] == step * 10 + number).all()


INTERRUPTED_PROGRAM = """
import os, signal, sys, time
import jax.numpy as jnp, numpy as np
from codeit_jax.run import checkpoint
from codeit_jax.run.interruption import handled

def slow(function):
    def slowly(*arguments):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.5)
        return function(*arguments)
    return slowly

if sys.argv[2] == "as it begins":
    checkpoint.Checkpointer._begin = slow(checkpoint.Checkpointer._begin)
else:
    checkpoint.write_manifest = slow(checkpoint.write_manifest)
with handled(), checkpoint.Checkpointer(sys.argv[1]) as checkpointer:
    state = {f"leaf {number}": jnp.full((300, 1000), number, jnp.int32) for number in range(8)}
    checkpointer.save(1, learner_state=state, host_state={"array": np.arange(9)})
    checkpointer.wait()
    print("not reached")
"""


@pytest.mark.parametrize("moment", ["as it begins", "as it ends"])
def test_a_signal_while_a_save_is_waited_for_ends_after_it(tmp_path, moment):
    command = [sys.executable, "-c", INTERRUPTED_PROGRAM, str(tmp_path), moment]
    finished = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
    assert (finished.returncode, finished.stdout, finished.stderr) == (143, "", "terminated\n")
    assert [path.name for path in tmp_path.iterdir()] == ["1"]
    assert (tmp_path / "1" / "manifest.json").exists()
