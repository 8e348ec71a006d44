"""Every setting of a run, as frozen dataclasses that are checked when made.

The defaults are the paper's (CodeIt, experiment details); `configs/` holds the runs made of them.
"""

import dataclasses

from codeit_jax.config.budget import PAPER_LIMITS, Budget
from codeit_jax.config.checks import ConfigError, ascending, at_least, at_most, positive
from codeit_jax.config.programs import AugmentationConfig, EvolutionConfig, MutationConfig, SyntheticConfig

GRID_TEXTS = ("sparse", "dense")
ALLOCATIONS = ("even", "adaptive")
CONSTRAINTS = ("none", "allowed", "grammar")


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Which tasks are learned from and which are searched.

    Attributes:
        training_tasks: where the tasks with known programs come from; see `codeit_jax.arc.load_tasks`.
        training_programs: a Python file of their programs, or "" for those of the reasoning-gym package.
        search_tasks: where the tasks to be solved, the search set, come from.
        validation_tasks: where tasks come from that the policy is scored on as it learns, of which nothing
            is kept and learned from; "" for none.
        allow_overlap: whether search and validation tasks may be training tasks, too.
    """

    training_tasks: str = "arc1/training"
    training_programs: str = ""
    search_tasks: str = "arc1/evaluation"
    validation_tasks: str = ""
    allow_overlap: bool = False


@dataclasses.dataclass(frozen=True)
class ExecutionConfig:
    """How programs are run on the host.

    Attributes:
        num_workers: worker processes; 0 means one a CPU core. Results do not depend on it.
        timeout_seconds: the wall clock backstop for one job of a worker, which may hold many runs.
        memory_gigabytes: the address space a worker may add to what it starts with.
        budget: what one run of a program may spend; the paper's limits, under which 7 of the 392 training
            programs that solve their task are over budget.
    """

    num_workers: int = 0
    timeout_seconds: float = 60.0
    memory_gigabytes: float = 2.0
    budget: Budget = PAPER_LIMITS

    def __post_init__(self) -> None:
        at_least("execution.num_workers", self.num_workers, 0)
        positive("execution.timeout_seconds", self.timeout_seconds)
        at_most("execution.timeout_seconds", self.timeout_seconds, 1e6)
        at_least("execution.memory_gigabytes", self.memory_gigabytes, 0.1)
        at_most("execution.memory_gigabytes", self.memory_gigabytes, 1e6)


@dataclasses.dataclass(frozen=True)
class PriorityConfig:
    """The terms that an experience's priority is the mean of, by their weights; each is from 0 to 1.

    Attributes:
        performance: weight of the share of demonstrations that the program gets right, the paper's priority.
        length: weight of how short the program is.
        age: weight of how late it was written.
        distance: weight of how near its outputs are to those that were wanted, cell by cell.
        max_length: tokens of a program that is not short at all.
        max_age: meta-iterations after which what is written could not be later.
    """

    performance: float = 1.0
    length: float = 0.0
    age: float = 0.0
    distance: float = 0.0
    max_length: int = 100
    max_age: int = 100

    def __post_init__(self) -> None:
        weights = {name: getattr(self, name) for name in ("performance", "length", "age", "distance")}
        for name, weight in weights.items():
            at_least(f"replay.priority.{name}", weight, 0)
            at_most(f"replay.priority.{name}", weight, 1e6)
        if not sum(weights.values()):
            raise ConfigError("replay.priority must have a weight above 0")
        at_least("replay.priority.max_length", self.max_length, 1)
        at_least("replay.priority.max_age", self.max_age, 1)


@dataclasses.dataclass(frozen=True)
class ReplayConfig:
    """The memory, and the experiences that a meta-iteration learns from.

    Attributes:
        capacity: entries the policy's buffer holds; when it is full the lowest-priority half goes.
        training_experiences: experiences a meta-iteration takes from training and mutated training tasks.
        policy_experiences: experiences it takes, at most, from the policy's buffer.
        relabeling: whether programs are stored with the outputs they really gave; without, only programs
            that solve a demonstration are kept, with those demonstrations (the paper's ablation).
        prioritized: whether the policy's buffer is sampled by priority.
        priority: what that is.
    """

    capacity: int = 10_000_000
    training_experiences: int = 10_000
    policy_experiences: int = 90_000
    relabeling: bool = True
    prioritized: bool = True
    priority: PriorityConfig = dataclasses.field(default_factory=PriorityConfig)

    def __post_init__(self) -> None:
        at_least("replay.capacity", self.capacity, 1)
        at_least("replay.training_experiences", self.training_experiences, 1)
        at_least("replay.policy_experiences", self.policy_experiences, 0)


@dataclasses.dataclass(frozen=True)
class PolicyConfig:
    """The network that writes programs, and what it reads.

    Attributes:
        preset: the network's shape: a name of `codeit_jax.policy.presets`, or the folder or hub name of a
            Hugging Face T5.
        weights: the folder or hub name of a Hugging Face T5 of this shape, whose weights the policy starts
            from; "" for random ones.
        tokenizer: "symbolic", or the folder or hub name of a Hugging Face tokenizer.
        grid_text: how a prompt writes grids, "sparse" or "dense"; the symbolic vocabulary has no dense text.
        section_length: tokens to which the inputs section and the outputs section of a prompt are each
            truncated.
        max_program_length: tokens of a program, its end included; longer ones are not learned from.
        max_demonstrations: demonstrations shown.
        dropout_rate: of the network while it learns.
        dtype: what the network computes in, "float32" or "bfloat16"; parameters are float32.
    """

    preset: str = "mini"
    weights: str = ""
    tokenizer: str = "symbolic"
    grid_text: str = "sparse"
    section_length: int = 512
    max_program_length: int = 512
    max_demonstrations: int = 10
    dropout_rate: float = 0.1
    dtype: str = "float32"

    def __post_init__(self) -> None:
        at_least("policy.section_length", self.section_length, 1)
        at_least("policy.max_program_length", self.max_program_length, 2)
        at_least("policy.max_demonstrations", self.max_demonstrations, 1)
        if not 0 <= self.dropout_rate < 1:
            raise ConfigError(f"policy.dropout_rate must be in [0, 1), not {self.dropout_rate}")
        if self.grid_text not in GRID_TEXTS:
            raise ConfigError(
                f"policy.grid_text must be one of {', '.join(GRID_TEXTS)}, not {self.grid_text!r}"
            )
        if self.grid_text == "dense" and self.tokenizer == "symbolic":
            raise ConfigError("policy.grid_text must be sparse where policy.tokenizer is symbolic")
        if self.dtype not in ("float32", "bfloat16"):
            raise ConfigError(f"policy.dtype must be float32 or bfloat16, not {self.dtype!r}")


@dataclasses.dataclass(frozen=True)
class SamplingConfig:
    """How programs are sampled from the policy.

    Attributes:
        num_samples: programs for each task and meta-iteration.
        allocation: "even" for as many for every task, as in the paper; "adaptive" for twice as many for tasks
            of which a candidate gives some of the demonstrations, and none for those of which the policy's
            three best candidates give them all.
        temperature: softens the distribution above 1 and sharpens it below; 0 decodes greedily.
        tasks_per_batch: tasks sampled together on the devices.
        constraint: what may be written: "none" for anything, "allowed" for the paper's rule that a program
            ends behind a token of no program, "grammar" for programs that parse and nothing else.
        prompt_buckets: lengths to which prompts are padded, ascending; () means section_length and twice
            that and 2, the longest prompt there can be.
    """

    num_samples: int = 24
    allocation: str = "even"
    temperature: float = 0.95
    tasks_per_batch: int = 16
    constraint: str = "none"
    prompt_buckets: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        at_least("sampling.num_samples", self.num_samples, 1)
        at_least("sampling.temperature", self.temperature, 0)
        at_least("sampling.tasks_per_batch", self.tasks_per_batch, 1)
        if self.allocation not in ALLOCATIONS:
            raise ConfigError(
                f"sampling.allocation must be one of {', '.join(ALLOCATIONS)}, not {self.allocation!r}"
            )
        if self.constraint not in CONSTRAINTS:
            raise ConfigError(
                f"sampling.constraint must be one of {', '.join(CONSTRAINTS)}, not {self.constraint!r}"
            )
        ascending("sampling.prompt_buckets", self.prompt_buckets)


@dataclasses.dataclass(frozen=True)
class LearnerConfig:
    """How the policy learns from experiences.

    Attributes:
        batch_size: experiences in one update.
        learning_rate: AdamW's, constant after the warm-up.
        weight_decay: AdamW's.
        warmup_steps: updates over which the learning rate rises linearly.
        max_gradient_norm: gradients are scaled down to this global norm; None leaves them, as the paper does.
        num_epochs: passes over a meta-iteration's experiences.
        num_micro_batches: parts into which a batch is divided, one after the other in one update, so that
            less memory holds it; the update is that of the whole batch.
        rematerialize: whether a layer's activations are computed a second time for its gradient rather than
            kept: less memory, more work.
        prompt_buckets: lengths to which prompts are padded, ascending; () means section_length x 3/8, x 3/4,
            x 5/4 and x 2 + 2, the longest prompt there can be.
        program_buckets: lengths to which programs are padded, ascending; () means a quarter and all of the
            longest.
    """

    batch_size: int = 512
    learning_rate: float = 5e-5
    weight_decay: float = 0.01
    warmup_steps: int = 0
    max_gradient_norm: float | None = None
    num_epochs: int = 1
    num_micro_batches: int = 1
    rematerialize: bool = False
    prompt_buckets: tuple[int, ...] = ()
    program_buckets: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        at_least("learner.batch_size", self.batch_size, 1)
        positive("learner.learning_rate", self.learning_rate)
        at_least("learner.weight_decay", self.weight_decay, 0)
        at_least("learner.warmup_steps", self.warmup_steps, 0)
        at_least("learner.num_epochs", self.num_epochs, 1)
        at_least("learner.num_micro_batches", self.num_micro_batches, 1)
        if self.max_gradient_norm is not None:
            positive("learner.max_gradient_norm", self.max_gradient_norm)
        ascending("learner.prompt_buckets", self.prompt_buckets)
        ascending("learner.program_buckets", self.program_buckets)


@dataclasses.dataclass(frozen=True)
class MeshConfig:
    """How many devices lie along each axis of the mesh.

    Attributes:
        data: groups of devices that hold all parameters between them; -1 takes all that the others leave.
        fsdp: devices over which parameters and batches are split.
        tensor: devices over which layers are split.
    """

    data: int = -1
    fsdp: int = 1
    tensor: int = 1

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            size = getattr(self, field.name)
            if size < 1 and not (field.name == "data" and size == -1):
                raise ConfigError(f"mesh.{field.name} must be at least 1, not {size}")


@dataclasses.dataclass(frozen=True)
class Config:
    """A whole run.

    Attributes:
        seed: the root of every random choice; the same seed gives the same run.
        num_meta_iterations: meta-iterations in all; a finished run goes on when this is raised.
        warmup_experiences: training experiences learned from before the first meta-iteration, so that a
            policy without pretrained weights does not begin by sampling noise; 0, the paper's, for one that
            has them.
        checkpoint_interval: meta-iterations between two checkpoints.
        checkpoint_minutes: minutes after which what the learner has come to is saved in the midst of a
            meta-iteration or the warm-up; 0 for only where the run is asked to end.
        kept_checkpoints: how many of the latest are kept.
        kept_checkpoint_interval: meta-iterations between two that are kept for good; 0 for none of these.
        validation_interval: meta-iterations from one validation to the next, where there are
            `data.validation_tasks`.
        report_interval: meta-iterations from one writing of `report.html` to the next; it is written at the
            end as well, and 0 is for never.
    """

    seed: int = 0
    num_meta_iterations: int = 100
    warmup_experiences: int = 0
    checkpoint_interval: int = 1
    checkpoint_minutes: float = 10.0
    kept_checkpoints: int = 2
    kept_checkpoint_interval: int = 0
    validation_interval: int = 10
    report_interval: int = 10
    data: DataConfig = dataclasses.field(default_factory=DataConfig)
    execution: ExecutionConfig = dataclasses.field(default_factory=ExecutionConfig)
    mutation: MutationConfig = dataclasses.field(default_factory=MutationConfig)
    augmentation: AugmentationConfig = dataclasses.field(default_factory=AugmentationConfig)
    synthetic: SyntheticConfig = dataclasses.field(default_factory=SyntheticConfig)
    evolution: EvolutionConfig = dataclasses.field(default_factory=EvolutionConfig)
    replay: ReplayConfig = dataclasses.field(default_factory=ReplayConfig)
    policy: PolicyConfig = dataclasses.field(default_factory=PolicyConfig)
    sampling: SamplingConfig = dataclasses.field(default_factory=SamplingConfig)
    learner: LearnerConfig = dataclasses.field(default_factory=LearnerConfig)
    mesh: MeshConfig = dataclasses.field(default_factory=MeshConfig)

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**32:
            raise ConfigError(f"seed must be from 0 to {2**32 - 1}, not {self.seed}")
        if self.synthetic.num_parts and not self.augmentation.is_on:
            raise ConfigError("synthetic.num_parts must be 0 where every augmentation is off")
        at_least("num_meta_iterations", self.num_meta_iterations, 1)
        at_least("warmup_experiences", self.warmup_experiences, 0)
        at_least("checkpoint_interval", self.checkpoint_interval, 1)
        at_least("checkpoint_minutes", self.checkpoint_minutes, 0)
        at_least("kept_checkpoints", self.kept_checkpoints, 1)
        at_least("kept_checkpoint_interval", self.kept_checkpoint_interval, 0)
        at_least("validation_interval", self.validation_interval, 1)
        at_least("report_interval", self.report_interval, 0)
