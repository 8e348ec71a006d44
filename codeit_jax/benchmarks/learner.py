"""The learner suite: tokens learned from in a second beside PyTorch, and what batches lose to padding.

Batches are full, so that both sides work on the same tokens, and a step is all of it: from the batch on the
host through loss, gradient and AdamW to new parameters. On an accelerator the paper's policy is timed too,
and the share of the device's peak that it reaches.
"""

import dataclasses
from collections.abc import Callable, Iterator

import jax
import numpy as np

from codeit_jax.arc import load_tasks
from codeit_jax.benchmarks.beside import learning_beside_breeding
from codeit_jax.benchmarks.suites import Options
from codeit_jax.benchmarks.table import Measurement
from codeit_jax.benchmarks.torch_peer import TrainingPeer, measure_rate
from codeit_jax.config import LearnerConfig, PolicyConfig
from codeit_jax.dsl import load_training_programs
from codeit_jax.learner.batching import Example, make_batches, padding_share
from codeit_jax.learner.examples import ExampleMaker
from codeit_jax.learner.learner import Learner
from codeit_jax.planning.devices import device_of_kind
from codeit_jax.planning.learning import learning_flops
from codeit_jax.policy.building import make_network
from codeit_jax.policy.presets import CODET5_VOCAB_SIZE, NetworkConfig, preset
from codeit_jax.policy.sharding import make_mesh
from codeit_jax.policy.t5_costs import T5Costs
from codeit_jax.policy.tokenizers import make_tokenizer
from codeit_jax.replay import Experience


@dataclasses.dataclass(frozen=True)
class Workload:
    """Updates of one shape.

    Attributes:
        preset: the policy's.
        batch_size: examples of an update.
        prompt_length: tokens of every prompt.
        program_length: tokens of every program.
        dtype: what is computed in.
        num_micro_batches: see `LearnerConfig`.
        rematerialize: see `LearnerConfig`.
    """

    preset: str
    batch_size: int = 8
    prompt_length: int = 512
    program_length: int = 128
    dtype: str = "float32"
    num_micro_batches: int = 1
    rematerialize: bool = False

    @property
    def name(self) -> str:
        """What the table calls it."""
        parts = f" in {self.num_micro_batches}" if self.num_micro_batches > 1 else ""
        again = ", rematerialized" if self.rematerialize else ""
        return f"{self.preset}, {self.dtype}, batch {self.batch_size}{parts}{again}"

    @property
    def config(self) -> LearnerConfig:
        """The learner's settings."""
        return LearnerConfig(
            batch_size=self.batch_size,
            prompt_buckets=(self.prompt_length,),
            program_buckets=(self.program_length,),
            num_micro_batches=self.num_micro_batches,
            rematerialize=self.rematerialize,
        )

    @property
    def num_tokens(self) -> int:
        """Tokens of an update, prompts and programs."""
        return self.batch_size * (self.prompt_length + self.program_length)


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much each case runs.

    Attributes:
        workloads: the updates that are timed.
        accelerated: those timed only where there is an accelerator.
        num_steps: updates of each side that are timed.
        num_beside: updates that are timed beside breeding, and alone.
        tasks: training tasks whose padding is counted.
        padded_batch_size: examples in each of their batches.
        prompt_buckets: what their prompts are padded to: the defaults of a run.
        program_buckets: what their programs are padded to: likewise.
    """

    workloads: tuple[Workload, ...] = (Workload("tiny"), Workload("codet5-small"))
    accelerated: tuple[Workload, ...] = (Workload("codet5p-220m", batch_size=32, dtype="bfloat16"),)
    num_steps: int = 5
    num_beside: int = 20
    tasks: int = 400
    padded_batch_size: int = 8
    prompt_buckets: tuple[int, ...] = (192, 384, 640, 1026)
    program_buckets: tuple[int, ...] = (128, 512)


QUICK = Sizes(
    workloads=(Workload("nano", batch_size=4, prompt_length=64, program_length=32),),
    accelerated=(),
    num_steps=2,
    num_beside=3,
    tasks=40,
)


def measure(options: Options) -> Iterator[Measurement]:
    """Yields the suite's measurements."""
    yield from measure_sizes(QUICK if options.quick else Sizes(), options)


def measure_sizes(sizes: Sizes, options: Options) -> Iterator[Measurement]:
    """Yields the suite's measurements, made on so much."""
    for workload in sizes.workloads:
        yield training(workload, sizes.num_steps, options.seed)
    if jax.default_backend() != "cpu":
        for workload in sizes.accelerated:
            yield from accelerated_training(workload, sizes.num_steps, options.seed)
    yield from beside_breeding(sizes.workloads[0], sizes.num_beside, options.seed)
    yield padding(sizes, options.seed)


def shape_of(name: str) -> NetworkConfig:
    """Returns a preset's shape: CodeT5's with their own vocabulary, the others with the symbolic one."""
    is_published = name.startswith("codet5")
    return preset(name, CODET5_VOCAB_SIZE if is_published else make_tokenizer("symbolic").vocabulary_size)


def training(workload: Workload, num_steps: int, seed: int) -> Measurement:
    """Times updates on one device, the same batch again and again."""
    updates = Updates(workload, seed)

    def make_peer() -> Callable[[], float]:
        peer = TrainingPeer(updates.shape, updates.config, seed, workload.dtype)
        (batch,) = make_batches(
            updates.examples,
            workload.batch_size,
            updates.config.prompt_buckets,
            updates.config.program_buckets,
            updates.rng,
        )
        return lambda: peer.step(batch)

    name = f"{workload.name}: learning"
    return measure_rate(name, workload.num_tokens, updates.make_one, make_peer, num_steps)


class Updates:
    """Updates of a workload on one device, from the same batch again and again.

    Attributes:
        shape: the policy's.
        config: the learner's.
        rng: where what is random comes from.
        examples: the batch.
    """

    def __init__(self, workload: Workload, seed: int) -> None:
        self.shape = shape_of(workload.preset)
        self.config = workload.config
        self.rng = np.random.default_rng(seed)
        self.examples = [
            Example(self._draw(workload.prompt_length), self._draw(workload.program_length))
            for _ in range(workload.batch_size)
        ]
        graphdef, params = make_network(self.shape, seed, workload.dtype)
        mesh = make_mesh(1, 1, 1, jax.devices()[:1])
        self._learner = Learner(graphdef, params, self.config, mesh, seed, takes_params=True)

    def _draw(self, length: int) -> np.ndarray:
        return self.rng.integers(2, self.shape.vocab_size, length, dtype=np.int32)

    def make_one(self) -> None:
        """Makes an update, and waits for it."""
        self.make(1)

    def make(self, number: int) -> None:
        """Makes updates one behind the other, as a run does, and waits for the last."""
        self._learner.learn(number * self.examples, self.rng)
        jax.block_until_ready(self._learner.params)


def beside_breeding(workload: Workload, num_steps: int, seed: int) -> Iterator[Measurement]:
    """Times updates while programs are bred on the host."""
    updates = Updates(workload, seed)
    updates.make_one()
    name = f"{workload.name}: learning"
    yield from learning_beside_breeding(name, workload.num_tokens, updates.make_one, num_steps, seed)


def accelerated_training(workload: Workload, num_steps: int, seed: int) -> Iterator[Measurement]:
    """Times updates, and says what share of the device's peak they reach if that is known."""
    measured = training(workload, num_steps, seed)
    share = utilisation(workload, measured)
    if share is None:
        device = jax.devices()[0].device_kind
        yield dataclasses.replace(measured, note=f"{measured.note}; the peak of {device} is unknown")
        return
    yield measured
    yield share


def utilisation(workload: Workload, measured: Measurement) -> Measurement | None:
    """Returns the share of the device's bfloat16 peak that updates reach; None where the peak is unknown.

    What is computed twice to save memory does not count.

    Args:
        workload: the updates.
        measured: their tokens a second.
    """
    kind = jax.devices()[0].device_kind
    device = device_of_kind(kind)
    if device is None:
        return None
    costs = T5Costs(
        shape_of(workload.preset), workload.batch_size, workload.prompt_length, workload.program_length
    )
    flops = learning_flops(costs)
    ours, peer, error = (
        None if rate is None else 100 * rate / workload.num_tokens * flops / device.bfloat16
        for rate in (measured.ours, measured.peer, measured.peer_error)
    )
    assert ours is not None
    assert error is not None
    name = f"{workload.name}: model FLOP utilisation"
    note = f"of {device.bfloat16 / 1e12:.0f} TFLOP/s, {kind}"
    return Measurement(name, ours, peer, "%", error, more_is_better=True, note=note)


def padding(sizes: Sizes, seed: int) -> Measurement:
    """Counts the padding in an epoch of the training tasks."""
    config = PolicyConfig()
    maker = ExampleMaker(make_tokenizer(config.tokenizer), config)
    programs = load_training_programs()
    experiences = []
    for task in load_tasks("arc1/training")[: sizes.tasks]:
        outputs = tuple(pair.output for pair in task.train if pair.output is not None)
        experiences.append(
            Experience.of(task.id, str(programs[task.id]), task.demonstration_inputs, outputs, 1.0, 0)
        )
    examples = list(maker.make(each for each in experiences if maker.fits(each.program)))
    buckets = sizes.prompt_buckets, sizes.program_buckets
    batches = make_batches(examples, sizes.padded_batch_size, *buckets, np.random.default_rng(seed))
    return Measurement(
        "training tasks: padding in an epoch",
        100 * padding_share(batches),
        None,
        "%",
        note=f"{len(examples)} of {len(experiences)} fit, batches of {sizes.padded_batch_size}",
    )
