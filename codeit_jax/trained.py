"""The policy of a run's newest checkpoint, and what it writes for any tasks; the run is only read."""

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import jax

from codeit_jax.arc import Task
from codeit_jax.build import make_constraint, make_sampler
from codeit_jax.config import Config, ConfigError, MeshConfig
from codeit_jax.config.division import with_buckets
from codeit_jax.errors import UserError, naming
from codeit_jax.policy.building import SHARDING_RULES, Policy, abstract_network, tokenizer_and_shape
from codeit_jax.policy.program_sampler import SampledTask
from codeit_jax.policy.sharding import make_mesh, parameter_sharding, row_shares
from codeit_jax.run.checkpoint import Checkpointer
from codeit_jax.run.files import user_path
from codeit_jax.run.workdir import read_run_config
from codeit_jax.search.solutions import Solutions

_MAX_READINGS = 10  # of a folder in which steps come and go


@dataclasses.dataclass(frozen=True)
class TrainedPolicy:
    """A policy as a run has trained it.

    Attributes:
        config: the run's, with its buckets filled in, and with as many tasks a batch as fit the devices.
        meta_iteration: the one after which the policy was this.
        policy: what writes programs.
        mesh: the devices that its parameters are on.
        solutions: the best candidates of the run's search tasks by then.
    """

    config: Config
    meta_iteration: int
    policy: Policy
    mesh: jax.sharding.Mesh
    solutions: Solutions

    def sample_programs(
        self,
        tasks: Sequence[Task],
        *,
        num_samples: int | None = None,
        temperature: float | None = None,
        seed: int | None = None,
        known: Sequence[SampledTask] = (),
    ) -> Iterator[SampledTask]:
        """Samples programs for tasks, in rounds of as many as the run samples in a meta-iteration.

        What is sampled for a task depends on its demonstrations, its place, the parameters, the temperature
        and the seed; fewer samples are the first of more. By default the first round is what the run's own
        validation on these tasks samples at this meta-iteration.

        Args:
            tasks: the tasks; test outputs are not looked at.
            num_samples: programs for each task; by default the run's.
            temperature: by default the run's; 0 decodes greedily.
            seed: by default the run's.
            known: what an earlier call with these arguments yielded before it was cut short, in its order. It
                is not sampled again, but for what that call had of a batch which it had not ended.

        Yields:
            Programs of a task, named by its place among the tasks: once for each round, tasks with short
            prompts first.

        Raises:
            ConfigError: a number is out of its range.
        """
        run = self.config.sampling
        temperature = run.temperature if temperature is None else temperature
        num_left = run.num_samples if num_samples is None else num_samples
        sampling = dataclasses.replace(run, num_samples=num_left, temperature=temperature)
        config = dataclasses.replace(self.config, seed=self.config.seed if seed is None else seed)
        constraint = make_constraint(config, self.policy, self.mesh)
        number = self.meta_iteration
        while num_left:
            sampling = dataclasses.replace(sampling, num_samples=min(num_left, run.num_samples))
            config = dataclasses.replace(config, sampling=sampling)
            sampler = make_sampler(config, self.policy, self.mesh, constraint, tasks)
            yield from sampler.sample(self.policy.params, number, None, known[: len(tasks)])
            known = known[len(tasks) :]
            num_left -= sampling.num_samples
            number += 1


def load_policy(workdir: str, mesh: MeshConfig | None = None) -> TrainedPolicy:
    """Reads the policy of a run's newest complete checkpoint.

    The run may be going on: nothing in its folder is written or held. Of the checkpoint, whose files are
    checked, no more is loaded than the policy's parameters, and they go straight to where they are to lie,
    whatever the devices of the run.

    Args:
        workdir: the run's folder.
        mesh: how this process's devices are laid out; by default each has all parameters.

    Raises:
        UserError: there is no run or no complete checkpoint, or what there is is damaged or of another
            version; the message names the folder.
        ConfigError: the devices cannot be laid out so.
    """
    config = read_run_config(workdir)
    mesh = mesh or MeshConfig()
    with naming("mesh", ConfigError):
        devices = make_mesh(mesh.data, mesh.fsdp, mesh.tensor, jax.local_devices())
    config = with_buckets(_with_even_batches(config, devices))
    tokenizer, shape = tokenizer_and_shape(config.policy)
    graphdef, abstract = abstract_network(shape, config.policy.dtype)
    shardings = parameter_sharding(abstract, devices, SHARDING_RULES)
    abstract = jax.tree.map(
        lambda leaf, sharding: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding),
        abstract,
        shardings,
    )
    step, params, host_state = _read_params(workdir, abstract)
    # Checkpoints of earlier versions do not tell.
    if host_state.get("tokenizer", tokenizer.fingerprint) != tokenizer.fingerprint:
        raise UserError(f"--workdir={workdir}: policy.tokenizer has another vocabulary than the run's")
    policy = Policy(tokenizer, shape, graphdef, params, SHARDING_RULES)
    return TrainedPolicy(config, step, policy, devices, Solutions.from_state(host_state["solutions"]))


def _with_even_batches(config: Config, mesh: jax.sharding.Mesh) -> Config:
    """Returns the config with tasks a batch that the devices can share out evenly."""
    shares = row_shares(mesh)
    tasks = -(-config.sampling.tasks_per_batch // shares) * shares
    return dataclasses.replace(config, sampling=dataclasses.replace(config.sampling, tasks_per_batch=tasks))


def _read_params(workdir: str, abstract: Any) -> tuple[int, Any, dict[str, Any]]:
    """Returns the newest step's number, its parameters, and the host's state but for its arrays.

    A run that goes on removes old steps, and has a newer one then.
    """

    def read_newest(checkpointer: Checkpointer) -> tuple[int, Any, dict[str, Any]]:
        while (step := checkpointer.latest_step()) is not None:
            try:
                _, fields, host_state = checkpointer.restore_part({"params": abstract}, step)
                return step, fields["params"], host_state
            except ValueError:
                if checkpointer.latest_step() == step:
                    raise
        raise UserError("there is no complete checkpoint yet")

    with naming(f"--workdir={workdir}"), Checkpointer(user_path(workdir) / "checkpoints") as checkpointer:
        for _ in range(_MAX_READINGS - 1):
            with contextlib.suppress(FileNotFoundError):  # of a step that goes just as all are listed
                return read_newest(checkpointer)
        return read_newest(checkpointer)
