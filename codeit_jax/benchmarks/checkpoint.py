"""The checkpoint suite: what a run's checkpoint costs, the run waiting and the processors at work.

It is what `Snapshots` does after a meta-iteration, with a policy, an optimiser and buffers of real size.
"""

import dataclasses
import itertools
import tempfile
import time
from collections.abc import Iterator

import jax
from etils import epath

from codeit_jax.benchmarks.experiences import Stream
from codeit_jax.benchmarks.learner import shape_of
from codeit_jax.benchmarks.suites import Options
from codeit_jax.benchmarks.table import Measurement
from codeit_jax.components import State
from codeit_jax.config import Config, LearnerConfig
from codeit_jax.evolution.rounds import Rounds
from codeit_jax.learner.learner import Learner
from codeit_jax.policy.building import make_network
from codeit_jax.policy.sharding import make_mesh
from codeit_jax.replay import ReplayBuffer
from codeit_jax.run.metrics import IterationMetrics
from codeit_jax.search.solutions import Solutions
from codeit_jax.snapshots import Snapshots

_NUM_TASKS = 400


@dataclasses.dataclass(frozen=True)
class Case:
    """A run whose checkpoints are timed.

    Attributes:
        preset: its policy.
        num_old: experiences that earlier checkpoints hold.
        num_new: those that a meta-iteration adds.
        num_saved: checkpoints that are timed.
    """

    preset: str
    num_old: int
    num_new: int
    num_saved: int = 5

    @property
    def name(self) -> str:
        """What a table calls it."""
        return f"{self.preset}, {self.num_new:,} new beside {self.num_old:,}"


CASES = (Case("mini", 20_000, 3_000), Case("mini", 1_000_000, 10_000), Case("tiny", 1_000_000, 10_000))
QUICK = (Case("nano", 2_000, 300, 2),)


def measure(options: Options) -> Iterator[Measurement]:
    """Yields the suite's measurements."""
    for case in QUICK if options.quick else CASES:
        yield from checkpoints(case, options.seed)


def checkpoints(case: Case, seed: int) -> Iterator[Measurement]:
    """Saves a run again and again as its buffer grows; the means but for the first checkpoint."""
    stream = Stream(seed)
    graphdef, params = make_network(shape_of(case.preset), seed)
    mesh = make_mesh(1, 1, 1, jax.devices()[:1])
    learner = Learner(graphdef, params, LearnerConfig(), mesh, seed, takes_params=True)
    state = State(0, ReplayBuffer(), ReplayBuffer(), Solutions(), learner, Rounds.of(_NUM_TASKS))
    while len(state.policy_buffer) < case.num_old:
        state.policy_buffer.extend(stream.take(case.num_new))
    rows = [IterationMetrics(0)]
    waited = written = worked = 0.0
    with (
        tempfile.TemporaryDirectory(prefix="codeit_jax_checkpoint_") as folder,
        Snapshots(epath.Path(folder), Config(), "") as snapshots,
    ):
        for number in itertools.count():
            begun, begun_work = time.monotonic(), time.process_time()
            snapshots.mark(state, rows)
            snapshots.save()
            left = time.monotonic()
            snapshots.wait()
            if number:  # the first writes all, which comes once a run
                waited += left - begun
                written += time.monotonic() - begun
                worked += time.process_time() - begun_work
            if number == case.num_saved:
                break
            state.meta_iteration += 1
            rows.append(IterationMetrics(state.meta_iteration))
            state.policy_buffer.extend(stream.take(case.num_new))
    means = {"the run waits": waited, "until complete": written, "work of processors": worked}
    for what, seconds in means.items():
        yield Measurement(f"{case.name}: {what}", seconds / case.num_saved, None, "s")
