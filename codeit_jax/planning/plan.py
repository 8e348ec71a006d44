"""A run on some devices: what they need of memory, and how long a meta-iteration may take.

Times are those of learning and of sampling on the devices. Left out are the host's work, which runs programs
beside sampling and may breed them beside learning, what devices tell each other, and the start of each
operation.
"""

import dataclasses
import math
from dataclasses import dataclass

from jax.sharding import AbstractMesh

from codeit_jax.config import Config
from codeit_jax.config.division import check_batch, check_tasks, with_buckets
from codeit_jax.planning.devices import Machine
from codeit_jax.planning.layout import AbstractPolicy, Layout, device_mesh, lay_out
from codeit_jax.planning.learning import LearningMemory, learning_flops, learning_memory
from codeit_jax.planning.sampling import SamplingMemory, sampling_memory, writing
from codeit_jax.policy.sharding import row_shares
from codeit_jax.policy.t5_costs import T5Costs

# Of a device's memory what may be planned with: the rest is the runtime's, and lost between arrays.
USABLE = 0.9

# Of what is learned from, the share whose programs are of the longest bucket: 27 % of the training programs
# have more than 128 symbolic tokens. Prompts are taken to be of each bucket as often: of the evaluation tasks
# 18, 34, 25 and 23 % are in theirs, from the shortest to the longest.
_LONG_PROGRAMS = 0.25


@dataclass(frozen=True)
class Learning:
    """A meta-iteration's learning.

    Attributes:
        memory: bytes of a device.
        updates: how many.
        flops: floating point operations of a device.
        seconds: how long it may take.
    """

    memory: LearningMemory
    updates: int
    flops: float
    seconds: float


@dataclass(frozen=True)
class Sampling:
    """A meta-iteration's sampling.

    Attributes:
        memory: bytes of a device.
        batches: tasks are sampled in so many batches.
        flops: floating point operations of a device.
        bytes: that a device reads and writes while it writes programs.
        seconds: how long it may take.
    """

    memory: SamplingMemory
    batches: int
    flops: float
    bytes: float
    seconds: float


@dataclass(frozen=True)
class Plan:
    """A run on some devices.

    Attributes:
        machine: the devices.
        mesh: how many of them lie along `data`, `fsdp` and `tensor`.
        layout: of the parameters.
        learning: learning.
        sampling: sampling.
    """

    machine: Machine
    mesh: tuple[int, int, int]
    layout: Layout
    learning: Learning
    sampling: Sampling

    @property
    def needed(self) -> int:
        """Bytes that a device needs."""
        return max(self.learning.memory.total, self.sampling.memory.total)

    @property
    def is_fitting(self) -> bool:
        """Whether a device has them."""
        return self.needed <= USABLE * self.machine.device.memory


class Planner:
    """Plans runs of a policy on some devices.

    Args:
        policy: who learns and writes programs.
        machine: the devices.
        num_tasks: of the search set.
        utilisation: the share of a device's operations, and of its bandwidth, that is assumed to be reached.
    """

    def __init__(self, policy: AbstractPolicy, machine: Machine, num_tasks: int, utilisation: float) -> None:
        self._policy = policy
        self._machine = machine
        self._num_tasks = num_tasks
        self._utilisation = utilisation
        self._layouts: dict[AbstractMesh, Layout] = {}  # of a few meshes, which many configs share

    def plan(self, config: Config) -> Plan:
        """Returns what a run takes, whose policy is this one but for its dtype.

        Raises:
            ConfigError: the config does not suit so many devices.
        """
        config = with_buckets(config)
        mesh = device_mesh(config.mesh, self._machine.count)
        check_batch(config.learner, row_shares(mesh))
        check_tasks(config.sampling, row_shares(mesh))
        if mesh not in self._layouts:
            self._layouts[mesh] = lay_out(self._policy, mesh)
        layout = self._layouts[mesh]
        return Plan(
            machine=self._machine,
            mesh=(mesh.shape["data"], mesh.shape["fsdp"], mesh.shape["tensor"]),
            layout=layout,
            learning=self._learning(config, mesh, layout),
            sampling=self._sampling(config, mesh, layout),
        )

    def _learning(self, config: Config, mesh: AbstractMesh, layout: Layout) -> Learning:
        settings = config.learner
        number, again = settings.num_micro_batches, settings.rematerialize
        rows = settings.batch_size // (number * row_shares(mesh))
        costs = self._costs(config, mesh, rows, settings.prompt_buckets[-1], settings.program_buckets[-1])
        memory = learning_memory(
            costs,
            layout,
            is_rematerialized=again,
            num_micro_batches=number,
            is_clipped=settings.max_gradient_norm is not None,
        )
        experiences = config.replay.training_experiences + config.replay.policy_experiences
        updates = settings.num_epochs * math.ceil(experiences / settings.batch_size)
        mean = sum(
            share
            * learning_flops(
                dataclasses.replace(costs, source=source, target=target), is_rematerialized=again
            )
            for source in settings.prompt_buckets
            for target, share in _program_shares(settings.program_buckets)
        ) / len(settings.prompt_buckets)
        flops = updates * number * mean
        return Learning(memory, updates, flops, flops / self._operations(config))

    def _sampling(self, config: Config, mesh: AbstractMesh, layout: Layout) -> Sampling:
        settings, length = config.sampling, config.policy.max_program_length
        rows = settings.tasks_per_batch // row_shares(mesh)
        longest = self._costs(config, mesh, rows, settings.prompt_buckets[-1], length)
        operations, bandwidth = self._operations(config), self._utilisation * self._machine.device.bandwidth
        flops = moved = seconds = 0.0
        for source in settings.prompt_buckets:
            costs = dataclasses.replace(longest, source=source)
            flops += costs.reading_flops
            seconds += costs.reading_flops / operations
            for part in writing(settings.num_samples, length):
                costs = dataclasses.replace(costs, target=part.shape.length)
                step_flops, step_bytes = (
                    costs.step_flops(part.shape.samples),
                    costs.step_bytes(part.shape.samples),
                )
                flops += part.steps * step_flops
                moved += part.steps * step_bytes
                seconds += part.steps * max(step_flops / operations, step_bytes / bandwidth)
        batches = math.ceil(self._num_tasks / settings.tasks_per_batch)
        each = batches / len(settings.prompt_buckets)
        memory = sampling_memory(longest, layout, settings.num_samples)
        return Sampling(memory, batches, each * flops, each * moved, each * seconds)

    def _costs(self, config: Config, mesh: AbstractMesh, rows: int, source: int, target: int) -> T5Costs:
        width = 2 if config.policy.dtype == "bfloat16" else 4
        return T5Costs(self._policy.shape, rows, source, target, width, mesh.shape["tensor"])

    def _operations(self, config: Config) -> float:
        """Returns how many floating point operations a device is assumed to make in a second."""
        device = self._machine.device
        return self._utilisation * (device.bfloat16 if config.policy.dtype == "bfloat16" else device.float32)


def _program_shares(buckets: tuple[int, ...]) -> list[tuple[int, float]]:
    """Returns the lengths of programs, and the share of what is learned from that has each."""
    *short, longest = buckets
    if not short:
        return [(longest, 1.0)]
    return [*((length, (1 - _LONG_PROGRAMS) / len(short)) for length in short), (longest, _LONG_PROGRAMS)]
