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
from codeit_jax.policy.building import make_network
from codeit_jax.policy.presets import CODET5_VOCAB_SIZE, NetworkConfig, preset
from codeit_jax.policy.sharding import make_mesh
from codeit_jax.policy.tokenizers import make_tokenizer
from codeit_jax.replay import Experience

# Dense bfloat16 peaks by a part of `jax.Device.device_kind`, in FLOP/s; the first that fits counts.
_PEAKS = {
    "H200": 989e12,
    "H100": 989e12,
    "A100": 312e12,
    "TPU v4": 275e12,
    "TPU v5 lite": 197e12,
    "TPU v5e": 197e12,
    "TPU v5": 459e12,
    "TPU v6": 918e12,
}


@dataclasses.dataclass(frozen=True)
class Workload:
    """Updates of one shape.

    Attributes:
        preset: the policy's.
        batch_size: examples of an update.
        prompt_length: tokens of every prompt.
        program_length: tokens of every program.
        dtype: what is computed in.
    """

    preset: str
    batch_size: int = 8
    prompt_length: int = 512
    program_length: int = 128
    dtype: str = "float32"

    @property
    def name(self) -> str:
        """What the table calls it."""
        return f"{self.preset}, {self.dtype}, batch {self.batch_size}"

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
        self.config = LearnerConfig(
            batch_size=workload.batch_size,
            prompt_buckets=(workload.prompt_length,),
            program_buckets=(workload.program_length,),
        )
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
        self._learner.learn(self.examples, self.rng)
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
    device = jax.devices()[0].device_kind
    peak = peak_flops(device)
    if peak is None:
        yield dataclasses.replace(measured, note=f"{measured.note}; the peak of {device} is unknown")
        return
    yield measured
    flops = training_flops(
        shape_of(workload.preset), workload.batch_size, workload.prompt_length, workload.program_length
    )
    ours, peer, error = (
        None if rate is None else 100 * rate / workload.num_tokens * flops / peak
        for rate in (measured.ours, measured.peer, measured.peer_error)
    )
    assert ours is not None
    assert error is not None
    name = f"{workload.preset}: model FLOP utilisation"
    note = f"of {peak / 1e12:.0f} TFLOP/s, {device}"
    yield Measurement(name, ours, peer, "%", error, more_is_better=True, note=note)


def training_flops(config: NetworkConfig, batch: int, source: int, target: int) -> int:
    """Returns the floating-point operations that an update needs at least, those of matrix products.

    A product of the forward pass needs two more of its size in the backward one. Masked parts of attention
    count as the rest; what is computed twice to save memory does not count.

    Args:
        config: the shape.
        batch: examples.
        source: tokens of a prompt.
        target: tokens of a program.
    """
    inner = config.num_heads * config.d_kv
    projection = config.d_model * inner
    feed_forward = (3 if config.feed_forward == "gated-gelu" else 2) * config.d_model * config.d_ff
    encoder, decoder = config.num_encoder_layers, config.num_decoder_layers
    # Of attention to the prompt, keys and values are made of the prompt's tokens.
    source_weights = encoder * (4 * projection + feed_forward) + decoder * 2 * projection
    target_weights = decoder * (6 * projection + feed_forward) + config.d_model * config.vocab_size
    pairs = encoder * source * source + decoder * (target * target + target * source)
    products = source * source_weights + target * target_weights + 2 * inner * pairs
    return 3 * 2 * batch * products


def peak_flops(device_kind: str) -> float | None:
    """Returns a device's dense bfloat16 peak in FLOP/s, None if it is unknown."""
    return next((peak for part, peak in _PEAKS.items() if part in device_kind), None)


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
