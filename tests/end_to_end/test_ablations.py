"""Each ablation shows in one meta-iteration of a tiny policy, and as it must."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from etils import epath

from codeit_jax.arc import load_tasks
from codeit_jax.build import build
from codeit_jax.components import State
from codeit_jax.config import Config, EvolutionConfig
from codeit_jax.config.ablations import ABLATIONS, ablated
from codeit_jax.dsl.corpus import load_training_programs
from codeit_jax.evolution.expert import started_expert
from codeit_jax.execution.host import start_pool
from codeit_jax.initialization import prepare, warm_up
from codeit_jax.iteration import run_meta_iteration
from codeit_jax.learner.examples import ExampleMaker
from codeit_jax.learner.learner import Progress
from codeit_jax.mutation.parents import find_parents
from codeit_jax.replay import Experience, ReplayBuffer
from codeit_jax.run.display import Display
from codeit_jax.run.metrics import IterationMetrics


class RecordingMaker(ExampleMaker):
    """Remembers what is learned from, and what might have been."""

    def __init__(self, maker: ExampleMaker, buffer: ReplayBuffer) -> None:
        super().__init__(maker._tokenizer, maker._config)
        self.buffer = buffer
        self.choice: list[Experience] = []
        self.learned: list[Experience] = []
        self.prompts: list[np.ndarray] = []

    def make(self, experiences):
        self.choice = self.buffer.read(range(len(self.buffer)))
        for experience in experiences:
            (example,) = super().make([experience])
            self.learned.append(experience)
            self.prompts.append(example.prompt)
            yield example


@dataclasses.dataclass(frozen=True)
class Came:
    """What a meta-iteration came to."""

    state: State
    row: IterationMetrics
    maker: RecordingMaker
    sampled: list[str]

    @property
    def learned(self) -> list[Experience]:
        return self.maker.learned[: self.row.num_learned]  # some are scored thereafter

    @property
    def remembered(self) -> list[Experience]:
        buffer = self.state.policy_buffer
        return buffer.read(range(len(buffer)))

    @property
    def is_of_policy(self) -> list[bool]:
        """Of each experience that was learned from, whether it is of the search set."""
        return [each.task_id in ("mirror", "hard0", "hard1", "hard2") for each in self.learned]


@pytest.fixture(scope="module")
def base(config: Config) -> Config:
    """Little is learned, so programs that run come from the grammar and from what is bred."""
    return dataclasses.replace(
        config,
        warmup_experiences=16,
        mutation=dataclasses.replace(config.mutation, num_programs=20, search=False),
        evolution=EvolutionConfig(
            turn_work=200_000, parents="original", views_work=0, capacity=20, num_experiences=8
        ),
        policy=dataclasses.replace(config.policy, section_length=48),
        sampling=dataclasses.replace(config.sampling, constraint="grammar", prompt_buckets=(98,)),
        learner=dataclasses.replace(config.learner, prompt_buckets=(98,)),
    )


@pytest.fixture(scope="module")
def came(base: Config, tmp_path_factory):
    """Tells what a meta-iteration with some ablations comes to."""
    search_tasks, tasks = (load_tasks(getattr(base.data, f"{kind}_tasks")) for kind in ("search", "training"))
    programs = load_training_programs(base.data.training_programs)
    scratch = epath.Path(tmp_path_factory.mktemp("scratch"))
    with start_pool(search_tasks, base.execution) as pool:
        _, learner = build(base, search_tasks, pool)
        start = jax.tree.map(jnp.copy, learner.state)

        @functools.cache
        def came_to(*names: str) -> Came:
            config = ablated(base, names)
            components, _ = build(config, search_tasks, pool)
            learner.restore(jax.tree.map(jnp.copy, start))  # one that has compiled what it needs
            parents = find_parents(pool, tasks, programs)
            expert = started_expert(config.evolution, config.seed, pool, search_tasks, parents, tasks)
            with expert as bred:
                components = dataclasses.replace(
                    components, expert=bred if config.evolution.turn_work else None
                )
                display = Display()
                state = prepare(
                    config, components, learner, tasks, programs, scratch / "distilled.json", display
                )
                warm_up(state, components, config.warmup_experiences, display)
                state.progress = Progress()
                maker, sampled = RecordingMaker(components.examples, state.policy_buffer), []
                components = dataclasses.replace(components, examples=maker)
                row = run_meta_iteration(state, components, lambda _, texts, __: sampled.extend(texts))
            return Came(state, row, maker, sampled)

        yield came_to


@pytest.fixture(scope="module")
def goals(base: Config):
    """The outputs that are wanted."""
    return {pair.output for task in load_tasks(base.data.search_tasks) for pair in task.train}


def test_there_is_a_test_of_each():
    tested = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    # Their settings are tested where the tokenizer, the grammar and the network are.
    assert set(ABLATIONS) - {"random_weights", "dense", "grammar", "bf16"} <= tested


def test_base(came):
    """Without any, all that the ablations take away is there."""
    base = came()
    assert len(base.learned) == 16
    assert sum(base.is_of_policy) == 8
    assert {each.priority for each in base.remembered} >= {0.0, 1.0}
    assert len(base.state.training_buffer) == 26
    assert base.row.evolution_performance == 1


def test_no_expert_iteration(came):
    without = came("no_expert_iteration")
    assert without.row.num_learned == len(without.learned) == 8
    assert not any(without.is_of_policy)
    assert without.row.policy_buffer_size > 8  # it is explored all the same


def test_no_relabeling(came, goals):
    assert all(set(each.outputs) <= goals for each in came("no_relabeling").remembered)
    assert not all(set(each.outputs) <= goals for each in came().remembered)


def test_no_priority(came):
    """By priority those that give a demonstration are learned from before any other."""
    for names, is_prioritized in (((), True), (("no_priority",), False)):
        run = came(*names)
        drawn = [
            each.priority for each, is_policy in zip(run.learned, run.is_of_policy, strict=True) if is_policy
        ]
        num_worth = sum(each.priority > 0 for each in run.maker.choice)
        assert 0 < num_worth < 8 < len(run.maker.choice)
        assert (sum(priority > 0 for priority in drawn) == num_worth) == is_prioritized


def test_one_demonstration(came):
    one, all_of_them = came("one_demonstration"), came()
    assert max(map(len, one.maker.prompts)) < max(map(len, all_of_them.maker.prompts))
    assert one.sampled != all_of_them.sampled


def test_no_mutation(came):
    buffer = came("no_mutation").state.training_buffer
    assert len(buffer) == 6
    assert not any("/" in each.task_id for each in buffer.read(range(6)))


def test_evolution(came):
    bred = came("no_evolution", "evolution")
    assert bred.row.evolution_performance == 1
    works = [sum(task.work for task in run.state.populations.tasks) for run in (bred, came())]
    assert works[0] > works[1]


def test_no_evolution(came):
    without = came("no_evolution")
    assert without.row.evolution_performance == 0
    assert without.state.populations.tasks == []
    assert without.row.policy_buffer_size == without.row.new_experiences


def priorities(run: Came) -> dict[tuple[str, str], float]:
    return {(each.task_id, each.program): each.priority for each in run.remembered}


def terms(run: Came, base: Came) -> dict[tuple[str, str], float]:
    """Of what both remember, what another term of the same weight adds to the paper's priority."""
    before, after = priorities(base), priorities(run)
    assert before.keys() == after.keys()
    return {key: 2 * after[key] - before[key] for key in before}


def test_length_priority(came):
    found = terms(came("length_priority"), came())
    by_length = sorted(found, key=lambda key: len(key[1]))
    assert found[by_length[0]] > found[by_length[-1]] > 0
    assert found["mirror", "O = vmirror(I)"] > 0.9


def test_age_priority(came):
    base = came()
    found = terms(came("age_priority"), base)
    written = {(each.task_id, each.program): each.meta_iteration for each in base.remembered}
    new = {key for key, number in written.items() if number == 1}
    assert 0 < len(new) < len(written)
    assert all(found[key] == pytest.approx(0.01) for key in new)
    assert {round(found[key], 2) for key in written.keys() - new} <= {0.0, 0.01}  # found again, if not 0


def test_distance_priority(came):
    base = came()
    found = terms(came("distance_priority"), base)
    right = {key for key, priority in priorities(base).items() if priority == 1}
    assert all(found[key] == 1 for key in right)
    others = {found[key] for key in found.keys() - right}
    assert max(others) < 1
    assert len(others) > 2  # some are near, and others are not
